"""Training: examples become an adapter."""
