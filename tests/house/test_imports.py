"""The laws of the house: who may import what, and what nobody pays for before using it."""

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import storytui

HEAVY = {
    *("textual", "rich", "llama_cpp", "numpy", "torch", "transformers", "peft", "jinja2"),
    *("huggingface_hub", "hf_xet", "httpx2", "tomlkit"),
}

WITHOUT = {
    # module → which heavy packages it may bring
    "storytui": set(),
    "storytui.cli": set(),
    "storytui_train.cli": set(),
    "storytui.settings": set(),
    "storytui.settings_document": set(),
    "storytui.settings_writing": set(),
    "storytui.folders": set(),
    "storytui.commands.choices": set(),
    "storytui.commands.config": set(),
    "storytui.commands.headless": set(),
    "storytui.commands.history": set(),
    "storytui.commands.takes": set(),
    "storytui.commands.forget": set(),
    "storytui.commands.remote": set(),
    "storytui.commands.server": set(),
    "storytui.consent": set(),
    "storytui.engine.remote": set(),
    "storytui.storage.texts": set(),
    "storytui.storage.database": set(),
    "storytui.manuscript.history": set(),
    "storytui.takes.store": set(),
    "storytui.manuscript.encoding": set(),
    "storytui.manuscript.file": set(),
    "storytui.manuscript.home": set(),
    "storytui.manuscript.journal_writer": set(),
    "storytui.manuscript.lock": set(),
    "storytui.manuscript.opening": set(),
    "storytui.manuscript.place": set(),
    "storytui.models.checking": set(),
    "storytui.models.gguf": set(),
    "storytui.models.hub.asking": set(),
    "storytui.models.hub.child": set(),
    "storytui.models.hub.download": set(),
    "storytui.models.hub.place": set(),
    "storytui.models.starter": set(),
    "storytui.models.verdicts": set(),
    "storytui.continuing": set(),
    "storytui.manuscript.notes": set(),
    "storytui.manuscript.reading_places": set(),
    "storytui.manuscript.states": set(),
    "storytui.engine.api": set(),
    "storytui.engine.counting": set(),
    "storytui.engine.kv": set(),
    "storytui.engine.state_file": set(),
    "storytui.engine.messages": set(),
    "storytui.engine.process": set(),
    "storytui.engine.scores": set(),
    "storytui.engine.scripted": set(),
    "storytui_train.personal.deciding": set(),
    "storytui_train.training.packing": set(),
    "storytui_train.training.row_files": set(),
    "storytui_train.training.row_making": set(),
    "storytui_train.training.tokenizers": set(),
}


def imported_by(module: str) -> set[str]:
    """Top-level packages in a fresh interpreter after importing `module`."""
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", WITHOUT)
def test_a_headless_module_brings_nothing_heavy(module: str) -> None:
    assert imported_by(module) & HEAVY <= WITHOUT[module]


def test_the_trainers_commands_bring_nothing_before_they_run() -> None:
    brought = imported_by("storytui_train.cli as cli; cli.build_parser()")

    foreign = {name for name in brought - set(sys.stdlib_module_names) if not name.startswith("_")}
    assert foreign == {"storytui", "storytui_train"}


def test_every_module_of_the_story_is_pure() -> None:
    folder = Path(storytui.__file__).parent / "story"
    modules = [f"storytui.story.{each.name}" for each in pkgutil.iter_modules([str(folder)])]

    foreign = imported_by(", ".join(modules)) - set(sys.stdlib_module_names) - {"pysbd"}

    assert len(modules) >= 6
    assert {name for name in foreign if not name.startswith("_")} == {"storytui"}


def test_the_editor_opens_without_the_model_library() -> None:
    assert not imported_by("storytui.app.app") & {"llama_cpp", "numpy", "torch", "jinja2"}


def test_the_contracts_of_the_house_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
