"""A story on disk: read, saved, its bytes kept, nobody else's work written over."""

import errno
import os
import time
from pathlib import Path

import pytest

from storytui.manuscript.file import (
    ChangedOnDiskError,
    LacksCharacterError,
    ManuscriptError,
    StoryFile,
)

BOM = b"\xef\xbb\xbf"


@pytest.fixture
def story(tmp_path: Path) -> Path:
    path = tmp_path / "story.md"
    path.write_bytes(b"Once.\n")
    return path


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("bom", [b"", BOM])
@pytest.mark.parametrize("end", [True, False])
def test_saving_what_was_read_changes_no_byte(
    tmp_path: Path, newline: bytes, bom: bytes, end: bool
) -> None:
    data = bom + newline.join([b"# One", b"", "“Yes,” she said…".encode()])
    data += newline if end else b""
    path = tmp_path / "story.md"
    path.write_bytes(data)

    opened = StoryFile.read(path)
    opened.save(opened.text)

    assert "\r" not in opened.text
    assert path.read_bytes() == data


def test_new_text_takes_the_files_own_line_break(tmp_path: Path) -> None:
    path = tmp_path / "dos.txt"
    path.write_bytes(b"one\r\ntwo\r\n")

    StoryFile.read(path).save("one\ntwo\nthree\n")

    assert path.read_bytes() == b"one\r\ntwo\r\nthree\r\n"


def test_a_story_without_a_file_gets_one_when_saved(tmp_path: Path) -> None:
    path = tmp_path / "new.md"
    opened = StoryFile.read(path)

    assert (opened.text, opened.exists) == ("", False)
    opened.save("A beginning.\n")

    assert opened.exists
    assert path.read_bytes() == b"A beginning.\n"


def test_a_new_file_has_the_mode_that_the_umask_gives(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        StoryFile.read(tmp_path / "new.md").save("x")
    finally:
        os.umask(before)

    assert (tmp_path / "new.md").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o755])
def test_saving_keeps_the_mode(story: Path, mode: int) -> None:
    story.chmod(mode)

    StoryFile.read(story).save("Twice.\n")

    assert story.stat().st_mode & 0o777 == mode


def test_a_link_stays_a_link_and_its_target_is_saved(tmp_path: Path, story: Path) -> None:
    folder = tmp_path / "links"
    folder.mkdir()
    link = folder / "link.md"
    link.symlink_to(story)

    StoryFile.read(link).save("Twice.\n")

    assert link.is_symlink()
    assert story.read_bytes() == b"Twice.\n"
    assert [each.name for each in folder.iterdir()] == ["link.md"]


def test_a_link_to_nothing_is_no_new_story(tmp_path: Path) -> None:
    link = tmp_path / "link.md"
    link.symlink_to(tmp_path / "gone.md")

    with pytest.raises(ManuscriptError, match="a link to a file that is not there"):
        StoryFile.read(link)


def test_a_folder_is_no_story(tmp_path: Path) -> None:
    with pytest.raises(ManuscriptError, match="is a folder"):
        StoryFile.read(tmp_path)


