"""The trainer's commands, one a module; each imports what it needs when it runs."""
