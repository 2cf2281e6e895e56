"""The plain recount: the rules once more, by dicts and sets, to hold the results against. Pure, as the core is."""
