"""A shelf of small made novels, and a recipe over it."""

from pathlib import Path
from random import Random

STORY = """\
# {title}

## Chapter One

{one}

## Chapter Two

{two}
"""


WORDS = (
    "harbour",
    "lamp",
    "keeper",
    "storm",
    "village",
    "evening",
    "letter",
    "bridge",
    "window",
    "garden",
    "orchard",
    "kettle",
    "ladder",
    "meadow",
    "captain",
    "widow",
    "miller",
    "tailor",
    "brother",
    "sister",
    "stranger",
    "doctor",
    "sailor",
    "shepherd",
    "teacher",
    "smith",
    "weaver",
    "walked",
    "counted",
    "carried",
    "mended",
    "remembered",
    "followed",
    "answered",
    "lifted",
    "painted",
    "buried",
    "opened",
    "forgot",
    "slowly",
    "gladly",
    "alone",
    "twice",
    "before",
    "after",
    "behind",
    "under",
    "beyond",
    "between",
    "towards",
    "against",
)


def paragraphs(name: str, number: int, first: int) -> str:
    """Prose that no two names share: paragraphs of four sentences."""
    drawn = Random(f"{name}{first}")

    def words(count: int) -> str:
        return " ".join(drawn.choice(WORDS) for _ in range(count))

    return "\n\n".join(
        f"{name} {words(9)}. The {words(11)} of that year {day}. "
        f"“You {words(6)},” said old {name}son. Nobody in {name}ton {words(8)}."
        for day in range(first, first + number)
    )


def make_shelf(folder: Path) -> Path:
    """Write four short novels in Markdown, by no author that is named."""
    folder.mkdir()
    for name in ("Alder", "Birch", "Cedar", "Damson"):
        one, two = paragraphs(name, 30, 1), paragraphs(name, 24, 101)
        text = STORY.format(title=f"The {name}", one=one, two=two)
        (folder / f"{name.lower()}.md").write_text(text, encoding="utf-8")
    return folder


RECIPE = """\
name = "shelf"
[[sources]]
type = "manuscripts"
paths = ["shelf"]
folders = "books"
language = "en"
[choose]
languages = []
fiction = "any"
minimum_words = 100
quality = "off"
[chunk]
context_sentences = 12
continuation_sentences = 6
[split]
by = "book"
validation = 0.2
test = 0.2
[dataset]
without_reasoning = "keep"
[run]
workers = 1
"""
