"""Adapters on the real small model in its child: switched while running, and what stays of it."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from make_adapters import make_adapter, matrices, write_adapter

from storytui.continuing import Options, Plan, continue_story, show_prompt
from storytui.engine.api import (
    AdapterError,
    EngineDiedError,
    EngineError,
    Event,
    Finished,
    ModelError,
    Readiness,
    Request,
    Sampling,
    SegmentPlan,
    Statistics,
    Text,
)
from storytui.engine.messages import ModelConfig
from storytui.engine.model_info import Adapter, ModelInfo
from storytui.engine.process import ProcessEngine
from storytui.models.formats import format_in_use

STORY = "The lamp had been out for eleven minutes before anyone in the village noticed."
SWITCHES = 50
SETTLED = 10
"""Switches after which allocator and caches have all that they take."""
GROWTH = 12 << 20
"""Bytes that the child may grow by in the others. It goes up and down by 8 MB, over 200 switches
too; each of two adapters has 2 MB, and 24 are loaded then: if they stayed, they would take 48."""


def request(message: str = STORY, *, seed: int = 2, temperature: float = 0.8) -> Request:
    answer = SegmentPlan(
        name="answer", opening="<answer>", closing="</answer>", minimum_words=6, tokens=12
    )
    sampling = Sampling(seed=seed, temperature=temperature)
    return Request(message=message, segments=(answer,), sampling=sampling)


GREEDY = request(temperature=0.0)
SEEDED = request()


def written(events: Sequence[Event]) -> str:
    return "".join(each.text for each in events if isinstance(each, Text))


def cost(events: Sequence[Event]) -> Statistics:
    last = events[-1]
    assert isinstance(last, Finished)
    return last.statistics


def resident(engine: ProcessEngine) -> int:
    """Bytes of memory that only the child has: mapped files are not among them."""
    for line in Path(f"/proc/{engine.pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the system does not say")


@pytest.fixture(scope="module")
def voices(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("adapters")
    return [make_adapter(folder / f"voice-{seed}.gguf", small_model, seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def start(small_model: Path) -> Iterator[Callable[..., ProcessEngine]]:
    engines: list[ProcessEngine] = []

    def start(*adapters: Adapter) -> ProcessEngine:
        config = ModelConfig(path=str(small_model), context=512, threads=1, adapters=adapters)
        engines.append(ProcessEngine(config))
        return engines[-1]

    yield start
    for engine in engines:
        engine.close()


@pytest.fixture(scope="module")
def running(start: Callable[..., ProcessEngine]) -> ProcessEngine:
    return start()


@pytest.fixture
def engine(running: ProcessEngine) -> ProcessEngine:
    """One child for all tests, the base alone and nothing evaluated."""
    running.adapt(())
    running.rebuild()
    return running


@pytest.fixture(scope="module")
def fresh(start: Callable[..., ProcessEngine], voices: list[Path]) -> dict[str, tuple[str, str]]:
    """What a fresh process writes with each adapter, and with none: greedily, and with a seed."""
    found: dict[str, tuple[str, str]] = {}
    for name, adapters in (
        ("", ()),
        *((each.stem, (Adapter(path=str(each)),)) for each in voices),
        ("half", (Adapter(path=str(voices[0]), scale=0.5),)),
        ("both", tuple(Adapter(path=str(each)) for each in voices)),
    ):
        engine = start(*adapters)
        greedy = written(list(engine.generate(GREEDY)))
        engine.rebuild()
        found[name] = greedy, written(list(engine.generate(SEEDED)))
        engine.close()
    return found


def both_answers(engine: ProcessEngine) -> tuple[str, str]:
    """What is written greedily and with a seed, each from a cold cache."""
    greedy = written(list(engine.generate(GREEDY)))
    engine.rebuild()
    return greedy, written(list(engine.generate(SEEDED)))


def test_adapters_change_what_is_written(fresh: dict[str, tuple[str, str]]) -> None:
    assert len({greedy for greedy, _ in fresh.values()}) == len(fresh)
    assert len({seeded for _, seeded in fresh.values()}) == len(fresh)


def test_switched_fifty_times_each_writes_as_in_a_fresh_process_and_memory_stays_flat(
    engine: ProcessEngine, voices: list[Path], fresh: dict[str, tuple[str, str]]
) -> None:
    pid, whole, held = engine.load() and engine.pid, 0, 0
    turns: list[tuple[str, tuple[Adapter, ...]]] = [
        (voices[0].stem, (Adapter(path=str(voices[0])),)),
        (voices[1].stem, (Adapter(path=str(voices[1])),)),
        ("", ()),
        (voices[1].stem, (Adapter(path=str(voices[1])),)),
        ("half", (Adapter(path=str(voices[0]), scale=0.5),)),
    ]
    for switch in range(SWITCHES):
        name, adapters = turns[switch % len(turns)]
        engine.adapt(adapters)
        expected = fresh[name][switch // len(turns) % 2]
        events = list(engine.generate((GREEDY, SEEDED)[switch // len(turns) % 2]))
        assert written(events) == expected, f"switch {switch} to {name}"
        found = cost(events)
        whole = whole or found.prompt_tokens
        # What was read under another adapter is of no use.
        assert (found.evaluated_tokens, found.reused_tokens) == (whole, 0)
        if switch == SETTLED:
            held = resident(engine)
    assert engine.pid == pid
    assert resident(engine) - held < GROWTH


def test_a_switch_to_what_works_already_keeps_what_is_read(
    engine: ProcessEngine, voices: list[Path]
) -> None:
    adapter = Adapter(path=str(voices[0]))
    engine.adapt([adapter])
    first = cost(list(engine.generate(GREEDY)))
    engine.adapt([adapter])
    again = cost(list(engine.generate(GREEDY)))
    assert first.evaluated_tokens == first.prompt_tokens
    assert again.evaluated_tokens <= 1


def test_at_scale_nought_it_is_the_base_and_keeps_what_the_base_has_read(
    engine: ProcessEngine, voices: list[Path], fresh: dict[str, tuple[str, str]]
) -> None:
    assert both_answers(engine) == fresh[""]
    info = engine.adapt([Adapter(path=str(voices[0]), scale=0)])
    assert (info.adapter, info.adapter_scale) == (voices[0].stem, 0)
    again = list(engine.generate(SEEDED))
    assert written(again) == fresh[""][1]
    assert cost(again).evaluated_tokens <= 1


def test_another_scale_reads_anew(
    engine: ProcessEngine, voices: list[Path], fresh: dict[str, tuple[str, str]]
) -> None:
    engine.adapt([Adapter(path=str(voices[0]))])
    list(engine.generate(GREEDY))
    engine.adapt([Adapter(path=str(voices[0]), scale=0.5)])
    events = list(engine.generate(GREEDY))
    assert written(events) == fresh["half"][0]
    assert cost(events).reused_tokens == 0


def test_several_work_together(
    engine: ProcessEngine, voices: list[Path], fresh: dict[str, tuple[str, str]]
) -> None:
    info = engine.adapt([Adapter(path=str(each)) for each in voices])
    assert info.adapter == "voice-1 + voice-2"
    assert both_answers(engine) == fresh["both"]


def test_what_adapters_say_of_the_prompt_format_comes_and_goes_with_them(
    start: Callable[..., ProcessEngine], small_model: Path, voices: list[Path], tmp_path: Path
) -> None:
    mine = make_adapter(tmp_path / "mine.gguf", small_model, 1, prompt_format="storytui-1")
    other = make_adapter(tmp_path / "other.gguf", small_model, 2, prompt_format="cra-v1")

    def formats(info: ModelInfo) -> list[tuple[str, str, float]]:
        return [(Path(e.path).stem, e.prompt_format, e.scale) for e in info.adapters]

    # Whoever names an adapter need not have looked into it, and may be wrong.
    engine = start(Adapter(path=str(mine), prompt_format="cra-v1"))
    assert formats(engine.load()) == [("mine", "storytui-1", 1.0)]
    assert format_in_use("auto", engine.load()).name == "storytui-1"
    engine.adapt([Adapter(path=str(voices[0]))])
    assert formats(engine.load()) == [("voice-1", "", 1.0)]
    assert format_in_use("auto", engine.load()).origin == "default"
    both = [Adapter(path=str(mine), scale=0.25), Adapter(path=str(other), scale=0.5)]
    engine.adapt([*both, Adapter(path=str(voices[0]), scale=0.0)])
    assert formats(engine.load()) == [("mine", "storytui-1", 0.25), ("other", "cra-v1", 0.5)]
    assert format_in_use("auto", engine.load()).name == "cra-v1"
    engine.adapt(())
    assert engine.load().adapters == ()


def test_the_prompt_and_the_cache_follow_a_switch_to_another_format(
    engine: ProcessEngine, small_model: Path, tmp_path: Path
) -> None:
    mine = make_adapter(tmp_path / "mine.gguf", small_model, 1, prompt_format="storytui-1")
    adapter = Adapter(path=str(mine))
    asked = Options(words=8, reasoning_tokens=0, sampling=Sampling(seed=1, temperature=0.0))

    def go_on() -> tuple[str, str, int]:
        events = list(continue_story(engine, STORY, len(STORY), asked))
        plan = next(each for each in events if isinstance(each, Plan))
        rest = [each for each in events if not isinstance(each, Plan)]
        statistics = cost(rest)
        assert statistics.reused_tokens + statistics.evaluated_tokens == statistics.prompt_tokens
        return plan.format, written(rest), statistics.reused_tokens

    bare = go_on()
    assert bare[0] == "cra-v1"
    engine.adapt([adapter])
    adapted = go_on()
    assert (adapted[0], adapted[2]) == ("storytui-1", 0)
    assert "### Task: Continue the story from the very end" in "".join(
        part.text for part in show_prompt(engine, STORY, len(STORY), asked).parts
    )
    engine.rebuild()
    assert go_on()[:2] == adapted[:2]
    engine.adapt(())
    again = go_on()
    assert (again[:2], again[2]) == (bare[:2], 0)


def test_an_adapter_that_was_replaced_in_its_file_is_read_again(
    engine: ProcessEngine,
    small_model: Path,
    voices: list[Path],
    fresh: dict[str, tuple[str, str]],
    tmp_path: Path,
) -> None:
    path = tmp_path / "mine.gguf"
    make_adapter(path, small_model, 1)
    engine.adapt([Adapter(path=str(path))])
    assert written(list(engine.generate(GREEDY))) == fresh[voices[0].stem][0]
    path.unlink()
    make_adapter(path, small_model, 2)
    engine.adapt([Adapter(path=str(path))])
    assert written(list(engine.generate(GREEDY))) == fresh[voices[1].stem][0]


# --- while something is done ----------------------------------------------------------------------


def test_a_reply_that_is_being_written_comes_to_its_end_first(
    engine: ProcessEngine, voices: list[Path], fresh: dict[str, tuple[str, str]]
) -> None:
    events = engine.generate(GREEDY)
    begun = next(events)
    engine.adapt([Adapter(path=str(voices[0]))])
    assert written([begun, *events]) == fresh[""][0]
    assert written(list(engine.generate(GREEDY))) == fresh[voices[0].stem][0]


def test_a_reply_that_was_stopped_makes_room_for_the_switch(
    engine: ProcessEngine, voices: list[Path], fresh: dict[str, tuple[str, str]]
) -> None:
    endless = SegmentPlan(name="answer", opening="<answer>", closing="", tokens=300)
    long = Request(message=STORY, segments=(endless,), sampling=Sampling(seed=1))
    events = engine.generate(long)
    while not isinstance(next(events), Text):
        pass
    engine.stop()
    engine.adapt([Adapter(path=str(voices[1]))])
    assert cost(list(events)).generated_tokens < 300
    assert written(list(engine.generate(GREEDY))) == fresh[voices[1].stem][0]


def test_what_was_begun_ahead_is_dropped_and_readiness_begins_again(
    engine: ProcessEngine, voices: list[Path], fresh: dict[str, tuple[str, str]]
) -> None:
    told: list[Readiness] = []
    engine.on_readiness(told.append)
    engine.ahead(GREEDY, "write")
    _wait(lambda: any(each.thought for each in told))
    engine.adapt([Adapter(path=str(voices[0]))])
    told.clear()
    engine.ahead(GREEDY, "read", edited=False)
    _wait(lambda: any(each.up_to_date for each in told))
    total = told[-1].total
    assert told[-1].evaluated == total
    events = list(engine.generate(GREEDY))
    assert written(events) == fresh[voices[0].stem][0]
    assert cost(events).evaluated_tokens <= 1


def _wait(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not true():
        assert time.monotonic() < limit, "it never came"
        time.sleep(0.005)


# --- deaths ---------------------------------------------------------------------------------------


def test_a_child_that_is_started_again_has_its_adapter_again(
    start: Callable[..., ProcessEngine], voices: list[Path], fresh: dict[str, tuple[str, str]]
) -> None:
    engine = start()
    engine.adapt([Adapter(path=str(voices[0]))])
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    with pytest.raises(EngineDiedError):
        list(engine.generate(GREEDY))
    assert written(list(engine.generate(GREEDY))) == fresh[voices[0].stem][0]
    assert engine.load().adapter == voices[0].stem


def test_a_child_that_dies_in_a_switch_comes_back_as_it_was(
    start: Callable[..., ProcessEngine],
    small_model: Path,
    voices: list[Path],
    fresh: dict[str, tuple[str, str]],
    tmp_path: Path,
) -> None:
    # llama.cpp asserts that the number is a float32, and ends the process.
    deadly = write_adapter(tmp_path / "deadly.gguf", matrices(small_model, 1), wide_alpha=True)
    engine = start(Adapter(path=str(voices[1])))
    list(engine.generate(GREEDY))
    before = engine.pid
    with pytest.raises(EngineDiedError):
        engine.adapt([Adapter(path=str(deadly))])
    assert written(list(engine.generate(GREEDY))) == fresh[voices[1].stem][0]
    assert engine.pid != before


def test_a_child_that_is_killed_before_a_switch_had_its_turn_comes_back_as_it_was(
    start: Callable[..., ProcessEngine], voices: list[Path], fresh: dict[str, tuple[str, str]]
) -> None:
    engine = start(Adapter(path=str(voices[1])))
    endless = SegmentPlan(name="answer", opening="<answer>", closing="", tokens=400)
    events = engine.generate(Request(message=STORY, segments=(endless,), sampling=Sampling()))
    while not isinstance(next(events), Text):
        pass
    failed: list[EngineError] = []

    def switch() -> None:
        try:
            engine.adapt([Adapter(path=str(voices[0]))])
        except EngineError as error:
            failed.append(error)

    waiting = threading.Thread(target=switch)
    waiting.start()
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    waiting.join(60)
    with pytest.raises(EngineDiedError):
        list(events)
    info = engine.load()
    expected = voices[1].stem if failed else voices[0].stem
    assert info.adapter == expected
    assert written(list(engine.generate(GREEDY))) == fresh[expected][0]


def test_a_switch_before_anything_was_loaded_loads_with_the_adapter(
    start: Callable[..., ProcessEngine], voices: list[Path], fresh: dict[str, tuple[str, str]]
) -> None:
    engine = start()
    info: ModelInfo = engine.adapt([Adapter(path=str(voices[0]))])
    assert info == engine.load()
    assert written(list(engine.generate(GREEDY))) == fresh[voices[0].stem][0]


# --- what cannot be used --------------------------------------------------------------------------


def wrong_architecture(folder: Path, base: Path) -> Path:
    return write_adapter(folder / "other.gguf", matrices(base, 1), architecture="qwen2")


def wrong_shape(folder: Path, base: Path) -> Path:
    ones = np.ones
    name = "blk.0.attn_q.weight"
    pair = {f"{name}.lora_a": ones((4, 896), "f4"), f"{name}.lora_b": ones((896, 4), "f4")}
    return write_adapter(folder / "shape.gguf", pair)


def unknown_tensor(folder: Path, base: Path) -> Path:
    ones = np.ones
    name = "blk.99.attn_q.weight"
    pair = {f"{name}.lora_a": ones((4, 576), "f4"), f"{name}.lora_b": ones((576, 4), "f4")}
    return write_adapter(folder / "unknown.gguf", pair)


def half_missing(folder: Path, base: Path) -> Path:
    only = {"blk.0.attn_q.weight.lora_a": np.ones((4, 576), "f4")}
    return write_adapter(folder / "half.gguf", only)


def no_adapter(folder: Path, base: Path) -> Path:
    return base


def nothing_there(folder: Path, base: Path) -> Path:
    return folder / "gone.gguf"


@pytest.mark.parametrize(
    "make",
    [wrong_architecture, wrong_shape, unknown_tensor, half_missing, no_adapter, nothing_there],
)
def test_what_llama_cpp_refuses_leaves_all_as_it_was(
    engine: ProcessEngine,
    small_model: Path,
    voices: list[Path],
    fresh: dict[str, tuple[str, str]],
    tmp_path: Path,
    make: Callable[[Path, Path], Path],
) -> None:
    engine.adapt([Adapter(path=str(voices[0]))])
    list(engine.generate(GREEDY))
    pid = engine.pid
    with pytest.raises(AdapterError):
        engine.adapt([Adapter(path=str(make(tmp_path, small_model)))])
    events = list(engine.generate(GREEDY))
    assert written(events) == fresh[voices[0].stem][0]
    assert cost(events).evaluated_tokens <= 1
    assert engine.load().adapter == voices[0].stem
    assert engine.pid == pid


def test_an_adapter_that_makes_no_numbers_is_found_out_at_the_first_words(
    engine: ProcessEngine, small_model: Path, tmp_path: Path, fresh: dict[str, tuple[str, str]]
) -> None:
    path = write_adapter(tmp_path / "loud.gguf", matrices(small_model, 1, strength=1e30))
    pid = engine.pid
    engine.adapt([Adapter(path=str(path))])
    for _ in range(2):
        with pytest.raises(EngineError, match=r"No text comes of the adapter loud.*smaller scale"):
            list(engine.generate(GREEDY))
    engine.adapt(())
    assert written(list(engine.generate(GREEDY))) == fresh[""][0]
    assert engine.pid == pid


def test_a_start_with_an_adapter_that_is_gone_says_so_and_can_do_without(
    start: Callable[..., ProcessEngine], tmp_path: Path, fresh: dict[str, tuple[str, str]]
) -> None:
    engine = start(Adapter(path=str(tmp_path / "gone.gguf")))
    with pytest.raises(ModelError, match=r"no adapter .*gone.gguf.*turn the adapter off"):
        engine.load()
    engine.adapt(())
    assert written(list(engine.generate(GREEDY))) == fresh[""][0]


# --- another kind of memory -----------------------------------------------------------------------


def test_with_sliding_windows_a_switch_is_as_a_fresh_start_too(
    other_small_model: Path, tmp_path: Path
) -> None:
    tensors = matrices(other_small_model, 1)
    voice = write_adapter(tmp_path / "voice.gguf", tensors, architecture="gemma3")
    config = ModelConfig(path=str(other_small_model), context=512, threads=1)
    switched = ProcessEngine(config)
    base = written(list(switched.generate(GREEDY)))
    switched.adapt([Adapter(path=str(voice))])
    voiced = list(switched.generate(GREEDY))
    switched.adapt(())
    assert written(list(switched.generate(GREEDY))) == base
    switched.close()
    fresh = ProcessEngine(config)
    fresh.adapt([Adapter(path=str(voice))])
    assert written(list(fresh.generate(GREEDY))) == written(voiced) != base
    fresh.close()
    assert cost(voiced).reused_tokens == 0


# --- kept between sessions ------------------------------------------------------------------------


def closed_by_itself(engine: ProcessEngine) -> None:
    """Close an engine and wait until its child has kept what it had read."""
    child = engine._child
    assert child is not None
    engine.close()
    child.process.wait(60)


@pytest.mark.parametrize(
    ("then", "fits"),
    [("same", True), ("other", False), ("scale", False), ("base", False)],
)
def test_what_was_read_under_an_adapter_is_taken_up_under_the_same_only(
    start: Callable[..., ProcessEngine], voices: list[Path], tmp_path: Path, then: str, fits: bool
) -> None:
    path = tmp_path / "kept.state"
    first = start()
    first.load()
    first.warm(path, 1 << 30)
    first.adapt([Adapter(path=str(voices[0]))])
    whole = cost(list(first.generate(GREEDY))).prompt_tokens
    closed_by_itself(first)
    assert path.stat().st_size > 0

    adapters = {
        "same": [Adapter(path=str(voices[0]))],
        "other": [Adapter(path=str(voices[1]))],
        "scale": [Adapter(path=str(voices[0]), scale=0.5)],
        "base": [],
    }
    second = start(*adapters[then])
    second.load()
    second.warm(path, 1 << 30)
    evaluated = cost(list(second.generate(GREEDY))).evaluated_tokens
    assert evaluated <= 1 if fits else evaluated == whole
    second.close()


def test_a_state_is_not_taken_up_once_the_adapter_in_its_file_is_another(
    start: Callable[..., ProcessEngine], small_model: Path, tmp_path: Path
) -> None:
    path, mine = tmp_path / "kept.state", tmp_path / "mine.gguf"
    make_adapter(mine, small_model, 1)
    first = start(Adapter(path=str(mine)))
    first.load()
    first.warm(path, 1 << 30)
    whole = cost(list(first.generate(GREEDY))).prompt_tokens
    closed_by_itself(first)

    was = mine.stat()
    make_adapter(mine, small_model, 2)
    os.utime(mine, ns=(was.st_atime_ns, was.st_mtime_ns))
    second = start(Adapter(path=str(mine)))
    second.load()
    second.warm(path, 1 << 30)
    assert cost(list(second.generate(GREEDY))).evaluated_tokens == whole
    second.close()
