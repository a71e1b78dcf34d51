"""The real worker in a process of its own, round a model of bytes."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import byte_child
import pytest

from storytui.engine.api import (
    EngineDiedError,
    EngineError,
    PromptTooLongError,
    Request,
    Sampling,
    SegmentEnded,
    SegmentPlan,
)
from storytui.engine.messages import PROTOCOL, Hello, Load, ModelConfig, frame
from storytui.engine.process import ProcessEngine
from storytui.engine.scores import Passage

STORY = "A sentence that belongs to nobody else."
COMMAND = [sys.executable, byte_child.__file__]


def request(message: str = STORY) -> Request:
    names = ("reasoning", "answer")
    return Request(
        message=message,
        segments=tuple(SegmentPlan(name=n, opening=f"<{n}>", closing=f"</{n}>") for n in names),
        sampling=Sampling(),
    )


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], ProcessEngine]]:
    engines: list[ProcessEngine] = []

    def start(kind: str) -> ProcessEngine:
        config = ModelConfig(path="bytes.gguf")
        engines.append(ProcessEngine(config, tmp_path / "engine.log", command=[*COMMAND, kind]))
        return engines[-1]

    yield start
    for engine in engines:
        engine.close()


def test_a_reply_and_its_tokens_come_through(start: Callable[[str], ProcessEngine]) -> None:
    events = list(start("plain").generate(request()))
    tokens = {each.segment: each.tokens for each in events if isinstance(each, SegmentEnded)}
    assert tokens == {"reasoning": tuple(b"He waits."), "answer": tuple(b"She came in.")}


def test_a_child_that_is_busy_for_long_gives_signs_of_life(
    start: Callable[[str], ProcessEngine],
) -> None:
    # It goes on only when it has given one.
    assert list(start("slow").generate(request()))


def test_an_error_of_the_engine_leaves_the_child_alive(
    start: Callable[[str], ProcessEngine],
) -> None:
    engine = start("plain")
    with pytest.raises(EngineError, match="fewer words"):
        list(engine.generate(request("x" * 9999)))
    assert list(engine.generate(request()))


def test_a_fault_is_noted_without_the_story(
    start: Callable[[str], ProcessEngine], tmp_path: Path
) -> None:
    engine = start("faulty")
    with pytest.raises(EngineDiedError):
        list(engine.generate(request()))
    log = (tmp_path / "engine.log").read_text()
    assert "LookupError" in log
    assert "byte_child.py" in log
    assert STORY[:8] not in log


@pytest.mark.parametrize(
    "raw", [b"\xff\xff\xff\xff", b"\x01\x00\x00\x00\xc1", b"\x09\x00\x00\x00a"]
)
def test_nonsense_from_the_editor_ends_it(raw: bytes) -> None:
    load = frame(Load(PROTOCOL, ModelConfig(path="bytes.gguf")))
    done = subprocess.run([*COMMAND, "plain"], input=load + raw, capture_output=True, check=False)
    assert done.returncode == 1
    assert b"no message" in done.stderr


@pytest.mark.parametrize(
    "first", [Hello(PROTOCOL + 1), Load(PROTOCOL + 1, ModelConfig(path="bytes.gguf"))]
)
def test_another_version_is_refused(first: Hello | Load) -> None:
    process = subprocess.Popen(
        [*COMMAND, "plain"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(frame(first))
        process.stdin.flush()
        assert b"Two versions of storytui are mixed" in process.stdout.read()
    assert process.returncode == 0


def test_it_ends_with_the_editor() -> None:
    done = subprocess.run([*COMMAND, "plain"], input=b"", capture_output=True, check=False)
    assert done.returncode == 0
    assert done.stderr == b""


def test_scores_and_tokens_come_through(start: Callable[[str], ProcessEngine]) -> None:
    engine = start("plain")
    asked = [Passage(message=STORY, opening="<answer>", text=text) for text in ("No.", "Yes, no.")]
    found = list(engine.score(asked))
    assert [each.tokens for each in found] == [tuple(b"No."), tuple(b"Yes, no.")]
    assert engine.encode(STORY, "Yes").tokens[-3:] == tuple(b"Yes")


def test_a_passage_that_does_not_fit_leaves_the_child_alive(
    start: Callable[[str], ProcessEngine],
) -> None:
    engine = start("plain")
    with pytest.raises(PromptTooLongError, match="shorter text"):
        list(engine.score([Passage(message=STORY, text="x" * 9999)]))
    assert list(engine.score([])) == []
    assert list(engine.generate(request()))


def test_a_child_that_scores_for_long_gives_signs_of_life(
    start: Callable[[str], ProcessEngine],
) -> None:
    assert list(start("slow").score([Passage(message=STORY, text="No.")]))
