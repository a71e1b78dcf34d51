"""The gradient of a step is the same however its rows are dealt out."""

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from tiny import VOCABULARY, base_of, model_of
from tiny import options as tiny_options

from storytui_train.training.learner import Learner
from storytui_train.training.lora import new_adapter
from storytui_train.training.row_files import RowFile
from storytui_train.training.rows import TokenRow
from storytui_train.training.separate import keeps_apart
from storytui_train.training.spreading import Spread
from storytui_train.training.stepping import Figures, NotANumberError, Stepping, clip

NUMBERS = (3, 0, 7, 4, 1, 6, 2, 5)
SEQUENCE = 64
KINDS = ("llama", "gemma3_text")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> RowFile:
    dice = random.Random(5)
    path = tmp_path_factory.mktemp("rows") / "train.jsonl"
    lines = []
    for number in range(9):
        tokens = tuple(dice.randrange(3, VOCABULARY) for _ in range(dice.randint(9, 40)))
        # From one trained token to nearly all.
        reply = dice.choice([1, len(tokens) // 2, len(tokens) - 1])
        lines.append(
            msgspec.json.encode(TokenRow(id=str(number), book="b", tokens=tokens, reply=reply))
        )
    path.write_bytes(b"\n".join(lines) + b"\n")
    return RowFile(path)


class Model:
    """A tiny model with an adapter that does something."""

    def __init__(self, kind: str) -> None:
        torch.set_num_threads(1)
        self.base = base_of(model_of(kind))
        self.adapted = new_adapter(self.base, tiny_options(), seed=1)
        torch.manual_seed(2)
        for name, each in self.adapted.named_parameters():
            if "lora_B" in name:
                each.data = torch.randn_like(each) * 0.05
        self.learner = Learner(self.base, self.adapted, tiny_options())

    def stepping(self, at_once: int, *, packing: bool, **changed: Any) -> Stepping:
        options = tiny_options(rows_at_once=at_once, sequence=SEQUENCE, **changed)
        return Stepping(
            self.learner, options, Spread(), vocabulary=VOCABULARY, seed=1, packing=packing
        )

    def gradients(self, rows: RowFile, at_once: int, *, packing: bool) -> tuple[Figures, Any]:
        stepping = self.stepping(at_once, packing=packing)
        figures = stepping.gradients(rows, NUMBERS, 0)
        made = [each.grad for each in stepping.trained]
        assert all(each is not None for each in made)
        return figures, torch.cat([each.flatten() for each in made if each is not None])


@pytest.fixture(scope="module", params=KINDS)
def model(request: pytest.FixtureRequest) -> Model:
    return Model(request.param)


@pytest.mark.parametrize("packing", [False, True])
@pytest.mark.parametrize("at_once", [8, 4, 2, 1])
def test_accumulated_packed_or_at_once_the_gradient_is_the_same(
    model: Model, rows: RowFile, at_once: int, packing: bool
) -> None:
    # One row after the other, each by itself.
    whole, expected = model.gradients(rows, 1, packing=False)

    figures, found = model.gradients(rows, at_once, packing=packing)

    assert expected.abs().max() > 0.01
    assert (found - expected).abs().max() <= 1e-5
    assert figures.loss == pytest.approx(whole.loss, abs=1e-5)
    assert (figures.tokens, figures.trained) == (whole.tokens, whole.trained)


def test_a_mean_of_means_would_be_another_gradient(model: Model, rows: RowFile) -> None:
    _, expected = model.gradients(rows, 1, packing=False)

    stepping = model.stepping(1, packing=False)
    means = torch.zeros_like(expected)
    for number in NUMBERS:
        stepping.gradients(rows, [number], 0)
        made = [each.grad for each in stepping.trained]
        means += torch.cat([each.flatten() for each in made if each is not None]) / len(NUMBERS)

    assert (means - expected).abs().max() > 1e-3


def test_the_loss_is_the_validations_too(model: Model, rows: RowFile) -> None:
    whole, _ = model.gradients(rows, 1, packing=False)

    for at_once, packing in ((1, True), (4, True), (8, False)):
        found = model.stepping(at_once, packing=packing).losses(rows, NUMBERS)
        assert found.loss == pytest.approx(whole.loss, abs=1e-5)
        assert found.trained == whole.trained


def test_a_steps_random_numbers_are_its_own(rows: RowFile) -> None:
    torch.set_num_threads(1)
    base = base_of(model_of("llama"))
    adapted = new_adapter(base, tiny_options(dropout=0.5), seed=1)
    for name, each in adapted.named_parameters():
        if "lora_B" in name:
            each.data = torch.full_like(each, 0.05)
    options = tiny_options(sequence=SEQUENCE)
    learner = Learner(base, adapted, options)
    stepping = Stepping(learner, options, Spread(), vocabulary=VOCABULARY, seed=1)

    first = stepping.gradients(rows, NUMBERS, 4).loss
    other = stepping.gradients(rows, NUMBERS, 5).loss
    torch.rand(17)
    again = stepping.gradients(rows, NUMBERS, 4).loss

    assert again == first != other


def test_rows_are_kept_apart_by_the_bases_that_are_trained(model: Model) -> None:
    assert keeps_apart(model.base)


def test_rows_are_found_to_be_kept_apart_whatever_an_adapters_dropout_does() -> None:
    torch.set_num_threads(1)
    base = base_of(model_of("llama"))
    adapted = new_adapter(base, tiny_options(dropout=0.5), seed=1)
    for name, each in adapted.named_parameters():
        if "lora_B" in name:
            each.data = torch.full_like(each, 0.5)

    # As a training that goes on has it: from the disk, in the mode that peft made it in.
    assert any(each.training for each in adapted.modules())
    assert keeps_apart(base)


def test_a_token_that_the_base_does_not_know_is_said(model: Model, rows: RowFile) -> None:
    stepping = model.stepping(1, packing=True)
    stepping._vocabulary = 10

    with pytest.raises(Exception, match="Name a GGUF of the same base under gguf"):
        stepping.gradients(rows, NUMBERS, 0)


def test_a_gradient_is_cut_to_its_norm_and_one_that_is_no_number_is_refused() -> None:
    parameter = torch.nn.Parameter(torch.zeros(4))
    parameter.grad = torch.tensor([3.0, 4.0, 0.0, 0.0])
    assert clip([parameter], 0.0) == 5.0
    assert parameter.grad.norm() == 5.0
    assert clip([parameter], 1.0) == 5.0
    assert float(parameter.grad.norm()) == pytest.approx(1.0, abs=1e-5)
    parameter.grad[0] = float("nan")

    with pytest.raises(NotANumberError):
        clip([parameter], 1.0)


def test_the_file_of_rows_is_what_it_seems(rows: RowFile, tmp_path: Path) -> None:
    trained = [rows.lengths[each] - rows.replies[each] for each in NUMBERS]
    assert max(trained) > 5 * min(trained)


def test_how_long_a_sequence_was_is_kept_of_what_was_learnt_from_alone(
    model: Model, rows: RowFile
) -> None:
    stepping = model.stepping(1, packing=True)
    stepping.losses(rows, NUMBERS)
    assert stepping.widest == 0
    stepping.gradients(rows, NUMBERS[:1], 0)
    assert stepping.widest == rows.lengths[NUMBERS[0]]
