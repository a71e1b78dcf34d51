"""What the models screen is given: this machine, laid-out stores, a stand-in for the Hub."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny_gguf as tiny
from hub_stand_in import HubStandIn, repository
from make_adapters import make_adapter
from msgspec import structs
from trained_files import MEASURED

from storytui import folders
from storytui.commands import left_off
from storytui.commands import shelf as shelves
from storytui.commands.left_off import take_left_off
from storytui.commands.models_hub import place_of_hub
from storytui.commands.shelf import MachineShelf
from storytui.engine.api import EngineError, ModelError
from storytui.engine.devices import Device, DeviceReport
from storytui.models.catalog import catalogue
from storytui.models.hub.cache import PARTIAL
from storytui.models.offers import FetchCancelledError, Fetched, FetchEndedError, Offer
from storytui.models.starter import INSTEAD, starter_model
from storytui.models.trained import TrainedModel, keep_trained
from storytui.settings import ModelSettings, ModelsSettings, Settings, load_settings

GIB = 1 << 30
PLAIN = Settings(models=ModelsSettings(xet=False))
CARD = DeviceReport(
    devices=(
        Device(
            name="CUDA0",
            description="NVIDIA GeForce RTX 3080",
            kind="gpu",
            total=8 * GIB,
            free=int(7.4 * GIB),
        ),
        Device(name="CPU", description="A CPU", kind="cpu", total=32 * GIB, free=32 * GIB),
    ),
    offloads=True,
    system="CUDA : ARCHS = 860 | CPU : AVX2 = 1",
    library="0.3.36",
)
TALE = bytes(tiny.llama(name="Tale").data)


@pytest.fixture
def on_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "ask_devices", lambda: CARD)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubStandIn]:
    small = starter_model()
    assert small is not None
    repositories = {
        "molbal/CRA-v1-7B": repository({"cra-v1-7b-q4_k_m.gguf": small.read_bytes()}),
        "someone/Tales-GGUF": repository(
            {"Tales-Q8_0.gguf": TALE, "Tales-Q4_K_M.gguf": TALE, "README.md": b"# Tales"},
            licence="mit",
        ),
        "someone/Nothing": repository({"README.md": b"# Nothing"}),
    }
    with HubStandIn(repositories) as standing:
        monkeypatch.setenv("HF_ENDPOINT", standing.endpoint)
        yield standing


def test_on_this_machine_the_built_in_model_is_here_and_in_use() -> None:
    offers = MachineShelf(PLAIN).offers()
    (here,) = [each for each in offers.offers if each.group == "here"]
    assert here.in_use
    assert here.name == "smollm2-135m-instruct (built in)"
    assert here.kind == "Q4_1"
    assert here.verdict
    assert "GiB" in offers.machine
    assert "GiB free on the disk" in offers.machine
    assert {each.id for each in offers.offers if each.group == "catalogue"} == {
        each.id for each in catalogue()
    }
    assert offers.best in {each.id for each in offers.offers}


def test_on_a_card_of_eight_gib_the_trained_model_of_7b_is_the_one(on_a_card: None) -> None:
    offers = MachineShelf(PLAIN).offers()
    assert offers.best == "cra-v1-7b"
    assert offers.machine.startswith("NVIDIA GeForce RTX 3080 · 8.0 GiB, 7.4 free")
    assert offers.warnings == ()
    by_id = {each.id: each for each in offers.offers}
    assert by_id["cra-v1-7b"].verdict.startswith("fits fully: 16k context, 5.5 of 8.0 GiB")
    assert "q8_0" in by_id["qwen3-8b"].verdict
    assert not by_id["mistral-nemo-12b"].fits
    assert by_id["mistral-nemo-12b"].verdict.startswith("too big by")
    first = next(each for each in offers.offers if each.group == "catalogue")
    assert first.id == offers.best


def test_a_model_of_the_catalogue_that_is_here_is_offered_first_and_once(
    on_a_card: None, tmp_path: Path
) -> None:
    small = starter_model()
    assert small is not None
    (tmp_path / "CRA-v1-7B-Q4_K_M.gguf").write_bytes(small.read_bytes())
    settings = structs.replace(PLAIN, models=ModelsSettings(folders=(str(tmp_path),), xet=False))
    offers = MachineShelf(settings).offers()
    assert offers.best == "here:cra-v1-7b-q4_k_m"
    assert [each.name for each in offers.offers if "cra-v1-7b" in each.name.lower()] == [
        "cra-v1-7b"
    ]
    assert "cra-v1-7b" not in {each.id for each in offers.offers}


def test_a_model_of_the_catalogue_is_fetched_used_and_remembered(
    on_a_card: None, hub: HubStandIn, home: Path
) -> None:
    shelf = MachineShelf(PLAIN)
    offer = next(each for each in shelf.offers().offers if each.id == "cra-v1-7b")
    told: list[Fetched] = []
    path = shelf.fetch(offer).run(told.append)
    small = starter_model()
    assert small is not None
    assert path.read_bytes() == small.read_bytes()
    assert told[-1].done == told[-1].total == small.stat().st_size
    used = shelf.use(path)
    assert used.only_now == ""
    written = (home / "config" / "storytui" / "settings.toml").read_text(encoding="utf-8")
    assert str(path) in written
    engine = used.make()
    try:
        assert engine.load().path == str(path)
    finally:
        engine.close()
    assert MachineShelf(shelf.settings).offers().best.startswith("here:")


def test_a_download_that_is_cancelled_says_so(hub: HubStandIn) -> None:
    shelf = MachineShelf(PLAIN)
    hub.rate = 2_000_000
    offer = next(each for each in shelf.offers().offers if each.id == "cra-v1-7b")
    fetch = shelf.fetch(offer)

    def told(fetched: Fetched) -> None:
        if fetched.done:
            fetch.cancel()

    with pytest.raises(FetchCancelledError):
        fetch.run(told)


def test_a_download_that_is_cancelled_before_it_begins_fetches_nothing(hub: HubStandIn) -> None:
    shelf = MachineShelf(PLAIN)
    offer = next(each for each in shelf.offers().offers if each.id == "cra-v1-7b")
    fetch = shelf.fetch(offer)
    fetch.cancel()
    with pytest.raises(FetchCancelledError):
        fetch.run(lambda _fetched: None)
    assert hub.total_sent == 0


def test_what_the_hub_lacks_is_said(hub: HubStandIn) -> None:
    shelf = MachineShelf(PLAIN)
    offer = next(each for each in shelf.offers().offers if each.id == "qwen3-8b")
    with pytest.raises(FetchEndedError, match="Qwen3-8B"):
        shelf.fetch(offer).run(lambda _fetched: None)


def test_a_search_and_a_repository_with_the_verdicts_of_its_files(
    on_a_card: None, hub: HubStandIn
) -> None:
    shelf = MachineShelf(PLAIN)
    (found,) = shelf.search("tales")
    assert (found.id, found.group, found.licence) == ("someone/Tales-GGUF", "repository", "mit")
    files = shelf.files(found.id)
    assert [(each.kind, each.size) for each in files] == [
        ("Q4_K_M", len(TALE)),
        ("Q8_0", len(TALE)),
    ]
    assert all(each.verdict.startswith("fits") and each.fits for each in files)
    assert shelf.fetch(files[1]).run(lambda _fetched: None).name == "Tales-Q8_0.gguf"


def test_a_repository_without_models_is_said(hub: HubStandIn) -> None:
    with pytest.raises(ModelError, match="holds no GGUF model"):
        MachineShelf(PLAIN).files("someone/Nothing")


def test_a_file_that_is_no_model_is_not_remembered(tmp_path: Path, home: Path) -> None:
    novel = tmp_path / "novel.gguf"
    novel.write_text("It was a dark and stormy night.")
    with pytest.raises(EngineError):
        MachineShelf(PLAIN).use(novel)
    assert not (home / "config").exists()


def test_a_model_that_is_chosen_goes_before_the_server_that_was(home: Path) -> None:
    file = home / "config" / "storytui" / "settings.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[remote]\naddress = "http://127.0.0.1:9/v1"\nmodel = "tale"  # mine\n')
    small = starter_model()
    assert small is not None
    shelf = MachineShelf(load_settings(file))
    assert not any(each.in_use for each in shelf.offers().offers)

    engine = shelf.use(small).make()
    try:
        assert not engine.load().remote
    finally:
        engine.close()
    assert file.read_text() == '[remote]\nmodel = "tale"  # mine\n'


def test_what_a_download_left_is_said_and_comes_first(on_a_card: None, hub: HubStandIn) -> None:
    shelf = MachineShelf(PLAIN)
    offer = next(each for each in shelf.offers().offers if each.id == "qwen3-8b")
    assert offer.begun == 0
    blobs = place_of_hub(PLAIN).cache / "models--Qwen--Qwen3-8B-GGUF" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{'0' * 64}{PARTIAL}").write_bytes(bytes(1000))
    offers = shelf.offers()
    assert offers.best == "qwen3-8b"
    assert next(each for each in offers.offers if each.id == "qwen3-8b").begun == 1000


def test_settings_that_cannot_be_written_keep_no_model_from_being_used(home: Path) -> None:
    (home / "config").mkdir()
    (home / "config" / "storytui").write_text("no folder")
    small = starter_model()
    assert small is not None
    copy = home / "copy.gguf"
    copy.write_bytes(small.read_bytes())
    used = MachineShelf(PLAIN).use(copy)
    assert used.only_now.startswith("It was not kept for the next start: ")
    assert used.only_now.endswith(".")
    engine = used.make()
    try:
        assert engine.load().path == str(copy)
    finally:
        engine.close()


def test_a_model_that_is_chosen_takes_the_place_of_a_server(home: Path) -> None:
    file = home / "config" / "storytui" / "settings.toml"
    file.parent.mkdir(parents=True)
    file.write_text('# hers\n[remote]\naddress = "http://127.0.0.1:9"\n')
    shelf = MachineShelf(load_settings(file))
    offers = shelf.offers()
    assert not any(each.in_use for each in offers.offers)
    assert offers.warnings[0] == (
        "Replies come from http://127.0.0.1:9 now, and from no model here."
    )
    small = starter_model()
    assert small is not None
    used = shelf.use(small)
    assert used.only_now == ""
    assert load_settings(file).remote.address == ""
    assert "# hers" in file.read_text()
    engine = used.make()
    try:
        assert engine.load().path == str(small)
    finally:
        engine.close()
    assert "Replies come from" not in " ".join(shelf.offers().warnings)


def test_choosing_the_same_model_again_keeps_its_adapter(home: Path) -> None:
    file = home / "config" / "storytui" / "settings.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[model]\nadapter = "tales.gguf"\n')
    small = starter_model()
    assert small is not None
    copy = home / "copy.gguf"
    copy.write_bytes(small.read_bytes())
    shelf = MachineShelf(load_settings(file))
    shelf.use(small)
    assert load_settings(file).model.adapter == "tales.gguf"
    shelf.use(copy)
    assert load_settings(file).model.adapter == ""


def test_a_download_that_another_start_left_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = MachineShelf(PLAIN)
    offer = Offer("a", "A Tale", "catalogue")
    shelf.fetching(offer)
    assert take_left_off() == ""  # it goes on
    monkeypatch.setattr(left_off, "session_runs", lambda _name: False)
    assert take_left_off() == "A Tale"
    assert take_left_off() == ""
    shelf.fetching(offer)
    shelf.fetching(None)
    assert take_left_off() == ""


@pytest.mark.parametrize("note", ["", "{", "[]", '{"name": 1, "session": "x"}', "\xff", "[" * 4096])
def test_a_note_of_a_download_that_is_damaged_says_nothing(note: str) -> None:
    (folders.state_folder() / "download.json").write_bytes(note.encode("latin-1"))
    assert take_left_off() == ""


# --- models that were trained here ----------------------------------------------------------------


@pytest.fixture
def mine(tmp_path: Path) -> TrainedModel:
    """An adapter over the built-in model, which is better than it."""
    small = starter_model()
    assert small is not None
    made = make_adapter(tmp_path / "made.gguf", small, 1, prompt_format="storytui-1")
    about = TrainedModel(
        name="mine",
        base=str(small),
        base_name="SmolLM2\x1b",
        sources=("One", "Two"),
        made="2026-01-31",
        licence="CC0",
        private=True,
        measured=structs.replace(MEASURED, report=""),
    )
    return keep_trained(about, made)


def of_here(shelf: MachineShelf) -> dict[str, Offer]:
    return {each.id: each for each in shelf.offers().offers if each.group == "here"}


def test_a_trained_model_is_offered_with_how_it_did_and_where_it_came_from(
    mine: TrainedModel,
) -> None:
    found = of_here(MachineShelf(PLAIN))
    its, base = found["here:mine"], found["here:smollm2-135m-instruct.q4_1"]
    assert (its.name, its.called, its.path) == ("mine", "mine", base.path)
    assert (its.in_use, base.in_use, its.kind) == (False, True, "Q4_1")
    assert its.size == Path(mine.adapter).stat().st_size
    assert its.good_at == "0.94 bits a byte, 5.0 % below its base"
    assert its.licence == "CC0"
    assert its.details == (
        "Trained on this machine on 2026-01-31, over SmolLM2␛.",
        "From One, Two.",
        "It is better than its base.",
        "It is private: it is not to leave this machine.",
    )


def test_a_trained_model_is_used_by_its_name_and_its_base_again_by_its_file(
    mine: TrainedModel,
) -> None:
    shelf = MachineShelf(PLAIN)
    its = of_here(shelf)["here:mine"]
    assert its.path is not None
    used = shelf.use(its.path, its.called)
    assert [each.path for each in used.adapters] == [mine.adapter]
    assert load_settings(folders.settings_file()).model.path == "mine"
    found = of_here(shelf)
    assert [each.name for each in found.values() if each.in_use] == ["mine"]
    engine = used.make()
    try:
        assert engine.load().adapter == "mine"
    finally:
        engine.close()
    base = found["here:smollm2-135m-instruct.q4_1"]
    assert base.path is not None
    assert shelf.use(base.path, base.called).adapters == ()
    assert load_settings(folders.settings_file()).model.path == ""


def test_a_trained_model_whose_adapter_is_no_use_does_not_become_the_chosen_one(
    mine: TrainedModel,
) -> None:
    shelf = MachineShelf(PLAIN)
    its = of_here(shelf)["here:mine"]
    assert its.path is not None
    Path(mine.adapter).write_bytes(b"GGUF")
    with pytest.raises(ModelError):
        shelf.use(its.path, its.called)
    assert not folders.settings_file().exists()
    assert shelf.settings == PLAIN


def test_the_starter_adapter_is_laid_over_the_built_in_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = starter_model()
    assert small is not None
    path = make_adapter(tmp_path / "starter-lora.gguf", small, 1)
    monkeypatch.setenv(INSTEAD, str(path))
    shelf = MachineShelf(PLAIN)
    (here,) = of_here(shelf).values()
    assert "starter-lora" in " ".join(here.details)
    assert [each.path for each in shelf.use(small).adapters] == [str(path)]
    off = structs.replace(PLAIN, model=ModelSettings(adapter="none"))
    (bare,) = of_here(MachineShelf(off)).values()
    assert "starter-lora" not in " ".join(bare.details)
