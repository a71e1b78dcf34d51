"""Which models are here, by which names: each once, each to be typed, none taken for another."""

import json
import os
from collections.abc import Callable, Collection
from pathlib import Path

import pytest
import stores
from hypothesis import given
from hypothesis import strategies as st

from storytui.engine.api import ModelError
from storytui.models.added import Added, add_place, forget_place, read_added, record_sums
from storytui.models.choosing import Chosen, as_setting, choose, is_path, resolve
from storytui.models.library import Library, library, library_here
from storytui.models.library_model import LibraryModel
from storytui.models.names import typeable, unique, with_marks
from storytui.models.starter import starter_model
from storytui.models.verifying import expected_sum

CRA = "molbal/CRA-v1-7B"


def make(
    home: Path,
    *folders: Path,
    added: Added | None = None,
    built_in: Path | None = None,
    only: Collection[str] | None = None,
) -> Library:
    return library(
        {"OLLAMA_MODELS": str(home / ".ollama" / "models")},
        home,
        "darwin",
        folders=folders,
        added=added,
        built_in=built_in,
        only=only,
    )


def names(found: Library) -> list[str]:
    return [each.name for each in found.models]


def hub(home: Path) -> Path:
    return home / ".cache" / "huggingface" / "hub"


def ollama(home: Path) -> Path:
    return home / ".ollama" / "models"


def studio(home: Path) -> Path:
    return home / ".lmstudio" / "models"


@pytest.fixture
def built_in(tmp_path: Path) -> Path:
    return stores.written(tmp_path / "package" / "SmolLM2-135M-Instruct.Q4_1.gguf", stores.gguf())


# --- names ----------------------------------------------------------------------------------------


def test_every_store_has_its_models_by_names_that_can_be_typed(
    tmp_path: Path, built_in: Path
) -> None:
    home = tmp_path / "home"
    stores.in_hub(hub(home), CRA, "cra-v1-7b-q4_k_m.gguf", stores.gguf("A"))
    stores.in_ollama(ollama(home), "library/qwen2.5:7b", stores.gguf("B"))
    stores.written(studio(home) / "me" / "Mine" / "My Model (2) Q8_0.gguf", stores.gguf("C"))

    found = make(home, built_in=built_in)

    assert names(found) == [
        "smollm2-135m-instruct.q4_1",
        "cra-v1-7b-q4_k_m",
        "my-model-2-q8_0",
        "ollama:qwen2.5:7b",
    ]
    for model in found.models:
        assert found.model(model.name.upper()) is model
        assert not is_path(model.name)


@pytest.mark.parametrize(
    ("typed", "source"),
    [
        ("cra-v1-7b", "Hugging Face"),
        ("CRA-V1-7B-Q4_K_M", "Hugging Face"),
        (" cra-v1-7b ", "Hugging Face"),
        ("my model (2) Q8_0", "LM Studio"),
        ("ollama:qwen2.5:7b", "Ollama"),
        ("OLLAMA:Qwen2.5:7B", "Ollama"),
        ("ollama:qwen2.5", "Ollama"),
        ("qwen2.5:7b", "Ollama"),
        ("ollama:molbal/story", "Ollama"),
        ("ollama:hf.co/bartowski/nemo-gguf:q4_k_m", "Ollama"),
        ("built-in", "built in"),
        ("SmolLM2-135M-Instruct.Q4_1", "built in"),
    ],
)
def test_a_model_answers_to_its_names_whatever_their_case(
    tmp_path: Path, built_in: Path, typed: str, source: str
) -> None:
    home = tmp_path / "home"
    stores.in_hub(hub(home), CRA, "cra-v1-7b-q4_k_m.gguf", stores.gguf("A"))
    stores.in_ollama(ollama(home), "library/qwen2.5:7b", stores.gguf("B"))
    stores.in_ollama(ollama(home), "molbal/story:latest", stores.gguf("D"))
    stores.in_ollama(ollama(home), "bartowski/nemo-gguf:q4_k_m", stores.gguf("E"), host="hf.co")
    stores.written(studio(home) / "me" / "Mine" / "My Model (2) Q8_0.gguf", stores.gguf("C"))

    assert make(home, built_in=built_in).model(typed).source == source


