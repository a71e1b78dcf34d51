"""Rows to teach, made from a little English of their own, and what runs a teacher on them."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from storytui_train.data.documents import Source
from storytui_train.data.examples import Row
from storytui_train.recipe import TeacherOptions

TOLD = (
    "Anna went up to the house with the letter in her pocket and did not ring the bell.",
    "The man at the window had seen her, and he was in no hurry to come down.",
    "“You are late,” he said, and he looked at the road behind her.",
    "It was cold in the hall, and there was the smell of apples that had been kept too long.",
    "She had made up her mind to say nothing of the boat until he asked for it.",
    "On the table lay a map of the islands, with a knife on it to keep it flat.",
    "Her brother had been at sea for two years, and nobody in the town spoke of him.",
    "Then the clock in the next room began to strike, and it did not stop at twelve.",
    "“There is a fire on the hill,” the girl called from the stairs.",
    "He put the key on the table between them and took his hand away.",
    "The rain had come in under the door and ran along the boards to the hearth.",
    "Nobody had told the captain, who was asleep in his chair with his boots on.",
)
NEXT = (
    "It was the captain who laughed first, and he did it without any noise.",
    "The boat had gone from its ring before the tide had turned.",
    "She held the lamp higher, so that everyone could see who was missing.",
    "“Give it back to her,” said the girl, and nobody moved.",
    "He counted the money twice and pushed it over to the wrong side.",
    "Behind the wall somebody was dragging a heavy thing along the passage.",
    "They went out by the kitchen and took the path over the cliff.",
)


def make_row(number: int, *, source: Source | None = None, **fields: Any) -> Row:
    """A row that is always the same for its number."""
    drawn = random.Random(number)
    context = " ".join(drawn.choices(TOLD, k=12)) + f" That was the {number} of May."
    continuation = "\n\n" + " ".join(drawn.choices(NEXT, k=6)) + f" They counted {number} steps."
    source = source or Source(id="book", kind="gutenberg", title="The Islands", language="en")
    fields = {"split": "train", **fields}
    return Row(
        id=f"{source.id}:{number}-{number + 9}",
        source=source,
        span=(number, number + 9),
        context=context,
        continuation=continuation,
        **fields,
    )


def rows(count: int) -> Iterator[Row]:
    """So many rows."""
    return map(make_row, range(count))


def options(url: str, **changes: Any) -> TeacherOptions:
    """A teacher at a stand-in, which has two plans and a guidance line to write."""
    given: dict[str, Any] = {
        "kind": "endpoint",
        "url": url,
        "model": "stand-in/teacher",
        "key_variable": "STAND_IN_KEY",
        "plans": 2,
        "concurrency": 8,
        "timeout": 0.5,
    }
    return TeacherOptions(**{**given, **changes})


def files(folder: Path) -> dict[str, bytes]:
    """What a folder holds, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
