"""Where texts come from: books, manuscripts, data sets, and what was accepted in the editor."""
