"""`storytui takes`: the replies to a story, from outside the editor."""

import json
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from storytui import folders
from storytui.manuscript.home import Home, home_of
from storytui.takes.store import TakeStore
from storytui.takes.take import Take

Run = Callable[..., subprocess.CompletedProcess[str]]


def some_takes() -> list[Take]:
    made_at = datetime(2026, 3, 1, 14, 2).astimezone()
    return [
        Take(
            id="aa11",
            made_at=made_at,
            place=17,
            prompt="Go on.\n\nThe lamp was out.",
            settings='{"words": 50, "sampling": {"temperature": 0.8, "seed": 7}}',
            seed=7,
            model="A small model",
            model_hash="0123abcd",
            format="cra-v1",
            direction="she leaves",
            reasoning="She is afraid.",
            answer=" She knew. He did not.",
            reasoning_tokens=(5, 6),
            answer_tokens=(7, 8, 9),
            state="complete",
            accepted=[10],
        ),
        Take(id="bb22", made_at=made_at, answer=" All of it.", state="stopped", accepted=[11]),
        Take(id="bb33", made_at=made_at, answer=" No.", state="complete", dismissed=True),
        Take(id="cc44", made_at=made_at, state="failed", problem="The model ended."),
    ]


@pytest.fixture
def manuscript(story: Path) -> Home:
    home = home_of(folders.manuscripts_folder(), story)
    store = TakeStore(home.takes_path)
    for take in some_takes():
        store.keep(take)
    store.close()
    return home


def test_takes_are_listed_newest_first_with_what_became_of_them(
    storytui: Run, story: Path, manuscript: Home
) -> None:
    lines = storytui("takes", story).stdout.splitlines()

    assert [" ".join(line.split()) for line in lines] == [
        "4 2026-03-01 14:02 failed 0 words nothing taken",
        "3 2026-03-01 14:02 complete 1 word nothing taken, dismissed",
        "2 2026-03-01 14:02 stopped 3 words all taken",
        "1 2026-03-01 14:02 complete 5 words 2 words taken",
    ]


def test_takes_are_listed_as_json(storytui: Run, story: Path, manuscript: Home) -> None:
    found = json.loads(storytui("takes", story, "list", "--json").stdout)

    assert [(each["number"], each["id"], each["accepted"]) for each in found["takes"]] == [
        (1, "aa11", [10]),
        (2, "bb22", [11]),
        (3, "bb33", []),
        (4, "cc44", []),
    ]


@pytest.mark.parametrize("name", ["1", "aa11", "a"])
def test_a_take_is_shown_with_what_it_was_asked_for(
    storytui: Run, story: Path, manuscript: Home, name: str
) -> None:
    shown = storytui("takes", story, "show", name).stdout

    head, _, rest = shown.partition("\n\n")
    told = dict(line.split(None, 1) for line in head.splitlines())
    assert told == {
        "take": "1 (aa11)",
        "made": "2026-03-01 14:02",
        "place": "#17",
        "state": "complete; 2 words taken",
        "model": "A small model",
        "sha256": "0123abcd",
        "format": "cra-v1",
        "seed": "7",
        "direction": "she leaves",
        "words": "50",
        "temperature": "0.8",
    }
    assert rest == ("--- reasoning ---\nShe is afraid.\n\n--- answer ---\n She knew. He did not.\n")


def test_the_prompt_is_shown_exactly(storytui: Run, story: Path, manuscript: Home) -> None:
    shown = storytui("takes", story, "show", "1", "--prompt").stdout
    assert shown == "Go on.\n\nThe lamp was out."


def test_a_take_is_shown_as_json_with_its_tokens(
    storytui: Run, story: Path, manuscript: Home
) -> None:
    found = json.loads(storytui("takes", story, "show", "1", "--json").stdout)

    assert found["answer"] == " She knew. He did not."
    assert (found["reasoning_tokens"], found["answer_tokens"]) == ([5, 6], [7, 8, 9])
    assert found["settings"]["sampling"]["temperature"] == 0.8
    assert found["prompt"] == "Go on.\n\nThe lamp was out."


def test_why_a_take_failed_is_shown(storytui: Run, story: Path, manuscript: Home) -> None:
    shown = storytui("takes", story, "show", "4").stdout

    assert ["problem", "The model ended."] in [line.split(None, 1) for line in shown.splitlines()]


@pytest.mark.parametrize("name", ["9", "ff", "b"])
def test_a_take_that_is_not_there_or_not_one_is_a_failure(
    storytui: Run, story: Path, manuscript: Home, name: str
) -> None:
    done = storytui("takes", story, "show", name)

    assert (done.returncode, done.stdout) == (1, "")
    assert f"There is no take {name} of" in done.stderr


def test_a_story_without_takes_says_so(storytui: Run, story: Path) -> None:
    never_opened = storytui("takes", story)
    home_of(folders.manuscripts_folder(), story)
    opened = storytui("takes", story)

    assert (never_opened.returncode, opened.returncode) == (1, 1)
    assert "was not opened with storytui yet" in never_opened.stderr
    assert "There are no takes of" in opened.stderr


@pytest.mark.parametrize(
    "arguments", [[], ["x.md", "restore"], ["x.md", "show"], ["x.md", "show", "take one"]]
)
def test_a_command_line_that_means_nothing_is_wrong_usage(
    storytui: Run, arguments: list[str]
) -> None:
    done = storytui("takes", *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
