"""A prompt in, a stream of events out."""
