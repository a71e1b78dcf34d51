"""What is kept of a measurement, whatever ends it."""

from pathlib import Path

import pytest

from storytui_train.errors import EvaluateError
from storytui_train.evaluate.kept import NAME, Kept, key
from storytui_train.evaluate.takes import Free, Take

ONE, TWO = Free(raw="<answer>\udfff\nA.", ended=False), Free(raw="B", ended=True)


def test_what_was_kept_is_found_by_whoever_opens_it_next(tmp_path: Path) -> None:
    with Kept(tmp_path / "new" / "folder") as kept:
        assert kept.found("a", Free) is None
        kept.keep("a", TWO)
        assert kept.found("a", Free) == TWO
    with Kept(tmp_path / "new" / "folder") as kept:
        assert kept.found("a", Free) == TWO
        assert kept.found("a", Take) is None


def test_a_line_that_broke_off_costs_itself_only(tmp_path: Path) -> None:
    with Kept(tmp_path) as kept:
        kept.keep("a", TWO)
        kept.keep("b", TWO)
    path = tmp_path / NAME
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for length in range(first, len(whole)):
        path.write_bytes(whole[:length])
        with Kept(tmp_path) as kept:
            assert kept.found("a", Free) == TWO
            assert kept.found("b", Free) is None
            kept.keep("b", TWO)
        with Kept(tmp_path) as kept:
            assert kept.found("b", Free) == TWO


def test_lines_of_something_else_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b'hello\n{"key":"a","value":3}\n\xff\xfe\n')
    with Kept(tmp_path) as kept:
        assert kept.found("a", Free) is None


def test_keys_tell_apart_and_take_any_text() -> None:
    assert key("a", 1) == key("a", 1)
    different = [("a", 1), ("a1",), ("a", "1"), ("\ud800", 1), ("a", 1, ""), (("a", 1),)]
    assert len({key(*each) for each in different}) == len(different)


def test_where_nothing_can_be_kept_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(EvaluateError, match=r"cannot be kept in .*file.*what was measured is kept"):
        Kept(tmp_path / "file")
