"""Finished rows: examples that others wrote, or that came about in the editor."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from storytui.story.sentences import ends_sentence, sentence_spans
from storytui.story.words import count_words
from storytui_train.data.documents import SCENE_BREAK, Gathered, Refusal
from storytui_train.data.examples import Row, Starts, Teacher
from storytui_train.data.sources.reading import RefusedError, refused


class Finished(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One finished example: a line of the file that gathering writes for them."""

    number: int
    """Its line in the source, or the take's number; from 1."""
    context: str
    continuation: str
    reasoning: str = ""
    guidance: str = ""
    title: str = ""
    author: str = ""
    model: str = ""
    """Who wrote the reasoning, where that is known."""


def finished_rows(gathered: Gathered, root: Path) -> Iterator[Row | Refusal]:
    """The rows of a source that holds finished ones.

    Their span is (0, 0): they were cut from no text that is here.

    Args:
        gathered: a source of published rows or of takes.
        root: the working folder, which relative paths are seen from.

    Raises:
        SourceError: the file of rows cannot be read.
    """
    shown = gathered.source.file or gathered.path
    try:
        with open(root / gathered.path, "rb") as file:
            for line in file:
                if line.strip():
                    yield _row(gathered, msgspec.json.decode(line, type=Finished))
    except OSError as error:
        raise refused(error, shown) from error
    except msgspec.DecodeError as error:
        raise RefusedError(
            "unreadable", f"The rows of {shown} are damaged: {error}. Gather again."
        ) from error


def _row(gathered: Gathered, found: Finished) -> Row:
    source = gathered.source
    if found.title or found.author:
        source = msgspec.structs.replace(
            source, title=found.title or source.title, author=found.author or source.author
        )
    return Row(
        id=f"{gathered.source.id}:0-0~{found.number}",
        source=source,
        span=(0, 0),
        context=found.context,
        continuation=found.continuation,
        sentences=(_sentences(found.context), _sentences(found.continuation)),
        starts=starts(found.context, found.continuation),
        reasoning=found.reasoning,
        guidance=found.guidance,
        words=count_words(found.continuation),
        teacher=Teacher(model=found.model, prompt="") if found.model else None,
    )


def _sentences(text: str) -> int:
    return len(sentence_spans(text))


def starts(context: str, continuation: str) -> Starts:
    """Where a continuation begins, seen from the text before it and the white space between."""
    before = context.rstrip()
    between = (
        context[len(before) :] + continuation[: len(continuation) - len(continuation.lstrip())]
    )
    if before.endswith(SCENE_BREAK) or continuation.lstrip().startswith(SCENE_BREAK):
        return "scene"
    if "\n" in between or not before:
        return "paragraph"
    return "sentence" if between and ends_sentence(before) else "mid-sentence"


def write_rows(folder: Path, name: str, rows: list[Finished], *, private: bool) -> str:
    """Write finished rows into the working folder; returns the path below it.

    Args:
        folder: the working folder.
        name: of the file, without ending.
        rows: in order.
        private: whether the file is the owner's alone to read.

    Raises:
        RefusedError: it cannot be written.
    """
    from storytui_train.data.sources.writing import write_file

    data = b"".join(msgspec.json.encode(each) + b"\n" for each in rows)
    write_file(folder / "texts" / f"{name}.jsonl", data, private=private)
    return f"texts/{name}.jsonl"
