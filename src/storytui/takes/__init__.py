"""Takes: replies of the model, and what became of them."""
