"""Models that other programs have already: each store as it is laid out in truth."""

import json
from pathlib import Path

import pytest
import stores
import tiny_gguf as tiny

from storytui.models.found import Found, FoundModel, find_models
from storytui.models.gguf import check_gguf


def find(home: Path, *folders: Path, platform: str = "linux", **environment: str) -> Found:
    return find_models(
        environment, home, platform, folders=folders, root=home / "no-such-system-folder"
    )


def one(found: Found) -> FoundModel:
    assert found.troubles == ()
    (model,) = found.models
    return model


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    assert find(tmp_path) == Found((), (), ())


def test_a_model_in_the_cache_of_hugging_face_is_found_by_its_own_name(tmp_path: Path) -> None:
    cache = tmp_path / ".cache" / "huggingface" / "hub"
    link = stores.in_hub(cache, "molbal/CRA-v1-7B", "cra-v1-7b-q4_k_m.gguf", stores.gguf())

    assert one(find(tmp_path)) == FoundModel(
        name="cra-v1-7b-q4_k_m",
        path=link,
        source="Hugging Face",
        size_bytes=len(stores.gguf()),
        repository="molbal/CRA-v1-7B",
        architecture="llama",
        own_name="Tiny",
    )


@pytest.mark.parametrize(
    ("variable", "below"),
    [
        ("HF_HUB_CACHE", ""),
        ("HUGGINGFACE_HUB_CACHE", ""),
        ("HF_HOME", "hub"),
        ("XDG_CACHE_HOME", "huggingface/hub"),
    ],
)
def test_the_environment_says_where_the_cache_is(tmp_path: Path, variable: str, below: str) -> None:
    stores.in_hub(tmp_path / "else" / below, "a/b", "m.gguf", stores.gguf())

    assert one(find(tmp_path, **{variable: str(tmp_path / "else")})).repository == "a/b"


@pytest.mark.parametrize("value", ["~/hub", "$DISK/hub", "${DISK}/hub"])
def test_a_tilde_and_names_in_the_environment_mean_what_they_mean(
    tmp_path: Path, value: str
) -> None:
    stores.in_hub(tmp_path / "hub", "a/b", "m.gguf", stores.gguf())

    assert one(find(tmp_path, HF_HUB_CACHE=value, DISK=str(tmp_path))).name == "m"


@pytest.mark.parametrize("repository", ["gpt2", "a/b--c"])
def test_a_repository_is_told_by_its_folder(tmp_path: Path, repository: str) -> None:
    stores.in_hub(tmp_path, repository, "m.gguf", stores.gguf())

    assert one(find(tmp_path, HF_HUB_CACHE=str(tmp_path))).repository == repository


