"""The child tells its devices, the planner says how the model is loaded; either may fail."""

import itertools
import queue
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import faulty_child
import pytest
from faulty_child import COUNTS, INFO, MOMENTS, REPLY_BEGINS, REPORT
from msgspec import structs

from storytui.engine.api import (
    EngineDiedError,
    EngineError,
    Event,
    ModelError,
    NoRoomError,
    Request,
    Sampling,
    SegmentPlan,
)
from storytui.engine.devices import DeviceReport
from storytui.engine.messages import ModelConfig
from storytui.engine.model_info import Adapter, ModelInfo
from storytui.engine.patience import Backoff
from storytui.engine.process import ProcessEngine

SECONDS = 60.0
CONFIG = ModelConfig(path="played.gguf", context=1234)
NUMBERS = itertools.count()


class Planner:
    """Keeps what it is asked, and answers with what comes next in its list."""

    def __init__(self, *answers: ModelConfig | Exception) -> None:
        self.answers = list(answers)
        self.asked: queue.SimpleQueue[DeviceReport] = queue.SimpleQueue()
        self.kept: queue.SimpleQueue[tuple[DeviceReport, ModelInfo]] = queue.SimpleQueue()
        self.prepared = 0
        self.failures = 0
        self.takes_less = False
        self.then: Callable[[], None] = lambda: None
        self.note = ""
        self.adapters: list[Sequence[Adapter] | None] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def prepare(self) -> None:
        self.prepared += 1

    def plan(self, report: DeviceReport, adapters: Sequence[Adapter] | None = None) -> ModelConfig:
        self.asked.put(report)
        self.adapters.append(adapters)
        self.meanwhile()
        answer = self.answers.pop(0) if self.answers else CONFIG
        if isinstance(answer, Exception):
            raise answer
        return answer

    def failed(self) -> bool:
        self.failures += 1
        self.then()
        return self.takes_less

    def loaded(self, report: DeviceReport, info: ModelInfo) -> None:
        self.kept.put((report, info))


class Started:
    """An engine with a planner, and a child that can be made to go wrong."""

    def __init__(self, planner: Planner) -> None:
        self.planner = planner
        self.told: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.command = [sys.executable, "-P", faulty_child.__file__, "-1", ""]
        self.engine = ProcessEngine(
            planner,
            died=lambda error: self.told.put(str(error)),
            command=self.command,
            backoff=Backoff(delays=(0.0,), most=99),
        )

    def goes_wrong(self, moment: int, fault: str) -> None:
        """What the next child does."""
        self.command[-2:] = [str(moment), fault]

    def generate(self) -> list[Event]:
        plans = tuple(
            SegmentPlan(name=each, opening=f"<{each}>", closing=f"</{each}>")
            for each in ("reasoning", "answer")
        )
        request = Request(message="a story", segments=plans, sampling=Sampling())
        return list(self.engine.generate(request))

    def count(self) -> list[int]:
        return self.engine.count([f"{each} {next(NUMBERS)}" for each in ("one", "two", "three")])


@pytest.fixture
def start() -> Iterator[Callable[..., Started]]:
    made: list[Started] = []

    def make(*answers: ModelConfig | Exception) -> Started:
        made.append(Started(Planner(*answers)))
        return made[-1]

    yield make
    for each in made:
        each.engine.close()


def test_the_planner_hears_the_devices_and_then_what_came_of_its_plan(
    start: Callable[..., Started],
) -> None:
    started = start()

    assert started.engine.load() == INFO

    assert started.planner.prepared == 1
    assert started.planner.asked.get(timeout=SECONDS) == REPORT
    assert started.planner.kept.get(timeout=SECONDS) == (REPORT, INFO)
    assert started.planner.asked.empty()


def test_a_plan_that_fails_is_said_and_is_no_death(start: Callable[..., Started]) -> None:
    started = start(ModelError("It does not fit."))

    for _ in range(2):
        started.planner.answers[:] = [ModelError("It does not fit.")]
        with pytest.raises(ModelError, match=r"It does not fit\."):
            started.engine.load()
    assert list(started.engine.loading()) != []
    assert started.engine.load() == INFO
    assert started.told.empty()


def test_each_new_child_is_planned_for_anew(start: Callable[..., Started]) -> None:
    started = start()
    started.engine.load()
    pid = started.engine.pid
    assert pid is not None
    started.engine._child.process.send_signal(signal.SIGKILL)  # type: ignore[union-attr]
    started.told.get(timeout=SECONDS)

    assert started.count() == COUNTS

    assert started.planner.prepared == 2
    for _ in range(2):
        assert started.planner.asked.get(timeout=SECONDS) == REPORT


def test_a_child_that_dies_while_it_is_planned_for_is_a_death(
    start: Callable[..., Started],
) -> None:
    started = start()

    def kill() -> None:
        child = started.engine._child
        assert child is not None
        child.process.kill()
        child.process.wait()
        started.planner.meanwhile = lambda: None

    started.planner.meanwhile = kill
    with pytest.raises(EngineDiedError, match="SIGKILL"):
        started.engine.load()
    assert "SIGKILL" in started.told.get(timeout=SECONDS)
    assert started.engine.load() == INFO


