"""Shapes out of configurations and GGUF headers, and what cannot be trained."""

import pytest
import shapes

from storytui.models.shape_of_file import shape_in
from storytui.models.starter import starter_model
from storytui_train.errors import RecipeError
from storytui_train.training.shape_finding import smaller_models
from storytui_train.training.trained_shape import from_config, from_gguf


def test_a_configuration_and_a_published_shape_say_the_same() -> None:
    ours = from_config(shapes.QWEN_7B)
    assert ours == shapes.qwen_7b()
    assert ours.parameters == 7_615_616_512
    assert ours.key == shapes.qwen_7b().key


def test_a_configuration_and_a_gguf_file_say_the_same() -> None:
    path = starter_model()
    assert path is not None
    ours = from_gguf(shape_in(path))
    assert ours == from_config(shapes.SMOLLM)
    assert ours.parameters == 134_515_008


def test_the_published_shapes_that_can_be_trained_have_their_number_of_weights() -> None:
    known = smaller_models()
    assert known["Qwen/Qwen3-8B"].parameters == 8_190_735_360
    assert known["Qwen/Qwen3-4B-Instruct-2507"].parameters == 4_022_468_096
    assert known["google/gemma-3-4b-it"].parameters == 3_880_099_328


def test_a_gemma_says_by_saying_nothing() -> None:
    shape = from_config({"model_type": "gemma3_text"})
    assert (shape.width, len(shape.layers), shape.vocabulary, shape.tied) == (
        2304,
        26,
        262_208,
        True,
    )
    assert [bool(each.window) for each in shape.layers[:7]] == [True] * 5 + [False, True]
    # The language model inside one that sees.
    inside = {"model_type": "gemma3", "text_config": {"hidden_size": 2560, "head_dim": 256}}
    assert from_config(inside).width == 2560


def test_the_index_decides_whether_there_is_an_output_head() -> None:
    config = shapes.SMOLLM | {"tie_word_embeddings": False}
    assert from_config(config, frozenset({"model.embed_tokens.weight"})).tied
    both = frozenset({"model.embed_tokens.weight", "lm_head.weight"})
    assert not from_config(shapes.SMOLLM, both).tied


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "architecture unknown"),
        ({"model_type": "phi3"}, "phi3"),
        ({"model_type": "qwen3_moe", "num_experts": 8}, "qwen3_moe"),
        (shapes.SMOLLM | {"num_local_experts": 8}, "experts"),
        (shapes.SMOLLM | {"hidden_size": -1}, "hidden_size"),
        (shapes.SMOLLM | {"hidden_size": "\x1b[2J"}, "hidden_size"),
        (shapes.SMOLLM | {"num_hidden_layers": 10**9}, "num_hidden_layers"),
        ({"model_type": "llama"}, "hidden_size"),
    ],
)
def test_what_cannot_be_trained_is_said(config: dict[str, object], said: str) -> None:
    with pytest.raises(RecipeError, match=said) as raised:
        from_config(config)
    assert "\x1b" not in str(raised.value)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"quantization_config": {"quant_method": "bitsandbytes"}}, "quantised already"),
        ({"use_bidirectional_attention": True}, "in both directions"),
        ({"text_config": {"use_bidirectional_attention": True}}, "in both directions"),
    ],
)
def test_what_training_refuses_is_not_planned_for(more: dict[str, object], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        from_config({"model_type": "gemma3", **more})
