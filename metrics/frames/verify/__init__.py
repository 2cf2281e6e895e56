"""The plain recount: the rules implemented again, with dicts and sets, to check the results. Pure, like the core."""