def test_closing_while_it_is_planned_for_ends_the_child(start: Callable[..., Started]) -> None:
    started = start()
    started.planner.meanwhile = started.engine.close

    with pytest.raises(EngineError):
        started.engine.load()

    assert started.engine.pid is None
    assert started.told.empty()


def test_a_planner_with_a_fault_leaves_nobody_waiting(
    start: Callable[..., Started], monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: queue.SimpleQueue[object] = queue.SimpleQueue()
    monkeypatch.setattr("threading.excepthook", lambda each: noted.put(each.exc_value))
    started = start(KeyError("a fault"))

    with pytest.raises(EngineDiedError):
        started.engine.load()

    assert isinstance(noted.get(timeout=SECONDS), KeyError)


def test_devices_that_are_told_twice_are_nonsense(start: Callable[..., Started]) -> None:
    started = start()
    started.command[-2:] = ["4", "devices-again"]

    with pytest.raises(EngineDiedError, match="makes no sense"):
        started.engine.load()


def test_what_the_child_is_told_early_comes_behind_the_model(
    start: Callable[..., Started], tmp_path: Path
) -> None:
    started = start()
    started.engine.warm(tmp_path / "state", 1 << 20)

    assert started.count() == COUNTS


def test_a_child_that_does_not_give_its_memory_back_in_time_is_killed(
    start: Callable[..., Started], tmp_path: Path
) -> None:
    started = start()
    started.engine.load()
    started.engine.warm(tmp_path / "state", 1 << 20)
    child = started.engine._child
    assert child is not None
    child.process.send_signal(signal.SIGSTOP)

    started.engine.close(0.1)

    assert child.process.wait(SECONDS) == -signal.SIGKILL
    assert started.told.empty()


# --- too large for the memory ---------------------------------------------------------------------

LOADING = 4
"""The moment before progress is told."""


@pytest.mark.parametrize("watched", [False, True])
def test_what_memory_is_too_small_for_is_loaded_with_less_at_once(
    start: Callable[..., Started], watched: bool
) -> None:
    started = start()
    started.planner.takes_less = True
    started.planner.then = lambda: started.goes_wrong(-1, "")
    started.goes_wrong(LOADING, "no-room")

    if watched:
        assert [*started.engine.loading()] != []
    assert started.engine.load() == INFO

    assert (started.planner.failures, started.planner.prepared) == (1, 2)
    assert started.told.empty()


def test_where_there_is_nothing_less_it_is_said_that_memory_is_too_small(
    start: Callable[..., Started],
) -> None:
    started = start()
    started.goes_wrong(LOADING, "no-room")

    with pytest.raises(NoRoomError, match="not enough memory"):
        started.engine.load()

    assert (started.planner.failures, started.planner.prepared) == (1, 1)
    assert started.told.empty()


def test_a_broken_model_is_not_tried_with_less(start: Callable[..., Started]) -> None:
    started = start()
    started.planner.takes_less = True
    started.goes_wrong(LOADING, "no-model")

    with pytest.raises(ModelError, match="no model file"):
        started.engine.load()

    assert (started.planner.failures, started.planner.prepared) == (0, 1)


@pytest.mark.parametrize(
    ("moment", "failures"),
    [
        (2, 0),  # before it tells its devices
        (LOADING, 1),
        (REPLY_BEGINS - 1, 1),  # before the first evaluation
        (REPLY_BEGINS + 3, 0),  # text has come
        (MOMENTS - 1, 0),
    ],
)
def test_a_death_before_anything_was_computed_makes_the_next_plan_careful(
    start: Callable[..., Started], moment: int, failures: int
) -> None:
    started = start()
    started.goes_wrong(moment, "SIGABRT")

    try:
        started.engine.load()
        started.count()
        started.engine.prompt(f"a story {next(NUMBERS)}")
        started.generate()
    except EngineDiedError:
        pass

    assert "SIGABRT" in started.told.get(timeout=SECONDS)
    assert started.planner.failures == failures


def test_closing_is_no_failure_of_the_plan(start: Callable[..., Started]) -> None:
    started = start()
    started.engine.load()

    started.engine.close()

    assert started.planner.failures == 0


def test_what_is_to_be_said_of_the_plan_comes_with_the_model(
    start: Callable[..., Started],
) -> None:
    started = start()
    started.planner.note = "It fits with less."
    voice = Adapter(path="voice.gguf")

    assert started.engine.load() == structs.replace(INFO, note="It fits with less.")
    assert started.engine.adapt((voice,)).note == "It fits with less."
    assert started.engine.load().note == "It fits with less."


def test_the_planner_of_the_next_child_hears_of_the_adapters(
    start: Callable[..., Started],
) -> None:
    started = start()
    voice = Adapter(path="voice.gguf")
    started.engine.load()
    started.engine.adapt((voice,))
    started.engine._child.process.send_signal(signal.SIGKILL)  # type: ignore[union-attr]
    started.told.get(timeout=SECONDS)

    started.engine.load()

    assert started.planner.adapters == [None, (voice,)]
