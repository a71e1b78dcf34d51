"""`storytui models info|verify`: what a model is, and whether its files are what they were."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from storytui import folders
from storytui.commands.choices import library_for
from storytui.commands.ending import FAILURE, fail
from storytui.commands.printing import write
from storytui.commands.trained_facts import trained_as_json, trained_rows
from storytui.engine.api import ModelError
from storytui.engine.model_info import Adapter
from storytui.models.adapter_checking import examine_adapter
from storytui.models.adapter_offers import adapters_cache
from storytui.models.added import added_file, read_added, record_sums
from storytui.models.checking import examine
from storytui.models.choosing import choose
from storytui.models.details import details_of, verdict_on
from storytui.models.fingerprint import known
from storytui.models.gguf import further_parts
from storytui.models.library_model import LibraryModel
from storytui.models.verifying import FileVerdict, expected_sum, verify
from storytui.models.walking import shown
from storytui.settings import Settings

_LARGE = 256 << 20


def run_info(options: argparse.Namespace, settings: Settings) -> int:
    """Print what is known of a model; the status is 1 where its file cannot be used.

    Raises:
        ModelError: a name is that of none, or of several.
    """
    model = _named(options.model, settings)
    facts: dict[str, Any] = {
        "name": model.name,
        "also_named": list(model.also_named),
        "path": str(model.path),
        "source": model.source,
        "bytes": _size_of(model),
        "files": [str(each) for each in model.files],
        "repository": model.repository,
        "catalogue": model.entry,
        "sha256": _known_sum(model.path),
        "adapters": [str(each) for each in model.adapters],
        "trained": None if model.trained is None else trained_as_json(model.trained),
    }
    fault = ""
    try:
        examine(model.path, folders.models_checked())
        file_name = "" if model.source == "Ollama" else model.path.name
        details = details_of(
            model.path,
            repository=model.repository,
            file_name=file_name,
            adapters=_laid(model),
        )
        facts |= details.as_json()
        facts["fit"] = verdict_on(model.path, memory())
    except ModelError as error:
        fault = str(error)
    facts["fault"] = fault
    if options.json:
        write(sys.stdout, json.dumps(facts, ensure_ascii=False) + "\n")
        return FAILURE if fault else 0
    write(sys.stdout, "".join(f"{name:18} {value}\n" for name, value in _rows(facts) if value))
    return fail(fault) if fault else 0


def _rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """What is printed, in its order."""
    rows = [
        ("name", facts["name"]),
        ("also named", ", ".join(facts["also_named"])),
        ("path", facts["path"]),
        ("source", " ".join(filter(None, (facts["source"], facts["repository"])))),
        ("size", f"{size(facts['bytes'])}, {facts['bytes']:,} bytes"),
        ("files", str(len(facts["files"])) if len(facts["files"]) > 1 else ""),
        ("sha256", facts["sha256"]),
        ("Ollama's adapters", ", ".join(facts["adapters"])),
        *trained_rows(facts["trained"]),
    ]
    if facts["fault"]:
        return rows
    template = {"none": "none: a plain frame is used", "yes": "yes, and it renders"}
    because = facts["prompt_format_because"]
    return [
        *rows,
        ("calls itself", facts["own_name"]),
        ("architecture", facts["architecture"]),
        ("parameters", f"{facts['parameters']:,}"),
        ("quantisation", facts["quantisation"] or "not said"),
        ("layers", f"{facts['layers']:,}"),
        ("trained context", f"{facts['trained_context']:,} tokens"),
        ("chat template", template.get(facts["chat_template"], facts["chat_template"])),
        ("prompt format", f"{facts['prompt_format']}. {because}"),
        (
            "licence",
            " ".join(filter(None, (facts["licence"] or "not said", facts["restrictions"]))),
        ),
        ("on this CPU", facts["fit"]),
    ]


def run_verify(options: argparse.Namespace, settings: Settings) -> int:
    """Check a model's structure and its bytes; the status is 1 where something is wrong.

    Raises:
        ModelError: a name is that of none, or of several; the structure is broken, or a file
            cannot be read.
    """
    model = _named(options.model, settings)
    file = added_file(folders.data_folder())

    def before_each(path: Path) -> None:
        if model.size_bytes > _LARGE:
            write(sys.stderr, f"Reading {path} …\n")

    base = (model.path, *further_parts(model.path)) if _laid(model) else ()
    verdicts = verify((*base, *model.files, *model.adapters), read_added(file), before_each)
    right = all(each.right for each in verdicts)
    new = {each.path: each.sha256 for each in verdicts if not each.expected}
    not_kept = ""
    if right and new:
        try:
            record_sums(file, new)
        except ModelError as error:
            not_kept = str(error)
    if options.json:
        files = [_as_json(each) for each in verdicts]
        answer = {"name": model.name, "path": str(model.path), "ok": right, "files": files}
        write(sys.stdout, json.dumps(answer, ensure_ascii=False) + "\n")
    else:
        lines = [each.sentence for each in verdicts]
        if right and new and not not_kept:
            lines.append("It was recorded now; the next storytui models verify compares with it.")
        write(sys.stdout, "\n".join(lines) + "\n")
    if not_kept:
        write(sys.stderr, f"{not_kept}\n")
    return 0 if right else FAILURE


def _as_json(verdict: FileVerdict) -> dict[str, Any]:
    return {
        "path": str(verdict.path),
        "ok": verdict.right,
        "sha256": verdict.sha256,
        "expected": verdict.expected,
        "expected_by": verdict.origin,
    }


def _named(wanted: str, settings: Settings) -> LibraryModel:
    """The model that is meant, as the library has it or as a file beside it.

    Raises:
        ModelError: a name is that of none, or of several.
    """
    library = library_for(settings)
    chosen = choose(wanted, lambda _only: library)
    if chosen.laid is not None:
        # Where its base is now may not be where it was.
        return replace(library.model(chosen.name), path=chosen.path)
    if found := library.model_at(chosen.path):
        return found
    parts = (chosen.path, *further_parts(chosen.path))
    return LibraryModel(
        name=shown(Path(chosen.path.stem)),
        path=chosen.path,
        source="by its path",
        size_bytes=sum(map(_bytes_of, parts)),
        repository=chosen.repository,
        parts=parts if len(parts) > 1 else (),
    )


def _laid(model: LibraryModel) -> list[Adapter]:
    """The adapter that makes it what it is, where it was trained here; held against its base.

    Raises:
        AdapterError: it does not go with it.
    """
    if model.trained is None or not model.trained.adapter:
        return []
    header = examine_adapter(model.own, model.path, adapters_cache())
    return [Adapter(path=str(model.own), prompt_format=header.prompt_format)]


def _size_of(model: LibraryModel) -> int:
    return model.size_bytes or sum(map(_bytes_of, model.files))


def _bytes_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0


def _known_sum(path: Path) -> str:
    """The sha256 of a file where it is known without reading it; empty where it is not."""
    try:
        expected, _ = expected_sum(path, read_added(added_file(folders.data_folder())))
    except ModelError:
        expected = ""
    return expected or known(path, hashes_file()) or ""


def hashes_file() -> Path | None:
    """Where the sha256 of models is remembered until they change; None: nowhere."""
    return folders.model_hashes()


def memory() -> int:
    """Bytes of this machine's memory; 0 where the system does not say."""
    import os

    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


def size(count: int) -> str:
    """Bytes for people."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
