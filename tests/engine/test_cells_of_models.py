"""A cache that was moved and healed, or gone back on, is that of a cold run: on real models."""

from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from numpy.typing import NDArray

from storytui.engine.cells import Cells
from storytui.engine.kv import Places
from storytui.engine.llama import LlamaModel
from storytui.engine.messages import ModelConfig
from storytui.samples import sample_text

TEXT = sample_text()
SIZES = {"smollm": 320, "gemma_whole": 320, "gemma_windows": 620}
"""Tokens: more than Gemma's sliding window has, where it is cut."""
POSITIONS = 8
"""Places whose next-token distributions are compared."""
HEAD = 6
PLACES = Places(HEAD, HEAD, moved_on=True)


def divergence(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    def logarithms(logits: NDArray[np.float32]) -> NDArray[np.float64]:
        shifted = logits.astype(np.float64) - logits.max()
        return shifted - np.log(np.exp(shifted).sum())

    true, seen = logarithms(one), logarithms(other)
    return float(np.sum(np.exp(true) * (true - seen)))


def go(cells: Cells, wanted: list[int], *, heal: bool = True) -> None:
    plan = cells.plan(wanted, PLACES, moving=True)
    for _ in cells.go_to(wanted, plan, checkpoints=True):
        pass
    for _ in cells.heal() if heal else ():
        pass
    assert cells.tokens == wanted


@pytest.fixture(scope="module")
def smollm(small_model: Path) -> LlamaModel:
    return LlamaModel(ModelConfig(path=str(small_model), context=2048), lambda _: None)


@pytest.fixture(scope="module")
def gemma_whole(other_small_model: Path) -> LlamaModel:
    config = ModelConfig(path=str(other_small_model), context=2048, whole_windows=True)
    return LlamaModel(config, lambda _: None)


@pytest.fixture(scope="module")
def gemma_windows(other_small_model: Path) -> LlamaModel:
    config = ModelConfig(path=str(other_small_model), context=2048, whole_windows=False)
    return LlamaModel(config, lambda _: None)


@pytest.mark.parametrize("name", ["smollm", "gemma_whole", "gemma_windows"])
def test_after_any_change_the_next_token_is_as_likely_as_from_a_cold_cache(
    name: str, request: pytest.FixtureRequest
) -> None:
    model: LlamaModel = request.getfixturevalue(name)
    cells = Cells(model)
    size = SIZES[name]
    tokens = model.vocabulary.tokenize(TEXT)[: size + 100]
    typed = tokens[size:]
    story = tokens[:size]
    middle = size * 2 // 3
    changes = [
        story,
        story + typed[:20],
        story[:HEAD] + story[HEAD + 100 :] + typed[:20],
        story[:HEAD] + story[HEAD + 100 : middle] + typed[30:33] + story[middle + 1 :],
        story[:HEAD] + story[HEAD + 100 : middle] + typed[30:33],
    ]
    for wanted in changes:
        go(cells, wanted)
    # A sliding window that was pruned can only be looked at from its end.
    count = POSITIONS if model.can_move else 1
    lengths = [len(wanted) * (POSITIONS - n) // POSITIONS for n in range(count)]
    warm = looked_at(cells, lengths)
    one_by_one = read_anew(cells, wanted, lengths, batch=1)
    cold = read_anew(cells, wanted, lengths)
    floor = fmean(map(divergence, cold, one_by_one))
    assert fmean(map(divergence, cold, warm)) <= 2 * floor


def looked_at(cells: Cells, lengths: list[int]) -> list[NDArray[np.float32]]:
    return [cells.logits_behind(length) for length in lengths]


def read_anew(
    cells: Cells, tokens: list[int], lengths: list[int], *, batch: int = 0
) -> list[NDArray[np.float32]]:
    """What a cold cache says whose tokens were evaluated so many at once."""
    cells.forget()
    plan = cells.plan(tokens, PLACES, moving=True)
    for _ in cells.go_to(tokens, plan, batch=batch, checkpoints=True):
        pass
    return looked_at(cells, lengths)


@pytest.mark.parametrize("name", ["smollm", "gemma_whole"])
def test_what_moved_is_not_evaluated(name: str, request: pytest.FixtureRequest) -> None:
    cells = Cells(request.getfixturevalue(name))
    cells.forget()
    tokens = request.getfixturevalue(name).vocabulary.tokenize(TEXT)[:300]
    go(cells, tokens)
    before = cells.evaluated
    go(cells, tokens[:HEAD] + tokens[HEAD + 100 :], heal=False)
    assert cells.evaluated - before == 1
    assert cells.approximate > 0


def test_windows_that_keep_no_more_than_they_need_say_that_nothing_can_be_moved(
    gemma_windows: LlamaModel, gemma_whole: LlamaModel, smollm: LlamaModel
) -> None:
    assert not gemma_windows.info.can_move
    assert gemma_whole.info.can_move
    assert smollm.info.can_move


def test_such_a_cache_goes_back_to_a_checkpoint(gemma_windows: LlamaModel) -> None:
    cells = Cells(gemma_windows)
    cells.forget()
    tokens = gemma_windows.vocabulary.tokenize(TEXT)[:900]
    go(cells, tokens[:700])
    # A reply came behind the prompt, longer than the windows keep.
    for at in range(700, 900, 100):
        gemma_windows.evaluate(tokens[at : at + 100], at)
        cells.extend(tokens[at : at + 100])
    before = cells.evaluated
    go(cells, tokens[:690] + tokens[10:20])
    assert cells.evaluated - before <= 10 + 32
