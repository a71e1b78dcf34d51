"""Rows to try things on: written ones, and some cut from the real books."""

import os
import re
from functools import cache
from pathlib import Path

from msgspec import structs

from storytui.story.sentences import sentence_starts
from storytui.story.words import count_words
from storytui_train.data.documents import Source
from storytui_train.data.edits import Edit
from storytui_train.data.examples import Row, Teacher

BOOKS = Path(
    os.environ.get("STORYTUI_BOOKS") or Path(__file__).parents[4].joinpath("shared", "books")
)

SOURCE = Source(
    id="gutenberg-11",
    kind="gutenberg",
    file="11-0.txt",
    sha256="ab" * 32,
    encoding="utf-8",
    gutenberg_id=11,
    title="Alice",
    author="Carroll, Lewis",
    authors=("Carroll, Lewis",),
    birth=1832,
    death=1898,
    language="en",
    licence="Public domain in the USA",
    subjects=("Fantasy",),
)
CONTEXT = "The lamp was out.\n\nAnna sat by the door and listened. “Who is there?” she said."
CONTINUATION = " Nobody spoke.\n\n“I know that you are there,” said Anna."
AFTER = "\n\nThen the bell rang. It rang twice."


def row(number: int = 0, **changes: object) -> Row:
    """A whole row; each number is one of its own."""
    start = 1000 * number
    fields: dict[str, object] = {
        "id": f"gutenberg-11:{start}-{start + 100}",
        "source": SOURCE,
        "chapter": "I. Down",
        "chapter_number": 1,
        "span": (start, start + 100),
        "edits": (Edit(start + 17, start + 18, "\n\n"),),
        "context": CONTEXT,
        "continuation": CONTINUATION,
        "after": AFTER,
        "sentences": (4, 2),
        "split": "train",
        "reasoning": "Anna is afraid. She will call out, so that whoever is there must answer.",
        "guidance": "Anna calls into the dark.",
        "words": 10,
        "teacher": Teacher(
            model="deepseek/deepseek-r1",
            prompt="0123456789abcdef",
            prompt_tokens=900,
            completion_tokens=80,
            cost=0.001,
            requests=2,
        ),
        "scores": {"gain": 3.5, "leak": 0.0},
    }
    return Row(**{**fields, **changes})  # type: ignore[arg-type]


@cache
def book_rows(most: int, sentences: int = 12) -> tuple[Row, ...]:
    """Rows from the real books, in turn: paragraphs joined, cut behind a sentence.

    Args:
        most: how many.
        sentences: of a context; a continuation has a quarter of them.
    """
    books = [_of_book(file, sentences, -(-most // 15)) for file in sorted(BOOKS.glob("*.txt"))]
    mixed = [
        rows[place] for place in range(max(map(len, books))) for rows in books if place < len(rows)
    ]
    return tuple(structs.replace(each, span=(n, n + 1)) for n, each in enumerate(mixed[:most]))


def _of_book(file: Path, sentences: int, most: int) -> list[Row]:
    text = file.read_bytes().decode("utf-8-sig", "replace").replace("\r\n", "\n")
    blocks = [" ".join(block.split()) for block in re.split(r"\n\s*\n", text[20_000:200_000])]
    story = "\n\n".join(block for block in blocks if block)
    starts = sentence_starts(story)
    rows = []
    for first in range(0, len(starts) - 2 * sentences, sentences // 2):
        places = [first, first + sentences, first + sentences * 5 // 4, first + 2 * sentences]
        start, cut, end, behind = (_end(story, starts[place]) for place in places)
        start = starts[first]
        rows.append(
            row(
                id=f"{file.stem}:{start}-{end}",
                context=story[start:cut],
                continuation=story[cut:end],
                after=story[end:behind],
                words=count_words(story[cut:end]),
            )
        )
    return rows[:most]


def _end(story: str, start: int) -> int:
    """Where the sentence in front of one that starts here ends."""
    return len(story[:start].rstrip())
