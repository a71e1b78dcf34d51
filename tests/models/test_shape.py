"""A model's shape out of its header: what each layer has, and what cannot be."""

import pytest
from tiny_gguf import (
    INT32,
    UINT32,
    WIDTH,
    Pair,
    Weights,
    listing,
    llama_pairs,
    llama_tensors,
    scalar,
    tokens,
    write,
)

from storytui.models.gguf_reading import Contents, GgufFaultError, read_contents
from storytui.models.shape import Shape, shape_of


def contents_of(pairs: list[Pair], tensors: list[Weights]) -> Contents:
    data = bytes(write(pairs, tensors).data)
    return read_contents(memoryview(data), len(data))


def of_architecture(architecture: str, layers: int, *more: Pair) -> Shape:
    """A llama's header under another name, with more layers and entries."""
    said = {each.key for each in more}
    pairs = [
        Pair(each.key.replace(b"llama.", architecture.encode() + b"."), each.kind, each.value)
        for each in llama_pairs()
        if each.key not in (b"llama.block_count", b"general.architecture")
    ]
    name = architecture.encode()
    pairs = [
        Pair(b"general.architecture", 8, len(name).to_bytes(8, "little") + name),
        scalar(f"{architecture}.block_count", UINT32, layers),
        *(each for each in pairs if each.key not in said),
        *more,
    ]
    return shape_of(contents_of(pairs, llama_tensors()))


def test_the_numbers_of_a_model() -> None:
    shape = shape_of(contents_of(llama_pairs(), llama_tensors()))

    assert (shape.architecture, shape.width, shape.vocabulary) == ("llama", WIDTH, len(tokens()))
    (layer,) = shape.layers
    assert (layer.heads, layer.kv_heads, layer.key_length, layer.value_length) == (2, 2, 16, 16)
    assert not layer.windowed
    assert not shape.recurrent


def test_token_embeddings_are_the_output_too_where_there_is_no_other() -> None:
    own = Weights(b"output.weight", (WIDTH, len(tokens())))

    tied = shape_of(contents_of(llama_pairs(), llama_tensors()))
    untied = shape_of(contents_of(llama_pairs(), [*llama_tensors(), own]))

    assert tied.tied
    assert [each.name for each in tied.output] == ["output_norm.weight", "token_embd.weight"]
    assert not untied.tied
    assert [each.name for each in untied.output] == ["output_norm.weight", "output.weight"]
    assert [each.name for each in untied.host] == ["token_embd.weight"]


def test_key_and_value_heads_may_differ_by_layer() -> None:
    shape = of_architecture("llama", 3, listing("llama.attention.head_count_kv", INT32, [2, 0, 1]))

    assert [each.keys for each in shape.layers] == [32, 0, 16]


@pytest.mark.parametrize(
    ("architecture", "windowed"),
    [
        ("gemma2", [True, False, True, False, True, False, True]),
        ("gemma3", [True, True, True, True, True, False, True]),
        ("cohere2", [True, True, True, False, True, True, True]),
        ("llama", [False] * 7),
        ("phi3", [False] * 7),
    ],
)
def test_which_layers_have_a_window_where_the_header_does_not_say(
    architecture: str, windowed: list[bool]
) -> None:
    window = scalar(f"{architecture}.attention.sliding_window", UINT32, 64)

    shape = of_architecture(architecture, 7, window)

    assert [each.windowed for each in shape.layers] == windowed
    assert shape.window == (64 if any(windowed) else 0)


def test_which_layers_have_a_window_where_the_header_says() -> None:
    shape = of_architecture(
        "gemma4",
        4,
        scalar("gemma4.attention.sliding_window", UINT32, 64),
        listing("gemma4.attention.sliding_window_pattern", INT32, [1, 0, 0, 1]),
        scalar("gemma4.attention.key_length", UINT32, 64),
        scalar("gemma4.attention.key_length_swa", UINT32, 32),
    )

    assert [each.windowed for each in shape.layers] == [True, False, False, True]
    assert [each.key_length for each in shape.layers] == [32, 64, 64, 32]


def test_layers_that_share_keys_and_values_keep_none() -> None:
    shape = of_architecture("gemma4", 4, scalar("gemma4.attention.shared_kv_layers", UINT32, 3))

    assert [each.keys > 0 for each in shape.layers] == [True, False, False, False]


def test_layers_that_guess_further_tokens_do_not_count() -> None:
    shape = of_architecture("glm4", 4, scalar("glm4.nextn_predict_layers", UINT32, 1))

    assert len(shape.layers) == 3


@pytest.mark.parametrize("name", [b"token_embd.weight", b"blk.0.ffn_down.weight"])
def test_what_cannot_be_computed_with_is_refused(name: bytes) -> None:
    tensors = [each for each in llama_tensors() if each.name != name]

    with pytest.raises(GgufFaultError):
        shape_of(contents_of(llama_pairs(), tensors))


def test_a_model_without_heads_is_refused() -> None:
    with pytest.raises(GgufFaultError, match="a layer 0 that no model has"):
        of_architecture(
            "llama",
            1,
            scalar("llama.attention.head_count", UINT32, 0),
            scalar("llama.attention.head_count_kv", UINT32, 2),
        )
