"""A story on disk: read, saved whole or not at all, its bytes kept."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storytui.manuscript import file as module
from storytui.manuscript.file import ManuscriptError, StoryFile

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


@given(
    text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=200),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    bom=st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_any_text_comes_back_as_it_was_or_is_not_saved(
    tmp_path: Path, text: str, newline: str, bom: bool
) -> None:
    data = (BOM if bom else b"") + text.replace("\n", newline).encode()
    path = tmp_path / "any.md"
    path.write_bytes(data)

    opened = StoryFile.read(path)
    if opened.read_only:
        with pytest.raises(ManuscriptError):
            opened.save(opened.text)
    else:
        opened.save(opened.text)

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


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"PK\x03\x04\0\0", "not a text file: there is a zero byte at offset 4"),
        (b"one\ntwo \xff\n", "in line 2, the byte 0xff"),
        (BOM + b"one\n\ntwo \xe9", "in line 3, the byte 0xe9"),
        ("text".encode("utf-16"), "UTF-16"),
    ],
)
def test_what_is_not_utf8_text_is_refused_by_name(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "data.bin"
    path.write_bytes(data)

    with pytest.raises(ManuscriptError, match=says) as caught:
        StoryFile.read(path)

    assert "data.bin" in str(caught.value)


def test_a_file_that_may_not_be_read_says_so(story: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)

    with pytest.raises(ManuscriptError, match="may not be read"):
        StoryFile.read(story)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"one\r\ntwo\n", r"mixes line breaks \(LF and CRLF\)"),
        (b"one\rtwo\r\n", r"mixes line breaks \(CRLF and CR\)"),
        (b"one\n\x0ctwo\n", "line 2 holds a form feed"),
        ("one\ntwo\u2028three\n".encode(), "line 2 holds the line separator"),
        ("one\x85two\n".encode(), "line 1 holds the line break"),
    ],
)
def test_a_file_that_could_not_come_back_exactly_is_open_for_reading(
    tmp_path: Path, data: bytes, why: str
) -> None:
    path = tmp_path / "odd.txt"
    path.write_bytes(data)
    opened = StoryFile.read(path)

    with pytest.raises(ManuscriptError, match=why):
        opened.save("changed")

    assert path.read_bytes() == data


def test_under_another_name_a_read_only_story_can_be_saved(tmp_path: Path) -> None:
    path = tmp_path / "odd.txt"
    path.write_bytes(b"one\r\ntwo\r\nthree\n")
    copy = StoryFile.read(path).named(tmp_path / "even.txt")

    copy.save(copy.text)

    assert (tmp_path / "even.txt").read_bytes() == b"one\r\ntwo\r\nthree\r\n"


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


@pytest.mark.parametrize("fault", ["open", "fsync", "fchmod", "replace"])
@pytest.mark.parametrize(
    ("number", "says"), [(errno.ENOSPC, "the disk is full"), (errno.EIO, "nput/output error")]
)
def test_a_save_that_fails_leaves_the_file_and_nothing_else(
    story: Path, monkeypatch: pytest.MonkeyPatch, fault: str, number: int, says: str
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise OSError(number, os.strerror(number))

    opened = StoryFile.read(story)
    monkeypatch.setattr(module.os, fault, fail)

    with pytest.raises(ManuscriptError, match=says):
        opened.save("changed")

    monkeypatch.undo()
    assert story.read_bytes() == b"Once.\n"
    assert opened.text == "Once.\n"
    assert [each.name for each in story.parent.iterdir()] == ["story.md"]


def test_an_interrupted_save_leaves_the_file_and_nothing_else(
    story: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_descriptor: int) -> None:
        raise KeyboardInterrupt

    opened = StoryFile.read(story)
    monkeypatch.setattr(module.os, "fsync", interrupt)

    with pytest.raises(KeyboardInterrupt):
        opened.save("changed")

    assert [(each.name, each.read_bytes()) for each in story.parent.iterdir()] == [
        ("story.md", b"Once.\n")
    ]


def test_a_vanished_folder_is_named_as_the_reason(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    story = StoryFile.read(folder / "story.md")
    folder.rmdir()
    with pytest.raises(ManuscriptError, match="its folder is not there"):
        story.save("text")


def test_the_text_reaches_the_disk_before_the_file_is_replaced(
    story: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def record_fsync(descriptor: int) -> None:
        steps.append("fsync")
        fsync(descriptor)

    def record_replace(source: Path, target: Path) -> None:
        assert source.read_bytes() == b"Twice.\n"
        assert source.parent == target.parent
        steps.append("replace")
        replace(source, target)

    monkeypatch.setattr(module.os, "fsync", record_fsync)
    monkeypatch.setattr(module.os, "replace", record_replace)
    StoryFile.read(story).save("Twice.\n")

    assert steps == ["fsync", "replace", "fsync"]


def test_half_a_surrogate_pair_is_not_saved_as_something_else(story: Path) -> None:
    with pytest.raises(ManuscriptError, match="half of a pair"):
        StoryFile.read(story).save("a\ud800b")

    assert story.read_bytes() == b"Once.\n"


def test_a_new_story_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManuscriptError, match="no folder"):
        StoryFile.read(tmp_path / "novels" / "one.md")
