"""The pure core: text in, text out. Imports nothing of the project."""
