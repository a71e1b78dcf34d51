"""A quick look at a model file before an engine is started for it."""

import struct
from pathlib import Path

import pytest

from storytui.engine.api import ModelError
from storytui.models.gguf import check_gguf
from storytui.models.starter import chosen_model, starter_model


def string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def gguf(*, version: int = 3, last_offset: int = 64, length: int = 128) -> bytes:
    """A model of two tensors with `length` bytes of weights."""
    pairs = [
        string("general.architecture") + struct.pack("<I", 8) + string("llama"),
        string("general.name") + struct.pack("<I", 8) + string("Tiny"),
        string("llama.context_length") + struct.pack("<II", 4, 2048),
        string("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 2) + string("a") + string("bc"),
        string("tokenizer.ggml.scores") + struct.pack("<IIQff", 9, 6, 2, 0.5, 1.5),
        string("nested") + struct.pack("<IIQIQB", 9, 9, 1, 0, 1, 7),
        string("a.fraction") + struct.pack("<If", 6, 1.5),
    ]
    tensors = [
        string("one.weight") + struct.pack("<IQIQ", 1, 16, 0, 0),
        string("two.weight") + struct.pack("<IQQIQ", 2, 4, 4, 0, last_offset),
    ]
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(pairs))
    body = head + b"".join(pairs) + b"".join(tensors)
    return body + b"\0" * (-len(body) % 32) + b"\1" * length


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(data)
    return path


def test_the_header_says_what_the_model_is(tmp_path: Path) -> None:
    header = check_gguf(written(tmp_path, gguf()))

    assert (header.name, header.architecture, header.context, header.tensors) == (
        "Tiny",
        "llama",
        2048,
        2,
    )


def test_a_header_cut_off_anywhere_is_a_damaged_model(tmp_path: Path) -> None:
    whole = gguf()
    for length in range(4, len(whole) - 64):
        with pytest.raises(ModelError, match="breaks off or is damaged"):
            check_gguf(written(tmp_path, whole[:length]))


@pytest.mark.parametrize("data", [b"", b"GG", b"PK\3\4 something else", b"# A story\n"])
def test_what_is_no_gguf_is_called_so(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ModelError, match="is not a GGUF file"):
        check_gguf(written(tmp_path, data))


@pytest.mark.parametrize("version", [1, 4, 0x03000000])
def test_an_unknown_version_is_named(tmp_path: Path, version: int) -> None:
    with pytest.raises(ModelError, match=f"GGUF version {version}"):
        check_gguf(written(tmp_path, gguf(version=version)))


def test_a_length_beyond_the_file_is_damage_and_no_endless_loop(tmp_path: Path) -> None:
    huge = b"GGUF" + struct.pack("<IQQ", 3, 2**60, 2**60) + b"\xff" * 64

    with pytest.raises(ModelError, match="damaged"):
        check_gguf(written(tmp_path, huge))


def test_there_is_no_model_where_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no model"):
        check_gguf(tmp_path / "gone.gguf")
    with pytest.raises(ModelError, match="is a folder"):
        check_gguf(tmp_path)


def test_the_built_in_model_is_found_and_is_a_gguf() -> None:
    path = starter_model()

    assert path is not None
    assert chosen_model("") == path
    assert check_gguf(path).architecture == "llama"


def test_without_any_model_the_message_says_how_to_choose_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("storytui.models.starter.find_spec", lambda _name: None)

    with pytest.raises(ModelError, match="--model"):
        chosen_model("")


def test_a_chosen_model_may_be_below_the_home_folder(home: Path) -> None:
    assert chosen_model("~/models/a.gguf") == home / "models" / "a.gguf"
