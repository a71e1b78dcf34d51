"""What the child does ahead: it is told how far, left off at once, and never in the way."""

import queue
import sys
from collections.abc import Iterator
from pathlib import Path

import byte_child
import pytest
from msgspec import structs

from storytui.engine.api import Finished, Readiness, Request, Sampling, SegmentPlan, Text
from storytui.engine.messages import ModelConfig
from storytui.engine.process import ProcessEngine

SECONDS = 30.0


def request(message: str, seed: int = 0) -> Request:
    names = ("reasoning", "answer")
    return Request(
        message=message,
        segments=tuple(SegmentPlan(name=n, opening=f"<{n}>", closing=f"</{n}>") for n in names),
        sampling=Sampling(seed=seed),
    )


class Told:
    """What an engine says of its work ahead."""

    def __init__(self, engine: ProcessEngine) -> None:
        self.inbox: queue.SimpleQueue[Readiness] = queue.SimpleQueue()
        engine.on_readiness(self.inbox.put)

    def until_ready(self, *, thought: bool = False) -> Readiness:
        while True:
            found = self.inbox.get(timeout=SECONDS)
            if found.up_to_date and found.healing == 0 and found.thought >= thought:
                return found


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[ProcessEngine]:
    command = [sys.executable, byte_child.__file__, "plain"]
    engine = ProcessEngine(ModelConfig(path="bytes.gguf"), tmp_path / "log", command=command)
    engine.load()
    yield engine
    engine.close()


def cost(engine: ProcessEngine, asked: Request) -> Finished:
    *_, last = engine.generate(asked)
    assert isinstance(last, Finished)
    return last


def test_what_was_read_ahead_costs_the_key_nothing(engine: ProcessEngine) -> None:
    told = Told(engine)
    engine.ahead(request("a story"), "read")
    assert told.until_ready().evaluated > 0
    assert cost(engine, request("a story")).statistics.evaluated_tokens == 0


def test_a_reply_thought_ahead_is_used_by_the_same_request_only(engine: ProcessEngine) -> None:
    told = Told(engine)
    engine.ahead(request("a story", seed=1), "think")
    told.until_ready(thought=True)
    first = cost(engine, request("a story", seed=2))
    assert first.statistics.evaluated_tokens == 0
    engine.ahead(request("a story", seed=3), "write")
    told.until_ready(thought=True)
    assert cost(engine, request("a story", seed=3)).statistics.first_token_ms >= 0


def test_a_request_goes_before_what_is_done_ahead(engine: ProcessEngine) -> None:
    engine.ahead(request("x" * 1500), "write")
    assert cost(engine, request("another story"))


def test_what_an_old_call_still_says_is_dropped(engine: ProcessEngine) -> None:
    told = Told(engine)
    engine.ahead(request("one"), "read")
    engine.ahead(request("two, which is longer"), "read")
    total = told.until_ready().total
    engine.rest()
    wanted = cost(engine, request("two, which is longer")).statistics.prompt_tokens
    assert total == wanted


def test_after_a_rest_nothing_more_is_told(engine: ProcessEngine) -> None:
    told = Told(engine)
    engine.ahead(request("a story"), "read")
    told.until_ready()
    engine.rest()
    engine.ahead(request("a story"), "off")
    cost(engine, request("a story"))
    assert told.inbox.empty()


def test_a_prompt_that_does_not_fit_is_not_read_ahead(engine: ProcessEngine) -> None:
    told = Told(engine)
    engine.ahead(request("x" * 9999), "read")
    assert told.inbox.get(timeout=SECONDS).total == 0


def test_a_rebuilt_cache_is_read_from_the_first_token(engine: ProcessEngine) -> None:
    first = cost(engine, request("a story")).statistics
    engine.rebuild()
    again = cost(engine, request("a story")).statistics
    assert again.evaluated_tokens == first.prompt_tokens


def test_candidates_come_with_their_numbers(engine: ProcessEngine) -> None:
    asked = [structs.replace(request("a story"), sampling=Sampling(seed=n)) for n in range(3)]
    texts: dict[int, str] = {}
    for number, event in engine.candidates(asked):
        if isinstance(event, Text):
            texts[number] = texts.get(number, "") + event.text
    assert set(texts) == {0, 1, 2}
    assert all(texts.values())


def test_nothing_ahead_is_no_error_without_a_child(tmp_path: Path) -> None:
    engine = ProcessEngine(ModelConfig(path=str(tmp_path / "none.gguf")))
    engine.ahead(request("a story"), "read")
    engine.rest()
    engine.rebuild()
    engine.close()
