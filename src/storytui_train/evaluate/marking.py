"""PURE. Text from books, models and files in Markdown, without any mark of its own."""

import re

from storytui.story.visible import visible

_MARKS = re.compile(r"([\\`*_\[\]<>#|~&])")


def safe(text: str) -> str:
    """A text on one line, its marks escaped, what must not be shown made visible."""
    return _MARKS.sub(r"\\\1", visible(" ".join(text.split()), newlines=False))


def safe_block(text: str) -> str:
    """A text for a cell of a table: as `safe`, its paragraphs kept apart."""
    paragraphs = [safe(each) for each in re.split(r"\s*\n\s*", text.strip())]
    return "<br><br>".join(paragraphs)


def table(header: list[str], rows: list[list[str]], *, figures: bool = True) -> str:
    """A table; its cells are safe already.

    Args:
        header: the first line.
        rows: the others.
        figures: whether all columns but the first hold figures.
    """
    line = "---:|" if figures else "---|"
    lines = [f"| {' | '.join(header)} |", f"|---|{line * (len(header) - 1)}"]
    lines += [f"| {' | '.join(each)} |" for each in rows]
    return "\n".join(lines) + "\n"