def test_one_file_under_several_names_is_one_model_that_answers_to_all(
    tmp_path: Path, built_in: Path
) -> None:
    home = tmp_path / "home"
    blob = stores.in_ollama(ollama(home), "library/tiny:135m", stores.gguf("X"))
    stores.in_ollama(ollama(home), "library/tiny:latest", stores.gguf("X"))
    assert blob is not None
    elsewhere = studio(home) / "me" / "Tiny" / "tiny-q4.gguf"
    elsewhere.parent.mkdir(parents=True)
    elsewhere.hardlink_to(blob)
    (elsewhere.parent / "small.gguf").symlink_to(built_in)

    found = make(home, built_in=built_in)

    assert len(found.models) == 2
    for name in ("tiny-q4", "ollama:tiny:135m", "ollama:tiny:latest", "ollama:tiny"):
        assert found.model(name).own_name == "X"
    assert found.model("small").path == built_in


def test_two_models_of_one_name_each_get_one_of_their_own(tmp_path: Path) -> None:
    home = tmp_path / "home"
    stores.in_hub(hub(home), "a/x", "m-q4.gguf", stores.gguf("A"))
    stores.in_hub(hub(home), "b/x", "m-q4.gguf", stores.gguf("B"))
    stores.written(studio(home) / "c" / "x" / "M Q4.gguf", stores.gguf("C"))

    found = make(home)

    assert sorted(names(found)) == ["m-q4@a", "m-q4@b", "m-q4@lm-studio"]
    with pytest.raises(ModelError, match="Several models are called m-q4: ") as caught:
        found.model("m-q4")
    assert all(name in str(caught.value) for name in names(found))
    assert found.model("M-Q4@LM-Studio").own_name == "C"


def test_namesakes_in_one_place_are_told_apart_by_their_paths_alone(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    for which in ("one", "two"):
        stores.written(folder / which / "m.gguf", stores.gguf(which))

    before = {each.own_name: each.name for each in make(tmp_path, folder).models}
    stores.written(folder / "three" / "m.gguf", stores.gguf("three"))
    after = {each.own_name: each.name for each in make(tmp_path, folder).models}

    assert len(set(after.values())) == 3
    assert {own: after[own] for own in before} == before


def test_the_catalogues_id_means_the_file_that_the_catalogue_wants(tmp_path: Path) -> None:
    home = tmp_path / "home"
    stores.in_hub(hub(home), CRA, "cra-v1-7b-q8_0.gguf", stores.gguf("Q8"))

    assert make(home).model("cra-v1-7b").own_name == "Q8"

    stores.in_hub(hub(home), CRA, "cra-v1-7b-q4_k_m.gguf", stores.gguf("Q4"))

    assert make(home).model("cra-v1-7b").own_name == "Q4"

    stores.written(studio(home) / "molbal" / "CRA" / "cra-v1-7b-q4_k_m.gguf", stores.gguf("Q4b"))

    with pytest.raises(ModelError, match="Several models are called cra-v1-7b"):
        make(home).model("cra-v1-7b")


def test_a_model_of_the_catalogue_that_is_not_here_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="storytui models add qwen3-8b"):
        make(tmp_path).model("Qwen3-8B")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("cra-v1-7", "cra-v1-7b"), ("my-modell-q4", "my-model-q4"), ("olama:tiny:1b", "ollama:tiny")],
)
def test_what_is_nearly_a_name_is_suggested(tmp_path: Path, typed: str, meant: str) -> None:
    stores.written(studio(tmp_path) / "me" / "x" / "My Model Q4.gguf", stores.gguf("C"))
    stores.in_ollama(ollama(tmp_path), "library/tiny:1b", stores.gguf("D"))

    with pytest.raises(ModelError, match=f"Did you mean .*{meant}") as caught:
        make(tmp_path).model(typed)
    assert "storytui models list shows" in str(caught.value)


def test_a_name_that_is_nothing_like_any_is_said_without_guesses(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"^There is no model zzz\. storytui models list shows"):
        make(tmp_path).model("zzz")


def test_what_ollama_does_not_have_is_ollamas_to_fetch(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"Ollama has no model nemo:12b .* ollama pull"):
        make(tmp_path).model("ollama:nemo:12b")


@pytest.mark.parametrize(
    "name",
    [
        "\x1b]52;c;eA==\x07",
        "\u202egnp",
        "a\nb",
        "-rf",
        "--help",
        "...",
        "ü小说",
        "x" * 250,
        "a|b;$(c)",
    ],
)
def test_however_a_file_is_called_its_model_has_a_harmless_name(tmp_path: Path, name: str) -> None:
    file = f"{name[:240].replace('/', '_')}.gguf"
    stores.written(tmp_path / "models" / file, stores.gguf("Odd"))

    [model] = make(tmp_path, tmp_path / "models").models

    assert model.name.isprintable()
    assert not set(model.name) & set(" \t\n/\\;|&$<>(){}*?[]'\"`!#~\x1b")
    assert not model.name.startswith(("-", "."))
    assert make(tmp_path, tmp_path / "models").model(model.name).path.name == file


