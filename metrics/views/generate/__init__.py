"""Generated view events, as the players of a broadcaster send them: with repeated, late and wrong ones."""
