"""PURE. The largest numbers that recipes and options may name."""

LARGEST_DIMENSION = 1 << 24
"""Of a tensor; no model has a larger one."""
MOST_DIGITS = 15
"""Of a whole number on the command line: it can be counted in a float."""
