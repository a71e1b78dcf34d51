"""Training: rows of tokens and a base model become an adapter."""
