"""PURE. Whether a reply that a model wrote alone has the form that the editor's engine gives it.

The engine writes the tags itself, so every take has the right form. Here a model was left alone:
does it know what a reply looks like?
"""

from dataclasses import dataclass

from storytui.story.prompt import ANSWER, REASONING
from storytui.story.reply import ReplyParser

_OPENINGS = (REASONING.opening, ANSWER.opening)
_TAGS = (*_OPENINGS, REASONING.closing, ANSWER.closing)
_PLACEHOLDER = f"{REASONING.opening}A plan.{REASONING.closing}"
HOPELESS = 200
"""Characters of a reply that begins otherwise, or of text behind its end, after which nothing is
waited for."""


@dataclass(frozen=True, slots=True)
class Form:
    """What the form of a reply is like."""

    right: bool
    """Whether it is the reply's tags, each once, closed and in order, text in them, nothing
    round them, and the model ended it itself. The plan may be missing, tags and all."""
    planned: bool
    """Whether it has a plan."""
    answer: str
    problems: tuple[str, ...]
    """Sentences for a reader."""


def form_of(raw: str, *, ended: bool) -> Form:
    """Look at a reply's form.

    Args:
        raw: all that the model wrote.
        ended: whether it ended the reply itself; otherwise its length did.
    """
    text = raw.strip()
    planned = not text.startswith(ANSWER.opening)
    parser = ReplyParser()
    # Without a plan a reply is its answer: the parser is to miss nothing but that.
    parser.feed(text if planned else _PLACEHOLDER + text)
    parser.close()
    read = parser.reply
    problems = list(read.problems)
    if not text.startswith(_OPENINGS):
        problems.append("It does not begin with a tag.")
    if any(text.count(tag) > times for tag, times in _times(planned).items()):
        problems.append("A tag stands within the text.")
    if not ended:
        problems.append("It does not come to an end.")
    return Form(
        right=not problems and read.complete,
        planned=planned and bool(read.reasoning.strip()) and REASONING.opening in raw,
        answer=read.answer,
        problems=tuple(problems),
    )


def _times(planned: bool) -> dict[str, int]:
    """How often each tag stands in a reply of the right form."""
    return {tag: int(planned or tag in (ANSWER.opening, ANSWER.closing)) for tag in _TAGS}


def is_hopeless(raw: str) -> bool:
    """Whether a reply, as far as it is written, can have the right form no more."""
    text = raw.lstrip()
    if not any(each.startswith(text[: len(each)]) for each in _OPENINGS):
        return len(text) >= HOPELESS
    end = text.find(ANSWER.closing)
    return end >= 0 and len(text[end + len(ANSWER.closing) :].strip()) >= HOPELESS
