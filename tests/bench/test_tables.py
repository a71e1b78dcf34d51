"""What the bench prints of its figures."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from storytui.bench.report import MEASURES
from storytui.bench.tables import lines, markdown


def row(engine: str, case: str, when: str, **more: Any) -> dict[str, Any]:
    return {
        "engine": engine,
        "case": case,
        "when": when,
        "first_token_ms": 12.34,
        "evaluated_tokens": 3,
        "prompt_tokens": 1200,
        "approximate": False,
        **more,
    }


@pytest.fixture
def figures() -> dict[str, Any]:
    return {
        "machine": {"processor": "A processor", "cores": 2, "system": "Linux x86_64"},
        "model": {"name": "A model", "backend": "CPU"},
        "step_ms": 11.0,
        "cases": [
            row("llama-server", "slid", "at_once", first_token_ms=1234.5),
            row("storytui", "slid", "at_once", approximate=True),
            row("storytui", "slid", "idle"),
        ],
        "measured": {"rounds": 3, "seed": 9, "missing": ["llama-server"]},
    }


def test_the_markdown_table_names_machine_model_and_seed(figures: dict[str, Any]) -> None:
    text = markdown(figures)

    assert "A processor, 2 cores, Linux x86_64; A model on CPU." in text
    assert "seed 9" in text


def test_storytui_stands_first_and_what_is_approximate_is_marked(figures: dict[str, Any]) -> None:
    text = markdown(figures)

    assert "| case | when | storytui | llama-server |" in text
    assert "| a third dropped from the head | at once | ≈ 12.3 (3) | 1,234 (3) |" in text


def test_what_was_not_measured_is_left_empty(figures: dict[str, Any]) -> None:
    assert "| a third dropped from the head | after the idle time | 12.3 (3) |  |" in markdown(
        figures
    )


def test_a_missing_peer_is_said_in_a_line_with_what_brings_it(figures: dict[str, Any]) -> None:
    assert lines("first-token", figures)[-1] == (
        "llama-server was not measured: pip install 'storytui[bench]' brings it"
    )


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "storytui.cli", "bench", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_figures_of_another_run_are_shown_without_measuring(
    figures: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "figures.json"
    path.write_text(json.dumps(figures), encoding="utf-8")

    done = bench("--figures", str(path), "--markdown")

    assert done.returncode == 0
    assert done.stdout.strip() == markdown(figures)


def test_they_are_drawn(figures: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path, picture = tmp_path / "figures.json", tmp_path / "plot.svg"
    path.write_text(json.dumps(figures), encoding="utf-8")

    done = bench("--figures", str(path), "--plot", str(picture))

    assert done.returncode == 0
    assert "<svg" in picture.read_text(encoding="utf-8")


def test_a_file_that_holds_no_figures_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text("[]", encoding="utf-8")

    done = bench("--figures", str(path))

    assert done.returncode == 1
    assert "other.json holds no figures" in done.stderr


def test_every_measure_can_be_asked_for_alone() -> None:
    help_text = bench("--help").stdout

    assert [name for name in MEASURES if name not in help_text] == []


def test_a_book_that_is_not_there_is_said_before_anything_is_measured(tmp_path: Path) -> None:
    done = bench("--only", "commands", "--book", str(tmp_path / "missing.txt"))

    assert done.returncode == 1
    assert "missing.txt" in done.stderr


def test_loading_is_held_against_the_bare_load() -> None:
    figures = {"child_ms": 480.0, "bare_ms": 400.0, "ratio": 1.2}

    assert lines("loading", figures) == [
        "loading the model              480.0 ms   1.20 × a bare load (400.0 ms)"
    ]
