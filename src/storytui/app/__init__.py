"""The Textual interface; Textual is imported nowhere else."""
