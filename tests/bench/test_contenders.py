"""What is counted of the engines that are measured side by side."""

from pathlib import Path

import pytest

from storytui.bench import contenders
from storytui.bench.cases import Work
from storytui.bench.contenders import (
    AheadWatch,
    Ask,
    ContenderError,
    Peer,
    Storytui,
    Talk,
)
from storytui.bench.first_token import OPTIONS, run_once
from storytui.engine.api import Readiness
from storytui.engine.scripted import ScriptedEngine, reply

PEER = """
import sys
from storytui.bench.peers.listening import listen

def open_peer(asked):
    if asked.get("broken"):
        sys.exit(3)
    print("noise on the standard output")
    evaluated = asked["evaluated"]
    return lambda asked: {"first_token_ms": 5.0, "evaluated_tokens": evaluated.pop(0)}

listen(open_peer)
"""


@pytest.fixture
def peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a peer that evaluates as many tokens as it is told."""
    (tmp_path / "scripted_peer.py").write_text(PEER, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setitem(contenders._MODULES, "scripted", "scripted_peer")
    return "scripted"


def ask(*tokens: int) -> Ask:
    return Ask("", 0, tokens)


def test_a_peer_that_evaluates_what_is_new_is_exact(peer: str) -> None:
    it = Peer(peer, {"evaluated": [4, 2]})
    it.ask(ask(1, 2, 3, 4))
    cost = it.ask(ask(1, 2, 3, 4, 5, 6))
    it.close()

    assert (cost.evaluated_tokens, cost.moved_tokens, cost.approximate_tokens) == (2, 0, 0)


def test_what_a_peer_neither_had_nor_evaluated_was_moved_and_stays_approximate(peer: str) -> None:
    it = Peer(peer, {"evaluated": [6, 1, 1]})
    it.ask(ask(1, 2, 3, 4, 5, 6))
    slid = it.ask(ask(1, 4, 5, 6))
    again = it.ask(ask(1, 4, 5, 6))
    it.close()

    assert (slid.moved_tokens, slid.approximate_tokens) == (2, 3)
    assert (again.moved_tokens, again.approximate_tokens) == (0, 3)


def test_a_peer_that_begins_anew_has_nothing(peer: str) -> None:
    it = Peer(peer, {"evaluated": [3]})
    it.ask(ask(1, 2, 3))
    it.start_anew()
    cost = it.ask(ask(1, 2, 3))
    it.close()

    assert (cost.evaluated_tokens, cost.moved_tokens) == (3, 0)


def test_a_process_that_ends_is_an_error_that_names_it(peer: str) -> None:
    with pytest.raises(ContenderError, match="scripted_peer ended with status 3"):
        Talk("scripted_peer", {"broken": True})


def test_before_a_cold_start_the_engine_is_started_anew(peer: str) -> None:
    it = Peer(peer, {"evaluated": [3, 3]})
    it.ask(ask(1, 2, 3))
    cost = run_once(it, Work("cold", None, ask(1, 2, 3), 3), "at_once")
    it.close()

    assert cost.evaluated_tokens == 3


def test_storytui_is_asked_for_one_token(peer: str) -> None:
    engine = ScriptedEngine([reply("She waits.", "And then.")])
    it = Storytui(lambda: engine, OPTIONS)
    cost = it.ask(Ask("The lamp was out.", 0, ()))
    it.close()

    assert cost.evaluated_tokens == 100
    assert len(engine.requests) == 1
    assert engine.requests[0].message.rstrip().endswith("The lamp was out.")
    assert engine.closed


def test_waiting_ends_when_all_is_read_and_healed() -> None:
    engine = ScriptedEngine([reply("", "And then.")])
    it = Storytui(lambda: engine, OPTIONS)
    heard = [
        Readiness(done=10, total=30, healing=0),
        Readiness(done=30, total=30, healing=20),
        Readiness(done=30, total=30, healing=0),
    ]

    def ahead(request: object, how_far: str, *, edited: bool) -> None:
        assert (how_far, edited) == ("read", True)
        for each in heard:
            it.readiness._hear(each)

    engine.ahead = ahead  # type: ignore[method-assign,assignment]
    it.get_ready(Ask("The lamp was out.", 0, ()))

    assert it.readiness._heard == heard


def test_the_watch_listens_to_its_engine() -> None:
    engine = ScriptedEngine([reply("", "And then.")])
    told = []
    engine.on_readiness = told.append  # type: ignore[method-assign]
    watch = AheadWatch(engine)

    assert told == [watch._hear]
