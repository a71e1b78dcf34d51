"""How many tokens a text has, where no tokenizer is at hand. Pure."""

import re

LETTERS_A_TOKEN = 3.0
"""Letters and blanks of the Latin alphabet, in one token. English prose has 4.2 to 4.6 with current
vocabularies, German 3.3, Finnish and Polish 2.7 to 3: windows of English are a third smaller than
they could be. It is no bound: a vocabulary made for English alone (SmolLM2's) takes a token for
every two characters of German."""
TEMPLATE_TOKENS = 48
"""What a chat template may put round the message."""

_LETTERS = re.compile(r"[A-Za-z ]")


def estimate(text: str) -> int:
    """Tokens that a text may have; more rather than less.

    Every third letter or blank of the Latin alphabet counts one; every other character one: signs,
    digits and line breaks are often tokens of their own. Of other letters and scripts two bytes in
    UTF-8 count one, rounded up: vocabularies that do not know a character spend bytes on it.
    """
    letters = len(_LETTERS.findall(text))
    others = text if letters == 0 else _LETTERS.sub("", text)
    tokens = sum(-(-len(each.encode("utf-8", "replace")) // 2) for each in others)
    return -int(-letters // LETTERS_A_TOKEN) + tokens
