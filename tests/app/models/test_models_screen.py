"""Choosing a model: the first launch, a download, another engine while the story is open."""

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs
from shelves import BUILT_IN, CRA, FILE, NEMO, OFFERS, REPOSITORY, ScriptedFetch, ScriptedShelf
from textual.widgets import OptionList, Static

from storytui.app.running import what_runs
from storytui.app.screens.confirm import ConfirmScreen
from storytui.app.screens.models import ModelsScreen
from storytui.engine.api import EngineError, NoModelError
from storytui.engine.model_info import Adapter
from storytui.engine.scripted import SCRIPTED_MODEL, Wait, reply
from storytui.models.beside_plan import BesidePlan
from storytui.models.offers import Fetched, Offer, Offers
from storytui.settings import SamplingSettings, Settings

CARD_UNUSED = (
    "This machine has an NVIDIA card, but this llama-cpp-python was built without CUDA. To use it: "
    "pip install --force-reinstall --no-cache-dir llama-cpp-python"
)


def listed(editor) -> str:
    """What the list shows, a row a line."""
    options = editor.app.screen.query_one(OptionList)
    return "\n".join(str(each.prompt) for each in options.options)


def shown(editor, id: str) -> str:
    return str(editor.app.screen.query_one(f"#{id}", Static).content)


async def open_models(editor) -> None:
    editor.screen.choose_model()
    await editor.until(lambda: isinstance(editor.app.screen, ModelsScreen))
    await editor.until(lambda: editor.app.screen.query_one(OptionList).option_count)


async def test_without_a_chosen_model_the_models_are_shown_first(start):
    async with start(shelf=ScriptedShelf(), choose_model=True) as editor:
        await editor.until(lambda: isinstance(editor.app.screen, ModelsScreen))
        await editor.until(lambda: "CRA-v1 7B" in listed(editor))
        assert "fits fully: 16k context, 5.5 of 8.0 GiB" in listed(editor)
        assert "too big by 0.3 GiB" in listed(editor)
        assert listed(editor).index("built in") < listed(editor).index("CRA-v1")
        assert "RTX 3080" in shown(editor, "models-machine")
        assert "thinks about its people" in shown(editor, "models-details")
        assert "enter downloads it and begins" in shown(editor, "models-hint")


async def test_words_that_she_was_writing_when_the_screen_came_go_onto_the_page(start):
    fetch = ScriptedFetch(Path("cra.gguf"))
    shelf = ScriptedShelf(fetches=[fetch])
    async with start(shelf=shelf, choose_model=True) as editor:
        await editor.until(lambda: isinstance(editor.app.screen, ModelsScreen))
        before = editor.text
        await editor.press("c", "space", "a", "enter", "b")
        await editor.until(lambda: editor.app.screen is editor.screen)
        assert editor.text == before + "c a\nb"
        assert shelf.asked == []


async def test_where_she_writes_already_no_screen_comes_unasked(start):
    async with start(shelf=ScriptedShelf()) as editor:
        await editor.press("x")
        editor.screen.choose_model(first=True)
        await editor.until(lambda: "No model is chosen yet" in editor.said)
        assert editor.app.screen is editor.screen


async def test_escape_writes_without_choosing(start):
    shelf = ScriptedShelf()
    async with start(shelf=shelf, choose_model=True) as editor:
        await editor.until(lambda: isinstance(editor.app.screen, ModelsScreen))
        await editor.press("escape")
        assert editor.app.screen is editor.screen
        await editor.press("x")
        assert editor.text.endswith("x")
        assert shelf.asked == []


