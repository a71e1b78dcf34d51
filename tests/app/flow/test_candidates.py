"""Several takes written side by side, in the pane and in what is kept."""

from functools import partial

from storytui.app.commands import palette_commands
from storytui.engine.api import EngineDiedError, SegmentStarted, Text
from storytui.engine.scripted import Fail, Wait, reply
from storytui.manuscript.journal import read_journal
from storytui.manuscript.opening import open_manuscript
from storytui.settings import ContinueSettings, SamplingSettings, Settings
from storytui.takes.store import TakeStore

THREE = Settings(continuing=ContinueSettings(candidates=3), sampling=SamplingSettings(seed=7))
ANSWERS = ("\n\nShe waited.", "\n\nHe left.", "\n\nIt rained.")
REPLIES = tuple(reply("Think.", answer) for answer in ANSWERS)


def growing(first, then):
    return (
        SegmentStarted("answer"),
        Text("answer", f"{first} "),
        Wait(),
        Text("answer", then),
    )


FAIL = Fail(EngineDiedError("The model's process ended."))
GROWING = tuple(growing(*each) for each in (("She", "waited."), ("He", "left."), ("It", "rained.")))


async def test_the_key_brings_as_many_takes_as_the_settings_say(start):
    async with start(REPLIES, settings=THREE) as editor:
        before = editor.text
        await editor.go_on()
        takes = editor.desk.shelf.takes
        assert [take.answer for take in takes] == list(ANSWERS)
        assert [take.state for take in takes] == ["complete"] * 3
        assert [take.seed for take in takes] == [7, 8, 9]
        assert [each.sampling.seed for each in editor.engine.requests] == [7, 8, 9]
        assert editor.desk.shelf.number == "1/3"
        assert editor.answer == "She waited."
        assert editor.text == before


async def test_she_turns_among_them_while_they_are_written(start):
    async with start(GROWING, settings=THREE) as editor:
        await editor.press("ctrl+g")
        await editor.until(lambda: editor.answer.startswith("She"))
        await editor.press("ctrl+n")
        assert editor.answer.startswith("He")
        await editor.press("ctrl+backslash", "right")
        assert editor.answer.startswith("It")
        assert editor.desk.shelf.number == "3/3"
        for _ in GROWING:
            editor.engine.go_on()
        await editor.until(lambda: not editor.flow.room.busy)
        assert editor.answer == "It rained."


async def test_stop_ends_all_of_them(start):
    async with start(GROWING, settings=THREE) as editor:
        await editor.press("ctrl+g")
        await editor.until(lambda: editor.desk.shelf.takes[-1].answer)
        await editor.press("escape")
        await editor.until(lambda: not editor.flow.room.busy)
        takes = editor.desk.shelf.takes
        assert [take.state for take in takes] == ["stopped"] * 3
        assert [take.answer for take in takes] == ["She ", "He ", "It "]


async def test_what_is_complete_when_the_model_fails_stays_complete(start):
    longer = (SegmentStarted("answer"), *[Text("answer", "He left. ")] * 10, FAIL)
    scripts = (reply("", "\n\nShe waited.", step=99), longer)
    settings = Settings(continuing=ContinueSettings(candidates=2))
    async with start(scripts, settings=settings) as editor:
        await editor.go_on()
        first, second = editor.desk.shelf.takes
        assert (first.state, first.problem) == ("complete", "")
        assert (second.state, second.answer) == ("failed", "He left. " * 10)


async def test_another_key_puts_its_takes_beside_the_earlier_ones(start):
    async with start(REPLIES, settings=THREE) as editor:
        await editor.go_on()
        await editor.press("ctrl+t")
        await editor.until(lambda: not editor.flow.room.busy)
        assert editor.desk.shelf.number == "4/6"
        assert [take.seed for take in editor.desk.shelf.takes] == [7, 8, 9, 10, 11, 12]


async def test_several_can_be_asked_for_by_name(start):
    async with start(REPLIES) as editor:
        commands = {each.title: each for each in palette_commands(editor.app, editor.screen)}
        commands["Go on with 2 takes side by side"].callback()
        await editor.until(lambda: not editor.flow.room.busy)
        assert editor.desk.shelf.number == "1/2"


async def test_all_of_them_are_kept_and_the_journal_knows_which_lay_open(start, tmp_path):
    path = tmp_path / "lighthouse.md"
    path.write_text("The lamp was out.", encoding="utf-8")
    opened = open_manuscript(tmp_path / "kept", path)
    async with start(REPLIES, settings=THREE, story_file=opened) as editor:
        await editor.go_on()
        await editor.press("ctrl+n", "tab")
        takes = editor.desk.shelf.takes
        accepted = editor.text
        assert editor.screen.safekeeping.flush()
        (journal,) = opened.home.journals()
        laid = read_journal(journal).open_takes
        assert [each.id for each in laid.takes] == [take.id for take in takes]
        assert laid.shown == 1
        assert [len(each.pieces) for each in laid.takes] == [0, 1, 0]
        await editor.until(partial(_kept, opened.home.takes_path, takes))
    assert accepted == "The lamp was out.\n\nHe left."


def _kept(path, takes):
    store = TakeStore(path)
    try:
        found = store.by_ids([take.id for take in takes])
    finally:
        store.close()
    return [found[take.id].answer for take in takes if take.id in found] == list(ANSWERS) and found[
        takes[1].id
    ].accepted
