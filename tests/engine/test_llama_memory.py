"""What a real model's memory does when tokens are moved, shared, replaced and kept."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from storytui.engine.api import EngineError
from storytui.engine.llama import LlamaModel
from storytui.engine.messages import ModelConfig
from storytui.samples import writable_sample

NOISE = 0.02
"""Nats: kernels for one token and for many differ by less, another text by far more."""
LENGTH = 160
SCRATCH = 1

Logits = NDArray[np.float32]


def divergence(expected: Logits, found: Logits) -> float:
    """Kullback-Leibler divergence in nats."""

    def log_softmax(logits: Logits) -> NDArray[np.float64]:
        wide = logits.astype(np.float64)
        wide -= wide.max()
        return wide - np.log(np.exp(wide).sum())

    expected_log, found_log = log_softmax(expected), log_softmax(found)
    return float((np.exp(expected_log) * (expected_log - found_log)).sum())


def open_model(path: Path, context: int, *, whole_windows: bool | None = None) -> LlamaModel:
    config = ModelConfig(path=str(path), context=context, whole_windows=whole_windows)
    return LlamaModel(config, lambda _part: None)


def read(model: LlamaModel, tokens: Sequence[int], start: int = 0, sequence: int = 0) -> Logits:
    for at in range(0, len(tokens), model.batch):
        model.evaluate(tokens[at : at + model.batch], start + at, sequence)
    return model.logits().copy()


def cold(model: LlamaModel, tokens: Sequence[int]) -> Logits:
    model.clear()
    return read(model, tokens)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> str:
    return writable_sample(tmp_path_factory.mktemp("sample")).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def loaded(small_model: Path) -> Iterator[LlamaModel]:
    model = open_model(small_model, 512)
    yield model
    model.close()


@pytest.fixture(scope="module")
def tokens(loaded: LlamaModel, story: str) -> list[int]:
    return loaded.vocabulary.tokenize(story)[: LENGTH + 1]


@pytest.fixture(scope="module")
def kept(loaded: LlamaModel, tokens: list[int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the cache of all tokens but the last one is kept: to read them takes far longer."""
    path = tmp_path_factory.mktemp("state") / "kept"
    cold(loaded, tokens[:LENGTH])
    loaded.save_state(path, tokens[:LENGTH])
    return path


@pytest.fixture
def model(loaded: LlamaModel, kept: Path) -> LlamaModel:
    """The small model, which has read all but the last token."""
    for sequence in range(10):
        loaded.remove(0, -1, sequence)
    loaded.load_state(kept, LENGTH)
    return loaded


def replace(model: LlamaModel, tokens: Sequence[int], start: int) -> None:
    """Have other tokens in the middle, by way of a scratch sequence."""
    end = start + len(tokens)
    model.remove(start, end)
    model.share(0, SCRATCH, 0, start)
    model.evaluate(tokens, start, SCRATCH)
    model.share(SCRATCH, 0, start, end)
    model.remove(0, -1, SCRATCH)


def test_tokens_read_again_behind_an_edit_leave_the_cache_as_from_cold(
    model: LlamaModel, tokens: list[int]
) -> None:
    edited = list(tokens)
    edited[60:63] = tokens[100:103]
    stale = read(model, tokens[LENGTH:], LENGTH)
    model.remove(LENGTH, -1)
    for start, end in ((60, 63), (63, 130), (130, LENGTH)):
        replace(model, edited[start:end], start)
    healed = read(model, edited[LENGTH:], LENGTH)
    expected = cold(model, edited)
    assert divergence(expected, healed) < NOISE
    assert divergence(expected, healed) < divergence(expected, stale)


def test_what_is_shared_and_removed_elsewhere_leaves_the_cache_untouched(
    model: LlamaModel, tokens: list[int]
) -> None:
    before = read(model, tokens[LENGTH:], LENGTH)
    model.remove(LENGTH, -1)
    for sequence in (1, 2, 9):
        model.share(0, sequence, 0, LENGTH)
        model.evaluate(tokens[:5], LENGTH, sequence)
        model.remove(0, -1, sequence)
    after = read(model, tokens[LENGTH:], LENGTH)
    assert np.allclose(before, after, atol=1e-2)


