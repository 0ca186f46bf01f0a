"""Plan what a config comes to, and run what is left of it: cells, items, lm-eval over an engine."""
