"""The teacher: a model that writes the thought process between context and continuation."""
