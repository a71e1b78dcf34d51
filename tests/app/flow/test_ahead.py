"""When she pauses, the engine is asked ahead for exactly what the next key would ask for."""

from functools import partial

import pytest

from storytui.app.ahead import far_enough
from storytui.app.engine_room import EngineRoom
from storytui.engine.api import Readiness
from storytui.engine.scripted import SCRIPTED_MODEL, Wait, reply
from storytui.manuscript.opening import open_manuscript
from storytui.settings import AheadSettings, SamplingSettings, Settings


def settings(*, pause_ms=1, how_far="read", seed=-1, **sampling):
    return Settings(
        ahead=AheadSettings(pause_ms=pause_ms, how_far=how_far),
        sampling=SamplingSettings(seed=seed, **sampling),
    )


QUICK = settings()
NEVER = settings(pause_ms=60_000)
"""A pause that is not over while a test runs."""


async def asked_again(editor, before):
    await editor.until(lambda: len(editor.engine.asked_ahead) > before)
    return editor.engine.asked_ahead[-1]


async def test_the_story_is_read_when_the_model_is_there(start):
    async with start(settings=QUICK) as editor:
        await editor.until(lambda: editor.screen.status.engine == "ready")
        asked = editor.engine.asked_ahead[-1]
        assert asked.how_far == "read"
        assert '"You knew," he said.' in asked.request.message


@pytest.mark.parametrize("seed", [-1, 7])
async def test_what_is_asked_ahead_is_what_the_key_asks_for(start, seed):
    async with start(settings=settings(seed=seed)) as editor:
        before = len(editor.engine.asked_ahead)
        await editor.press("!")
        ahead = await asked_again(editor, before)
        await editor.go_on()
        assert editor.engine.requests == [ahead.request]
        # And so it is with the next one.
        ahead = await asked_again(editor, before + 1)
        await editor.go_on()
        assert editor.engine.requests[1] == ahead.request
        assert editor.engine.requests[0].sampling.seed != ahead.request.sampling.seed


async def test_a_direction_is_asked_for_ahead_too(start):
    async with start(settings=QUICK) as editor:
        await editor.until(lambda: editor.screen.status.engine == "ready")
        await editor.press("ctrl+l")
        await editor.until(lambda: editor.flow.pane.direction.has_focus_within)
        before = len(editor.engine.asked_ahead)
        await editor.press("h", "e")
        await editor.until(
            lambda: editor.engine.asked_ahead[-1].request.segments[0].prefix == "he."
        )
        assert editor.engine.asked_ahead[before].edited
        ahead = editor.engine.asked_ahead[-1]
        await editor.press("enter")
        await editor.until(lambda: editor.engine.requests)
        assert editor.engine.requests == [ahead.request]


async def test_a_key_has_the_engine_rest_once(start):
    async with start(settings=QUICK) as editor:
        await editor.until(lambda: editor.screen.status.engine == "ready")
        editor.flow.ahead.close()
        rests = editor.engine.rests
        await editor.press("a", "b", "c")
        assert editor.engine.rests == rests + 1


async def test_nothing_is_asked_before_the_pause_is_over(start):
    async with start(settings=NEVER) as editor:
        await editor.press("a", "b")
        assert not editor.engine.asked_ahead
        assert editor.screen.status.engine == "loaded"


@pytest.mark.parametrize("off", [settings(pause_ms=0), settings(how_far="off")])
async def test_nothing_is_done_ahead_where_the_settings_say_so(start, off):
    async with start(settings=off) as editor:
        await editor.press("a")
        await editor.go_on()
        assert not editor.flow.ahead.on
        assert not editor.engine.asked_ahead
        assert editor.screen.status.engine == "loaded"


async def test_moving_the_cursor_is_no_edit(start):
    async with start(settings=QUICK) as editor:
        await editor.until(lambda: editor.screen.status.engine == "ready")
        before = len(editor.engine.asked_ahead)
        await editor.press("left")
        assert not (await asked_again(editor, before)).edited
        await editor.press("x")
        assert (await asked_again(editor, before + 1)).edited


async def test_an_edit_counts_until_the_engine_has_heard_of_it(start):
    async with start(settings=QUICK) as editor:
        await editor.until(lambda: editor.screen.status.engine == "ready")
        before = len(editor.engine.asked_ahead)
        # Where no story stands before the cursor nothing can be asked.
        editor.cursor_to(0)
        await editor.press("enter")
        await editor.until(lambda: not editor.flow.ahead.waiting)
        assert len(editor.engine.asked_ahead) == before
        editor.cursor_to(len(editor.text))
        assert (await asked_again(editor, before)).edited


async def test_far_from_the_last_continuation_its_cache_is_spared(start):
    async with start(settings=QUICK) as editor:
        story = "She waited at the door. " * 100
        editor.screen.area.become(story)
        editor.cursor_to(len(story))
        await editor.go_on()
        before = len(editor.engine.asked_ahead)
        editor.cursor_to(30)
        await editor.press("x")
        away = await asked_again(editor, before)
        editor.cursor_to(len(editor.text))
        await editor.until(
            lambda: editor.engine.asked_ahead[-1].request.message != away.request.message
        )
        assert away.spare
        assert not editor.engine.asked_ahead[-1].spare