async def test_one_key_downloads_and_begins_while_she_types(start, monkeypatch):
    # The pause after which a key is meant for the screen is over at once.
    monkeypatch.setattr("storytui.app.screens.models.PAUSE_SECONDS", 0.0)
    fetch = ScriptedFetch(
        Path("cra.gguf"),
        [Fetched(2_012_400_000, 4_680_000_000, bytes_per_second=12e6, seconds_left=222)],
    )
    shelf = ScriptedShelf(fetches=[fetch])
    async with start(shelf=shelf, choose_model=True) as editor:
        await editor.until(lambda: isinstance(editor.app.screen, ModelsScreen))
        await editor.until(lambda: "CRA-v1" in listed(editor))
        await editor.press("enter")
        await editor.until(lambda: editor.app.screen is editor.screen)
        await editor.until(lambda: "43 %" in editor.screen.status.fetching)
        said = "CRA-v1 7B 43 % of 4.4 GiB · 11.4 MiB/s · 4 min left"
        assert editor.screen.status.fetching == said
        await editor.press("y", "e", "s")
        await editor.go_on()
        assert "I knew" in editor.answer
        before = editor.engine
        fetch.go.set()
        await editor.until(lambda: shelf.engines and editor.loaded)
        assert before.closed
        assert editor.screen.status.fetching == ""
        assert ("use", "cra.gguf") in shelf.asked
        assert editor.text.endswith("yes")
        await editor.press("ctrl+t")
        await editor.until(lambda: not editor.flow.room.busy)
        assert "By cra." in editor.answer


async def test_a_reply_is_not_cut_short_by_a_model_that_has_come(start):
    fetch = ScriptedFetch(Path("cra.gguf"))
    shelf = ScriptedShelf(fetches=[fetch])
    half = (*reply("Thoughts.", "\n\nHalf an answer")[:-3], Wait())
    async with start([half], shelf=shelf) as editor:
        await open_models(editor)
        await editor.press("enter")
        await editor.until(lambda: editor.screen.status.fetching)
        await editor.press("ctrl+g")
        await editor.until(lambda: "Half" in editor.answer)
        fetch.go.set()
        await editor.until(lambda: "goes on after this reply" in editor.said)
        assert editor.flow.writing
        assert shelf.engines == []
        await editor.press("escape")
        await editor.until(lambda: shelf.engines and editor.loaded)
        assert ("use", "cra.gguf") in shelf.asked


async def test_a_download_that_fails_is_said_and_the_model_stays(start):
    fetch = ScriptedFetch(Path("cra.gguf"), problem="The disk is full. 2.0 GB of it are here.")
    async with start(shelf=ScriptedShelf(fetches=[fetch])) as editor:
        await open_models(editor)
        await editor.press("enter")
        fetch.go.set()
        await editor.until(lambda: "The disk is full" in editor.said)
        assert editor.screen.status.fetching == ""
        await editor.go_on()
        assert "I knew" in editor.answer


async def test_a_download_is_cancelled_from_the_models_and_can_be_begun_again(start):
    first, second = ScriptedFetch(Path("a.gguf")), ScriptedFetch(Path("a.gguf"))
    shelf = ScriptedShelf(fetches=[first, second])
    async with start(shelf=shelf) as editor:
        await open_models(editor)
        await editor.press("enter")
        await editor.until(lambda: editor.app.screen is editor.screen)
        await open_models(editor)
        assert "CRA-v1 7B: asking for it" in shown(editor, "models-fetching")
        await editor.press("c")
        assert first.cancelled.is_set()
        await editor.press("enter")
        await editor.until(lambda: editor.screen.status.fetching)
        second.go.set()
        await editor.until(lambda: shelf.engines)
        assert shelf.asked == [("fetch", CRA.id), ("fetch", CRA.id), ("use", "a.gguf")]


async def test_a_model_that_is_here_is_used_at_once(start):
    here = replace(BUILT_IN, id="other", name="Other", path=Path("other.gguf"), in_use=False)
    shelf = ScriptedShelf(Offers("CPU", (BUILT_IN, here, CRA), best="other"))
    async with start(shelf=shelf) as editor:
        await open_models(editor)
        await editor.press("enter")
        await editor.until(lambda: shelf.engines and editor.loaded)
        assert editor.engine.closed
        assert "Other is the model from now on" in editor.said
        await editor.go_on()
        assert "By other." in editor.answer


