"""How many tokens a text has, where no tokenizer is at hand. Pure."""

import re

LETTERS_A_TOKEN = 3.0
"""Letters and blanks of the Latin alphabet, in one token. English prose has 4.2 to 4.6 with current
vocabularies, German 3.3, Finnish and Polish 2.7 to 3: windows of English are a third smaller than
they could be, and no language's is much too large."""
TEMPLATE_TOKENS = 48
"""What a chat template may put round the message."""

_LETTERS = re.compile(r"[A-Za-z ]")


def estimate(text: str) -> int:
    """Tokens that a text may have; more rather than less.

    Every third letter or blank of the Latin alphabet counts one; every other character one: signs,
    digits and line breaks are often tokens of their own, and so are characters of other scripts.
    Those of four bytes in UTF-8 (emoji, rare ideographs) count three.
    """
    letters = len(_LETTERS.findall(text))
    rare = sum(character > "\uffff" for character in text) if not text.isascii() else 0
    return -int(-letters // LETTERS_A_TOKEN) + (len(text) - letters) + 2 * rare
