"""Bad input: one clear sentence on standard error, the right status, never a traceback."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from storytui.models.starter import starter_model

Run = Callable[..., subprocess.CompletedProcess[str]]


def complains(done: subprocess.CompletedProcess[str], status: int, says: str) -> None:
    """One line that says `says`, and nothing on standard output."""
    assert (done.returncode, done.stdout) == (status, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["continue", "prompt"])
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["story.md", "--words", "-5"], "--words: must be at least 1, not -5"),
        (["story.md", "--words", "many"], "'many' is not a whole number"),
        (["story.md", "--words", "100000"], "must be at most 4000"),
        (["story.md", "--temperature", "nan"], "must be from 0 to 5"),
        (["story.md", "--seed", "-1"], "--seed: must be at least 0"),
        (["story.md", "--at", "9:1"], "which has 3 lines"),
        (["story.md", "--at", "#500"], "is beyond the end of the story, which has 39 characters"),
        (["story.md", "--at", "middle"], "a place is end, LINE:COLUMN or #OFFSET"),
        (["story.md", "--format", "cra-v9"], "no prompt format is called"),
        (["story.md", "--notes", "story.md"], "The prompt format cra-v1 takes no notes."),
        (["story.md", "--nonsense"], "unrecognized arguments: --nonsense"),
        ([], "the following arguments are required: FILE"),
    ],
)
def test_wrong_usage_ends_with_2(
    storytui: Run, story: Path, command: str, arguments: list[str], says: str
) -> None:
    arguments = [str(story) if each == "story.md" else each for each in arguments]

    complains(storytui(command, *arguments), 2, says)


def test_candidates_and_stream_do_not_go_together(storytui: Run, story: Path) -> None:
    done = storytui("continue", story, "--candidates", "2", "--stream")
    complains(done, 2, "--stream does not go")


@pytest.mark.parametrize("number", ["0", "9"])
def test_there_are_one_to_eight_candidates(storytui: Run, story: Path, number: str) -> None:
    complains(storytui("continue", story, "--candidates", number), 2, "--candidates: must be")


def test_notes_that_are_not_there_are_said(storytui: Run, story: Path) -> None:
    done = storytui("prompt", story, "--format", "storytui-1", "--notes", "nowhere.md")
    complains(done, 1, "There is no file nowhere.md")


def test_json_and_stream_do_not_go_together(storytui: Run, story: Path) -> None:
    complains(storytui("continue", story, "--json", "--stream"), 2, "--stream does not go")


def test_a_story_that_cannot_be_read_ends_with_1(storytui: Run, tmp_path: Path) -> None:
    binary = tmp_path / "binary.md"
    binary.write_bytes(b"\x7fELF\0\0")
    empty = tmp_path / "empty.md"
    empty.write_text("\n \n")

    complains(storytui("continue", tmp_path / "gone.md"), 1, "There is no file")
    complains(storytui("continue", tmp_path), 1, "is a folder")
    complains(storytui("continue", binary), 1, "is not a text file")
    complains(storytui("continue", empty), 1, "The story is empty")
    complains(storytui("continue", "-", input=""), 1, "The story is empty")
    complains(
        storytui("continue", "-", input=b"%PDF-1.7\n"), 1, "standard input is not a text file"
    )


def test_no_text_before_the_place_is_nothing_to_continue(storytui: Run, story: Path) -> None:
    complains(storytui("continue", story, "--at", "1:1"), 1, "No text stands before that place")


def test_the_editor_refuses_what_is_no_story_before_it_opens(storytui: Run, tmp_path: Path) -> None:
    binary = tmp_path / "picture.png"
    binary.write_bytes(b"\x89PNG\r\n\x1a\n\0\0")

    complains(storytui(tmp_path), 1, "is a folder")
    complains(storytui(binary), 1, "is not a text file")


def test_a_model_that_is_none_ends_with_1(storytui: Run, story: Path, tmp_path: Path) -> None:
    complains(storytui("continue", story, "--model", story), 1, "is not a GGUF file")
    complains(storytui("continue", story, "--model", tmp_path / "no.gguf"), 1, "There is no model")
    complains(storytui("continue", story, "--model", tmp_path), 1, "is a folder")


def test_a_model_cut_in_half_ends_with_1(storytui: Run, story: Path, tmp_path: Path) -> None:
    whole = starter_model()
    assert whole is not None
    half = tmp_path / "half.gguf"
    with whole.open("rb") as file:
        half.write_bytes(file.read(whole.stat().st_size // 2))

    complains(storytui("continue", story, "--model", half), 1, "breaks off before its weights end")


def test_a_context_beyond_the_models_ends_with_1(storytui: Run, story: Path) -> None:
    complains(storytui("continue", story, "--context", "100000"), 1, "8,192")


def test_broken_settings_end_with_1_and_name_the_line(
    storytui: Run, story: Path, home: Path
) -> None:
    path = home / "config" / "storytui" / "settings.toml"
    path.parent.mkdir(parents=True)
    path.write_text("[editor]\nmeasure = \n")

    for arguments in (["continue", story], ["prompt", story], ["config", "show"], [story]):
        complains(storytui(*arguments), 1, "line 2")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[editor]\ntheme = 'pinkish'", "[editor] theme: no theme is called 'pinkish'"),
        ("[keys]\nfly = 'f9'", "settings.toml: [keys] no action is called 'fly'"),
    ],
)
def test_what_only_the_editor_knows_is_named_before_it_opens(
    storytui: Run, story: Path, home: Path, text: str, says: str
) -> None:
    path = home / "config" / "storytui" / "settings.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)

    complains(storytui(story), 1, says)


def test_an_error_cannot_speak_to_the_terminal(storytui: Run, tmp_path: Path) -> None:
    done = storytui("continue", tmp_path / "\x1b]52;c;aGk=\x07.md")

    complains(done, 1, "There is no file")
    assert "\x1b" not in done.stderr


def test_a_reader_that_goes_away_is_no_error_to_talk_about() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "storytui.cli", "parse"],
        input=b"x" * 100_000,
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)

    assert (done.returncode, done.stderr) == (1, b"")
