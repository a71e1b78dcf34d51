"""Takes that were dismissed, and other replies to the same prompt: kept for preference training.

A line of `takes-dismissed.jsonl` holds a prompt, a reply that was not taken, and the one that was
taken in its place, where there is one.
"""

import contextlib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import msgspec

from storytui.takes.store import KeptTake
from storytui.takes.take import Take
from storytui_train.data.sources.writing import write_file

NAME = "takes-dismissed.jsonl"
"""The file's name in the working folder."""


class ReplyText(msgspec.Struct, frozen=True, kw_only=True):
    """A reply, by its segments."""

    take: str
    """The take's id."""
    reasoning: str
    answer: str


class Preference(msgspec.Struct, frozen=True, kw_only=True):
    """Two replies to one prompt, of which one was taken; or one that was dismissed."""

    source: str
    """The id of the source of takes."""
    private: bool
    format: str
    prompt: str
    """The user message."""
    chosen: ReplyText | None
    """What was taken of the reply that was taken; None where none was."""
    rejected: ReplyText
    dismissed: bool
    """Whether the rejected reply was dismissed by hand, not only left."""


def preferences_of(
    source: str, takes: Iterable[KeptTake], chosen: set[int], *, private: bool
) -> list[Preference]:
    """The pairs among takes: each one left unused, with those of its prompt that were taken.

    Args:
        source: the id of the source.
        takes: of one manuscript, oldest first.
        chosen: the numbers of those that enough was taken of.
        private: whether they never leave this machine.
    """
    by_prompt: dict[tuple[str, str], list[KeptTake]] = defaultdict(list)
    for kept in takes:
        if kept.take.prompt:
            by_prompt[kept.take.format, kept.take.prompt].append(kept)
    found: list[Preference] = []
    for (format, prompt), group in by_prompt.items():
        taken: list[Take | None] = [each.take for each in group if each.number in chosen]
        left = [
            each.take
            for each in group
            if not each.take.taken
            and each.take.answer.strip()
            and each.take.state in ("complete", "stopped")
        ]
        for rejected in left:
            for each in taken or [None] * rejected.dismissed:
                found.append(
                    Preference(
                        source=source,
                        private=private,
                        format=format,
                        prompt=prompt,
                        chosen=None if each is None else _text(each, each.taken),
                        rejected=_text(rejected, len(rejected.answer)),
                        dismissed=rejected.dismissed,
                    )
                )
    return found


def _text(take: Take, end: int) -> ReplyText:
    return ReplyText(take=take.id, reasoning=take.reasoning.strip(), answer=take.answer[:end])


def keep_preferences(folder: Path, source: str, found: list[Preference]) -> None:
    """Write the pairs of one source; those of others that are there stay.

    Args:
        folder: the working folder.
        source: the source's id.
        found: its pairs.

    Raises:
        SourceError: they cannot be written.
    """
    path = folder / NAME
    others: list[bytes] = []
    with contextlib.suppress(FileNotFoundError):
        for line in path.read_bytes().splitlines():
            with contextlib.suppress(msgspec.DecodeError):
                if msgspec.json.decode(line, type=Preference).source != source:
                    others.append(line)
    lines = sorted([*others, *(msgspec.json.encode(each) for each in found)])
    if lines or path.exists():
        write_file(path, b"".join(line + b"\n" for line in lines), private=True)
