"""Reads Ollama's store: which name stands for which blob.

The layout is that of ollama/ollama (manifest/manifest.go, manifest/paths.go, types/model/name.go):
`manifests/<host>/<namespace>/<model>/<tag>` is a JSON file that lists layers, and a layer's bytes
are in `blobs/sha256-<digest>`. Of the layers, one is the model; others are adapters and the part
that sees, or hold templates and licences.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from storytui.models.walking import Bounds, Walk, is_folder, listed, shown, why

_MODEL = "application/vnd.ollama.image.model"
_ADAPTER = "application/vnd.ollama.image.adapter"
_DIGEST = re.compile(r"sha256[:-]([0-9a-fA-F]{64})")
_MOST_MANIFEST = 4 << 20
_HOST = "registry.ollama.ai"
_NAMESPACE = "library"
_HUGGING_FACE = ("hf.co", "huggingface.co")


@dataclass(frozen=True, slots=True)
class OllamaModel:
    """A name in Ollama's store."""

    name: str
    """As Ollama shows it: the registry and the namespace only where they are not the usual ones."""
    repository: str
    """Of models from Hugging Face owner/name; of others their namespace and name."""
    blob: Path
    """The GGUF file."""
    adapters: tuple[Path, ...]
    """GGUF files that Ollama lays over it."""


class _Layer(msgspec.Struct, frozen=True):
    media_type: str = msgspec.field(name="mediaType", default="")
    digest: str = ""


class _Manifest(msgspec.Struct, frozen=True):
    layers: tuple[_Layer, ...] | None = None


def is_ollama_store(folder: Path) -> bool:
    """Whether a folder is laid out as Ollama's store."""
    return is_folder(folder / "manifests") and is_folder(folder / "blobs")


def ollama_models(store: Path, walk: Walk) -> list[OllamaModel]:
    """The models of a store; what cannot be read goes to the walk's troubles.

    Names without a model of their own (cloud models, bare weights of other formats) are left out.
    """
    found: list[OllamaModel] = []
    top = store / "manifests"
    for host in _folders(top, walk):
        for namespace in _folders(host, walk):
            for model in _folders(namespace, walk):
                for tag in walk.folder(model) if walk.enter(model) else ():
                    if not tag.name.startswith(".") and not is_folder(tag):
                        found += _model(store, tag, walk)
    # One blob may have several names; the one that says most comes first.
    return sorted(found, key=lambda each: (each.name.endswith(":latest"), each.name))


def repository_of_blob(path: Path) -> str:
    """What a blob in a store is, as `OllamaModel.repository`; empty elsewhere."""
    store = path.parent.parent
    if not _DIGEST.fullmatch(path.name) or not is_ollama_store(store):
        return ""
    found = ollama_models(store, Walk(Bounds(), listed))
    return next((each.repository for each in found if each.blob.name == path.name), "")


def _folders(folder: Path, walk: Walk) -> list[Path]:
    if not walk.enter(folder):
        return []
    return [path for path in walk.folder(folder) if is_folder(path)]


def _model(store: Path, manifest: Path, walk: Walk) -> list[OllamaModel]:
    """The model of one manifest, if it has one."""
    host, namespace, model, tag = manifest.parts[-4:]
    name = f"{model}:{tag}"
    if host != _HOST:
        name = f"{host}/{namespace}/{name}"
    elif namespace != _NAMESPACE:
        name = f"{namespace}/{name}"
    what = f"Ollama's {shown(Path(name))}"
    try:
        with manifest.open("rb") as file:
            read = msgspec.json.decode(file.read(_MOST_MANIFEST), type=_Manifest)
    except (OSError, ValueError, RecursionError) as error:
        # msgspec's errors are ValueErrors.
        walk.troubles.append(f"{what} has a manifest that cannot be read: {why(error)}.")
        return []
    layers = read.layers or ()
    digests = [each.digest for each in layers if each.media_type == _MODEL]
    if not digests:
        return []
    blobs = [_blob(store, digest) for digest in digests]
    blob = blobs[-1]  # as Ollama itself takes the last one
    if blob is None:
        walk.troubles.append(f"{what} names a blob that no store has.")
        return []
    adapters = [_blob(store, each.digest) for each in layers if each.media_type == _ADAPTER]
    hugging = host in _HUGGING_FACE or namespace != _NAMESPACE
    repository = f"{namespace}/{model}" if hugging else model
    return [OllamaModel(name, repository, blob, tuple(each for each in adapters if each))]


def _blob(store: Path, digest: str) -> Path | None:
    """Where a layer's bytes are; None for a digest that is none."""
    match = _DIGEST.fullmatch(digest)
    return store / "blobs" / f"sha256-{match[1]}" if match else None
