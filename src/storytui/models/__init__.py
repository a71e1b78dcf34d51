"""Model files: which there are, whether they can be trusted to llama.cpp, which is which."""
