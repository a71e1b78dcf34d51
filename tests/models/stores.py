"""Lays out stores of models as other programs do, with files of some hundred bytes for models."""

import hashlib
import json
from pathlib import Path

import tiny_gguf as tiny

REVISION = "a" * 40
OLDER = "b" * 40


def gguf(
    name: str = "Tiny", *, architecture: str = "llama", more: tuple[tiny.Pair, ...] = ()
) -> bytes:
    """The beginning of a model's header: what tells that it is one."""
    pairs = (
        tiny.text("general.architecture", architecture),
        tiny.text("general.name", name),
        tiny.scalar(f"{architecture}.context_length", tiny.UINT32, 512),
        *more,
    )
    return bytes(tiny.write(pairs, ()).data)


ADAPTER = bytes(
    tiny.write(
        (
            tiny.text("general.type", "adapter"),
            tiny.text("general.architecture", "llama"),
            tiny.text("adapter.type", "lora"),
        ),
        (),
    ).data
)
PROJECTOR = bytes(
    tiny.write(
        (tiny.text("general.architecture", "clip"), tiny.text("general.type", "mmproj")), ()
    ).data
)


def written(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def in_hub(
    cache: Path,
    repository: str,
    name: str,
    data: bytes,
    *,
    revision: str = REVISION,
    main: str = REVISION,
) -> Path:
    """A file as huggingface_hub keeps it: the bytes by hash, a link to them by name."""
    folder = cache / f"models--{repository.replace('/', '--')}"
    blob = written(folder / "blobs" / hashlib.sha256(data).hexdigest(), data)
    written(folder / "refs" / "main", main.encode())
    link = folder / "snapshots" / revision / name
    link.parent.mkdir(parents=True, exist_ok=True)
    up = Path(*([".."] * (len(link.relative_to(folder).parts) - 1)))
    link.symlink_to(up / "blobs" / blob.name)
    return link


def in_ollama(
    store: Path,
    name: str,
    data: bytes | None,
    *,
    adapters: tuple[bytes, ...] = (),
    projector: bytes | None = None,
    host: str = "registry.ollama.ai",
) -> Path | None:
    """A model as Ollama keeps it; `name` is namespace/model:tag. Returns the model's blob."""
    layers: list[dict[str, object]] = []

    def layer(kind: str, body: bytes) -> Path:
        digest = hashlib.sha256(body).hexdigest()
        layers.append(
            {
                "mediaType": f"application/vnd.ollama.image.{kind}",
                "digest": f"sha256:{digest}",
                "size": len(body),
            }
        )
        return written(store / "blobs" / f"sha256-{digest}", body)

    blob = layer("model", data) if data is not None else None
    for each in adapters:
        layer("adapter", each)
    if projector is not None:
        layer("projector", projector)
    layer("template", b"{{ .Prompt }}")
    layer("params", b'{"temperature":0.7}')
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "digest": f"sha256:{'0' * 64}",
            "size": 2,
        },
        "layers": layers,
    }
    path = store / "manifests" / host / name.replace(":", "/")
    written(path, json.dumps(manifest).encode())
    return blob
