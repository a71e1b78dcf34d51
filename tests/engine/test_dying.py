"""The child dies, hangs or talks nonsense at every step of the protocol; the editor goes on.

The child is a fake at the process boundary; `test_process.py` kills the real one.
"""

import itertools
import os
import queue
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import faulty_child
import pytest
from faulty_child import (
    COUNTS,
    ENDS,
    HANGS,
    INFO,
    MOMENTS,
    PROMPT,
    RAW,
    REPLY,
    REPLY_BEGINS,
    SENT,
    SIGNALS,
    WRONG_EVENTS,
)

from storytui.engine import child as child_module
from storytui.engine.api import (
    EngineDiedError,
    EngineError,
    EngineGaveUpError,
    ModelError,
    Request,
    Sampling,
    SegmentPlan,
)
from storytui.engine.log_file import LOG_BYTES
from storytui.engine.messages import ModelConfig
from storytui.engine.patience import Backoff, Limits
from storytui.engine.process import ProcessEngine
from storytui.engine.scores import Passage

AT_ONCE = Backoff(delays=(0.0,), most=10**6)
WHOLE = [INFO, COUNTS, PROMPT, *REPLY]
TELLING, LOADING, COUNTED, RENDERED, WRITING, IDLE = 2, 4, 7, 9, 10, MOMENTS - 1
"""Moments: before the devices are told, before progress is; before the counts are sent, before the
prompt is; a reply was asked for; it was sent."""
SECONDS = 60.0
"""For what comes at once: who waits so long waits for what never comes."""


def request() -> Request:
    names = ("reasoning", "answer")
    return Request(
        message="a story",
        segments=tuple(SegmentPlan(name=n, opening=f"<{n}>", closing=f"</{n}>") for n in names),
        sampling=Sampling(),
    )


FAULTS: Counter[str] = Counter()
"""How often the child was made to do what."""


@pytest.fixture(scope="module", autouse=True)
def tally() -> Iterator[None]:
    """Says with `pytest -s` how much was tried."""
    yield
    print(f"\n{FAULTS.total()} faults of {len(FAULTS)} kinds at {MOMENTS} moments")


NUMBERS = itertools.count()


def texts() -> list[str]:
    """Three texts that nobody has counted yet: the parent remembers those that were."""
    return [f"{name} {next(NUMBERS)}" for name in ("one", "two", "three")]


