"""What comes out: rows as prompts and replies, their files, their card, and a way to read them."""
