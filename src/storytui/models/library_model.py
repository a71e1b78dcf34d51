"""A model or an adapter of the library: what is known of it before it is looked into."""

from dataclasses import dataclass
from pathlib import Path

from storytui.models.found import Elsewhere
from storytui.models.trained import TrainedModel, own_file

IN_THE_PACKAGE = "built in"
"""The source of the built-in model."""
TRAINED = "trained"
"""The source of models that were trained here."""


@dataclass(frozen=True, slots=True)
class LibraryModel:
    """A model on this machine."""

    name: str
    """Its own name: nothing else here has it, and it can be typed."""
    path: Path
    """What llama.cpp is given; of an adapter that was trained here, its base."""
    source: str
    """Where it comes from: `built in`, `trained` (here), a program's name, `added` (by its path) or
    `folder`."""
    size_bytes: int
    """Of an adapter that was trained here, without its base."""
    also_named: tuple[str, ...] = ()
    """Other names that lead to it, its id in the catalogue among them; they may lead elsewhere too,
    and are then no use."""
    hints: tuple[str, ...] = ()
    """Names that lead to it where nothing else has them."""
    repository: str = ""
    """owner/name on Hugging Face, or its name in Ollama without the tag; empty: not known."""
    architecture: str = ""
    own_name: str = ""
    """What its header calls it."""
    entry: str = ""
    """The id of the catalogue's entry that it belongs to; empty: none."""
    parts: tuple[Path, ...] = ()
    """All files of a divided model; empty for an undivided one."""
    adapters: tuple[Path, ...] = ()
    """Adapters that Ollama lays over it, and this program does not by itself."""
    also: tuple[Elsewhere, ...] = ()
    """Where else the same file is found."""
    trained: TrainedModel | None = None
    """What is known of it, where it was trained here."""

    @property
    def own(self) -> Path:
        """The file that makes it what it is: its first, or the adapter that was trained here."""
        return self.path if self.trained is None else own_file(self.trained)

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that it is made of, the base of one that was trained here left out."""
        return self.parts or (self.own,)


@dataclass(frozen=True, slots=True)
class LibraryAdapter:
    """A LoRA adapter on this machine."""

    name: str
    """Its own name, as of a model."""
    path: Path
    architecture: str
    """Of the models that it may go with."""
    also_named: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
