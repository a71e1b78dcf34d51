"""Two editors at one manuscript: neither writes over what the other has written."""

import pytest

from storytui.app.screens.confirm import ConfirmScreen
from storytui.manuscript import lock
from storytui.manuscript.opening import open_manuscript, take_over

THEIRS = "Somebody else wrote this.\n"


async def saved(editor):
    await editor.until(lambda: not editor.screen.area.changed)


async def test_who_comes_second_may_read_and_saves_nothing(session, answer, story_path, root):
    before = story_path.read_bytes()
    open_manuscript(root, story_path)
    async with session() as editor:
        await answer(editor, ConfirmScreen, "read")
        await editor.press("!", "ctrl+s")
        await editor.until(lambda: "is open in another storytui" in editor.said)
        assert editor.screen.area.changed
    assert story_path.read_bytes() == before


async def test_who_only_read_may_save_once_the_other_has_ended(session, answer, story_path, root):
    other = open_manuscript(root, story_path)
    async with session() as editor:
        await answer(editor, ConfirmScreen, "read")
        await editor.press("!")
        text = editor.text
        other.lock.release()
        await editor.press("ctrl+s")
        await saved(editor)
    assert story_path.read_text(encoding="utf-8") == text


async def test_who_was_taken_over_saves_nothing_and_loses_nothing(
    session, answer, story_path, root
):
    async with session() as editor:
        await editor.press("!")
        text = editor.text
        other = open_manuscript(root, story_path)
        assert other.holder is not None
        take_over(other)
        other.story_file.save(THEIRS)
        for _ in range(2):
            await editor.press("ctrl+s")
            await editor.until(lambda: "is open in another storytui" in editor.said)
            assert (editor.text, editor.screen.area.changed) == (text, True)
        await editor.press("f10")
        await editor.press("enter")
        await editor.pilot.pause()
        assert story_path.read_text(encoding="utf-8") == THEIRS
        # Now it is hers again, and the file is not what she knows.
        other.lock.release()
        await editor.press("ctrl+s")
        await answer(editor, ConfirmScreen, "keep")
        await saved(editor)
    assert story_path.read_text(encoding="utf-8") == text


async def test_a_claim_that_was_removed_stops_no_save(session, story_path, root):
    async with session() as editor:
        for claim in root.glob("*/lock"):
            claim.unlink()
        await editor.press("!", "ctrl+s")
        await saved(editor)
        assert list(root.glob("*/lock"))


@pytest.mark.parametrize("chosen", ["read", "over", None])
async def test_a_claim_from_another_machine_is_believed_until_she_says_so(
    session, answer, story_path, root, monkeypatch, chosen
):
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(lock.socket, "gethostname", lambda: "attic")
        opened_there = session()
        await opened_there.__aenter__()
        home = next(root.glob("*/lock")).parent
        left = {each: each.read_bytes() for each in home.glob("*") if each.is_file()}
        await opened_there.__aexit__(None, None, None)
    # As it stands while the other machine still has it open.
    home.mkdir(mode=0o700, exist_ok=True)
    for path, data in left.items():
        path.write_bytes(data)
    async with session() as editor:
        await editor.until(lambda: isinstance(editor.app.screen, ConfirmScreen))
        assert "on attic" in editor.app.screen._message
        await answer(editor, ConfirmScreen, chosen)
        await editor.press("!", "ctrl+s")
        if chosen == "over":
            await saved(editor)
        else:
            await editor.until(lambda: "is open in another storytui" in editor.said)
            assert editor.screen.area.changed
