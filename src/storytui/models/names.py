"""Names of models that can be typed: short, in small letters, each once."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256

from storytui.story.visible import visible

OLLAMA = "ollama:"
"""Begins the names of Ollama's models."""
BUILT_IN = "built-in"

_MOST = 100
"""Characters of a name."""
_KEPT = "._+-"


def typeable(text: str) -> str:
    """A name without blanks, without signs that mean something to a shell, and no path.

    >>> typeable("SmolLM2 135M (Instruct).Q4_1")
    'smollm2-135m-instruct-.q4_1'
    """
    shown = visible(text, newlines=False)[:_MOST].casefold()
    name = "".join(each if _is_plain(each) else "-" for each in shown)
    name = re.sub("-{2,}", "-", name).lstrip(_KEPT).rstrip("-")
    while name.endswith(".gguf"):
        name = name.removesuffix(".gguf")
    return name.rstrip("-") or "model"


def ollama_name(text: str) -> str:
    """The name of a model of Ollama's, with its tag: `ollama:qwen2.5:7b`."""
    shown = visible(text, newlines=False)[:_MOST].casefold()
    return OLLAMA + re.sub(r"\s+", "-", shown)


def unique(ideas: Sequence[Sequence[str]]) -> list[str]:
    """A name for each thing, of those that it might have.

    Args:
        ideas: for each thing its names, the best first; the last belongs to it alone. Which name a
            thing gets depends on nothing but its own ideas and those of its namesakes.
    """
    counts = Counter(name for names in ideas for name in set(names))
    return [next((name for name in names if counts[name] == 1), names[-1]) for names in ideas]


def with_marks(base: str, path: bytes, *marks: str) -> list[str]:
    """Names for a thing called `base`: that, with each mark, and with one by its path."""
    digits = sha256(path).hexdigest()
    plain = [f"{base}@{typeable(mark)}" for mark in marks if mark]
    return [base, *plain, f"{base}@{digits[:6]}", f"{base}@{digits}"]


def _is_plain(character: str) -> bool:
    return (
        character.isalnum() or character in _KEPT or unicodedata.category(character).startswith("M")
    )
