"""Pictures of the editor at its moments; `pytest --snapshot-update` makes them anew."""

from storytui.app.screens.prompt_view import PromptScreen
from storytui.engine.api import Reading, SegmentStarted, Text
from storytui.engine.scripted import Wait
from storytui.settings import EditorSettings, SamplingSettings, Settings

WIDE, SMALL = (120, 32), (80, 24)
SEED = SamplingSettings(seed=7)
LIGHT = Settings(sampling=SEED, editor=EditorSettings(theme="storytui-light"))
HALF = (
    Reading(100, 100),
    SegmentStarted("reasoning"),
    Text("reasoning", "She has not told him about the letter. Let the silence do it."),
    SegmentStarted("answer"),
    Text("answer", '\n\n"I knew," she said.\n\nHe looked past her, to the hook where the k'),
    Wait(),
)


async def _nothing(editor) -> None:
    await editor.pilot.pause()


async def _half_written(editor) -> None:
    await editor.press("ctrl+g")
    await editor.until(lambda: "He looked" in editor.answer)


async def _two_taken(editor) -> None:
    await editor.go_on()
    await editor.press("tab", "tab")


async def _second_take(editor) -> None:
    await editor.go_on()
    await editor.press("tab", "ctrl+t")
    await editor.until(lambda: not editor.flow.room.busy)
    await editor.press("ctrl+b", "f2")


async def _prompt(editor) -> None:
    await editor.press("f12")
    await editor.until(lambda: isinstance(editor.app.screen, PromptScreen))


def test_the_first_start(looks_as_before):
    assert looks_as_before(_nothing, size=WIDE, first_start=True)


def test_the_first_start_on_a_small_screen(looks_as_before):
    assert looks_as_before(_nothing, size=SMALL, first_start=True, settings=LIGHT)


def test_the_model_writes(looks_as_before):
    assert looks_as_before(_half_written, [HALF], size=WIDE)


def test_the_model_writes_on_a_small_screen(looks_as_before):
    assert looks_as_before(_half_written, [HALF], size=SMALL)


def test_sentences_are_taken(looks_as_before):
    assert looks_as_before(_two_taken, size=WIDE, settings=LIGHT)


def test_sentences_are_taken_on_a_small_screen(looks_as_before):
    assert looks_as_before(_two_taken, size=SMALL)


def test_the_earlier_of_two_takes_with_its_reasoning_folded(looks_as_before):
    assert looks_as_before(_second_take, size=WIDE)


def test_what_the_model_sees(looks_as_before):
    assert looks_as_before(_prompt, size=WIDE, settings=LIGHT)
