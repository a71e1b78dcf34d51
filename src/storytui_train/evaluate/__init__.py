"""Measures models on text that they never saw: how likely it is, what they write, who likes it."""