def test_what_is_asked_for_cannot_speak_to_the_terminal(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        make(tmp_path).model("x\x1b[2J" + "y" * 5000)

    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 600


@given(st.text())
def test_a_typeable_name_stays_as_it_is_and_is_no_path(text: str) -> None:
    name = typeable(text)

    assert name
    assert typeable(name) == name
    assert not is_path(name)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["", "x", "y"])), max_size=12))
def test_names_are_unique_whatever_is_alike(things: list[tuple[str, str]]) -> None:
    ideas = [
        with_marks(base, f"/{number}".encode(), "hugging-face", mark)
        for number, (base, mark) in enumerate(things)
    ]

    found = unique(ideas)

    assert len(set(found)) == len(found)
    assert all(name in names for name, names in zip(found, ideas, strict=True))


def test_thousands_of_files_are_each_found_by_a_name(tmp_path: Path) -> None:
    folder, data = tmp_path / "models", stores.gguf("M")
    for number in range(2000):
        stores.written(folder / f"{number % 10}" / f"m-{number // 20}.gguf", data)

    found = make(tmp_path, folder)

    assert len(set(names(found))) == len(found.models) == 1000


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    stores.written(folder / "m.gguf", stores.gguf())
    (folder / "again").symlink_to(folder)
    (folder / "round.gguf").symlink_to(folder / "round.gguf")

    found = make(tmp_path, folder)

    assert names(found) == ["m"]
    assert len(found.troubles) == 1


# --- a name or a path -----------------------------------------------------------------------------


class Searches:
    """Makes a library, and counts how often the disk is searched."""

    def __init__(self, make: Callable[[Collection[str] | None], Library]) -> None:
        self.asked: list[Collection[str] | None] = []
        self._make = make

    def __call__(self, only: Collection[str] | None) -> Library:
        self.asked.append(only)
        return self._make(only)


@pytest.fixture
def search(tmp_path: Path) -> Searches:
    stores.in_ollama(ollama(tmp_path), "library/tiny:1b", stores.gguf("D"))
    stores.in_hub(hub(tmp_path), CRA, "cra-v1-7b-q4_k_m.gguf", stores.gguf("A"))
    return Searches(lambda only: make(tmp_path, only=only))


@pytest.mark.parametrize("wanted", ["", "  ", "built-in", "a.gguf", "x/y", "~/m", "/m/a", "~"])
def test_for_a_path_or_the_built_in_model_nothing_is_searched(
    search: Searches, home: Path, wanted: str
) -> None:
    found = resolve(wanted, search)

    assert search.asked == []
    assert found.is_absolute()
    assert found == (
        Path(os.path.abspath(Path(wanted).expanduser())) if is_path(wanted) else starter_model()
    )


