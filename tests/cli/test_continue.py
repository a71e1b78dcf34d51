"""`storytui continue` and `prompt` on a scripted engine: what is printed, and where."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from storytui.commands.headless import run_continue, run_prompt
from storytui.engine.api import (
    EngineDiedError,
    Finished,
    Retracted,
    SegmentStarted,
    Statistics,
    Text,
)
from storytui.engine.scripted import Fail, ScriptedEngine, Step, segment

UNSET = (
    *("model", "context", "gpu_layers", "threads"),
    *("format", "guidance", "words", "reasoning_tokens", "temperature"),
)
STATISTICS = Statistics(
    prompt_tokens=100,
    reused_tokens=60,
    evaluated_tokens=40,
    generated_tokens=12,
    first_token_ms=12.34,
    tokens_per_second=56.78,
)
REPLY = (
    *segment("reasoning", "She waits."),
    *segment("answer", "“I knew,” she said. He looked past her."),
    Finished("closed", STATISTICS),
)


def asked(story: Path, **given: object) -> argparse.Namespace:
    options: dict[str, object] = dict.fromkeys(UNSET)
    options |= {"file": str(story), "at": "end", "seed": 7}
    options |= {"json": False, "stream": False, "show_reasoning": False}
    return argparse.Namespace(**(options | given))


def engine(*steps: Step) -> ScriptedEngine:
    return ScriptedEngine([steps])


def run(options: argparse.Namespace, steps: Sequence[Step] = REPLY) -> int:
    return run_continue(options, lambda _settings: engine(*steps))


def test_the_answer_alone_goes_to_standard_output(
    story: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert run(asked(story)) == 0

    captured = capfdbinary.readouterr()
    assert captured.out.decode() == "“I knew,” she said. He looked past her.\n"
    assert captured.err == b""


def test_the_reasoning_goes_to_standard_error_when_asked_for(
    story: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    run(asked(story, show_reasoning=True))

    captured = capfdbinary.readouterr()
    assert captured.err == b"She waits.\n\n"
    assert b"waits" not in captured.out


def test_json_is_one_object_with_exactly_these_keys(
    story: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    run(asked(story, json=True))

    found = json.loads(capfdbinary.readouterr().out)
    assert found == {
        "reasoning": "She waits.",
        "answer": "“I knew,” she said. He looked past her.",
        "stop": "closed",
        "model": found["model"],
        "format": "cra-v1",
        "seed": 7,
        "prompt_tokens": 100,
        "reused_tokens": 60,
        "evaluated_tokens": 40,
        "generated_tokens": 12,
        "first_token_ms": 12.3,
        "tokens_per_second": 56.8,
    }
    assert found["model"]


def test_streaming_never_prints_what_is_taken_back(
    story: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    steps = (
        SegmentStarted("answer"),
        Text("answer", "He looked past her. Then the lamp"),
        Text("answer", " went out and he"),
        Retracted("answer", len("He looked past her.")),
        Finished("length", STATISTICS),
    )

    run(asked(story, stream=True), steps)

    captured = capfdbinary.readouterr()
    assert captured.out == b"He looked past her.\n"
    assert captured.err == b""


def test_what_came_before_a_stop_is_printed_and_the_status_is_130(
    story: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    steps = (*segment("answer", "He looked", why="stopped"), Finished("stopped", STATISTICS))

    assert run(asked(story), steps) == 130

    assert capfdbinary.readouterr().out == b"He looked\n"


def test_an_engine_that_dies_is_one_line_and_status_1(
    story: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    steps = (SegmentStarted("answer"), Fail(EngineDiedError("The model's process ended.")))

    assert run(asked(story), steps) == 1

    assert capfdbinary.readouterr().err == b"storytui: The model's process ended.\n"


def test_the_engine_is_given_back_whatever_happens(story: Path) -> None:
    dying = engine(Fail(EngineDiedError("gone")))

    run_continue(asked(story), lambda _settings: dying)

    assert dying.closed


def test_the_command_line_wins_over_the_settings(
    story: Path, home: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = home / "config" / "storytui" / "settings.toml"
    path.parent.mkdir(parents=True)
    path.write_text("[continue]\nformat = 'cra-v1-guided'\n[sampling]\nseed = 3\n")

    run(asked(story, json=True, seed=None))
    from_settings = json.loads(capfdbinary.readouterr().out)
    run(asked(story, json=True, seed=9, format="cra-v1"))
    from_options = json.loads(capfdbinary.readouterr().out)

    assert (from_settings["format"], from_settings["seed"]) == ("cra-v1-guided", 3)
    assert (from_options["format"], from_options["seed"]) == ("cra-v1", 9)


def test_the_prompt_ends_in_the_story_before_the_place_and_the_opening_tag(
    story: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    scripted = engine(*REPLY)

    assert run_prompt(asked(story, at="1:9"), lambda _settings: scripted) == 0

    shown = capfdbinary.readouterr().out.decode()
    assert "### Context:\nThe lamp" in shown
    assert "was out" not in shown
    assert shown.endswith("<reasoning>\n")
