"""A story to try the editor with; it comes with the package."""

from importlib.resources import files
from pathlib import Path

SAMPLE = "the-lighthouse.md"


def sample_text() -> str:
    """The sample story."""
    return files(__name__).joinpath(SAMPLE).read_text(encoding="utf-8")


def writable_sample(folder: Path) -> Path:
    """The sample in `folder`, where the writer may change it; a copy that is there is kept.

    Raises:
        OSError: it cannot be written there.
    """
    path = folder / SAMPLE
    text = files(__name__).joinpath(SAMPLE).read_bytes()
    try:
        with path.open("xb") as file:
            file.write(text)
    except FileExistsError:
        pass
    return path
