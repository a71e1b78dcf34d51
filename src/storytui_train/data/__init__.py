"""From books and manuscripts to training examples."""
