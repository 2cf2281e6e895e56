"""The plain recount: every frame judged and counted again, and the outputs compared with the result. It is pure."""