def test_a_file_that_is_there_is_a_path_without_an_ending_too(
    search: Searches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cra-v1-7b").write_bytes(b"")

    assert resolve("cra-v1-7b", search) == tmp_path / "cra-v1-7b"
    assert search.asked == []


def test_a_folder_of_a_models_name_does_not_hide_the_model(
    search: Searches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cra-v1-7b").mkdir()
    (tmp_path / "stories").mkdir()

    chosen = choose("cra-v1-7b", search)

    assert (chosen.name, chosen.repository) == ("cra-v1-7b-q4_k_m", CRA)
    assert resolve("stories", search) == tmp_path / "stories"


def test_for_a_name_of_ollamas_only_its_store_is_looked_at(
    search: Searches, tmp_path: Path
) -> None:
    chosen = choose("ollama:tiny", search)

    assert search.asked == [("Ollama",)]
    assert chosen == Chosen(chosen.path, "ollama:tiny:1b", "tiny", "")
    assert chosen.path.parent == ollama(tmp_path) / "blobs"


def test_a_link_stays_what_it_is_called(search: Searches) -> None:
    path = resolve("cra-v1-7b", search)

    assert path.name == "cra-v1-7b-q4_k_m.gguf"
    again = choose(str(path), search)
    assert (again.path, again.repository) == (path, CRA)


def test_a_blob_that_is_named_by_its_path_is_known_for_what_it_is(
    search: Searches, tmp_path: Path
) -> None:
    blob = stores.in_ollama(ollama(tmp_path), "molbal/cra-v1-7b:q4", stores.gguf("E"))
    stray = stores.written(ollama(tmp_path) / "blobs" / f"sha256-{'0' * 64}", stores.gguf("F"))

    assert choose(str(blob), search).repository == "molbal/cra-v1-7b"
    assert choose(str(stray), search).repository == ""
    assert search.asked == []


def test_what_is_kept_in_the_settings_leads_back(search: Searches, tmp_path: Path) -> None:
    for model in make(tmp_path).models:
        assert choose(as_setting(model), search).path == model.path
    assert as_setting(LibraryModel("x", Path("/m"), "built in", 1)) == ""
    odd = LibraryModel("odd", Path(os.fsdecode(b"/m/\xff.gguf")), "folder", 1)
    assert as_setting(odd) == "odd"


def test_a_file_that_went_after_it_was_listed_is_no_fault_of_the_library(tmp_path: Path) -> None:
    path = stores.written(tmp_path / "models" / "m.gguf", stores.gguf())
    other = stores.written(tmp_path / "other.gguf", stores.gguf())
    found = make(tmp_path, tmp_path / "models")
    path.unlink()

    assert found.model("m").path == path
    assert found.model_at(path) is found.model("m")
    assert found.model_at(other) is None


# --- what she added -------------------------------------------------------------------------------


def test_what_was_added_is_found_and_told_from_a_folder_of_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "data" / "added.json"
    one = stores.written(tmp_path / "one.gguf", stores.gguf("1"))
    stores.written(tmp_path / "more" / "deep" / "two.gguf", stores.gguf("2"))
    stores.written(tmp_path / "named" / "three.gguf", stores.gguf("3"))

    add_place(file, one)
    add_place(file, tmp_path / "more")
    add_place(file, one)

    found = make(tmp_path / "home", tmp_path / "named", added=read_added(file))
    assert {each.name: each.source for each in found.models} == {
        "one": "added",
        "two": "added",
        "three": "folder",
    }
    assert forget_place(file, one)
    assert not forget_place(file, one)
    assert one.exists()
    assert read_added(file).places == (tmp_path / "more",)


def test_names_that_are_no_text_and_sums_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "added.json"
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/m-\xff\n.gguf"))

    add_place(file, odd)
    record_sums(file, {odd: "ab" * 32})

    assert read_added(file) == Added((odd,), {odd: "ab" * 32})
    assert expected_sum(odd, read_added(file)) == ("ab" * 32, "recorded")
    forget_place(file, odd)
    assert read_added(file) == Added()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"paths": 3}', '{"paths": [1]}', "[" * 100_000])
def test_a_damaged_list_is_said_and_never_written_over(tmp_path: Path, text: str) -> None:
    file = tmp_path / "added.json"
    file.write_text(text)

    with pytest.raises(ModelError, match="is damaged"):
        add_place(file, tmp_path / "m.gguf")

    assert file.read_text() == text


def test_a_list_that_cannot_be_written_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "added.json"
    add_place(file, tmp_path / "a.gguf")
    before = file.read_bytes()

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(ModelError, match="No space left on device"):
        add_place(file, tmp_path / "b.gguf")

    assert file.read_bytes() == before


def test_an_added_path_that_is_gone_is_a_sentence_and_no_end(tmp_path: Path) -> None:
    there = stores.written(tmp_path / "there.gguf", stores.gguf())
    added = Added((tmp_path / "gone.gguf", there, tmp_path / "gone too"))

    found = make(tmp_path / "home", added=added)

    assert names(found) == ["there"]
    assert len(found.troubles) == 2


def test_adapters_have_names_too(tmp_path: Path) -> None:
    for which in ("a", "b"):
        stores.written(tmp_path / "models" / which / "Style LoRA.gguf", stores.ADAPTER + b" ")
    stores.written(tmp_path / "models" / "other.gguf", stores.ADAPTER)

    found = make(tmp_path, tmp_path / "models")

    assert found.models == ()
    assert [each.name.partition("@")[0] for each in found.adapters] == [
        "other",
        "style-lora",
        "style-lora",
    ]
    assert found.adapter("Other").architecture == "llama"
    with pytest.raises(ModelError, match="Several adapters are called style lora"):
        found.adapter("style lora")
    with pytest.raises(ModelError, match=r"no adapter othr\. Did you mean other\?"):
        found.adapter("othr")


def test_the_list_is_plain_json(tmp_path: Path) -> None:
    file = tmp_path / "added.json"
    add_place(file, tmp_path / "m.gguf")

    assert json.loads(file.read_text()) == {
        "paths": [str(tmp_path / "m.gguf")],
        "sha256": {},
        "version": 1,
    }


def test_a_folder_of_the_settings_in_nobodys_home_holds_no_models() -> None:
    folder = "~nobody-of-that-name/models"
    found = library_here([folder])
    assert not any(folder in str(each.path) for each in found.models)
    chosen = choose(f"{folder}/a.gguf", lambda: found)
    assert chosen.path == Path.cwd() / folder / "a.gguf"
