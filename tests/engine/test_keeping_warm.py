"""The real small model reads ahead, keeps what it read between two sessions, and moves it."""

import queue
from pathlib import Path

import pytest
from msgspec import structs

from storytui.continuing import Options, plan
from storytui.engine.api import Finished, Readiness, Sampling, Statistics
from storytui.engine.messages import ModelConfig
from storytui.engine.process import ProcessEngine
from storytui.samples import sample_text

SECONDS = 120.0
ROOM = 1 << 30
OPTIONS = Options(words=8, reasoning_tokens=0, lead_words=0, sampling=Sampling(seed=1))


def story(characters: int = 2500) -> str:
    return sample_text()[:characters].rsplit(" ", 1)[0]


def cost(engine: ProcessEngine, text: str) -> Statistics:
    *_, last = engine.generate(plan(engine, text, len(text), OPTIONS).request)
    assert isinstance(last, Finished)
    return last.statistics


def read_ahead(engine: ProcessEngine, text: str) -> Readiness:
    told: queue.SimpleQueue[Readiness] = queue.SimpleQueue()
    engine.on_readiness(told.put)
    engine.ahead(plan(engine, text, len(text), OPTIONS).request, "read")
    while True:
        found = told.get(timeout=SECONDS)
        if found.up_to_date and found.healing == 0:
            return found


def opened(model: Path, folder: Path) -> ProcessEngine:
    engine = ProcessEngine(ModelConfig(path=str(model), context=2048), folder / "engine.log")
    engine.warm(folder / "state", ROOM)
    engine.load()
    return engine


def closed(engine: ProcessEngine) -> None:
    """Close, and wait until the child has kept what it had read."""
    child = engine._child
    assert child is not None
    engine.close()
    child.process.wait(SECONDS)


def test_a_story_that_is_opened_again_is_not_read_again(tmp_path: Path, small_model: Path) -> None:
    first = opened(small_model, tmp_path)
    before = cost(first, story())
    closed(first)
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o600
    second = opened(small_model, tmp_path)
    assert cost(second, story()).evaluated_tokens == 0
    assert before.evaluated_tokens == before.prompt_tokens
    closed(second)


@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign"])
def test_a_damaged_state_changes_nothing_but_the_speed(
    tmp_path: Path, small_model: Path, damage: str
) -> None:
    first = opened(small_model, tmp_path)
    whole = cost(first, story(800)).prompt_tokens
    closed(first)
    state = tmp_path / "state"
    raw = bytearray(state.read_bytes())
    match damage:
        case "cut":
            del raw[len(raw) // 2 :]
        case "flipped":
            raw[len(raw) // 3] ^= 4
        case "foreign":
            raw[:] = b"GGUF" + bytes(4096)
    state.write_bytes(raw)
    second = opened(small_model, tmp_path)
    assert cost(second, story(800)).evaluated_tokens == whole
    closed(second)


def test_closing_does_not_wait_for_the_state(tmp_path: Path, small_model: Path) -> None:
    engine = opened(small_model, tmp_path)
    cost(engine, story(800))
    child = engine._child
    assert child is not None
    engine.close()
    # It is still busy with it, or has just ended: nobody waited.
    assert child.process.wait(SECONDS) == 0


def test_nothing_is_kept_where_there_is_no_room(tmp_path: Path, small_model: Path) -> None:
    engine = ProcessEngine(ModelConfig(path=str(small_model), context=2048))
    engine.warm(tmp_path / "state", 1000)
    cost(engine, story(800))
    closed(engine)
    assert not (tmp_path / "state").exists()


def test_a_word_changed_above_costs_itself_and_is_healed(small_model: Path) -> None:
    engine = ProcessEngine(ModelConfig(path=str(small_model), context=2048))
    text = story()
    whole = cost(engine, text).prompt_tokens
    place = text.index(" ", len(text) // 2)
    edited = text[:place] + " most" + text[place:]
    changed = cost(engine, edited)
    assert changed.evaluated_tokens <= 4 + 16
    assert changed.moved_tokens > whole // 4
    assert changed.approximate_tokens > 0
    told = read_ahead(engine, edited)
    assert told.evaluated >= changed.moved_tokens
    healed = cost(engine, edited)
    assert healed.approximate_tokens == 0
    assert healed.evaluated_tokens == 0
    engine.close()


def test_an_exact_engine_reads_everything_behind_a_change(small_model: Path) -> None:
    config = ModelConfig(path=str(small_model), context=2048, exact=True)
    engine = ProcessEngine(config)
    text = story()
    whole = cost(engine, text).prompt_tokens
    place = text.index(" ", len(text) // 2)
    changed = cost(engine, text[:place] + " most" + text[place:])
    assert changed.evaluated_tokens > whole // 3
    assert changed.approximate_tokens == 0
    engine.close()


def test_candidates_evaluate_the_prompt_once(small_model: Path) -> None:
    engine = ProcessEngine(ModelConfig(path=str(small_model), context=2048))
    asked = plan(engine, story(), len(story()), OPTIONS).request
    requests = [structs.replace(asked, sampling=Sampling(seed=n)) for n in range(3)]
    costs: dict[int, Statistics] = {}
    for number, event in engine.candidates(requests):
        if isinstance(event, Finished):
            costs[number] = event.statistics
    assert [costs[n].evaluated_tokens for n in range(3)] == [costs[0].prompt_tokens, 0, 0]
    again = cost(engine, story())
    assert again.evaluated_tokens == 0
    engine.close()
