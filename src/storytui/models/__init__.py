"""Which GGUF files there are."""
