"""Stages one after the other: what is done is not done again, and nothing is lost."""
