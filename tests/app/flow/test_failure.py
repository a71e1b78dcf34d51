"""When the engine fails the story is untouched, one line says so, and the next key works."""

import pytest

from storytui.engine.api import EngineDiedError, ModelError, Reading, SegmentStarted, Text
from storytui.engine.scripted import Fail, reply

DIED = "The model's process ended. The next request starts it again."
BROKEN = (
    Reading(100, 100),
    SegmentStarted("answer"),
    Text("answer", "\n\nShe shook her head. The"),
    Fail(EngineDiedError(DIED)),
)


async def test_what_came_stays_and_the_next_key_works(start):
    async with start([BROKEN, reply("Again.", "\n\nShe waited.")]) as editor:
        before = editor.text
        await editor.go_on()
        assert DIED in editor.said
        assert editor.text == before
        assert editor.desk.take.answer == "\n\nShe shook her head. The"
        assert editor.desk.take.state == "failed"
        await editor.press("tab")
        assert editor.text == before + "\n\nShe shook her head."
        await editor.press("ctrl+g")
        await editor.until(lambda: not editor.flow.room.busy)
        assert editor.answer == "She waited."
        assert editor.desk.take.state == "complete"


async def test_a_model_that_cannot_be_made_leaves_an_editor(start):
    problem = "No model is chosen. Name one in the settings."
    async with start(engine_error=ModelError(problem)) as editor:
        await editor.until(lambda: problem in editor.said)
        await editor.press("X")
        assert editor.text.endswith("X")
        await editor.go_on()
        assert problem in editor.said
        assert editor.desk.take.problem == problem


async def test_a_model_that_does_not_load_is_tried_again_by_the_next_key(start):
    async with start(load=(Fail(ModelError("The file is cut in half.")),), ready=False) as editor:
        await editor.until(lambda: "cut in half" in editor.said)
        editor.engine._load = ()
        await editor.go_on()
        assert editor.answer.startswith('"I knew,"')
        await editor.until(lambda: editor.loaded)


async def test_an_error_is_shown_as_it_is_and_not_as_markup(start):
    problem = "It said [@click=app.bell]press[/] and \x1b]52;c;eA==\x07."
    async with start([(Fail(EngineDiedError(problem)),)]) as editor:
        await editor.go_on()
        assert "[@click=app.bell]press[/]" in editor.said
        assert "\x1b" not in editor.said
        assert "\x1b" not in str(editor.screen.query_one("#note").content)


@pytest.mark.parametrize("text", ["[bold]She[/bold] waited.", "\x1b[31mShe waited."])
async def test_a_reply_is_shown_as_it_is(start, text):
    async with start([reply(text, text)]) as editor:
        await editor.go_on()
        assert "\x1b" not in editor.answer
        assert "She" in editor.answer
        if text.startswith("["):
            assert editor.answer == text


async def test_a_model_whose_process_ends_is_said_once_and_started_again(start):
    async with start() as editor:
        editor.engine.die(EngineDiedError("The model's process was ended by SIGKILL."))
        await editor.until(lambda: "SIGKILL" in editor.said)
        await editor.until(lambda: editor.loaded)
        await editor.go_on()
        assert editor.answer.strip()
