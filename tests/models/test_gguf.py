"""A strict look at a model file before an engine is started for it."""

import os
from pathlib import Path

import pytest
import tiny_gguf as tiny

from storytui.engine.api import ModelError
from storytui.models.gguf import MOST_NAME, GgufHeader, check_gguf
from storytui.models.starter import chosen_model, starter_model


def written(tmp_path: Path, file: tiny.File | bytes, name: str = "tiny.gguf") -> Path:
    path = tmp_path / name
    path.write_bytes(file if isinstance(file, bytes) else bytes(file.data))
    return path


def test_the_header_says_what_the_model_is(tmp_path: Path) -> None:
    header = check_gguf(written(tmp_path, tiny.llama()))

    assert header == GgufHeader(name="Tiny", architecture="llama", context=512, tensors=11)


def test_version_2_is_read_as_well(tmp_path: Path) -> None:
    file = tiny.write(tiny.llama_pairs(), tiny.llama_tensors(), version=2)

    assert check_gguf(written(tmp_path, file)).tensors == 11


def test_a_model_without_a_name_has_its_files(tmp_path: Path) -> None:
    assert check_gguf(written(tmp_path, tiny.llama(name=""), "winter.gguf")).name == "winter"


def test_a_name_cannot_speak_to_the_terminal(tmp_path: Path) -> None:
    header = check_gguf(written(tmp_path, tiny.llama(name="a\x1b]52;c;eA==\ab\u202ec\n")))

    assert header.name == "a␛]52;c;eA==␇b⟨U+202E⟩c␊"


def test_a_name_is_cut_to_a_length_that_can_be_shown(tmp_path: Path) -> None:
    assert len(check_gguf(written(tmp_path, tiny.llama(name="a" * 100_000))).name) == MOST_NAME


def test_a_fault_names_what_is_wrong_without_speaking_to_the_terminal(tmp_path: Path) -> None:
    tensors = [tiny.Weights(b"a\x1b[2Jb", (32,)), *tiny.llama_tensors()]

    with pytest.raises(ModelError, match=r"cannot be seen: a␛\[2Jb\. Get the file again\.$"):
        check_gguf(written(tmp_path, tiny.write(tiny.llama_pairs(), tensors)))


def test_a_file_that_breaks_off_inside_its_weights_is_found(tmp_path: Path) -> None:
    whole = bytes(tiny.llama().data)

    with pytest.raises(ModelError, match="breaks off before its weights end"):
        check_gguf(written(tmp_path, whole[:-1]))


@pytest.mark.parametrize("data", [b"", b"GG", b"PK\3\4 something else", b"# A story\n"])
def test_what_is_no_gguf_is_called_so(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ModelError, match="is not a GGUF file"):
        check_gguf(written(tmp_path, data))


@pytest.mark.parametrize("version", [1, 4, 0x03000000])
def test_an_unknown_version_is_named(tmp_path: Path, version: int) -> None:
    file = tiny.write(tiny.llama_pairs(), tiny.llama_tensors(), version=version)

    with pytest.raises(ModelError, match=f"GGUF version {version}"):
        check_gguf(written(tmp_path, file))


def test_an_adapter_is_no_model_by_itself(tmp_path: Path) -> None:
    pairs = [*tiny.llama_pairs(), tiny.text("general.type", "adapter")]

    with pytest.raises(ModelError, match=r"is an adapter.*Name a whole model\.$"):
        check_gguf(written(tmp_path, tiny.write(pairs, tiny.llama_tensors())))


def test_there_is_no_model_where_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no model"):
        check_gguf(tmp_path / "gone.gguf")
    with pytest.raises(ModelError, match="is a folder"):
        check_gguf(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no such files")
def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gguf")

    with pytest.raises(ModelError, match="is not a file"):
        check_gguf(tmp_path / "pipe.gguf")


# --- divided models -------------------------------------------------------------------------------


def divided(tmp_path: Path, *, count: int = 2, second: bytes | None = None) -> Path:
    """A model in two files; returns the first."""

    def part(number: int) -> list[tiny.Pair]:
        return [tiny.scalar("split.no", 2, number), tiny.scalar("split.count", 2, count)]

    tensors = tiny.llama_tensors()
    first = tiny.write([*tiny.llama_pairs(), *part(0)], tensors[:5])
    data = bytes(tiny.write(part(1), tensors[5:]).data) if second is None else second
    if data:
        written(tmp_path, data, "tiny-00002-of-00002.gguf")
    return written(tmp_path, first, "tiny-00001-of-00002.gguf")


def test_a_divided_model_is_looked_into_part_by_part(tmp_path: Path) -> None:
    assert check_gguf(divided(tmp_path)).architecture == "llama"


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"tiny-00002-of-00002\.gguf breaks off"):
        check_gguf(divided(tmp_path, second=b"GGUF\3\0\0\0"))


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"There is no model .*tiny-00002-of-00002\.gguf"):
        check_gguf(divided(tmp_path, second=b""))


def test_a_model_with_more_parts_than_its_name_says_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="first of 3 parts"):
        check_gguf(divided(tmp_path, count=3))


def test_a_later_part_leads_to_the_first(tmp_path: Path) -> None:
    divided(tmp_path)

    with pytest.raises(ModelError, match=r"Name the first part.*-00001-of-00002\.gguf\.$"):
        check_gguf(tmp_path / "tiny-00002-of-00002.gguf")


# --- which model ----------------------------------------------------------------------------------


def test_the_built_in_model_is_found_and_in_order() -> None:
    path = starter_model()

    assert path is not None
    assert chosen_model("") == path
    header = check_gguf(path)
    assert (header.architecture, header.context, header.tensors) == ("llama", 8192, 272)


def test_without_any_model_the_message_says_how_to_choose_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("storytui.models.starter.find_spec", lambda _name: None)

    with pytest.raises(ModelError, match="--model"):
        chosen_model("")


def test_a_chosen_model_may_be_below_the_home_folder(home: Path) -> None:
    assert chosen_model("~/models/a.gguf") == home / "models" / "a.gguf"
