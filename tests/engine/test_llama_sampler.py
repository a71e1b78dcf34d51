"""What a real model's samplers draw, and what their penalties know."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storytui.engine.api import Sampling
from storytui.engine.llama import LlamaModel
from storytui.engine.messages import ModelConfig

STRONG = Sampling(
    temperature=0.0, repeat_penalty=1.5, repeat_last_n=8, dry_multiplier=4.0, dry_last_n=24
)
GREEDY = Sampling(temperature=0.0, repeat_penalty=1.0, dry_multiplier=0.0)
FEW = st.integers(100, 106)


@pytest.fixture(scope="module")
def model(small_model: Path) -> Iterator[LlamaModel]:
    model = LlamaModel(ModelConfig(path=str(small_model), context=256), lambda _part: None)
    model.evaluate(model.vocabulary.tokenize("The lamp was lit, and the door stood open."), 0)
    yield model
    model.close()


def even_logits(model: LlamaModel) -> np.ndarray:
    """Only a few tokens have a chance, nearly the same one."""
    logits = np.full(model.vocabulary.size, -50.0, dtype=np.float32)
    logits[100:107] = np.linspace(10.0, 9.9, 7)
    return logits


def drawn(model: LlamaModel, prompt: list[int], told: list[int] | None = None) -> list[int]:
    """What is drawn after a prompt, which the sampler is given at once or told of."""
    sampler = model.sampler(STRONG, prompt)
    sampler.accept(told or [])
    tokens = [sampler.draw_from(even_logits(model)) for _ in range(12)]
    sampler.close()
    return tokens


def test_kept_logits_give_the_token_that_the_context_gives(model: LlamaModel) -> None:
    kept = model.logits().copy()
    for seed in range(20):
        now, later = model.sampler(Sampling(seed=seed)), model.sampler(Sampling(seed=seed))
        assert now.draw() == later.draw_from(kept)
        now.close()
        later.close()


def test_a_token_that_was_masked_is_not_drawn(model: LlamaModel) -> None:
    kept = model.logits().copy()
    likeliest = int(kept.argmax())
    kept[likeliest] = -np.inf
    sampler = model.sampler(GREEDY)
    assert sampler.draw_from(kept) == int(kept.argmax()) != likeliest
    sampler.close()


def test_penalties_know_the_prompt(model: LlamaModel) -> None:
    assert drawn(model, [])[0] == 100
    assert drawn(model, [1, 2, 100])[0] != 100


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    prompt=st.lists(FEW, max_size=300),
    changes=st.lists(
        st.tuples(st.integers(0, 300), st.integers(0, 40), st.lists(FEW, max_size=40)), max_size=4
    ),
)
def test_penalties_of_a_changed_prompt_are_those_of_a_new_one(
    model: LlamaModel, prompt: list[int], changes: list[tuple[int, int, list[int]]]
) -> None:
    for start, count, put in changes:
        model.prime(STRONG, prompt)
        prompt = prompt[:start] + put + prompt[start + count :]
        assert drawn(model, prompt) == drawn(model, [], told=prompt)


def test_settings_that_differ_do_not_share_penalties(model: LlamaModel) -> None:
    prompt = [100] * 30
    drawn(model, prompt)
    sampler = model.sampler(GREEDY, prompt)
    assert sampler.draw_from(even_logits(model)) == 100
    sampler.close()
