"""A manuscript is known again under any name, and what belongs to it stays with it."""

import hashlib
import os
from pathlib import Path

import pytest

from storytui.manuscript.home import Home, HomeError, find_home, home_of, homes, new_home

TEXT = b"Once.\n"
HASH = hashlib.sha256(TEXT).hexdigest()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "manuscripts"


@pytest.fixture
def story(tmp_path: Path) -> Path:
    path = tmp_path / "story.md"
    path.write_bytes(TEXT)
    return path


@pytest.fixture
def known(root: Path, story: Path) -> Home:
    return home_of(root, story, HASH)


def found(root: Path, path: Path, sha256: str = HASH) -> str:
    home = find_home(root, path, sha256)
    return "" if home is None else home.id


def test_a_file_that_was_never_opened_has_no_home(root: Path, story: Path) -> None:
    assert find_home(root, story, HASH) is None


def test_it_is_found_by_its_path(root: Path, story: Path, known: Home) -> None:
    assert found(root, story) == known.id
    assert known.files == (story,)


def test_only_its_owner_may_look_into_it(known: Home) -> None:
    assert known.folder.stat().st_mode & 0o777 == 0o700
    assert known.folder.parent.stat().st_mode & 0o777 == 0o700


def test_it_is_found_by_its_path_whatever_was_written_to_it(
    root: Path, story: Path, known: Home
) -> None:
    story.unlink()
    story.write_bytes(b"Another story.\n")

    assert found(root, story, "other") == known.id


def test_it_is_found_through_a_link(root: Path, story: Path, known: Home) -> None:
    link = story.with_name("link.md")
    link.symlink_to(story)

    assert found(root, link) == known.id


def test_a_hard_link_is_the_same_manuscript(root: Path, story: Path, known: Home) -> None:
    other = story.with_name("other.md")
    other.hardlink_to(story)

    assert found(root, other) == known.id


def test_it_survives_renaming(root: Path, story: Path, known: Home) -> None:
    renamed = story.rename(story.with_name("renamed.md"))

    assert found(root, renamed) == known.id
    assert home_of(root, renamed, HASH).files == (renamed,)


def test_it_survives_moving_to_another_file_system(root: Path, story: Path, known: Home) -> None:
    moved = story.with_name("moved.md")
    moved.write_bytes(story.read_bytes())
    story.unlink()

    assert found(root, moved) == known.id


def test_it_is_found_when_its_file_is_gone(root: Path, story: Path, known: Home) -> None:
    story.unlink()

    assert found(root, story, "") == known.id


def test_a_copy_is_a_manuscript_of_its_own(root: Path, story: Path, known: Home) -> None:
    copy = story.with_name("copy.md")
    copy.write_bytes(TEXT)

    assert found(root, copy) == ""
    assert home_of(root, copy, HASH).id != known.id


def test_an_inode_given_to_a_new_file_proves_nothing(root: Path, story: Path, known: Home) -> None:
    other = story.rename(story.with_name("other.md"))
    other.write_bytes(b"A story that has nothing to do with it.\n")

    assert found(root, other, "other") == ""


def test_files_without_bytes_are_not_confused(root: Path, story: Path) -> None:
    story.write_bytes(b"")
    first = home_of(root, story)
    story.unlink()
    second = story.with_name("second.md")
    second.write_bytes(b"")

    assert home_of(root, second).id != first.id


def test_a_damaged_record_is_passed_over(root: Path, story: Path, known: Home) -> None:
    (known.folder / "manuscript.json").write_bytes(b'{"id": 3')

    assert list(homes(root)) == []
    assert home_of(root, story, HASH).id != known.id


def test_a_home_in_which_nothing_was_kept_goes(root: Path, story: Path, known: Home) -> None:
    known.leave()

    assert not known.folder.exists()


def test_a_home_in_which_something_was_kept_stays(root: Path, known: Home) -> None:
    known.history_path.write_bytes(b"")
    known.leave()

    assert known.history_path.exists()


def test_forgetting_removes_all_but_the_story(story: Path, known: Home) -> None:
    known.takes_path.write_bytes(b"x")
    known.forget()
    known.forget()

    assert not known.folder.exists()
    assert story.read_bytes() == TEXT


def test_a_new_home_is_nothing_until_it_is_needed(root: Path) -> None:
    home = new_home(root)
    assert not root.exists()
    home.make()
    assert [each.id for each in homes(root)] == [home.id]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, story: Path) -> None:
    root = tmp_path / "file"
    root.write_bytes(b"")

    with pytest.raises(HomeError, match="cannot be kept"):
        home_of(root, story, HASH)


def test_journals_come_oldest_first(known: Home) -> None:
    for age, name in enumerate(["b", "a", "c"]):
        path = known.journal_path(name)
        path.write_bytes(b"")
        os.utime(path, (age, age))

    assert [each.name for each in known.journals()] == ["journal-b", "journal-a", "journal-c"]
