"""What the terminal’s clipboard gets and what a paste brings: text, and nothing that commands."""

import base64
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events

from storytui.story.plain import plain

COPIED = re.compile("\x1b]52;c;([A-Za-z0-9+/=]*)\a")


@pytest.fixture
def sent(monkeypatch):
    """What the terminal was sent by the app's driver."""
    from textual.drivers.headless_driver import HeadlessDriver

    written: list[str] = []
    monkeypatch.setattr(HeadlessDriver, "write", lambda driver, data: written.append(data))
    return written


def on_the_clipboard(sent: list[str]) -> str:
    (found,) = [match for data in sent for match in COPIED.finditer(data)]
    return base64.b64decode(found[1]).decode("utf-8")


@given(st.text())
def test_plain_text_has_no_control_characters_and_can_be_sent(text: str) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", plain(text))
    plain(text).encode("utf-8")


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")) | st.sampled_from("\n\t")))
def test_text_without_control_characters_is_plain_already(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("a\r\nb\rc\x0bd\x85e", "a\nb\nc\nd\ne"),
        ("a\x1b]52;c;aGk=\x07b", "a]52;c;aGk=b"),
        ("a\x00\x0c\x9bb", "ab"),
        ("caf\udce9", "caf\ufffd"),
        ("a\u202eb\u2028", "a\u202eb\u2028"),
    ],
)
def test_line_breaks_stay_and_other_control_characters_go(text: str, result: str) -> None:
    assert plain(text) == result


async def test_copying_gives_the_terminal_plain_text(host, sent) -> None:
    app = host("a\x1b]0;x\x07\x0cb\udce9\n\tc")
    async with app.run_test() as pilot:
        await pilot.press("ctrl+a", "ctrl+c")
        assert on_the_clipboard(sent) == "a]0;xb\ufffd\n\tc"


async def test_cutting_and_pasting_here_keeps_every_character(host, sent) -> None:
    text = "a\x1b\x0c\x00b\udce9\u202e\r\n"
    app = host(text)
    async with app.run_test() as pilot:
        before = app.area.text
        await pilot.press("ctrl+a", "ctrl+x")
        assert app.area.text == ""
        await pilot.press("ctrl+v")
        assert app.area.text.replace("\n", "") == before.replace("\r", "").replace("\n", "")


async def test_a_field_copies_plain_text_too(host, sent) -> None:
    app = host("a\x1b\udce9b")
    async with app.run_test() as pilot:
        app.field.focus()
        app.field.action_select_all()
        await pilot.press("ctrl+c")
        assert on_the_clipboard(sent) == "a\ufffdb"


async def test_a_very_long_selection_is_copied_whole(host, sent) -> None:
    text = "All of it.\x1b\n" * 100_000
    app = host(text)
    async with app.run_test() as pilot:
        await pilot.press("ctrl+a", "ctrl+c")
        assert on_the_clipboard(sent) == text.replace("\x1b", "")


async def test_a_paste_goes_into_the_text_as_characters(host) -> None:
    app = host("")
    async with app.run_test() as pilot:
        app.post_message(events.Paste("a\x1b[2J\x1b]52;c;aGk=\x07\x11b\r\nc\udce9\x00\u202e"))
        await pilot.pause()
        assert app.area.text == "a[2J]52;c;aGk=b\nc\ufffd\u202e"


async def test_a_paste_into_a_field_is_plain_too(host) -> None:
    app = host("")
    async with app.run_test() as pilot:
        app.field.focus()
        await pilot.pause()
        app.post_message(events.Paste("a\x1b[2Jb\x9bc"))
        await pilot.pause()
        assert app.field.value == "a[2Jbc"


@pytest.mark.skipif(sys.platform == "win32", reason="that driver gets characters, not bytes")
def test_half_a_character_from_the_terminal_is_no_fault(host) -> None:
    driver = host().get_driver_class()
    decode = sys.modules[driver.__module__].getincrementaldecoder("utf-8")().decode
    assert decode(b"caf\xe9 \xf0\x9f") + decode(b"x") == "caf\ufffd \ufffdx"


async def test_a_notification_is_no_markup(host) -> None:
    app = host("")
    async with app.run_test() as pilot:
        app.notify("[@click=app.quit]a[/] \x1b[2J", title="b\n\x07", markup=True)
        await pilot.pause()
        (said,) = app._notifications
        assert (said.message, said.title) == ("[@click=app.quit]a[/] ␛[2J", "b␊␇")
        assert not said.markup


async def test_the_last_words_of_a_fault_are_visible_and_hold_no_story(host, capsys) -> None:
    class Faulty(host):
        def on_manuscript_area_edited(self) -> None:
            story = "A secret of the story."
            raise RuntimeError(f"{len(story)} \x1b[2J\u202e [@click=app.quit]x[/]")

    with pytest.raises(RuntimeError):
        async with Faulty("").run_test() as pilot:
            await pilot.press("x")
    printed = "".join(capsys.readouterr())
    assert "22 ␛[2J⟨U+202E⟩ [@click=app.quit]x[/]" in printed
    assert "secret of the story" not in re.sub(r'story = ".*"', "", printed)
