"""The first launch in a real terminal: the list, a download cut off three times, a continuation."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_stand_in import HubStandIn, repository
from tmux import Tmux, needs_tmux, status_line, words

from storytui.models.catalog import catalogue
from storytui.models.starter import starter_model

OPENING = "The lamp had been out for eleven minutes before anyone in the village noticed."
MIB = 1 << 20


@pytest.fixture
def hub() -> Iterator[HubStandIn]:
    small = starter_model()
    assert small is not None
    contents = {
        each.repository: repository(
            {f"{each.id}-{kind}.gguf": small.read_bytes() for kind in ("Q4_K_M", "Q6_K")}
        )
        for each in catalogue()
    }
    with HubStandIn(contents) as standing:
        standing.rate = 10_000_000
        standing.cuts = [15_000_000, 40_000_000, 80_000_000]
        yield standing


@pytest.fixture
def terminal(hub: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tmux]:
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    command = [sys.executable, "-m", "storytui.cli", tmp_path / "story.md"]
    started = Tmux([*command, "--words", "20", "--reasoning-tokens", "24", "--seed", "7"])
    yield started
    started.close()


@needs_tmux
def test_a_model_is_chosen_fetched_and_goes_on_with_the_story(
    terminal: Tmux, hub: HubStandIn, home: Path
) -> None:
    listed = terminal.wait_until(lambda screen: "CRA-v1 7B" in screen, "the list of models")
    assert "Choose a model" in listed
    assert "On this machine" in listed
    assert "GiB" in listed
    terminal.keys("Down", "Enter")
    terminal.wait_until(lambda screen: " %" in status_line(screen), "the download's progress")
    terminal.type(OPENING)
    terminal.wait_until(
        lambda screen: words(screen) == len(OPENING.split()), "what was typed meanwhile"
    )
    terminal.wait_until(lambda screen: "is the model from now on" in screen, "the model's coming")
    terminal.wait_until(lambda screen: "ready" in status_line(screen), "the model to have read")

    (path,) = (home / "cache" / "huggingface").rglob("*.gguf")
    small = starter_model()
    assert small is not None
    assert path.read_bytes() == small.read_bytes()
    assert str(path) in (home / "config" / "storytui" / "settings.toml").read_text()
    assert hub.cuts == []
    assert hub.total_sent <= path.stat().st_size + 3 * 10 * MIB

    terminal.keys("C-g")
    terminal.wait_until(lambda screen: "stops" in status_line(screen), "the model at work")
    terminal.wait_until(lambda screen: "ready" in status_line(screen), "the end of the take")
    terminal.keys("Tab")
    terminal.wait_until(
        lambda screen: words(screen) > len(OPENING.split()), "the accepted sentence"
    )
    assert path.stem.partition("-Q")[0] in status_line(terminal.screen())
