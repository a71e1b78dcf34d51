"""An adapter is chosen from the palette's command, and switched while the model runs."""

import json
from pathlib import Path

import pytest
from make_adapters import make_adapter, matrices, write_adapter
from msgspec import structs
from textual.widgets import Label, OptionList

from storytui.app.adapter_choice import AdapterScreen
from storytui.app.asking import notes_left_out
from storytui.app.commands import palette_commands
from storytui.app.running import what_runs
from storytui.engine.adapting import adapted
from storytui.engine.api import EngineError, Reading, SegmentStarted, Text
from storytui.engine.model_info import Adapter, ModelInfo
from storytui.engine.scripted import SCRIPTED_MODEL, Wait, reply
from storytui.models.starter import starter_model
from storytui.settings import AheadSettings, ContinueSettings, ModelSettings, Settings


@pytest.fixture
def info() -> ModelInfo:
    """A model whose file is there: adapters are held against it."""
    small = starter_model()
    assert small is not None
    return structs.replace(SCRIPTED_MODEL, path=str(small))


@pytest.fixture
def voices(info: ModelInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two adapters for the model, and one for another."""
    folder = tmp_path / "adapters"
    folder.mkdir()
    base = Path(info.path)
    write_adapter(folder / "foreign.gguf", matrices(base, 3), architecture="qwen2")
    monkeypatch.setenv("LLAMA_CACHE", str(folder))
    return [make_adapter(folder / f"voice-{seed}.gguf", base, seed) for seed in (1, 2)]


async def choose(editor, *keys: str) -> None:
    [command] = [
        each for each in palette_commands(editor.app, editor.screen) if each.title == "Adapter"
    ]
    command.callback()
    await editor.until(lambda: isinstance(editor.app.screen, AdapterScreen))
    await editor.until(lambda: editor.app.screen.listed)
    await editor.press(*keys)
    await editor.until(lambda: editor.app.screen is editor.screen)


async def test_those_that_go_with_the_model_are_listed_and_the_chosen_one_works(
    start, info, voices
):
    async with start(info=info) as editor:
        editor.screen.choose_adapter()
        await editor.until(lambda: isinstance(editor.app.screen, AdapterScreen))
        await editor.until(lambda: editor.app.screen.listed)
        options = editor.app.screen.query_one(OptionList)
        rows = [str(options.get_option_at_index(at).prompt) for at in range(options.option_count)]
        assert [row.split(" ")[0] for row in rows] == ["none", "voice-1", "voice-2"]
        label = editor.app.screen.query_one(".dialog-text", Label)
        assert str(label.render()) == "1 more are here for other models."
        await editor.press("down", "down", "enter")
        await editor.until(lambda: editor.engine.adapters)
        assert editor.engine.adapters == (Adapter(path=str(voices[1])),)
        await editor.until(lambda: "+ voice-2" in editor.said)

        await choose(editor, "up", "up", "enter")
        await editor.until(lambda: not editor.engine.adapters)
        assert "voice" not in editor.said


async def test_leaving_the_list_changes_nothing(start, info, voices):
    async with start(info=info) as editor:
        await choose(editor, "down", "escape")
        await editor.pilot.pause()
        assert editor.engine.adapters == ()
        assert "voice" not in editor.said


async def test_the_settings_scale_goes_with_the_settings_adapter(start, info, voices):
    settings = Settings(model=ModelSettings(adapter=str(voices[0]), adapter_scale=0.5))
    async with start(info=info, settings=settings) as editor:
        await choose(editor, "down", "enter")
        await editor.until(lambda: editor.engine.adapters)
        assert editor.engine.adapters == (Adapter(path=str(voices[0]), scale=0.5),)
        await editor.until(lambda: "+ voice-1 × 0.5" in editor.said)


async def test_the_prompt_format_changes_with_the_adapter(start, info, tmp_path, voices):
    trained = tmp_path / "adapters" / "trained.gguf"
    make_adapter(trained, Path(info.path), 3, prompt_format="storytui-1")
    async with start([reply("", "She went.")] * 3, info=info) as editor:
        await editor.go_on()
        assert editor.desk.take.format == "cra-v1"
        await choose(editor, "down", "enter")
        await editor.until(lambda: editor.engine.adapters)
        assert Path(editor.engine.adapters[0].path) == trained
        assert editor.engine.adapters[0].prompt_format == "storytui-1"
        await editor.press("ctrl+t")
        await editor.until(lambda: not editor.flow.room.busy)
        assert editor.desk.take.format == "storytui-1"
        assert editor.engine.requests[-1].trained
        assert "### Task: Continue the story" in editor.engine.requests[-1].message
        assert "Prompt format: storytui-1. The adapter trained names storytui-1." in what_runs(
            editor.flow.model, "auto"
        )
        assert not notes_left_out("auto", "She limps.", editor.flow.model)

        await choose(editor, "up", "enter")
        await editor.until(lambda: not editor.engine.adapters)
        await editor.press("ctrl+t")
        await editor.until(lambda: not editor.flow.room.busy)
        assert editor.desk.take.format == "cra-v1"
        assert "### Task: Understand how" in editor.engine.requests[-1].message


async def test_adapters_that_disagree_are_said_once(start, info):
    both = (
        Adapter(path="/a/mine.gguf", prompt_format="storytui-1"),
        Adapter(path="/a/voice.gguf", prompt_format="cra-v1"),
    )
    async with start(info=adapted(info, both)) as editor:
        assert "different prompt formats" in editor.said
        await editor.go_on()
        assert editor.desk.take.format == "storytui-1"


async def test_where_the_settings_name_the_format_there_is_nothing_to_disagree_on(start, info):
    both = (
        Adapter(path="/a/mine.gguf", prompt_format="storytui-1"),
        Adapter(path="/a/voice.gguf", prompt_format="cra-v1"),
    )
    settings = Settings(continuing=ContinueSettings(format="cra-v1"))
    async with start(info=adapted(info, both), settings=settings) as editor:
        assert "different prompt formats" not in editor.said


async def test_a_reply_on_its_way_ends_first_and_the_next_take_tells_the_adapter(
    start, info, voices
):
    begun = Text("answer", "\n\nShe waited there. The stairs ")
    half = (Reading(43, 100), SegmentStarted("answer"), begun, Wait(), Text("answer", "went."))
    async with start([half, reply("", "She went.")], info=info) as editor:
        await editor.press("ctrl+g")
        await editor.until(lambda: "She waited" in editor.answer)
        await choose(editor, "down", "enter")
        await editor.until(lambda: editor.engine.adapters)
        first = editor.desk.take
        assert first is not None
        assert "adapter" not in json.loads(first.settings)
        await editor.press("ctrl+t")
        await editor.until(lambda: not editor.flow.room.busy)
        second = editor.desk.take
        assert second is not None
        settings = json.loads(second.settings)
        assert (settings["adapter"], settings["adapter_scale"]) == ("voice-1", 1.0)


async def test_readiness_begins_again_after_a_switch(start, info, voices):
    settings = Settings(ahead=AheadSettings(how_far="read", pause_ms=1))
    async with start(info=info, settings=settings) as editor:
        await editor.until(lambda: editor.screen.status.engine == "ready")
        asked = len(editor.engine.asked_ahead)
        editor.engine.reads_ahead = False
        await choose(editor, "down", "enter")
        await editor.until(lambda: len(editor.engine.asked_ahead) > asked)
        assert editor.screen.status.engine == "loaded"


async def test_a_switch_that_fails_is_said_and_leaves_the_model_as_it_was(start, info, voices):
    async with start(info=info) as editor:
        editor.engine.adapter_error = EngineError("llama.cpp could not switch the adapter.")
        await choose(editor, "down", "enter")
        await editor.until(lambda: "could not switch" in editor.said)
        await editor.until(lambda: editor.screen.status.model == "Scripted · CPU")
        await editor.go_on()
        assert editor.desk.take is not None
        assert "adapter" not in json.loads(editor.desk.take.settings)


async def test_an_adapter_whose_weights_are_no_numbers_never_reaches_the_engine(
    start, info, voices
):
    tensors = matrices(Path(info.path), 1)
    for each in tensors.values():
        each[:] = float("nan")
    voices[0].unlink()
    write_adapter(voices[0], tensors)
    async with start(info=info) as editor:
        await choose(editor, "down", "enter")
        await editor.until(lambda: editor.seen(type(editor.flow.room).NotAdapted))
        assert editor.engine.adapters == ()
        assert "no numbers" in editor.seen(type(editor.flow.room).NotAdapted)[0].problem
