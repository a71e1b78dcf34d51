"""Other ways to run the same model, each in a process of its own; only here they are imported."""
