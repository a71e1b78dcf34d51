"""llama.cpp's own server as a real remote: the same reasoning and answer as from the local engine.

The server comes with the package xllamacpp (extra `bench`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_server import llama_server

from storytui import samples
from storytui.continuing import Options, Plan, continue_side_by_side, continue_story, show_prompt
from storytui.engine.answers import ReplyCheck
from storytui.engine.api import (
    Engine,
    Event,
    Finished,
    Retracted,
    SegmentEnded,
    SegmentStarted,
    Text,
)
from storytui.engine.process import ProcessEngine
from storytui.engine.remote import RemoteConfig, RemoteEngine
from storytui.engine.remote.counting import estimate

pytest.importorskip("xllamacpp", reason="the package xllamacpp (extra bench) is missing")

STORY = (
    "The lamp had been out for eleven minutes before anyone noticed. Mara stood at the window "
    "and counted the ships.\n\n“You knew,” he said. “All of you knew.”\n\nShe did not turn round."
)
ASKED = Options(words=24, reasoning_tokens=32)
CONTEXT = 1024


@pytest.fixture(scope="module")
def server(small_model: Path) -> Iterator[str]:
    """Its address."""
    with llama_server(small_model, CONTEXT) as address:
        yield address


class Heard:
    """A reply as it is shown."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.segments: list[str] = []
        self.ended: list[str] = []
        self.finished: Finished | None = None
        self._check: ReplyCheck | None = None

    def take(self, came: Event | Plan) -> None:
        if isinstance(came, Plan):
            self._check = ReplyCheck(came.request)
            return
        assert self._check is None or self._check.takes(came), came
        match came:
            case SegmentStarted(name):
                self.segments.append(name)
            case Text(name, text):
                self.texts[name] = self.texts.get(name, "") + text
            case Retracted(name, kept):
                self.texts[name] = self.texts[name][:kept]
            case SegmentEnded(name):
                self.ended.append(name)
            case Finished():
                self.finished = came


def continued(engine: Engine, options: Options = ASKED) -> Heard:
    heard = Heard()
    for came in continue_story(engine, STORY, len(STORY), options):
        heard.take(came)
    return heard


def assert_separated(heard: Heard) -> None:
    assert heard.segments == heard.ended == ["reasoning", "answer"]
    assert all(heard.texts[name].strip() for name in heard.segments)
    assert "<" not in "".join(heard.texts.values())
    assert heard.finished is not None


@pytest.mark.parametrize("mode", ["chat", "completion"])
def test_reasoning_and_answer_are_separated_as_locally(
    server: str, engine: ProcessEngine, mode: Any
) -> None:
    remote = RemoteEngine(RemoteConfig(server, mode=mode))

    here, there = continued(engine), continued(remote)

    assert_separated(here)
    assert_separated(there)
    assert there.finished is not None
    assert here.finished is not None
    assert {there.finished.stop, here.finished.stop} <= {"closed", "length", "cut"}
    assert len(there.texts["answer"].split()) <= 2 * ASKED.words + 12
    assert there.finished.statistics.generated_tokens > 0


@pytest.mark.parametrize("mode", ["chat", "completion"])
def test_without_reasoning_there_is_only_an_answer(server: str, mode: Any) -> None:
    remote = RemoteEngine(RemoteConfig(server, mode=mode))

    heard = continued(remote, Options(words=16, reasoning_tokens=0))

    assert heard.segments == heard.ended == ["answer"]
    assert heard.texts["answer"].strip()


def test_the_server_says_its_context_and_counts_as_the_local_engine(
    server: str, engine: ProcessEngine
) -> None:
    remote = RemoteEngine(RemoteConfig(server))
    texts = [STORY, "", "“Ça va ?”", "<|im_end|>"]

    assert remote.load().context == CONTEXT
    assert remote.load().name.endswith(".gguf")
    assert remote.count(texts) == engine.count(texts)


def test_an_estimate_of_english_is_not_less_than_what_there_is(engine: ProcessEngine) -> None:
    paragraphs = [each for each in samples.sample_text().split("\n\n") if each]
    texts = [*paragraphs, STORY, "🙂" * 9, "1914–1918"]

    assert [
        (text, real, guess)
        for text, real, guess in zip(texts, engine.count(texts), map(estimate, texts), strict=True)
        if guess < real
    ] == []


def test_the_prompt_that_is_planned_fits_the_server(server: str) -> None:
    remote = RemoteEngine(RemoteConfig(server))
    long = STORY + "\n\n" + "The sea was quiet, and the ships came home one by one.\n\n" * 200
    heard = Heard()
    for came in continue_story(remote, long, len(long), ASKED):
        heard.take(came)

    assert_separated(heard)
    assert heard.finished is not None
    assert heard.finished.statistics.prompt_tokens <= CONTEXT
    assert show_prompt(remote, long, len(long), ASKED).tokens <= CONTEXT


def test_candidates_differ_by_their_seed(server: str) -> None:
    remote = RemoteEngine(RemoteConfig(server))
    heard = [Heard(), Heard()]
    options = Options(words=16, reasoning_tokens=0, candidates=2)
    for number, came in continue_side_by_side(remote, STORY, len(STORY), options):
        heard[number].take(came)

    assert all(each.finished is not None for each in heard)
    assert heard[0].texts["answer"] != heard[1].texts["answer"]


def test_a_reply_can_be_stopped_and_another_asked_for(server: str) -> None:
    remote = RemoteEngine(RemoteConfig(server))
    heard = Heard()
    for came in continue_story(remote, STORY, len(STORY), ASKED):
        heard.take(came)
        if isinstance(came, Text):
            remote.stop()

    assert heard.finished is not None
    assert heard.finished.stop == "stopped"
    assert_separated(continued(remote))