async def test_a_model_is_changed_while_a_reply_is_written(start):
    here = replace(BUILT_IN, id="other", name="Other", path=Path("other.gguf"), in_use=False)
    shelf = ScriptedShelf(Offers("CPU", (here,), best="other"))
    waiting = (*reply("Thoughts.", "\n\nHalf an answer")[:-3], Wait())
    async with start([waiting], shelf=shelf) as editor:
        await editor.press("ctrl+g")
        await editor.until(lambda: "Half" in editor.answer)
        await open_models(editor)
        await editor.press("enter")
        await editor.until(lambda: shelf.engines and editor.loaded)
        assert "Half" in editor.answer
        await editor.press("ctrl+t")
        await editor.until(lambda: not editor.flow.room.busy)
        assert "By other." in editor.answer


async def test_a_file_that_is_refused_leaves_the_model_as_it_was(start):
    here = replace(BUILT_IN, id="other", name="Other", path=Path("other.gguf"), in_use=False)
    shelf = ScriptedShelf(Offers("CPU", (here,), best="other"), refuses="other.gguf is no model.")
    async with start(shelf=shelf) as editor:
        await open_models(editor)
        await editor.press("enter")
        await editor.until(lambda: "other.gguf is no model." in editor.said)
        assert not editor.engine.closed


async def test_what_does_not_fit_is_asked_about_first(start):
    shelf = ScriptedShelf(replace(OFFERS, best=NEMO.id), fetches=[ScriptedFetch(Path("n.gguf"))])
    async with start(shelf=shelf) as editor:
        await open_models(editor)
        await editor.press("enter")
        await editor.until(lambda: isinstance(editor.app.screen, ConfirmScreen))
        await editor.press("escape")
        await editor.until(lambda: isinstance(editor.app.screen, ModelsScreen))
        assert shelf.asked == []
        await editor.press("enter")
        await editor.until(lambda: isinstance(editor.app.screen, ConfirmScreen))
        await editor.press("d")
        await editor.until(lambda: shelf.asked == [("fetch", NEMO.id)])


async def test_the_hub_is_searched_and_a_repository_looked_into(start):
    shelf = ScriptedShelf(fetches=[ScriptedFetch(Path("tales.gguf"))])
    async with start(shelf=shelf) as editor:
        await open_models(editor)
        await editor.press("slash", *"tales", "enter")
        await editor.until(lambda: "someone/Tales-GGUF" in listed(editor))
        await editor.press("enter")
        await editor.until(lambda: "tales.gguf" in listed(editor))
        await editor.press("escape")
        await editor.until(lambda: "someone/Tales-GGUF" in listed(editor))
        await editor.press("enter")
        await editor.until(lambda: "tales.gguf" in listed(editor))
        await editor.press("enter")
        await editor.until(lambda: editor.app.screen is editor.screen)
        assert shelf.asked == [
            ("search", "tales"),
            ("files", REPOSITORY.id),
            ("files", REPOSITORY.id),
            ("fetch", FILE.id),
        ]


async def test_a_hub_that_does_not_answer_is_said_and_escape_goes_back(start):
    shelf = ScriptedShelf(problem="Hugging Face cannot be reached. Is this machine online?")
    async with start(shelf=shelf) as editor:
        await open_models(editor)
        await editor.press("slash", *"tales", "enter")
        await editor.until(lambda: "cannot be reached" in shown(editor, "models-warning"))
        await editor.press("escape")
        assert "CRA-v1 7B" in listed(editor)
        await editor.press("escape")
        await editor.until(lambda: editor.app.screen is editor.screen)


async def test_a_card_that_is_not_used_is_said_on_the_screen(start):
    warned = "This machine has an NVIDIA card, but llama-cpp-python was built without CUDA."
    shelf = ScriptedShelf(replace(OFFERS, warnings=(warned,)))
    async with start(shelf=shelf, choose_model=True) as editor:
        await editor.until(lambda: isinstance(editor.app.screen, ModelsScreen))
        await editor.until(lambda: warned in shown(editor, "models-warning"))


async def test_with_no_model_at_all_the_key_shows_the_models(start):
    missing = NoModelError("No model is chosen.")
    async with start(shelf=ScriptedShelf(), engine_error=missing, ready=False) as editor:
        await editor.until(lambda: editor.flow.none_chosen)
        await editor.press("ctrl+g")
        await editor.until(lambda: isinstance(editor.app.screen, ModelsScreen))


