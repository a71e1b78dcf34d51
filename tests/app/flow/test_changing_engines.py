"""Another engine takes the place of one that is loading, writing, dying or being adapted."""

import threading
from pathlib import Path

import pytest
from msgspec import structs

from storytui.app.adapter_choice import AdapterScreen
from storytui.app.engine_place import EnginePlace
from storytui.app.engine_room import EngineRoom
from storytui.engine.api import EngineDiedError, EngineError, Readiness
from storytui.engine.model_info import Adapter, ModelInfo
from storytui.engine.scripted import SCRIPTED_MODEL, Fail, ScriptedEngine, Wait, reply
from storytui.settings import AheadSettings, Settings

OTHER = structs.replace(SCRIPTED_MODEL, name="Other", path="other.gguf")


class SlowToAdapt(ScriptedEngine):
    """Lays adapters over the model when it is told to."""

    def __init__(self) -> None:
        super().__init__([reply("Thoughts.", "By the first.")])
        self.asked = threading.Event()
        self.go = threading.Event()

    def adapt(self, adapters) -> ModelInfo:
        self.asked.set()
        assert self.go.wait(10)
        return super().adapt(adapters)


def other(**more) -> ScriptedEngine:
    return ScriptedEngine([reply("Thoughts.", "By the other.")], info=OTHER, **more)


async def test_a_model_that_is_chosen_while_an_adapter_is_laid_takes_the_place(start, monkeypatch):
    monkeypatch.setattr("storytui.app.adapting.examine_adapter", lambda *_: None)
    first, second = SlowToAdapt(), other()
    async with start(factory=lambda: first) as editor:
        editor.flow.room.adapt((Adapter(path="voice.gguf"),))
        await editor.until(first.asked.is_set)
        editor.flow.use(lambda: second)
        first.go.set()
        await editor.until(lambda: editor.loaded and editor.flow.model == OTHER)
        assert first.closed
        await editor.go_on()
        assert "By the other." in editor.answer
        assert second.adapters == ()


async def test_an_adapter_that_waits_for_its_turn_is_not_laid_over_another_model(
    start, monkeypatch
):
    looked_at: list[Path] = []
    monkeypatch.setattr(
        "storytui.app.adapting.examine_adapter", lambda path, *_: looked_at.append(path)
    )
    half = (*reply("Thoughts.", "Half an answer")[:-3], Wait())
    second = other()
    async with start([half]) as editor:
        room = editor.flow.room
        with room._turn:
            room.adapt((Adapter(path="voice.gguf"),))
            editor.flow.use(lambda: second)
        await editor.until(lambda: editor.loaded and editor.flow.model == OTHER)
        await editor.go_on()
        assert looked_at == []
        assert editor.seen(type(room).NotAdapted) == []
        assert "By the other." in editor.answer


async def test_a_model_that_still_loads_is_not_waited_for(start):
    slow, second = ScriptedEngine([reply("", "never")], load=[Wait()]), other()
    async with start(factory=lambda: slow, ready=False) as editor:
        await editor.press("ctrl+g")
        editor.flow.use(lambda: second)
        await editor.until(lambda: editor.loaded and editor.flow.model == OTHER)
        assert slow.closed
        await editor.until(lambda: not editor.flow.room.busy)
        await editor.go_on()
        assert "By the other." in editor.answer


async def test_what_the_one_before_failed_of_is_not_told_of_the_new_one(start):
    entered, leave = threading.Event(), threading.Event()

    def make() -> ScriptedEngine:
        entered.set()
        assert leave.wait(10)
        raise EngineError("The first one is no model.")

    async with start(factory=make, ready=False) as editor:
        await editor.until(entered.is_set)
        editor.flow.use(other)
        leave.set()
        await editor.until(lambda: editor.loaded and editor.flow.model == OTHER)
        assert editor.seen(EngineRoom.NotReady) == []


async def test_what_the_one_before_tells_when_it_is_gone_is_dropped(start):
    settings = Settings(ahead=AheadSettings(how_far="read", pause_ms=1))
    async with start(settings=settings) as editor:
        await editor.until(lambda: editor.screen.status.engine == "ready")
        second = other(reads_ahead=False)
        editor.flow.use(lambda: second)
        await editor.until(lambda: editor.flow.model == OTHER and second.asked_ahead)
        told = len(editor.seen(EngineRoom.Readied))
        editor.engine.tell(Readiness(done=100, total=100))
        editor.engine.die(EngineDiedError("The first one's process ended."))
        second.tell(Readiness(done=43, total=100))
        await editor.until(lambda: editor.screen.status.engine == "reading 43 %")
        assert len(editor.seen(EngineRoom.Readied)) == told + 1
        assert editor.seen(EngineRoom.Died) == []


async def test_an_adapter_that_was_chosen_for_a_model_that_is_gone_is_not_laid(start, monkeypatch):
    async with start() as editor:
        editor.screen.choose_adapter()
        await editor.until(lambda: isinstance(editor.app.screen, AdapterScreen))
        await editor.until(lambda: editor.app.screen.listed)
        second = other()
        editor.flow.use(lambda: second)
        await editor.until(lambda: editor.flow.model == OTHER)
        editor.app.screen.dismiss((Adapter(path="voice.gguf"),))
        await editor.until(lambda: "was for Scripted, which is not the model" in editor.said)
        assert editor.flow.model == OTHER
        assert second.adapters == ()


async def test_why_a_model_is_loaded_with_less_is_told_once(start):
    note = "tales.gguf: fits at 16k with q8_0 keys and values; other programs hold 2.5 GiB."
    info = structs.replace(SCRIPTED_MODEL, note=note)
    async with start(info=info) as editor:
        await editor.until(lambda: note in editor.said)
        editor.screen.say("")
        told = len(editor.seen(EngineRoom.Ready))
        editor.flow.room.warm_up()
        await editor.until(lambda: len(editor.seen(EngineRoom.Ready)) > told)
        assert note not in editor.said
        editor.flow.use(lambda: ScriptedEngine([reply("", "a")], info=info))
        await editor.until(lambda: note in editor.said)


def test_a_model_that_cannot_be_loaded_is_told_of_once_it_is_the_last_one_wanted() -> None:
    def broken() -> ScriptedEngine:
        raise EngineError("It is no model.")

    place = EnginePlace(other, lambda _engine: None)
    first = place.get()
    place.change(broken)
    for _ in range(2):
        with pytest.raises(EngineError, match="no model"):
            place.get()
    assert place.engine is None
    place.change(other)
    assert place.get() is not first


def test_a_model_that_is_wanted_while_another_is_made_is_made_next() -> None:
    made: list[str] = []
    place = EnginePlace(other, lambda _engine: None)
    place.get()

    def second() -> ScriptedEngine:
        made.append("second")
        place.change(third)
        return other()

    def third() -> ScriptedEngine:
        made.append("third")
        return other()

    place.change(second)
    before = place.get()
    assert place.changing
    assert place.get() is not before
    assert made == ["second", "third"]
    assert not place.changing


def test_closing_while_the_one_before_ends_makes_no_other() -> None:
    class LastWords(ScriptedEngine):
        def close(self, wait: float = 0.0) -> None:
            super().close(wait)
            place.closing.set()

    place = EnginePlace(lambda: LastWords([reply("", "a")], load=[Fail(EngineError("x"))]), print)
    place.get()
    place.change(lambda: pytest.fail("another was made"))
    with pytest.raises(EngineError, match="closing"):
        place.get()