class Editor:
    """Who uses the engine: asks for everything there is, in order, and keeps what came."""

    def __init__(
        self,
        limits: Limits | None = None,
        backoff: Backoff = AT_ONCE,
        log: Path | None = None,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.told: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.command = [sys.executable, "-P", faulty_child.__file__, "-1", ""]
        self.engine = ProcessEngine(
            ModelConfig(path="played.gguf"),
            log,
            lambda error: self.told.put(str(error)),
            command=self.command,
            limits=limits,
            backoff=backoff,
            clock=clock,
        )
        self.came: list[object] = []

    def goes_wrong(self, moment: int, fault: str) -> None:
        """What the next child does."""
        self.command[-2:] = [str(moment), fault]

    def send_signal(self, number: signal.Signals) -> int:
        """To the child that runs; returns its process number."""
        pid = self.engine.pid
        assert pid is not None
        os.kill(pid, number)
        return pid

    def session(self) -> None:
        self.came = []
        self.came.append(self.engine.load())
        self.came.append(self.engine.count(texts()))
        self.came.append(self.engine.prompt(texts()[0]))
        for event in self.engine.generate(request()):
            self.came.append(event)

    def session_with(self, moment: int, fault: str) -> str:
        """A session that goes wrong at a moment; returns what the writer is told, once."""
        FAULTS[fault] += 1
        self.goes_wrong(moment, fault)
        raised = None
        try:
            self.session()
            if fault in HANGS:
                # Nobody waits for a child that has nothing to do: the next request finds out.
                self.engine.count(texts())
        except EngineDiedError as error:
            raised = str(error)
        told = self.told.get(timeout=SECONDS)
        assert raised in (None, told)
        assert self.engine.pid is None
        self.goes_wrong(-1, "")
        return told


@pytest.fixture
def editors() -> Iterator[Callable[..., Editor]]:
    made: list[Editor] = []

    def make(**arguments: object) -> Editor:
        made.append(Editor(**arguments))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        each.engine.close()


def before(moment: int) -> list[object]:
    """What has come when a moment is reached."""
    answered = [LOADING + 1, COUNTED, RENDERED, *range(REPLY_BEGINS, IDLE)]
    return WHOLE[: sum(moment > each for each in answered)]


def test_without_a_fault_everything_comes(editors: Callable[..., Editor]) -> None:
    editor = editors()
    editor.session()
    assert editor.came == WHOLE
    assert before(IDLE) == WHOLE


def test_every_moment_is_counted(editors: Callable[..., Editor]) -> None:
    editor = editors()
    editor.goes_wrong(MOMENTS, "SIGKILL")
    editor.session()
    assert editor.came == WHOLE
    # The next moment is the first of the next request.
    with pytest.raises(EngineDiedError):
        editor.engine.count(texts())


def test_nobody_is_told_of_a_child_that_lives(editors: Callable[..., Editor]) -> None:
    editor = editors()
    editor.session()
    editor.engine.close()
    assert editor.told.empty()


@pytest.mark.parametrize("fault", [*SIGNALS, *ENDS])
def test_an_end_at_any_moment_is_said_once_and_the_next_request_starts_anew(
    editors: Callable[..., Editor], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "close":
        # It never ends by itself: that long is waited for its end.
        monkeypatch.setattr(child_module, "END_SECONDS", 0.05)
    editor = editors()
    for moment in range(MOMENTS):
        told = editor.session_with(moment, fault)
        assert editor.came == before(moment)
        assert told.endswith("; going on starts it again.")
        assert (fault in told) == (fault in SIGNALS)
    editor.session()
    assert editor.came == WHOLE
    assert editor.told.empty()


@pytest.mark.parametrize(("number", "fault"), enumerate([*RAW, *SENT]))
def test_nonsense_at_any_moment_ends_the_child_and_is_never_shown(
    editors: Callable[..., Editor], number: int, fault: str
) -> None:
    editor = editors()
    for moment in range(number % 2, MOMENTS, 2):
        told = editor.session_with(moment, fault)
        assert editor.came == before(moment)
        assert "makes no sense" in told
    editor.session()
    assert editor.came == WHOLE


@pytest.mark.parametrize(
    ("fault", "moments"),
    [
        ("SIGSTOP", range(MOMENTS)),
        ("sleep", range(1, MOMENTS, 5)),
        ("long-lie", range(3, MOMENTS, 5)),
    ],
)
def test_a_hang_at_any_moment_is_ended(
    editors: Callable[..., Editor], fault: str, moments: range
) -> None:
    editor = editors(limits=Limits(silence=0.3, standstill=60.0))
    for moment in moments:
        told = editor.session_with(moment, fault)
        # A child that a busy machine starts slowly may hang before its moment.
        assert editor.came == before(moment)[: len(editor.came)]
        assert "gave no sign of life for 0.3 seconds and was ended" in told


def test_a_child_that_lives_but_gets_no_further_is_ended(editors: Callable[..., Editor]) -> None:
    editor = editors(limits=Limits(silence=60.0, standstill=0.5))
    for moment in (TELLING, LOADING, COUNTED, REPLY_BEGINS + 3):
        assert "got no further" in editor.session_with(moment, "beat")


@pytest.mark.parametrize(
    ("moment", "fault"),
    [
        (COUNTED, "few-counts"),
        (COUNTED, "less-than-nothing"),
        (COUNTED, "prompt"),
        (COUNTED, "events"),
        (RENDERED, "counts"),
        (RENDERED, "events"),
        (REPLY_BEGINS, "counts"),
        (REPLY_BEGINS + 4, "prompt"),
        *((moment, "no-such-candidate") for moment in range(REPLY_BEGINS, IDLE)),
        *((REPLY_BEGINS + 2, fault) for fault in WRONG_EVENTS),
    ],
)
def test_an_answer_to_something_else_is_nonsense(
    editors: Callable[..., Editor], moment: int, fault: str
) -> None:
    editor = editors()
    assert "makes no sense" in editor.session_with(moment, fault)
    assert editor.came[: len(before(moment))] == before(moment)


def test_what_comes_after_the_end_of_a_reply_is_dropped(editors: Callable[..., Editor]) -> None:
    editor = editors()
    editor.goes_wrong(IDLE, "after-the-end")
    editor.session()
    assert editor.came == WHOLE
    assert editor.engine.count(texts()) == COUNTS
    assert editor.told.empty()


def test_a_model_that_cannot_be_loaded_is_no_death(editors: Callable[..., Editor]) -> None:
    editor = editors(backoff=Backoff(delays=(1000.0,)))
    for moment in (TELLING, LOADING):
        editor.goes_wrong(moment, "no-model")
        with pytest.raises(ModelError, match="there is no model file"):
            editor.session()
    editor.goes_wrong(-1, "")
    editor.session()
    assert editor.came == WHOLE
    assert editor.told.empty()


def test_after_five_deaths_it_gives_up_and_a_request_tries_once_more(
    editors: Callable[..., Editor], tmp_path: Path
) -> None:
    log = tmp_path / "engine.log"
    editor = editors(backoff=Backoff(delays=(0.0,)), log=log)
    for _ in range(4):
        editor.session_with(WRITING, "SIGKILL")
    for count in (5, 6):
        editor.goes_wrong(WRITING, "SIGKILL")
        with pytest.raises(EngineGaveUpError) as caught:
            editor.session()
        assert str(caught.value) == (
            f"The model's process ended {count} times in a row; the log {log} says more. "
            "Press the key again to try once more."
        )
        assert editor.told.get(timeout=SECONDS) == str(caught.value)
    editor.goes_wrong(-1, "")
    editor.session()
    editor.send_signal(signal.SIGKILL)
    assert "going on starts it again" in editor.told.get(timeout=SECONDS)


def test_watching_the_loading_fail_does_not_start_a_second_child(
    editors: Callable[..., Editor],
) -> None:
    editor = editors()
    editor.goes_wrong(LOADING, "SIGKILL")
    assert list(editor.engine.loading())
    with pytest.raises(EngineDiedError, match="SIGKILL"):
        editor.engine.load()
    assert editor.told.get(timeout=SECONDS)
    assert editor.told.empty()


@pytest.mark.parametrize("end", ["stop", "close"])
def test_the_wait_for_a_new_child_can_be_ended(editors: Callable[..., Editor], end: str) -> None:
    waiting = threading.Event()

    def clock() -> float:
        waiting.set()
        return 0.0

    editor = editors(backoff=Backoff(delays=(1000.0,)), clock=clock)
    editor.session_with(WRITING, "SIGKILL")
    waiting.clear()
    raised: queue.SimpleQueue[EngineError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            editor.engine.load()
        except EngineError as error:
            raised.put(error)

    asking = threading.Thread(target=ask)
    asking.start()
    # The clock is asked under the engine's lock, which the wait gives back.
    assert waiting.wait(SECONDS)
    getattr(editor.engine, end)()
    asking.join(SECONDS)
    expected = "Stopped before" if end == "stop" else "was closed"
    assert expected in str(raised.get(timeout=SECONDS))


def test_a_stopped_child_holds_nobody_up(
    editors: Callable[..., Editor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_module, "END_SECONDS", 0.05)
    editor = editors(limits=Limits(silence=0.5, standstill=60.0))
    editor.engine.load()
    editor.send_signal(signal.SIGSTOP)
    with pytest.raises(EngineDiedError, match="no sign of life"):
        editor.engine.count(["more than the pipe holds " * 400_000])
    editor.engine.load()
    editor.send_signal(signal.SIGSTOP)
    for event in ("stop", "stop", "close"):
        getattr(editor.engine, event)()
    assert editor.engine.pid is None


def test_a_text_beyond_the_longest_message_is_refused_and_the_child_lives(
    editors: Callable[..., Editor],
) -> None:
    editor = editors()
    pid = (editor.engine.load(), editor.engine.pid)[1]
    with pytest.raises(EngineError, match="too long"):
        editor.engine.count(["x" * 40_000_000])
    editor.session()
    assert editor.engine.pid == pid


def test_lone_surrogates_reach_the_model_as_replacement_characters(
    editors: Callable[..., Editor],
) -> None:
    editor = editors()
    assert editor.engine.count(["caf\udce9", "\ud800", ""]) == COUNTS
    assert editor.engine.prompt("caf\udce9") == PROMPT


def test_the_dead_leave_no_process_behind(editors: Callable[..., Editor]) -> None:
    editor = editors()
    editor.engine.load()
    pid = editor.send_signal(signal.SIGKILL)
    editor.told.get(timeout=SECONDS)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_log_is_the_writers_alone_and_is_begun_anew_when_long(
    editors: Callable[..., Editor], tmp_path: Path
) -> None:
    log = tmp_path / "engine.log"
    log.write_bytes(b"x" * (LOG_BYTES + 1))
    log.chmod(0o644)
    editors(log=log).engine.load()
    assert log.stat().st_mode & 0o777 == 0o600
    assert log.stat().st_size == 0


def test_a_child_that_cannot_be_started_is_said(tmp_path: Path) -> None:
    command = [str(tmp_path / "none")]
    engine = ProcessEngine(ModelConfig(path="played.gguf"), command=command)
    with pytest.raises(EngineError, match="cannot be started"):
        engine.load()


def test_scores_that_make_no_sense_end_the_child(editors: Callable[..., Editor]) -> None:
    editor = editors()
    with pytest.raises(EngineDiedError, match="makes no sense"):
        list(editor.engine.score([Passage(message="a story", text="goes on")]))
    editor.session()
    assert editor.came == WHOLE