async def test_a_model_that_cannot_be_loaded_is_tried_again_by_the_key(start):
    broken = EngineError("The file is gone.")
    async with start(shelf=ScriptedShelf(), engine_error=broken, ready=False) as editor:
        await editor.until(lambda: "The file is gone." in editor.said)
        await editor.press("ctrl+g")
        assert editor.app.screen is editor.screen


async def test_what_runs_is_told_of_the_model_in_use(start):
    shelf = ScriptedShelf(replace(OFFERS, best=BUILT_IN.id))
    async with start(shelf=shelf, settings=Settings(sampling=SamplingSettings(seed=7))) as editor:
        await open_models(editor)
        told = shown(editor, "models-details")
        assert "Running: Scripted, script, on CPU" in told
        assert "Prompt format: cra-v1." in told
        assert "keys and values in f16" in told


async def test_nothing_in_a_name_speaks_to_the_terminal(start):
    hostile = replace(CRA, name="a\x1b]52;c;aGk=\x07[@click=app.quit]", verdict="\x9bfits")
    shelf = ScriptedShelf(Offers("\x1b[31mcard", (hostile,), warnings=("\x1b[2J",)))
    async with start(shelf=shelf) as editor:
        await open_models(editor)
        everything = listed(editor) + shown(editor, "models-warning")
        everything += shown(editor, "models-machine") + shown(editor, "models-details")
        assert "[@click=app.quit]" in everything
        assert not any(each in everything for each in "\x1b\x07\x9b")


@pytest.mark.parametrize("size", [(120, 32), (80, 24)])
def test_how_it_looks(looks_as_before, size):
    looked = replace(OFFERS, warnings=(CARD_UNUSED,))

    async def opened(editor) -> None:
        await open_models(editor)
        editor.app.screen.query_one(OptionList).focus()

    assert looks_as_before(opened, size=size, shelf=ScriptedShelf(looked))


OTHER = replace(BUILT_IN, id="other", name="Other", path=Path("other.gguf"), in_use=False)


async def test_a_model_that_is_not_kept_for_the_next_start_is_said_to_be_so(start):
    shelf = ScriptedShelf(Offers("CPU", (OTHER,), best="other"), only_now="It was not kept.")
    async with start(shelf=shelf) as editor:
        await open_models(editor)
        await editor.press("enter")
        await editor.until(lambda: "Other is the model until you quit" in editor.said)
        assert "It was not kept." in editor.said


async def test_choosing_the_model_that_runs_does_not_load_it_anew(start):
    running = replace(OTHER, path=Path(SCRIPTED_MODEL.path), in_use=True)
    shelf = ScriptedShelf(Offers("CPU", (running,), best="other"))
    async with start(shelf=shelf) as editor:
        await open_models(editor)
        await editor.press("enter")
        await editor.until(lambda: "Other is the model from now on" in editor.said)
        assert shelf.asked == [("use", SCRIPTED_MODEL.path)]
        assert not editor.engine.closed
        assert shelf.engines == []


async def test_a_trained_model_shows_how_it_did_and_takes_the_place_of_its_base(start):
    mine = Offer(
        "here:mine",
        "mine",
        "here",
        size=2_000_000,
        verdict="fits",
        good_at="0.94 bits a byte, 5.0 % below its base",
        path=Path(SCRIPTED_MODEL.path),
        called="mine",
        details=("Trained on this machine on 2026-01-31, over SmolLM2 135M.",),
    )
    base = Offer("here:base", "base", "here", size=1, path=Path(SCRIPTED_MODEL.path), in_use=True)
    shelf = ScriptedShelf(
        looked=Offers("A CPU", (mine, base), best=mine.id), adapters=(Adapter(path="/t/mine.gguf"),)
    )
    async with start(shelf=shelf) as editor:
        before = editor.engine
        await open_models(editor)
        assert "5.0 % below its base" in shown(editor, "models-details")
        assert "Trained on this machine" in shown(editor, "models-details")
        await editor.press("enter")
        # Its path is the one that runs already; what is laid over it is not.
        await editor.until(lambda: shelf.engines and editor.loaded)
        assert before.closed
        assert shelf.asked == [("use", "mine")]


