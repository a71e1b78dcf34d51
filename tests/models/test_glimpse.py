"""A look at the beginning of a GGUF file tells what it is and believes little of it."""

from pathlib import Path
from typing import get_args

import pytest
import stores
import tiny_gguf as tiny
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storytui.engine.api import ModelError
from storytui.models.glimpse import Glimpse, Kind, glimpse

WHOLE = bytes(tiny.llama().data)
VOCABULARY = WHOLE.index(b"tokenizer.ggml.model")


def test_a_model_is_told_with_its_architecture_and_name(tmp_path: Path) -> None:
    path = stores.written(tmp_path / "m", WHOLE)

    assert glimpse(path) == Glimpse("writer", "llama", "Tiny")


def test_nothing_behind_the_beginning_of_the_vocabulary_is_read(tmp_path: Path) -> None:
    path = stores.written(tmp_path / "m", WHOLE[: VOCABULARY + 80])

    assert glimpse(path).kind == "writer"


def test_a_header_in_another_order_is_read_to_its_end(tmp_path: Path) -> None:
    pairs = tiny.llama_pairs()
    path = stores.written(tmp_path / "m", bytes(tiny.write(pairs[::-1], ()).data))

    assert glimpse(path).kind == "writer"


def test_a_further_part_of_a_divided_model_is_none_by_itself(tmp_path: Path) -> None:
    more = (tiny.scalar("split.no", 2, 1), tiny.scalar("split.count", 2, 2))
    path = stores.written(tmp_path / "m", bytes(tiny.write(more, ()).data))

    assert glimpse(path).kind == "other"


def test_a_text_without_end_is_not_read_to_it(tmp_path: Path) -> None:
    name = tiny.Pair(b"general.name", tiny.STRING, b"\xff" * 7 + b"\x7f")
    path = stores.written(tmp_path / "m", bytes(tiny.write([name], ()).data))

    with pytest.raises(ModelError, match=r"breaks off or is damaged\.$"):
        glimpse(path)


@given(
    cut=st.integers(0, VOCABULARY + 100),
    at=st.integers(0, VOCABULARY + 100),
    put=st.binary(min_size=1, max_size=9),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_in_a_file_it_is_told_or_refused(
    tmp_path: Path, cut: int, at: int, put: bytes
) -> None:
    for data in (WHOLE[:cut], WHOLE[:at] + put + WHOLE[at + len(put) :]):
        path = stores.written(tmp_path / "m", data)
        assert kind_or_sentence(path) in get_args(Kind) or kind_or_sentence(path).endswith(".")


def kind_or_sentence(path: Path) -> str:
    try:
        return glimpse(path).kind
    except ModelError as error:
        return str(error)
