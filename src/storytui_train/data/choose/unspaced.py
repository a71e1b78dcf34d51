"""PURE. Scripts that put no spaces between words."""

LETTERS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
"""Thai, Lao, Burmese, Khmer, kana, Han: what stands between the brackets of a regular
expression."""
LANGUAGES = frozenset(("zh", "yue", "wuu", "ja", "th", "lo", "km", "my"))
"""Those that are written with them."""
LETTERS_A_WORD = 2
"""About."""
