"""What a GGUF file says of itself: names by the GGUF convention, where it came from, its format.

Keys and file names are those of the GGUF specification (ggml, docs/gguf.md: general metadata, and
the naming convention `BaseName-SizeLabel-FineTune-Version-Encoding-Type`). `storytui.` is this
project's own: the editor reads `storytui.prompt_format`.
"""

import re
from typing import Literal

import msgspec

from storytui.engine.model_info import PROMPT_FORMAT
from storytui.story.prompt import FORMATS
from storytui_train.errors import GgufError
from storytui_train.gguf.base_file import BaseFile

RECIPE = "storytui.recipe"
"""The hash of the recipe that made it."""

Entry = str | int | tuple[str, ...]
"""The value of an entry; whole numbers are written as uint32."""

_HUB = "https://huggingface.co"
_VERSION = re.compile(r"v\d+(\.\d+)*")


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A model or a dataset that something was made from."""

    name: str
    organisation: str = ""
    version: str = ""
    address: str = ""
    """Of its repository: a URL, or owner/name on the Hub."""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a model that was trained."""

    name: str
    """As the editor lists it."""
    prompt_format: str
    """One of the editor's."""
    finetune: str = ""
    """What the training made of the base, for the file's name; empty: the name."""
    version: str = "v1.0"
    """v and numbers with points."""
    author: str = ""
    organisation: str = ""
    description: str = ""
    licence: str = ""
    """As the Hub names licences; empty: the base's."""
    address: str = ""
    """Of its own repository."""
    base: Source | None = None
    """What it was trained on; what is empty in it is taken from the base's file."""
    datasets: tuple[Source, ...] = ()
    languages: tuple[str, ...] = ()
    """ISO 639-1; empty: the base's."""
    tags: tuple[str, ...] = ()
    recipe: str = ""
    """The hash of the recipe that made it."""


def entries(about: About, base: BaseFile) -> dict[str, Entry]:
    """The entries that say what a model is, in the specification's order; none is empty.

    The architecture, `general.type` and what llama.cpp computes with are not among them.

    Raises:
        GgufError: the name is empty, or the prompt format or the version is none.
    """
    if not about.name.strip():
        raise GgufError("The model has no name. Give it one as name under [export] in the recipe.")
    if about.prompt_format not in FORMATS:
        raise GgufError(
            f"There is no prompt format {about.prompt_format!r}. Name one of {', '.join(FORMATS)}."
        )
    if not _VERSION.fullmatch(about.version):
        raise GgufError(f"The version {about.version!r} is not like v1 or v1.0. Name another.")
    licence = about.licence or base.said.get("general.license", "")
    own = base.said if licence == base.said.get("general.license") else {}
    found: dict[str, Entry] = {
        "general.name": about.name.strip(),
        "general.author": about.author,
        "general.version": about.version,
        "general.organization": about.organisation,
        "general.finetune": _finetune(about),
        "general.basename": _basename(base),
        "general.description": about.description,
        "general.size_label": _size_label(base),
        "general.license": licence,
        "general.license.name": own.get("general.license.name", ""),
        "general.license.link": own.get("general.license.link", ""),
        "general.repo_url": _address(about.address),
        "general.base_model.count": 1,
        **_source("general.base_model.0", _described(about.base, base)),
        "general.dataset.count": len(about.datasets),
        "general.tags": about.tags,
        "general.languages": about.languages or base.languages,
        PROMPT_FORMAT: about.prompt_format,
        RECIPE: about.recipe,
    }
    for number, dataset in enumerate(about.datasets):
        found |= _source(f"general.dataset.{number}", dataset, datasets=True)
    return {key: each for key, each in found.items() if each}


def file_name(about: About, base: BaseFile, encoding: str, kind: Literal["", "LoRA"] = "") -> str:
    """A file's name by the convention: `Smollm2-135M-Starter-v1.0-F16-LoRA.gguf`.

    Args:
        about: what is said of the model.
        base: what it was trained on.
        encoding: the type of its weights, as llama.cpp names it.
        kind: LoRA for an adapter.
    """
    parts = (
        _part(_basename(base)),
        _part(_size_label(base)),
        _part(_finetune(about)),
        about.version,
        _part(encoding.upper()) if encoding else "",
        kind,
    )
    return "-".join(each for each in parts if each) + ".gguf"


def _part(text: str) -> str:
    """A name as a part of a file's: letters, numbers, points and hyphens."""
    return re.sub(r"[^\w.]+", "-", text, flags=re.ASCII).strip("-.") or "Model"


def _finetune(about: About) -> str:
    return _part(about.finetune or about.name)


def _basename(base: BaseFile) -> str:
    return base.said.get("general.basename") or base.name


def _size_label(base: BaseFile) -> str:
    """How many numbers its base has, in two digits and a letter: 135M, 7.6B."""
    said = base.said.get("general.size_label")
    if said:
        return said
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if base.parameters >= size * 0.95:
            scaled = base.parameters / size
            return f"{scaled:.0f}{letter}" if scaled >= 9.5 else f"{scaled:.1f}{letter}"
    return f"{max(1, round(base.parameters / 1e3))}K"


def _described(source: Source | None, base: BaseFile) -> Source:
    """What it was trained on, with what the base's file says where nothing else is said."""
    said = base.said
    known = source or Source(name="")
    own = said.get("general.repo_url") or said.get("general.source.repo_url", "")
    return Source(
        name=known.name or base.name,
        organisation=known.organisation or said.get("general.organization", ""),
        version=known.version or said.get("general.version", ""),
        address=known.address or own,
    )


def _source(key: str, source: Source, *, datasets: bool = False) -> dict[str, Entry]:
    return {
        f"{key}.name": source.name,
        f"{key}.version": source.version,
        f"{key}.organization": source.organisation,
        f"{key}.repo_url": _address(source.address, datasets=datasets),
    }


def _address(text: str, *, datasets: bool = False) -> str:
    """An address; owner/name is one on the Hub."""
    if re.fullmatch(r"[\w.-]+/[\w.-]+", text):
        return f"{_HUB}/datasets/{text}" if datasets else f"{_HUB}/{text}"
    return text
