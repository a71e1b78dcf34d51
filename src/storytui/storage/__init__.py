"""Databases: one way to open them, and texts that share what they have in common."""
