"""`storytui models search` and `add` of what is on the Hub."""

import argparse
import io
import json
import os
import pty
import re
import threading
from pathlib import Path

import pytest
from hub_fixtures import FILE, LARGE, QUICK, REPOSITORY, child_that
from hub_stand_in import HubStandIn

from storytui.commands.models_hub import (
    USUAL,
    OnTheHub,
    followed,
    on_the_hub,
    run_add_from_hub,
    run_search,
    told,
)
from storytui.engine.api import ModelError
from storytui.models.catalog import catalogue
from storytui.models.hub.download import Download
from storytui.models.hub.errors import HubError
from storytui.models.hub.messages import Progress
from storytui.models.hub.place import HubPlace
from storytui.settings import Settings


@pytest.fixture(autouse=True)
def environment(hub: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HF_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))


def searched(*query: str, as_json: bool = False) -> argparse.Namespace:
    return argparse.Namespace(query=list(query), limit=20, json=as_json)


# --- what she typed -------------------------------------------------------------------------------


def test_an_id_of_the_catalogue_is_its_repository_and_patterns() -> None:
    entry = catalogue()[0]

    assert on_the_hub(entry.id.upper()) == OnTheHub(entry.repository, entry.files)
    assert on_the_hub(entry.repository) == OnTheHub(entry.repository, entry.files)


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("a/b", OnTheHub("a/b", USUAL)),
        ("a/b:c.gguf", OnTheHub("a/b", ("c.gguf",))),
        ("a/b:sub/c.gguf", OnTheHub("a/b", ("sub/c.gguf",))),
        ("a/b:Q5_K_M", OnTheHub("a/b", ("Q5_K_M", "*Q5_K_M*.gguf"))),
        ("a/b:*q5*", OnTheHub("a/b", ("*q5*",))),
        ("./a/b", None),
        ("/a/b.gguf", None),
        ("tale", None),
        ("ollama:tale", None),
        ("a/b c", None),
    ],
)
def test_what_names_a_model_of_the_hub(what: str, expected: OnTheHub | None) -> None:
    assert on_the_hub(what) == expected


# --- search ---------------------------------------------------------------------------------------


def test_a_search_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_search(searched("terms"), Settings()) == 0

    printed = capsys.readouterr().out
    assert printed.startswith("gated/Terms-GGUF\n  5 downloads, apache-2.0, its terms")
    assert "storytui models add" in printed


def test_a_search_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_search(searched("tale", "gguf", as_json=True), Settings()) == 0

    (found,) = json.loads(capsys.readouterr().out)["models"]
    assert (found["repository"], found["gated"]) == (REPOSITORY, False)


def test_a_search_without_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_search(searched("nothing", "like", "it"), Settings()) == 1
    assert "Try fewer words" in capsys.readouterr().out


# --- add ------------------------------------------------------------------------------------------


def test_a_model_is_fetched_and_lines_say_how_far(
    hub: HubStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run_add_from_hub(OnTheHub(REPOSITORY, ("*q4_k_m*",)), Settings())

    lines = capsys.readouterr().err.splitlines()
    assert path.read_bytes() == LARGE
    assert lines[0] == f"{REPOSITORY}: {FILE}, 5 MiB, apache-2.0"
    assert any(line.startswith(f"{FILE}  ") and "5 MiB of 5 MiB" in line for line in lines)
    assert not any("\r" in line or "\x1b" in line for line in lines)
    assert len(lines) < 30


def test_a_file_that_is_not_there_is_said(hub: HubStandIn) -> None:
    with pytest.raises(ModelError, match="Name one of them after a colon"):
        run_add_from_hub(OnTheHub(REPOSITORY, ("*q2*",)), Settings())


def test_ctrl_c_leaves_off_and_says_what_stands(hub: HubStandIn, place: HubPlace) -> None:
    hub.rate = 1_000_000
    running = Download(place, REPOSITORY, [FILE], patience=QUICK)

    class Interrupted(io.TextIOWrapper):
        """Somebody presses ctrl+c while a line is written."""

        def write(self, text: str) -> int:
            raise KeyboardInterrupt

        @property
        def buffer(self) -> io.BytesIO:
            raise KeyboardInterrupt

    with pytest.raises(HubError, match="left off"):
        followed(running, Interrupted(io.BytesIO()))
    assert running._process._process is not None
    running._process._process.wait()
    assert hub.total_sent < len(LARGE)


def test_on_a_terminal_one_line_is_written_again(hub: HubStandIn, place: HubPlace) -> None:
    hub.rate = 8_000_000
    near, far = pty.openpty()
    seen = bytearray()

    def read() -> None:
        try:
            while data := os.read(near, 4096):
                seen.extend(data)
        except OSError:
            pass  # the other end is closed

    thread = threading.Thread(target=read)
    thread.start()
    with open(far, "w", encoding="utf-8") as terminal:
        followed(Download(place, REPOSITORY, [FILE]), terminal)
    thread.join()
    os.close(near)

    text = seen.decode()
    assert text.count("\n") == 1
    assert text.count(f"\r{FILE}  ") >= 3
    assert set(re.findall(r"\x1b\[[^A-Za-z]*[A-Za-z]", text)) == {"\x1b[K"}


def test_a_name_cannot_speak_to_the_terminal() -> None:
    step = Progress(phase="waiting", done=1, total=2, file="a\x1b[2J\n", note="the network")

    assert told(step) == "a␛[2J␊  50 %  0 MiB of 0 MiB  waiting: the network"


def test_a_download_that_fails_leaves_the_line(hub: HubStandIn, place: HubPlace) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    hub.wrong_bytes = {FILE}

    with pytest.raises(HubError, match="was removed"):
        followed(Download(place, REPOSITORY, [FILE]), out)


def test_an_answer_from_nowhere_is_no_path(place: HubPlace) -> None:
    silent = child_that("import sys; sys.exit()")

    with pytest.raises(HubError, match="ended without an answer"):
        followed(
            Download(place, REPOSITORY, [FILE], command=silent),
            io.TextIOWrapper(io.BytesIO(), encoding="utf-8"),
        )
