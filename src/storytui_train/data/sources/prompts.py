"""PURE. A user message read back into what it was rendered from, by the formats themselves."""

import re
from dataclasses import dataclass
from functools import cache

from storytui.story.joining import join
from storytui.story.prompt import FORMATS, PromptFormat


@dataclass(frozen=True)
class Asked:
    """What a user message holds."""

    format: PromptFormat
    context: str
    direction: str = ""
    notes: str = ""
    later: str = ""
    words: int = 0


def parse(message: str, format: str = "") -> Asked | None:
    """What a user message was rendered from; None where it is in no known format.

    A message is in a format only where rendering what was found gives the same message again.

    Args:
        message: the whole user message.
        format: the format's name; empty: any.
    """
    for form in FORMATS.values():
        found = _pattern(form).fullmatch(message) if format in ("", form.name) else None
        if found is None:
            continue
        given = {key: value or "" for key, value in found.groupdict().items()}
        asked = Asked(
            format=form,
            context=given["context"],
            direction=given.get("direction", ""),
            notes=given.get("notes", ""),
            later=given.get("later", ""),
            words=int(given.get("length") or 0),
        )
        again = form.render(
            asked.context,
            notes=asked.notes,
            later=asked.later,
            direction=asked.direction,
            words=asked.words,
        )
        if again.text == message:
            return asked
    return None


@cache
def _pattern(form: PromptFormat) -> re.Pattern[str]:
    """What the messages of a format look like."""
    parts: list[str] = []
    for part in form.parts:
        pattern = re.escape(part.before) + re.escape(part.after)
        if part.slot:
            # The shortest that lets all parts behind it match: where a heading stands twice,
            # the first is the format's own.
            slot = {"length": r"\d+"}.get(part.slot, "[^\\n]*" if part.one_line else ".*?")
            named = f"(?P<{part.slot}>{slot})"
            pattern = re.escape(part.before) + named + re.escape(part.after)
        separated = r"\n\n" + pattern if parts else pattern
        parts.append(f"(?:{separated})?" if part.optional else separated)
    return re.compile("".join(parts), re.DOTALL)


def continuation(asked: Asked, answer: str, *, as_it_is: bool = False) -> tuple[str, str]:
    """Context and continuation, which follow each other without a character missing.

    A verbatim format's answer is what follows. Any other begins with what the editor would put
    between the two.

    Args:
        asked: what was asked.
        answer: the answer, or as much of it as was taken.
        as_it_is: whether the line breaks inside the answer stay, rather than become the story's.
    """
    if asked.format.verbatim:
        return asked.context, answer
    context = asked.context.rstrip()
    joined = join(context, answer, "", first=True).text
    if not as_it_is:
        return context, joined
    return context, joined[: len(joined) - len(joined.lstrip())] + answer.strip()
