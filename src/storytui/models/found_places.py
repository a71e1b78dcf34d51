"""Where other programs on this machine keep their models, by their own rules.

Everything here follows from an environment and a home folder; nothing is looked at but the two
small files in which LM Studio notes where its folder is.

Sources: huggingface_hub's environment variables (docs, package reference) and manage-cache guide;
ollama/ollama envconfig/config.go and docs/faq.mdx; LM Studio's docs, "Import Models", and the
pointer file its installer writes; ggml-org/llama.cpp common/common.cpp (fs_get_cache_directory)
and common/hf-cache.cpp, by which newer versions keep a cache like that of Hugging Face.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from string import Template

_MOST_NOTE = 1 << 20
"""Bytes of LM Studio's notes that are read."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the places follow from."""

    environment: Mapping[str, str]
    home: Path
    platform: str
    """As `sys.platform` says it."""
    root: Path = Path("/")
    """Where the system's own folders begin; a test has its own."""


def hugging_face_caches(machine: Machine) -> list[Path]:
    """The cache of Hugging Face; the environment replaces the default and does not add to it."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if named := _named(machine, name):
            return [named]
    if home := _named(machine, "HF_HOME"):
        return [home / "hub"]
    return [_cache_home(machine) / "huggingface" / "hub"]


def ollama_stores(machine: Machine) -> list[Path]:
    """Ollama's stores: the one named, her own, and that of the service on Linux."""
    stores = [named] if (named := _named(machine, "OLLAMA_MODELS")) else []
    stores.append(machine.home / ".ollama" / "models")
    if machine.platform.startswith("linux"):
        stores.append(machine.root / PurePosixPath("usr/share/ollama/.ollama/models"))
    return _once(stores)


def lm_studio_folders(machine: Machine) -> list[Path]:
    """LM Studio's folders of models: where its pointer and its settings lead, and the usual two."""
    homes = [machine.home / ".lmstudio", machine.home / ".cache" / "lm-studio"]
    note = _read(machine.home / ".lmstudio-home-pointer").strip().splitlines()
    if note and note[0].strip():
        homes.insert(0, _expanded(machine, note[0].strip()))
    folders: list[Path] = []
    for home in homes:
        try:
            settings = json.loads(_read(home / "settings.json") or "{}")
        except (ValueError, RecursionError):
            settings = {}
        chosen = settings.get("downloadsFolder") if isinstance(settings, dict) else None
        if isinstance(chosen, str) and chosen.strip():
            folders.append(_expanded(machine, chosen.strip()))
        folders.append(home / "models")
    return _once(folders)


def llama_cpp_caches(machine: Machine) -> list[Path]:
    """The cache of llama.cpp's own tools."""
    if named := _named(machine, "LLAMA_CACHE"):
        return [named]
    if machine.platform == "darwin":
        return [machine.home / "Library" / "Caches" / "llama.cpp"]
    if machine.platform == "win32":
        local = _named(machine, "LOCALAPPDATA") or machine.home / "AppData" / "Local"
        return [local / "llama.cpp"]
    return [_cache_home(machine) / "llama.cpp"]


def _cache_home(machine: Machine) -> Path:
    return _named(machine, "XDG_CACHE_HOME") or machine.home / ".cache"


def _named(machine: Machine, variable: str) -> Path | None:
    value = machine.environment.get(variable, "").strip()
    return _expanded(machine, value) if value else None


def _expanded(machine: Machine, value: str) -> Path:
    """A path as it was written down: with `~` for this home and names of the environment."""
    value = Template(value).safe_substitute(machine.environment)
    if value == "~" or value.startswith(("~/", "~\\")):
        return machine.home / value[2:]
    return Path(value)


def _once(paths: Iterable[Path]) -> list[Path]:
    return list(dict.fromkeys(paths))


def _read(path: Path) -> str:
    """A small file's text; empty where there is none that can be read."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(_MOST_NOTE).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""
