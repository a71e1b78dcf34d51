"""Manuscripts: made novels that no language model has read."""

from pathlib import Path

from training_shelf import paragraphs

WORDS_OF_A_PARAGRAPH = 38


def novel(name: str, words: int, chapters: int = 8) -> str:
    """A novel in Markdown."""
    count = max(1, words // WORDS_OF_A_PARAGRAPH // chapters)
    told = [
        f"## Chapter {number}\n\n{paragraphs(f'{name}{number}', count, 1)}"
        for number in range(1, chapters + 1)
    ]
    return f"# The {name}\n\n" + "\n\n".join(told) + "\n"


def write(folder: Path, words: int = 4_600, chapters: int = 8) -> Path:
    """Two manuscripts in a folder, of so many words each."""
    folder.mkdir()
    for name in ("Alder", "Birch"):
        text = novel(name, words, chapters)
        (folder / f"{name.lower()}.md").write_text(text, encoding="utf-8")
    return folder
