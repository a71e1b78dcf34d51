"""Saving puts all of a text in a file's place, or leaves the file alone."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from storytui.manuscript import saving
from storytui.manuscript.errors import NotSavedError
from storytui.manuscript.leftovers import leftovers
from storytui.manuscript.saving import put

OLD, NEW = b"Once.\n", b"Once upon a time.\n"


@pytest.fixture
def story(tmp_path: Path) -> Path:
    folder = tmp_path / "stories"
    folder.mkdir()
    path = folder / "story.md"
    path.write_bytes(OLD)
    return path


@pytest.fixture
def spare(tmp_path: Path) -> Path:
    folder = tmp_path / "spare"
    folder.mkdir()
    return folder


def refuse(number: int) -> Callable[..., None]:
    def refused(*_arguments: object, **_options: object) -> None:
        raise OSError(number, os.strerror(number))

    return refused


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def linked(story: Path) -> Path:
    """A second name for the story, so that it is written in place."""
    other = story.with_name("other.md")
    other.hardlink_to(story)
    return other


def test_the_text_reaches_the_disk_before_the_file_is_replaced(
    story: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def record_fsync(descriptor: int) -> None:
        folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        steps.append("fsync of the folder" if folder else "fsync")
        fsync(descriptor)

    def record_replace(source: Path, target: Path) -> None:
        assert source.read_bytes() == NEW
        assert source.parent == target.parent
        steps.append("replace")
        replace(source, target)

    monkeypatch.setattr(saving.os, "fsync", record_fsync)
    monkeypatch.setattr(saving.os, "replace", record_replace)
    put(story, NEW)

    assert steps == ["fsync", "replace", "fsync of the folder"]


def test_the_temporary_file_lets_nobody_else_in(
    story: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[int, int]] = []
    create = os.open

    def record(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT:
            made.append((flags & os.O_EXCL, mode))
        return create(path, flags, mode)

    monkeypatch.setattr(saving.os, "open", record)
    put(story, NEW)

    assert made == [(os.O_EXCL, 0o600)]


def test_what_the_system_takes_in_pieces_is_all_written(
    story: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(saving.os, "write", lambda to, data: write(to, data[:3]))

    put(story, NEW)

    assert story.read_bytes() == NEW


@pytest.mark.parametrize("fault", ["open", "write", "fsync", "fchmod", "replace"])
@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "your quota"),
        (errno.EIO, "nput/output error"),
        (errno.ESTALE, "does not answer"),
    ],
)
def test_a_save_that_fails_leaves_the_file_and_nothing_else(
    story: Path, monkeypatch: pytest.MonkeyPatch, fault: str, number: int, says: str
) -> None:
    monkeypatch.setattr(saving.os, fault, refuse(number))

    with pytest.raises(NotSavedError, match=says) as caught:
        put(story, NEW)

    monkeypatch.undo()
    assert "the file is as it was" in str(caught.value)
    assert not caught.value.touched
    assert story.read_bytes() == OLD
    assert names(story.parent) == ["story.md"]


def test_an_interrupted_save_leaves_the_file_and_nothing_else(
    story: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(saving.os, "fsync", interrupt)

    with pytest.raises(KeyboardInterrupt):
        put(story, NEW)

    assert story.read_bytes() == OLD
    assert names(story.parent) == ["story.md"]


def test_a_fault_after_the_file_was_replaced_is_told_as_such(
    story: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "_sync_folder", refuse(errno.EIO))

    with pytest.raises(NotSavedError, match="has the new text, but the disk") as caught:
        put(story, NEW)

    assert caught.value.touched
    assert story.read_bytes() == NEW


def test_a_file_with_two_names_keeps_both(story: Path, spare: Path) -> None:
    other = linked(story)

    put(story, NEW, spare=spare)

    assert story.samefile(other)
    assert other.read_bytes() == NEW
    assert names(spare) == []


@pytest.mark.parametrize("data", [b"", b"x", NEW * 40_000])
def test_a_file_written_in_place_may_shrink_and_grow(story: Path, spare: Path, data: bytes) -> None:
    linked(story)

    put(story, data, spare=spare)

    assert story.read_bytes() == data


@pytest.mark.parametrize("fault", ["open", "replace"])
@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EXDEV, errno.EBUSY])
def test_a_folder_that_refuses_a_new_file_lets_the_old_one_be_written(
    story: Path, spare: Path, monkeypatch: pytest.MonkeyPatch, fault: str, number: int
) -> None:
    genuine = getattr(os, fault)

    def refuse_beside(*arguments: object) -> object:
        if str(arguments[0]).endswith(".saving"):
            refuse(number)()
        return genuine(*arguments)

    monkeypatch.setattr(saving.os, fault, refuse_beside)
    before = story.stat().st_ino
    put(story, NEW, spare=spare)

    assert story.read_bytes() == NEW
    assert story.stat().st_ino == before
    assert names(story.parent) == ["story.md"]


def test_a_file_whose_owner_cannot_be_kept_is_written_in_place(
    story: Path, spare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = os.fstat

    def owned_by_another(descriptor: int) -> os.stat_result:
        found = list(genuine(descriptor))
        found[stat.ST_GID] += 1
        return os.stat_result(found)

    before = story.stat().st_ino
    monkeypatch.setattr(saving.os, "fstat", owned_by_another)
    monkeypatch.setattr(saving.os, "fchown", refuse(errno.EPERM))
    put(story, NEW, spare=spare)

    assert story.read_bytes() == NEW
    assert story.stat().st_ino == before


@pytest.mark.parametrize("fault", ["write", "fsync"])
def test_a_full_disk_is_noticed_before_anything_is_written_over(
    story: Path, spare: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    linked(story)
    genuine, inode = getattr(os, fault), story.stat().st_ino

    def refuse_the_story(descriptor: int, *arguments: object) -> object:
        if os.fstat(descriptor).st_ino == inode:
            refuse(errno.ENOSPC)()
        return genuine(descriptor, *arguments)

    monkeypatch.setattr(saving.os, fault, refuse_the_story)

    with pytest.raises(NotSavedError, match="the file is as it was: the disk is full"):
        put(story, NEW, spare=spare)

    assert story.read_bytes() == OLD
    assert names(spare) == []


def test_a_fault_while_writing_in_place_leaves_a_whole_copy_and_says_where(
    story: Path, spare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked(story)
    monkeypatch.setattr(saving.os, "ftruncate", refuse(errno.EIO))

    with pytest.raises(NotSavedError, match="written only in part") as caught:
        put(story, NEW, spare=spare)

    (left,) = leftovers(story, spare)
    assert caught.value.touched
    assert str(left.path) in str(caught.value)
    assert left.path.parent == spare
    assert left.whole
    assert left.text() == NEW.decode()


def test_without_a_folder_for_it_the_copy_is_beside_the_file(
    story: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked(story)
    monkeypatch.setattr(saving.os, "ftruncate", refuse(errno.EIO))

    with pytest.raises(NotSavedError):
        put(story, NEW)

    assert [each.path.parent for each in leftovers(story)] == [story.parent]


def test_without_room_for_a_copy_the_file_is_not_written_in_place(
    story: Path, spare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked(story)
    monkeypatch.setattr(saving, "_create", refuse(errno.ENOSPC))

    with pytest.raises(NotSavedError, match="the disk is full"):
        put(story, NEW, spare=spare)

    assert story.read_bytes() == OLD


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="no extended attributes here")
def test_extended_attributes_are_kept(story: Path) -> None:
    try:
        os.setxattr(story, "user.author", b"her")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    before = story.stat().st_ino

    put(story, NEW)

    assert story.stat().st_ino != before
    assert os.getxattr(story, "user.author") == b"her"


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="no extended attributes here")
def test_a_file_whose_attributes_cannot_be_kept_is_written_in_place(
    story: Path, spare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving.os, "listxattr", lambda file: ["user.x"] if file == story else [])
    monkeypatch.setattr(saving.os, "getxattr", lambda *_: b"1")
    monkeypatch.setattr(saving.os, "setxattr", refuse(errno.EPERM))
    before = story.stat().st_ino

    put(story, NEW, spare=spare)

    assert story.stat().st_ino == before
    assert story.read_bytes() == NEW


def test_something_that_is_not_a_file_is_not_written_over(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(NotSavedError, match="not a file"):
        put(pipe, NEW)


def test_a_name_that_is_too_long_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotSavedError, match="the name is too long"):
        put(tmp_path / ("x" * 300), NEW)


@pytest.mark.parametrize("name", ["é" * 120 + ".md", "x" * 255, ".md", "a\nb.md"])
def test_any_name_that_a_file_can_have_can_be_saved(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(OLD)

    put(path, NEW)

    assert path.read_bytes() == NEW
    assert names(tmp_path) == [name]
