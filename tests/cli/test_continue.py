"""`storytui continue` and `prompt` on a scripted engine: what is printed, and where."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec import structs

from storytui.commands.headless import run_continue, run_prompt
from storytui.engine.api import (
    EngineDiedError,
    Finished,
    Retracted,
    SegmentStarted,
    Statistics,
    Text,
)
from storytui.engine.scripted import SCRIPTED_MODEL, Fail, ScriptedEngine, Step, segment

UNSET = (
    *("model", "adapter", "adapter_scale", "context", "gpu_layers", "threads", "kv_type"),
    *("allow_partial", "remote", "remote_model"),
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
        "complete": True,
        "problem": "",
        "stop": "closed",
        "model": found["model"],
        "adapter": None,
        "format": "cra-v1",
        "seed": 7,
        "prompt_tokens": 100,
        "reused_tokens": 60,
        "evaluated_tokens": 40,
        "moved_tokens": 0,
        "approximate_tokens": 0,
        "generated_tokens": 12,
        "first_token_ms": 12.3,
        "tokens_per_second": 56.8,
    }
    assert found["model"]


def several(story: Path, **given: object) -> int:
    scripts = [
        (
            *segment("reasoning", f"She {does}."),
            *segment("answer", f"“I {does},” she said."),
            Finished("closed", STATISTICS),
        )
        for does in ("wait", "go", "stay")
    ]
    options = asked(story, candidates=3, **given)
    return run_continue(options, lambda _settings: ScriptedEngine(scripts))


def test_candidates_are_printed_one_after_the_other(
    story: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert several(story) == 0

    assert capfdbinary.readouterr().out.decode() == (
        "--- 1 of 3 ---\n\n“I wait,” she said.\n\n"
        "--- 2 of 3 ---\n\n“I go,” she said.\n\n"
        "--- 3 of 3 ---\n\n“I stay,” she said.\n"
    )


def test_candidates_are_a_list_in_json_each_with_its_seed(
    story: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    several(story, json=True)

    found = json.loads(capfdbinary.readouterr().out)
    assert [each["reasoning"] for each in found] == ["She wait.", "She go.", "She stay."]
    assert [each["seed"] for each in found] == [7, 8, 9]


def test_the_reasonings_of_candidates_say_whose_they_are(
    story: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    several(story, show_reasoning=True)

    assert b"--- 2 of 3 ---\n\nShe go.\n\n" in capfdbinary.readouterr().err


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


def test_what_came_before_an_engine_died_is_printed(
    story: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    steps = (
        SegmentStarted("answer"),
        Text("answer", "He looked past her. Then"),
        Fail(EngineDiedError("The model's process ended.")),
    )

    assert run(asked(story), steps) == 1

    captured = capfdbinary.readouterr()
    assert captured.out == b"He looked past her. Then\n"
    assert captured.err == b"storytui: The model's process ended.\n"


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


def test_the_notes_beside_the_story_are_in_the_prompt_of_a_format_that_takes_them(
    story: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    story.with_name("story.notes.md").write_text("Anna is the keeper.\n")

    run_prompt(asked(story, format="storytui-1"), lambda _settings: engine(*REPLY))
    taken = capfdbinary.readouterr().out.decode()
    run_prompt(asked(story), lambda _settings: engine(*REPLY))
    not_taken = capfdbinary.readouterr().out.decode()

    assert "### Notes:\nAnna is the keeper.\n\n### Context:" in taken
    assert "Anna" not in not_taken


def test_notes_that_are_named_are_taken_instead(
    story: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    story.with_name("story.notes.md").write_text("Anna is the keeper.\n")
    other = story.with_name("other.md")
    other.write_text("Nobody keeps it.\n")

    run_prompt(
        asked(story, format="storytui-1", notes=str(other)), lambda _settings: engine(*REPLY)
    )

    shown = capfdbinary.readouterr().out.decode()
    assert "Nobody keeps it." in shown
    assert "Anna" not in shown


def test_what_follows_the_place_is_in_the_prompt_of_a_format_that_takes_it(
    story: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    run_prompt(asked(story, format="storytui-1", at="2:1"), lambda _settings: engine(*REPLY))

    assert "### Later:\n“You knew,” he said." in capfdbinary.readouterr().out.decode()


@pytest.mark.parametrize("form", [None, "cra-v1"])
def test_a_chat_template_that_fails_is_said_whatever_the_format(
    form: str | None, story: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    why = "The chat template fails: \x1b[2J, so the model is used without it."
    info = structs.replace(SCRIPTED_MODEL, chat_template="failed", template_problem=why)

    assert (
        run_continue(asked(story, format=form), lambda _: ScriptedEngine([REPLY], info=info)) == 0
    )

    assert capfd.readouterr().err == f"storytui: {why.replace(chr(27), '␛')}\n"