async def test_what_runs_comes_onto_the_screen_when_the_model_is_loaded(start):
    shelf = ScriptedShelf(replace(OFFERS, best=BUILT_IN.id))
    async with start(shelf=shelf, load=(Wait(),), ready=False) as editor:
        await editor.until(lambda: editor.screen.flow is not None)
        await open_models(editor)
        assert "It is not loaded yet." in shown(editor, "models-details")
        editor.engine.go_on()
        await editor.until(lambda: "Running: Scripted" in shown(editor, "models-details"))


async def test_a_download_is_noted_for_the_next_start_until_it_came_or_was_ended(start):
    first, second, third = (ScriptedFetch(Path("a.gguf")) for _ in range(3))
    shelf = ScriptedShelf(fetches=[first, second, third])
    async with start(shelf=shelf) as editor:
        await open_models(editor)
        await editor.press("enter")
        await editor.until(lambda: editor.app.screen is editor.screen)
        await open_models(editor)
        await editor.press("c", "enter")
        await editor.until(lambda: editor.app.screen is editor.screen)
        second.go.set()
        await editor.until(lambda: shelf.engines)
        assert shelf.noted == [CRA.name, "", CRA.name, ""]
        await open_models(editor)
        await editor.press("enter")
        await editor.until(lambda: editor.app.screen is editor.screen)
    assert shelf.noted[4:] == [CRA.name]
    assert third.cancelled.is_set()
    assert shelf.closed


async def test_a_download_that_was_left_off_is_told_at_the_next_start(start):
    async with start(shelf=ScriptedShelf(), left_off="CRA-v1 7B") as editor:
        await editor.until(lambda: "The download of CRA-v1 7B did not come to" in editor.said)
        assert "ctrl+p, Models" in editor.said


async def test_what_a_download_left_is_said_in_the_list(start):
    begun = replace(CRA, begun=2 << 30)
    async with start(shelf=ScriptedShelf(Offers("CPU", (begun,)))) as editor:
        await open_models(editor)
        assert "2.0 GiB of it are here already" in shown(editor, "models-details")
        assert "enter goes on with its download" in shown(editor, "models-hint")


async def test_an_answer_to_an_older_question_is_not_taken_for_the_newer_ones(start):
    async with start(shelf=ScriptedShelf()) as editor:
        await open_models(editor)
        screen = editor.app.screen
        await editor.press("slash", *"tales", "enter")
        await editor.until(lambda: REPOSITORY.name in listed(editor))
        await editor.press("escape")
        screen.post_message(screen.Came(1, (FILE,)))
        await editor.press("slash", *"poems", "enter")
        await editor.until(lambda: REPOSITORY.name in listed(editor))
        screen.post_message(screen.Came(1, (FILE,)))
        await editor.pilot.pause()
        assert FILE.name not in listed(editor)


def test_what_a_model_takes_stands_beside_what_was_planned() -> None:
    memory = BesidePlan(planned=3 << 29, measured=1 << 30, on_gpu=True)
    line = "Memory of the card, without the driver's share: 1.50 GiB planned, 1.00 GiB measured"
    assert line in what_runs(SCRIPTED_MODEL, "auto", memory)
    assert not any(each.startswith("Memory") for each in what_runs(SCRIPTED_MODEL, "auto"))


async def test_nothing_that_a_model_says_of_itself_speaks_to_the_terminal(start):
    hostile = "\x1b]52;c;aGk=\x07[@click=app.quit]\n\x9b2J"
    info = structs.replace(
        SCRIPTED_MODEL,
        name=f"a{hostile}",
        architecture=hostile,
        device=hostile,
        backend=hostile,
        stored_format=hostile,
        template_problem=f"Its template says {hostile}.",
        note=f"{hostile}.gguf: fits with less.",
    )
    shelf = ScriptedShelf(replace(OFFERS, best=BUILT_IN.id))
    async with start(shelf=shelf, info=info) as editor:
        await editor.until(lambda: "Its template says" in editor.said)
        said = editor.said
        await open_models(editor)
        said += shown(editor, "models-details")
        assert "[@click=app.quit]" in said
        assert "fits with less" in said
        assert not any(each in said for each in "\x1b\x07\x9b")
