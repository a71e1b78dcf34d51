"""Looks at everything that the editor needs, and says what is wrong and what helps."""