def test_moved_tokens_are_the_same_distance_apart(model: LlamaModel, tokens: list[int]) -> None:
    before = read(model, tokens[LENGTH:], LENGTH)
    model.remove(LENGTH, -1)
    model.shift(0, -1, 40)
    after = read(model, tokens[LENGTH:], LENGTH + 40)
    assert divergence(before, after) < NOISE


def test_a_dropped_head_leaves_a_cache_that_goes_on(model: LlamaModel, tokens: list[int]) -> None:
    assert model.remove(10, 60)
    model.shift(60, -1, -50)
    assert model.holds(LENGTH - 50)
    assert not model.holds(LENGTH)
    moved = read(model, tokens[LENGTH:], LENGTH - 50)
    expected = cold(model, tokens[:10] + tokens[60:])
    other = cold(model, tokens[:10])
    assert divergence(expected, moved) < divergence(expected, other)


def test_steps_side_by_side_give_each_its_own_logits(model: LlamaModel, tokens: list[int]) -> None:
    alone = []
    endings = [tokens[5:6], tokens[9:12], tokens[20:21]]
    for ending in endings:
        alone.append(read(model, ending, LENGTH))
        model.remove(LENGTH, -1)
    for sequence in (2, 3, 4):
        model.share(0, sequence, 0, LENGTH)
    model.evaluate_side_by_side([(2 + n, LENGTH, each) for n, each in enumerate(endings)])
    found = [model.logits(index).copy() for index in range(3)]
    for sequence in (2, 3, 4):
        model.remove(0, -1, sequence)
    for number, expected in enumerate(alone):
        nearest = min(range(3), key=lambda n, to=expected: divergence(to, found[n]))
        assert nearest == number
        assert divergence(expected, found[number]) < NOISE


def test_a_step_that_does_not_fit_a_batch_is_refused(model: LlamaModel) -> None:
    with pytest.raises(ValueError, match="129 tokens"):
        model.evaluate([1] * (model.batch + 1), LENGTH)


def test_more_tokens_than_the_context_has_are_an_error_that_says_so(
    model: LlamaModel, tokens: list[int]
) -> None:
    full = (model.context - LENGTH) // model.batch + 1
    for sequence in range(1, full):
        model.evaluate(tokens[: model.batch], 0, sequence)
    with pytest.raises(EngineError, match="could not evaluate"):
        model.evaluate(tokens[: model.batch], 0, full)


def test_a_cache_comes_back_from_its_file(
    model: LlamaModel, tokens: list[int], tmp_path: Path
) -> None:
    before = read(model, tokens[LENGTH:], LENGTH)
    model.remove(LENGTH, -1)
    path = tmp_path / "state"
    written = model.save_state(path, tokens[:LENGTH])
    assert written == path.stat().st_size
    assert model.state_size() <= written < model.state_size() + 10_000
    model.clear()
    assert model.load_state(path, 512) == tokens[:LENGTH]
    assert np.allclose(read(model, tokens[LENGTH:], LENGTH), before, atol=1e-2)


def test_a_file_that_is_no_state_leaves_nothing_evaluated(
    model: LlamaModel, tmp_path: Path
) -> None:
    path = tmp_path / "state"
    path.write_bytes(b"no such thing" * 100)
    with pytest.raises(EngineError, match="could not read state"):
        model.load_state(path, 512)
    assert not model.holds(1)


def test_a_state_with_more_tokens_than_may_be_is_refused(
    model: LlamaModel, tokens: list[int], tmp_path: Path
) -> None:
    model.save_state(tmp_path / "state", tokens[:LENGTH])
    with pytest.raises(EngineError, match="could not read"):
        model.load_state(tmp_path / "state", LENGTH - 1)


def test_a_folder_that_is_not_there_is_an_error_that_names_the_file(
    model: LlamaModel, tokens: list[int], tmp_path: Path
) -> None:
    with pytest.raises(EngineError, match="could not write state"):
        model.save_state(tmp_path / "nowhere" / "state", tokens[:LENGTH])


