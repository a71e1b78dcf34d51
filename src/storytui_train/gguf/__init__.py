"""Makes GGUF files of what was trained: adapters for a base that everyone has, or merged into it.

The base's tokenizer, template and metadata are never rebuilt.
"""