def test_something_that_is_not_a_file_is_no_story(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(ManuscriptError, match="not a file that can be edited"):
        StoryFile.read(pipe)


def test_a_file_that_may_not_be_read_says_so(story: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)

    with pytest.raises(ManuscriptError, match="may not be read"):
        StoryFile.read(story)


def test_a_file_marked_read_only_is_not_replaced(
    story: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda _path, wanted: wanted != os.W_OK)
    opened = StoryFile.read(story)

    assert "permissions do not allow writing" in opened.read_only
    with pytest.raises(ManuscriptError, match="permissions"):
        opened.save("changed")
    assert story.read_bytes() == b"Once.\n"


def test_a_story_without_a_name_asks_for_one() -> None:
    with pytest.raises(ManuscriptError, match="no name yet"):
        StoryFile().save("text")


def test_a_vanished_folder_is_named_as_the_reason(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    story = StoryFile.read(folder / "story.md")
    folder.rmdir()
    with pytest.raises(ManuscriptError, match="its folder is not there"):
        story.save("text")


def test_half_a_surrogate_pair_is_not_saved_as_something_else(story: Path) -> None:
    with pytest.raises(ManuscriptError, match="half of a pair"):
        StoryFile.read(story).save("a\ud800b")

    assert story.read_bytes() == b"Once.\n"


def test_a_new_story_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManuscriptError, match="no folder"):
        StoryFile.read(tmp_path / "novels" / "one.md")


def test_a_file_that_mixes_line_breaks_keeps_each_through_an_edit(tmp_path: Path) -> None:
    path = tmp_path / "mixed.txt"
    path.write_bytes(b"one\r\ntwo\nthree\rfour\r\n")
    opened = StoryFile.read(path)

    opened.save("one\ntwo and more\nthree\nfour\n")

    assert opened.breaks == ("\r\n", "\n", "\r", "\r\n")
    assert path.read_bytes() == b"one\r\ntwo and more\nthree\rfour\r\n"


def test_breaks_that_are_given_are_those_that_are_written(tmp_path: Path) -> None:
    path = tmp_path / "mixed.txt"
    path.write_bytes(b"one\r\ntwo\n")

    StoryFile.read(path).save("one\ntwo\nthree\n", ["\r\n", "\n", "\r"])

    assert path.read_bytes() == b"one\r\ntwo\nthree\r"


def test_an_emptied_line_between_two_kinds_of_break_stays_a_line(tmp_path: Path) -> None:
    path = tmp_path / "mixed.txt"
    path.write_bytes(b"one\rX\ntwo\r\n")

    StoryFile.read(path).save("one\n\ntwo\n")

    assert StoryFile.read(path).text == "one\n\ntwo\n"


@pytest.mark.parametrize(
    "data",
    [
        b"one\n\x0ctwo\n",
        "one\ntwo\u2028three\u2029four\n".encode(),
        "one\x85two\x0b\n".encode(),
        b"one\0two\n",
    ],
)
def test_characters_that_other_programs_take_for_breaks_are_characters(
    tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / "odd.txt"
    path.write_bytes(data)
    opened = StoryFile.read(path)

    opened.save(opened.text + "more\n")

    assert not opened.read_only
    assert opened.text.split("\n")[:-1] == [*data.decode().split("\n")[:-1], "more"]
    assert path.read_bytes() == data + b"more\n"


def test_a_character_that_the_encoding_lacks_is_asked_about(tmp_path: Path) -> None:
    path = tmp_path / "old.txt"
    path.write_bytes("Café\nnaïve\n".encode("latin-1"))
    opened = StoryFile.read(path)

    with pytest.raises(LacksCharacterError, match="Save it in UTF-8") as caught:
        opened.save("Café\nnaïve\n“No”\n")

    assert (caught.value.character, caught.value.line, caught.value.encoding) == ("“", 3, "latin-1")
    assert path.read_bytes() == "Café\nnaïve\n".encode("latin-1")


def test_a_story_is_changed_to_utf8_when_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "old.txt"
    path.write_bytes("Café\r\n".encode("utf-16"))
    opened = StoryFile.read(path)

    opened.save("“Café”\n", encoding="utf-8")

    assert (opened.encoding, opened.bom) == ("utf-8", False)
    assert path.read_bytes() == "“Café”\r\n".encode()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"caf\xe9\n", "old.txt is in Latin-1."),
        (b"\x93caf\xe9\x94\n", "old.txt is in Windows-1252."),
        ("café\n".encode("utf-16"), "old.txt is in UTF-16 (little-endian)."),
        ("café\n".encode() + b"\xff\n", "one byte that belongs to no character of UTF-8"),
        ("café\n".encode(), ""),
    ],
)
def test_what_is_not_plain_utf8_is_said(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "old.txt"
    path.write_bytes(data)

    recognised = StoryFile.read(path).recognised

    assert says in recognised
    assert bool(says) == bool(recognised)


def test_a_file_that_others_have_changed_is_not_written_over(story: Path) -> None:
    opened = StoryFile.read(story)
    story.write_bytes(b"Theirs.\n")

    with pytest.raises(ChangedOnDiskError, match="has changed on disk") as caught:
        opened.save("Mine.\n")

    assert story.read_bytes() == b"Theirs.\n"
    assert not caught.value.gone
    assert caught.value.when is not None


def test_a_change_of_the_same_length_and_time_is_seen(story: Path) -> None:
    opened = StoryFile.read(story)
    before = story.stat()
    with story.open("r+b") as file:
        file.write(b"0nce.\n")
    os.utime(story, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert opened.look().state == "changed"


def test_a_changed_file_is_written_over_when_that_is_asked_for(story: Path) -> None:
    opened = StoryFile.read(story)
    story.write_bytes(b"Theirs.\n")

    opened.save("Mine.\n", overwrite=True)

    assert story.read_bytes() == b"Mine.\n"
    assert opened.look().state == "same"


def test_a_file_that_is_gone_is_not_made_again_unasked(story: Path) -> None:
    opened = StoryFile.read(story)
    story.unlink()

    with pytest.raises(ChangedOnDiskError, match="not there any more") as caught:
        opened.save("Mine.\n")

    assert caught.value.gone
    assert not story.exists()


def test_a_file_that_has_appeared_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "new.md"
    opened = StoryFile.read(path)
    path.write_bytes(b"Theirs.\n")

    with pytest.raises(ChangedOnDiskError, match="has appeared on disk"):
        opened.save("Mine.\n")

    assert path.read_bytes() == b"Theirs.\n"


def test_a_file_that_was_only_touched_is_the_same(story: Path) -> None:
    opened = StoryFile.read(story)
    os.utime(story, (1, 1))

    assert opened.look().state == "same"
    assert opened.changed_at is not None
    assert opened.changed_at.timestamp() == 1


def test_a_file_that_was_not_touched_is_not_read_again(
    story: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from storytui.manuscript import disk

    later = time.time_ns() + 10_000_000_000
    monkeypatch.setattr(disk.time, "time_ns", lambda: later)
    opened = StoryFile.read(story)
    monkeypatch.setattr(Path, "read_bytes", lambda _path: pytest.fail("read again"))

    assert opened.look().state == "same"


def test_a_folder_that_is_not_there_cannot_be_looked_into(tmp_path: Path) -> None:
    folder = tmp_path / "drive"
    folder.mkdir()
    (folder / "story.md").write_bytes(b"Once.\n")
    opened = StoryFile.read(folder / "story.md")
    (folder / "story.md").unlink()
    folder.rmdir()

    assert opened.look().state == "unreachable"


def test_saving_as_the_same_name_does_not_hide_what_others_did(story: Path) -> None:
    opened = StoryFile.read(story)
    story.write_bytes(b"Theirs.\n")

    with pytest.raises(ChangedOnDiskError):
        opened.named(story).save("Mine.\n")


def test_another_name_keeps_encoding_and_breaks(tmp_path: Path) -> None:
    path = tmp_path / "mixed.txt"
    path.write_bytes("é\r\né\n".encode("utf-16-be"))
    copy = StoryFile.read(path, encoding="utf-16-be").named(tmp_path / "copy.txt")

    copy.save(copy.text)

    assert (tmp_path / "copy.txt").read_bytes() == path.read_bytes()


def test_a_file_too_large_to_edit_is_refused(story: Path) -> None:
    os.truncate(story, (64 << 20) + 1)

    with pytest.raises(ManuscriptError, match="more than the 64 MB"):
        StoryFile.read(story)
