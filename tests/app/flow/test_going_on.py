"""One key continues the story: what is asked, what is shown, how it is stopped."""

from storytui.app.engine_room import EngineRoom
from storytui.app.widgets.manuscript import ManuscriptArea
from storytui.engine.api import Loading, Reading, SegmentStarted, Text
from storytui.engine.scripted import Wait, reply
from storytui.settings import ContinueSettings, SamplingSettings, Settings

BEGUN = (
    Reading(43, 100),
    Wait(),
    SegmentStarted("reasoning"),
    Text("reasoning", "Let her lie. "),
    SegmentStarted("answer"),
    Text("answer", "\n\nShe shook her head. The stairs "),
    Wait(),
    Text("answer", "were wet."),
)


async def test_the_reply_comes_into_the_pane_and_leaves_the_manuscript_alone(start):
    async with start() as editor:
        before = editor.text
        await editor.go_on()
        assert editor.desk.take.reasoning.startswith("She has not told him")
        assert editor.answer.startswith('"I knew," she said.')
        assert editor.text == before
        assert editor.loaded


async def test_what_came_of_the_engine_arrives_in_few_messages(start):
    async with start([reply("Think. " * 50, "Word " * 400, step=2)]) as editor:
        await editor.go_on()
        arrived = editor.seen(EngineRoom.Arrived)
        events = sum(len(each.events) for each in arrived)
        assert events > 1000
        assert len(arrived) < events / 20
        assert [each.ended for each in arrived] == [False] * (len(arrived) - 1) + [True]


async def test_only_the_story_before_the_cursor_is_continued(start):
    async with start() as editor:
        editor.cursor_to(editor.text.index('"You knew'))
        await editor.go_on()
        (request,) = editor.engine.requests
        assert "anyone said so." in request.message
        assert "You knew" not in request.message


async def test_work_shows_at_once_and_then_how_far_the_prompt_was_read(start):
    async with start([BEGUN]) as editor:
        await editor.pilot.press("ctrl+g")
        assert editor.flow.writing
        assert "esc stops" in editor.screen.status.engine
        await editor.until(lambda: editor.desk.progress == "reading 43 %")
        assert "reading 43 % · esc stops" in editor.said
        editor.engine.go_on()
        await editor.until(lambda: "She shook" in editor.answer)
        assert "writing · esc stops" in editor.said


async def test_a_word_is_shown_when_it_is_whole(start):
    async with start([BEGUN]) as editor:
        await editor.press("ctrl+g")
        editor.engine.go_on()
        await editor.until(lambda: "The stairs" in editor.answer)
        await editor.press("escape")
        await editor.until(lambda: not editor.flow.room.busy)
        assert editor.answer == "She shook her head. The stairs "


async def test_escape_stops_the_model_and_keeps_what_came(start):
    async with start([BEGUN]) as editor:
        await editor.press("ctrl+g")
        editor.engine.go_on()
        await editor.until(lambda: "She shook" in editor.answer)
        await editor.press("escape")
        await editor.until(lambda: not editor.flow.room.busy)
        assert editor.desk.take.state == "stopped"
        assert editor.desk.take.answer == "\n\nShe shook her head. The stairs "


async def test_the_same_key_stops_the_model(start):
    async with start([BEGUN]) as editor:
        await editor.press("ctrl+g")
        editor.engine.go_on()
        await editor.until(lambda: "She shook" in editor.answer)
        await editor.press("ctrl+g")
        await editor.until(lambda: not editor.flow.room.busy)
        assert len(editor.engine.requests) == 1
        assert editor.desk.take.state == "stopped"


async def test_a_key_pressed_while_the_model_loads_shows_how_far_that_is(start):
    load = (Loading(0.4), Wait(), Loading(0.9))
    async with start(load=load, ready=False) as editor:
        await editor.until(lambda: "loading the model 40 %" in editor.said)
        await editor.press("ctrl+g")
        assert "loading the model" in editor.desk.progress
        editor.engine.go_on()
        await editor.until(lambda: not editor.flow.room.busy)
        assert editor.answer.startswith('"I knew,"')


async def test_she_can_type_elsewhere_while_the_model_writes(start):
    async with start([BEGUN]) as editor:
        await editor.press("ctrl+g")
        editor.engine.go_on()
        await editor.until(lambda: "She shook" in editor.answer)
        editor.cursor_to(0)
        await editor.press("X", "Y")
        assert editor.text.startswith("XY# Chapter Three")
        assert editor.seen(ManuscriptArea.Edited)
        assert editor.desk.place == len(editor.text)
        editor.engine.go_on()
        await editor.until(lambda: not editor.flow.room.busy)
        assert editor.desk.take.state == "complete"


async def test_the_direction_and_the_length_go_with_the_next_request(start):
    async with start() as editor:
        await editor.press("ctrl+l")
        await editor.until(lambda: editor.flow.pane.direction.has_focus_within)
        await editor.press(*"he leaves")
        await editor.press("tab", "up", "enter")
        await editor.until(lambda: editor.engine.requests and not editor.flow.room.busy)
        (request,) = editor.engine.requests
        assert request.segments[0].prefix == "he leaves."
        assert request.segments[-1].words == 140
        assert editor.desk.take.direction == "he leaves"
        assert editor.screen.area.has_focus


async def test_the_reasoning_folds_itself_away_where_the_writer_so_chose(start):
    settings = Settings(continuing=ContinueSettings(collapse_reasoning=True))
    async with start(settings=settings) as editor:
        await editor.go_on()
        assert editor.screen.query_one("#reasoning").has_class("folded")
        await editor.press("f2")
        assert not editor.screen.query_one("#reasoning").has_class("folded")


async def test_every_take_gets_a_new_seed_unless_the_settings_fix_it(start):
    async with start(settings=Settings(sampling=SamplingSettings(seed=-1))) as editor:
        await editor.go_on()
        await editor.press("ctrl+t")
        await editor.until(lambda: not editor.flow.room.busy)
        first, second = (each.sampling.seed for each in editor.engine.requests)
        assert first != second
        assert editor.desk.take.seed == second


async def test_an_empty_story_is_told_what_to_do(start, tmp_path):
    from storytui.manuscript.file import StoryFile

    async with start(story_file=StoryFile.read(tmp_path / "new.md")) as editor:
        await editor.go_on()
        assert not editor.engine.requests
        assert "write a first sentence" in editor.said


async def test_quitting_while_the_model_writes_waits_for_nothing(start):
    async with start([BEGUN]) as editor:
        await editor.press("ctrl+g")
        await editor.until(lambda: editor.desk.progress == "reading 43 %")
        await editor.press("ctrl+q")
    assert editor.engine.closed
