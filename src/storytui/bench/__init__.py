"""Measures this machine: what the writer waits for, each against the least it could be."""