def test_nothing_is_copied_and_nothing_is_written(tmp_path: Path) -> None:
    cache = tmp_path / ".cache" / "huggingface" / "hub"
    stores.in_hub(cache, "a/b", "m.gguf", stores.gguf())
    stores.in_ollama(tmp_path / ".ollama" / "models", "library/x:1b", stores.gguf("X"))
    before = {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")}

    found = find(tmp_path)

    assert [model.path.is_relative_to(tmp_path) for model in found.models] == [True, True]
    assert {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_of_two_revisions_the_current_one_is_listed(tmp_path: Path) -> None:
    cache = tmp_path / "hub"
    stores.in_hub(cache, "a/b", "m.gguf", stores.gguf("Old"), revision=stores.OLDER)
    current = stores.in_hub(cache, "a/b", "m.gguf", stores.gguf("New"))

    assert one(find(tmp_path, HF_HUB_CACHE=str(cache))).path == current


def test_a_file_that_only_an_older_revision_has_is_listed(tmp_path: Path) -> None:
    cache = tmp_path / "hub"
    old = stores.in_hub(cache, "a/b", "m.gguf", stores.gguf(), revision=stores.OLDER)

    assert one(find(tmp_path, HF_HUB_CACHE=str(cache))).path == old


def test_one_blob_in_two_revisions_is_one_model(tmp_path: Path) -> None:
    cache = tmp_path / "hub"
    stores.in_hub(cache, "a/b", "old name.gguf", stores.gguf(), revision=stores.OLDER)
    stores.in_hub(cache, "a/b", "new name.gguf", stores.gguf())

    assert len(find(tmp_path, HF_HUB_CACHE=str(cache)).models) == 1


def test_a_cache_without_links_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "hub" / "models--a--b" / "snapshots" / stores.REVISION / "q4" / "m.gguf"
    stores.written(path, stores.gguf())

    assert one(find(tmp_path, HF_HUB_CACHE=str(tmp_path / "hub"))).repository == "a/b"


def test_a_model_in_ollamas_store_is_found_by_the_name_it_has_there(tmp_path: Path) -> None:
    store = tmp_path / ".ollama" / "models"
    blob = stores.in_ollama(store, "molbal/cra-v1-7b:q4_k_m", stores.gguf())

    assert one(find(tmp_path)) == FoundModel(
        name="molbal/cra-v1-7b:q4_k_m",
        path=blob or Path(),
        source="Ollama",
        size_bytes=len(stores.gguf()),
        repository="molbal/cra-v1-7b",
        architecture="llama",
        own_name="Tiny",
    )


@pytest.mark.parametrize(
    ("host", "name", "shown", "repository"),
    [
        ("registry.ollama.ai", "library/mistral-nemo:12b", "mistral-nemo:12b", "mistral-nemo"),
        ("hf.co", "Qwen/Qwen3-8B-GGUF:Q4_K_M", "hf.co/Qwen/Qwen3-8B-GGUF:Q4_K_M", None),
    ],
)
def test_registry_and_namespace_are_named_where_they_are_not_the_usual_ones(
    tmp_path: Path, host: str, name: str, shown: str, repository: str | None
) -> None:
    stores.in_ollama(tmp_path / "o", name, stores.gguf(), host=host)

    model = one(find(tmp_path, OLLAMA_MODELS=str(tmp_path / "o")))

    assert model.name == shown
    assert model.repository == (repository or "Qwen/Qwen3-8B-GGUF")


def test_the_store_of_ollamas_service_is_looked_into_on_linux(tmp_path: Path) -> None:
    store = tmp_path / "usr" / "share" / "ollama" / ".ollama" / "models"
    stores.in_ollama(store, "library/x:1b", stores.gguf())

    assert len(find_models({}, tmp_path / "home", "linux", root=tmp_path).models) == 1
    assert len(find_models({}, tmp_path / "home", "darwin", root=tmp_path).models) == 0


def test_a_blob_with_two_tags_has_the_one_that_says_more(tmp_path: Path) -> None:
    store = tmp_path / ".ollama" / "models"
    stores.in_ollama(store, "library/a:latest", stores.gguf())
    stores.in_ollama(store, "library/b:7b-q4_K_M", stores.gguf())

    assert one(find(tmp_path)).name == "b:7b-q4_K_M"


def test_what_ollama_lays_over_a_model_is_told_and_is_no_model(tmp_path: Path) -> None:
    store = tmp_path / ".ollama" / "models"
    stores.in_ollama(
        store, "a/b:1", stores.gguf(), adapters=(stores.ADAPTER,), projector=stores.PROJECTOR
    )

    (adapter,) = one(find(tmp_path)).adapters

    assert adapter.read_bytes() == stores.ADAPTER


def test_a_name_for_a_model_in_the_cloud_is_passed_over_without_a_word(tmp_path: Path) -> None:
    stores.in_ollama(tmp_path / ".ollama" / "models", "library/big:cloud", None)

    assert find(tmp_path) == Found((), (), ())


@pytest.mark.parametrize("folder", [".lmstudio/models", ".cache/lm-studio/models"])
def test_a_model_of_lm_studio_has_its_publisher_and_repository(tmp_path: Path, folder: str) -> None:
    path = tmp_path / folder / "infra-ai" / "ocelot-v1" / "ocelot-v1-instruct-q4_0.gguf"
    stores.written(path, stores.gguf())

    model = one(find(tmp_path))

    assert (model.source, model.repository) == ("LM Studio", "infra-ai/ocelot-v1")
    assert (model.name, model.path) == ("ocelot-v1-instruct-q4_0", path)


def test_lm_studios_pointer_and_settings_are_followed(tmp_path: Path) -> None:
    stores.written(tmp_path / ".lmstudio-home-pointer", f"{tmp_path / 'lm'}\n".encode())
    settings = json.dumps({"downloadsFolder": str(tmp_path / "big disk")})
    stores.written(tmp_path / "lm" / "settings.json", settings.encode())
    stores.written(tmp_path / "lm" / "models" / "a" / "b" / "first.gguf", stores.gguf("1"))
    stores.written(tmp_path / "big disk" / "a" / "b" / "second.gguf", stores.gguf("2"))

    assert [model.name for model in find(tmp_path).models] == ["first", "second"]


@pytest.mark.parametrize(
    ("platform", "folder"),
    [
        ("linux", ".cache/llama.cpp"),
        ("darwin", "Library/Caches/llama.cpp"),
        ("win32", "AppData/Local/llama.cpp"),
    ],
)
def test_the_cache_of_llama_cpp_is_where_each_system_has_it(
    tmp_path: Path, platform: str, folder: str
) -> None:
    stores.written(tmp_path / folder / "m.gguf", stores.gguf())

    assert one(find(tmp_path, platform=platform)).source == "llama.cpp"


def test_the_notes_of_llama_cpps_older_cache_give_a_file_its_repository(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    stores.written(cache / "ggml-org_gemma-3-4b-it-GGUF_gemma-3-4b-it-Q4_K_M.gguf", stores.gguf())
    stores.written(cache / "manifest=ggml-org=gemma-3-4b-it-GGUF=latest.json", b"{}")

    model = one(find(tmp_path, LLAMA_CACHE=str(cache)))

    assert (model.name, model.repository) == ("gemma-3-4b-it-Q4_K_M", "ggml-org/gemma-3-4b-it-GGUF")


def test_of_two_notes_the_one_that_says_more_counts(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    stores.written(cache / "a_b_c_m.gguf", stores.gguf())
    stores.written(cache / "manifest=a=b=latest.json", b"{}")
    stores.written(cache / "manifest=a=b_c=latest.json", b"{}")

    assert one(find(tmp_path, LLAMA_CACHE=str(cache))).repository == "a/b_c"


def test_llama_cpps_newer_cache_is_like_that_of_hugging_face(tmp_path: Path) -> None:
    stores.in_hub(tmp_path / "cache", "a/b", "m.gguf", stores.gguf())

    assert one(find(tmp_path, LLAMA_CACHE=str(tmp_path / "cache"))).repository == "a/b"


def test_a_folder_that_is_named_is_looked_through(tmp_path: Path) -> None:
    stores.written(tmp_path / "mine" / "deep" / "down" / "M.GGUF", stores.gguf())

    assert one(find(tmp_path, tmp_path / "mine")).source == "folder"


def test_a_file_that_is_named_is_taken(tmp_path: Path) -> None:
    path = stores.written(tmp_path / "mine.gguf", stores.gguf())

    assert one(find(tmp_path, path)).path == path


@pytest.mark.parametrize("below", [".", "models"])
def test_a_folder_that_is_named_may_be_a_store_of_ollama(tmp_path: Path, below: str) -> None:
    stores.in_ollama(tmp_path / "mine" / below, "library/x:1b", stores.gguf())

    assert one(find(tmp_path, tmp_path / "mine")).name == "x:1b"


def test_a_divided_model_is_one_and_known_by_its_first_part(tmp_path: Path) -> None:
    cache = tmp_path / "hub"
    links = [
        stores.in_hub(cache, "a/b", f"m-0000{number}-of-00003.gguf", stores.gguf(f"{number}"))
        for number in (1, 2, 3)
    ]

    model = one(find(tmp_path, HF_HUB_CACHE=str(cache)))

    assert (model.name, model.path, model.parts) == ("m", links[0], tuple(links))
    assert model.size_bytes == sum(link.stat().st_size for link in links)


def test_any_part_of_a_divided_model_may_be_named(tmp_path: Path) -> None:
    for number in (1, 2):
        stores.written(tmp_path / f"m-0000{number}-of-00002.gguf", stores.gguf(f"{number}"))

    model = one(find(tmp_path, tmp_path / "m-00002-of-00002.gguf"))

    assert model.path.name == "m-00001-of-00002.gguf"


def test_a_model_that_is_reached_in_two_ways_is_found_once(tmp_path: Path) -> None:
    cache = tmp_path / ".cache" / "huggingface" / "hub"
    link = stores.in_hub(cache, "a/b", "m.gguf", stores.gguf())
    lm_studio = tmp_path / ".lmstudio" / "models" / "a" / "b"
    lm_studio.mkdir(parents=True)
    (lm_studio / "hard link.gguf").hardlink_to(link.resolve())
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "soft link.gguf").symlink_to(link)

    assert one(find(tmp_path, tmp_path / "mine", cache)).source == "Hugging Face"


def test_models_stand_by_name_and_numbers_by_what_they_are_worth(tmp_path: Path) -> None:
    for name in ("qwen-14b", "Qwen-4b", "Gemma"):
        stores.written(tmp_path / "mine" / f"{name}.gguf", stores.gguf(name))

    found = find(tmp_path, tmp_path / "mine")

    assert [model.name for model in found.models] == ["Gemma", "Qwen-4b", "qwen-14b"]


def test_what_is_found_can_be_given_to_llama_cpp(tmp_path: Path) -> None:
    whole = bytes(tiny.llama().data)
    stores.in_hub(tmp_path / ".cache" / "huggingface" / "hub", "a/b", "m.gguf", whole)
    stores.in_ollama(tmp_path / ".ollama" / "models", "a/b:1", bytes(tiny.llama(name="B").data))

    assert [check_gguf(model.path).name for model in find(tmp_path).models] == ["B", "Tiny"]


def test_a_whole_model_with_vocabulary_and_weights_is_found(tmp_path: Path) -> None:
    stores.written(tmp_path / "mine" / "tiny.gguf", bytes(tiny.llama().data))

    assert one(find(tmp_path, tmp_path / "mine")).name == "tiny"