async def test_nothing_is_asked_ahead_while_the_model_writes(start):
    async with start([(*reply("Think.", "She waited.")[:3], Wait())], settings=QUICK) as editor:
        await editor.until(lambda: editor.screen.status.engine == "ready")
        await editor.press("ctrl+g")
        before = len(editor.engine.asked_ahead)
        await editor.press("a", "b")
        await editor.until(lambda: not editor.flow.ahead.waiting)
        assert len(editor.engine.asked_ahead) == before
        await editor.press("escape")
        assert (await asked_again(editor, before)).edited


async def test_the_status_line_says_how_far_the_model_has_read(start):
    async with start(settings=QUICK) as editor:
        editor.engine.reads_ahead = False
        await editor.press("a")
        await editor.until(lambda: not editor.flow.ahead.waiting)
        await editor.until(lambda: not editor.flow.ahead.readiness)
        editor.engine.tell(Readiness(done=43, total=100))
        await editor.until(lambda: editor.screen.status.engine == "reading 43 %")
        editor.engine.tell(Readiness(done=100, total=100, healing=12))
        await editor.until(lambda: editor.screen.status.engine == "ready")
        editor.engine.tell(Readiness(done=0, total=0))
        await editor.until(lambda: editor.screen.status.engine == "loaded")


async def test_after_a_key_the_model_is_not_said_to_be_ready(start):
    async with start(settings=QUICK) as editor:
        await editor.until(lambda: editor.screen.status.engine == "ready")
        editor.flow.ahead.close()
        await editor.press("a")
        assert editor.screen.status.engine == "loaded"
        editor.engine.tell(Readiness(done=100, total=100))
        await editor.pilot.pause()
        assert editor.screen.status.engine == "loaded"


async def test_how_far_it_is_comes_in_few_messages(start):
    async with start(settings=QUICK) as editor:
        await editor.until(lambda: editor.screen.status.engine == "ready")
        before = len(editor.seen(EngineRoom.Readied))
        for done in range(1000):
            editor.engine.tell(Readiness(done=done, total=1000))
        await editor.until(lambda: editor.screen.status.engine == "reading 99 %")
        assert len(editor.seen(EngineRoom.Readied)) - before < 50


async def test_reading_everything_again_forgets_first(start):
    async with start(settings=QUICK) as editor:
        await editor.until(lambda: editor.screen.status.engine == "ready")
        before = len(editor.engine.asked_ahead)
        editor.screen.read_again()
        await asked_again(editor, before)
        assert editor.engine.rebuilds == 1


async def test_an_empty_story_has_nothing_to_be_read(start, tmp_path):
    from storytui.manuscript.file import StoryFile

    async with start(story_file=StoryFile.read(tmp_path / "new.md"), settings=QUICK) as editor:
        await editor.until(lambda: not editor.flow.ahead.waiting)
        await editor.app.workers.wait_for_complete()
        assert not editor.engine.asked_ahead
        assert editor.screen.status.engine == "loaded"


@pytest.mark.parametrize(
    ("backend", "layers", "mains", "far"),
    [
        ("CUDA", 28, True, "think"),
        ("CUDA", 28, False, "read"),
        ("CPU", 0, True, "read"),
    ],
)
def test_a_gpu_on_mains_power_thinks_ahead(monkeypatch, backend, layers, mains, far):
    from msgspec.structs import replace

    monkeypatch.setattr("storytui.app.ahead.on_mains", lambda: mains)
    assert far_enough(replace(SCRIPTED_MODEL, backend=backend, gpu_layers=layers)) == far


async def test_what_the_model_has_read_is_kept_beside_the_manuscript(start, tmp_path):
    path = tmp_path / "lighthouse.md"
    path.write_text("The lamp was out.", encoding="utf-8")
    opened = open_manuscript(tmp_path / "kept", path)
    async with start(story_file=opened, settings=QUICK) as editor:
        await editor.until(lambda: editor.engine.kept_in)
        kept, room = editor.engine.kept_in
        assert kept.parent == opened.home.folder
        assert room == 2048 * 2**20


async def test_nothing_the_model_has_read_is_kept_where_the_settings_say_so(start, tmp_path):
    path = tmp_path / "lighthouse.md"
    path.write_text("The lamp was out.", encoding="utf-8")
    opened = open_manuscript(tmp_path / "kept", path)
    none = Settings(ahead=AheadSettings(state_mb=0))
    async with start(story_file=opened, settings=none) as editor:
        assert editor.engine.kept_in is None


def _was_asked(engine, words):
    return any(words in each.request.message for each in engine.asked_ahead)


async def test_reopening_asks_for_the_same_part_of_the_story(start, tmp_path):
    path = tmp_path / "lighthouse.md"
    path.write_text("The lamp was out for eleven minutes.\n\n" * 1000, encoding="utf-8")
    asked = []
    for words in ("She waited.", " He left."):
        opened = open_manuscript(tmp_path / "kept", path)
        async with start(story_file=opened, settings=settings(seed=7)) as editor:
            await editor.press(*words)
            await editor.until(partial(_was_asked, editor.engine, words))
            await editor.press("ctrl+s")
            await editor.until(lambda: not editor.screen.area.changed)
            asked.append(editor.engine.asked_ahead[-1].request.message)
    first, second = asked
    assert second.startswith(first.rstrip())