def test_a_quiet_thread_reads_what_a_loud_one_would(model: LlamaModel, tokens: list[int]) -> None:
    loud = read(model, tokens[LENGTH:], LENGTH)
    model.remove(LENGTH, -1)
    found: list[Logits] = []

    def read_quietly() -> None:
        model.be_quiet(True)
        found.append(read(model, tokens[LENGTH:], LENGTH))

    thread = threading.Thread(target=read_quietly)
    thread.start()
    thread.join()
    model.be_quiet(False)
    model.remove(LENGTH, -1)
    assert divergence(loud, found[0]) < NOISE
    assert divergence(loud, read(model, tokens[LENGTH:], LENGTH)) < NOISE


def test_masked_tokens_have_no_chance(model: LlamaModel, tokens: list[int]) -> None:
    read(model, tokens[LENGTH:], LENGTH)
    likeliest = int(model.logits().argmax())
    model.mask(np.array([likeliest]))
    assert model.logits()[likeliest] == -np.inf


# --- sliding windows ------------------------------------------------------------------------------


def test_whole_windows_can_be_moved(other_small_model: Path, story: str) -> None:
    model = open_model(other_small_model, 512, whole_windows=True)
    assert model.info.can_move
    tokens = [2, *model.vocabulary.tokenize(story)[:LENGTH]]
    before = read(model, tokens)
    model.remove(LENGTH, -1)
    model.shift(0, -1, 40)
    after = read(model, tokens[LENGTH:], LENGTH + 40)
    model.close()
    assert divergence(before, after) < NOISE


def test_whole_windows_from_a_file_are_whole_no_more(
    other_small_model: Path, story: str, tmp_path: Path
) -> None:
    model = open_model(other_small_model, 1024, whole_windows=True)
    tokens = [2, *model.vocabulary.tokenize(story * 3)[:700]]
    before = read(model, tokens)
    model.remove(700, -1)
    model.save_state(tmp_path / "state", tokens[:700])
    assert model.can_move
    model.load_state(tmp_path / "state", 1024)
    assert not model.can_move
    assert model.holds(700)
    assert not model.holds(600)
    assert divergence(before, read(model, tokens[700:], 700)) < NOISE
    model.clear()
    assert model.can_move
    model.close()


@pytest.fixture(scope="module")
def cut(other_small_model: Path) -> Iterator[LlamaModel]:
    """A model that keeps no more of its windows than it needs."""
    model = open_model(other_small_model, 2048, whole_windows=False)
    yield model
    model.close()


def test_cut_windows_cannot_be_moved_and_go_back_to_a_checkpoint_only(
    cut: LlamaModel, story: str
) -> None:
    assert not cut.info.can_move
    tokens = [2, *cut.vocabulary.tokenize(story * 3)[:1500]]
    read(cut, tokens[:600])
    state = cut.checkpoint()
    before = read(cut, tokens[600:601], 600)
    read(cut, tokens[601:], 601)
    assert cut.holds(len(tokens))
    assert cut.holds(len(tokens) - 1)
    assert not cut.holds(600)
    assert cut.restore(state)
    assert cut.remove(600, -1)
    assert cut.holds(600)
    assert divergence(before, read(cut, tokens[600:601], 600)) < NOISE


def test_keys_and_values_of_eight_bits_take_half_and_say_nearly_the_same(
    loaded: LlamaModel, small_model: Path, story: str
) -> None:
    tokens = loaded.vocabulary.tokenize(story)[:LENGTH]
    expected, size = cold(loaded, tokens), loaded.state_size()
    config = ModelConfig(path=str(small_model), context=512, kv_type="q8_0")
    model = LlamaModel(config, lambda _part: None)
    assert divergence(expected, read(model, tokens)) < NOISE
    assert model.state_size() < 0.6 * size
    # They can be moved, too: what follows goes on.
    model.remove(20, 60)
    model.shift(60, -1, -40)
    assert np.isfinite(read(model, tokens[:8], LENGTH - 40)).all()
    model.close()
