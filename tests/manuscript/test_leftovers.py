"""What interrupted saves left is found, and told apart from what is whole and what is not."""

import os
from pathlib import Path

import pytest

from storytui.manuscript.leftovers import leftovers
from storytui.manuscript.saving_names import COPY, TEMPORARY, name_for

NEW = b"Once upon a time.\n"


@pytest.fixture
def story(tmp_path: Path) -> Path:
    folder = tmp_path / "stories"
    folder.mkdir()
    path = folder / "story.md"
    path.write_bytes(b"Once.\n")
    return path


def test_a_folder_without_leftovers_has_none(story: Path) -> None:
    (story.parent / ".story.md.swp").write_bytes(b"another program's")

    assert leftovers(story) == []


@pytest.mark.parametrize(("written", "whole"), [(NEW, True), (NEW[:5], False), (b"", False)])
def test_a_temporary_file_says_whether_it_is_whole(
    story: Path, written: bytes, whole: bool
) -> None:
    left = story.with_name(name_for(story, NEW, TEMPORARY))
    left.write_bytes(written)

    (found,) = leftovers(story)

    assert (found.path, found.whole, found.same_as_file) == (left, whole, False)
    assert found.text() == written.decode()


def test_bytes_that_were_damaged_are_not_whole(story: Path) -> None:
    story.with_name(name_for(story, NEW, TEMPORARY)).write_bytes(NEW.replace(b"O", b"\0"))

    assert [each.whole for each in leftovers(story)] == [False]


def test_what_the_file_holds_already_is_the_same_as_the_file(story: Path) -> None:
    story.with_name(name_for(story, b"Once.\n", TEMPORARY)).write_bytes(b"Once.\n")

    assert [each.same_as_file for each in leftovers(story)] == [True]


def test_a_copy_in_the_manuscripts_own_folder_is_found_though_the_story_was_moved(
    story: Path, tmp_path: Path
) -> None:
    spare = tmp_path / "spare"
    spare.mkdir()
    (spare / name_for(story, NEW, COPY)).write_bytes(NEW)
    moved = story.rename(tmp_path / "story.md")

    assert [each.path.parent for each in leftovers(moved, spare)] == [spare]


def test_what_another_file_left_is_not_taken_for_this_ones(story: Path) -> None:
    other = story.with_name("other.md")
    other.with_name(name_for(other, NEW, TEMPORARY)).write_bytes(NEW)

    assert leftovers(story) == []


def test_among_everybodys_files_only_the_whole_path_counts(
    story: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = tmp_path / "everybody"
    everybody.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(everybody))
    elsewhere = tmp_path / "story.md"
    (everybody / name_for(story, NEW, COPY)).write_bytes(NEW)
    (everybody / name_for(elsewhere, NEW, COPY)).write_bytes(NEW)

    assert len(leftovers(story)) == 1


def test_a_link_put_in_its_place_is_not_followed(story: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(NEW)
    story.with_name(name_for(story, NEW, TEMPORARY)).symlink_to(secret)

    assert leftovers(story) == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")
def test_a_temporary_file_that_was_given_to_the_storys_owner_is_found(story: Path) -> None:
    left = story.with_name(name_for(story, NEW, TEMPORARY))
    left.write_bytes(NEW)
    os.chown(left, 1234, 1234)

    assert [each.path for each in leftovers(story)] == [left]


def test_the_newest_is_first(story: Path) -> None:
    for age, data in enumerate([b"new", b"newer", b"newest"]):
        left = story.with_name(name_for(story, data, TEMPORARY))
        left.write_bytes(data)
        os.utime(left, (age, age))

    assert [each.text() for each in leftovers(story)] == ["newest", "newer", "new"]


def test_removing_it_twice_is_no_error(story: Path) -> None:
    story.with_name(name_for(story, NEW, TEMPORARY)).write_bytes(NEW)
    (found,) = leftovers(story)

    found.remove()
    found.remove()

    assert leftovers(story) == []
