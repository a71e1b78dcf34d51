"""Judgements that are kept: nothing that was judged is lost, whatever breaks off."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui_train.data.teacher.kept_judgements import Gains, KeptJudgements
from storytui_train.errors import TeacherError


def gains(value: float) -> Gains:
    return Gains(first=value, second=value + 1, whole=value + 0.5, masked=0.25)


def test_what_was_kept_is_found_by_every_task(tmp_path: Path) -> None:
    one = KeptJudgements(tmp_path / "judged", "00000")
    one.keep({"a": gains(1.0), "b": gains(2.0)})
    one.close()
    other = KeptJudgements(tmp_path / "judged", "00001")
    other.keep({"c": gains(3.0)})
    other.close()
    again = KeptJudgements(tmp_path / "judged", "00000")
    assert [again.found(name) for name in "abc"] == [gains(1.0), gains(2.0), gains(3.0)]
    assert again.found("d") is None
    again.close()


def test_what_is_kept_is_there_without_closing(tmp_path: Path) -> None:
    one = KeptJudgements(tmp_path, "00000")
    one.keep({"a": gains(1.0)})
    assert KeptJudgements(tmp_path, "00001").found("a") == gains(1.0)


@given(st.integers(0, 10_000))
def test_a_file_that_broke_off_anywhere_loses_what_was_not_whole_and_goes_on(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("judged")
    one = KeptJudgements(folder, "00000")
    names = [f"name-{n}" for n in range(6)]
    for name in names:
        one.keep({name: gains(float(len(name)))})
    one.close()
    path = folder / "00000.jsonl"
    raw = path.read_bytes()
    raw = raw[: cut % (len(raw) + 1)]
    path.write_bytes(raw)
    again = KeptJudgements(folder, "00000")
    whole = raw.count(b"\n")
    assert [name for name in names if again.found(name)] == names[:whole]
    again.keep({"later": gains(9.0)})
    again.close()
    last = KeptJudgements(folder, "00000")
    assert [name for name in [*names, "later"] if last.found(name)] == [*names[:whole], "later"]
    last.close()


def test_lines_that_are_no_judgements_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "00000.jsonl").write_bytes(b"\xff\n{}\n[1]\nnull\n")
    one = KeptJudgements(tmp_path, "00000")
    one.keep({"a": gains(1.0)})
    one.close()
    assert KeptJudgements(tmp_path, "1").found("a") == gains(1.0)


def test_a_place_where_nothing_can_be_kept_is_said(tmp_path: Path) -> None:
    (tmp_path / "judged").write_text("no folder")
    with pytest.raises(TeacherError, match="Judgements cannot be kept"):
        KeptJudgements(tmp_path / "judged", "00000")


def test_a_full_disk_is_said() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full here")
    folder = full.parent
    kept = KeptJudgements.__new__(KeptJudgements)
    kept._folder, kept._found, kept._file = folder, {}, full.open("wb")
    with pytest.raises(TeacherError, match="no space left"):
        kept.keep({"a": gains(1.0)})
    assert kept.found("a") is None
