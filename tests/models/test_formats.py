"""Which prompt format a model gets, and where it is said to come from."""

from pathlib import Path

import pytest
import stores
import tiny_gguf as tiny
from msgspec import structs

from storytui.engine.adapting import adapted
from storytui.engine.api import ModelError
from storytui.engine.model_info import PROMPT_FORMAT, Adapter
from storytui.engine.scripted import SCRIPTED_MODEL
from storytui.models.formats import (
    FormatChoice,
    format_in_use,
    prompt_format_for,
    stored_format,
)
from storytui.story.prompt import FORMATS


def test_what_the_file_says_comes_first() -> None:
    choice = prompt_format_for(stored="storytui-1", repository="molbal/CRA-v1-7B")

    assert choice == FormatChoice("storytui-1", "file", True, "The model's file names storytui-1.")


def test_then_the_catalogue_by_repository() -> None:
    choice = prompt_format_for(repository="molbal/CRA-v1-Guided-7B", file_name="x.gguf")

    assert (choice.name, choice.origin, choice.trained) == ("cra-v1-guided", "catalogue", True)
    assert choice.sentence == (
        "The catalogue gives CRA-v1 Guided 7B cra-v1-guided; it was trained on it."
    )


def test_then_the_catalogue_by_the_files_name() -> None:
    choice = prompt_format_for(file_name="Qwen3-8B-Q4_K_M.gguf")

    assert (choice.name, choice.origin, choice.trained) == ("cra-v1", "catalogue", False)
    assert choice.sentence == "The catalogue gives Qwen3 8B cra-v1; it was trained on none."


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("CRA V1 7B my merge", "cra-v1"),
        ("molbal/CRA-v1.1-Unguided:14B-q6_K", "cra-v1"),
        ("CRA-v1-guided 7b winter edition", "cra-v1-guided"),
        ("molbal/CRA-v1.2-Guided:7B-f16", "cra-v1-guided"),
        ("cra_v1_7b_guided_mine", "cra-v1-guided"),
        ("storytui-1 of Ada's novels", "storytui-1"),
    ],
)
def test_then_the_models_name(name: str, form: str) -> None:
    choice = prompt_format_for(file_name="model.gguf", model_name=name)

    assert (choice.name, choice.origin, choice.trained) == (form, "name", True)
    assert name.replace("/", "") in choice.sentence.replace("/", "")


@pytest.mark.parametrize(
    "name", ["", "Mistral 7B", "molbal/CRA-v1.1-FIM:7B-q8_0", "cra-v10", "sacra-v1", "storytui-12"]
)
def test_else_it_is_the_first_format_with_a_note(name: str) -> None:
    choice = prompt_format_for(model_name=name)

    assert (choice.name, choice.origin, choice.trained) == ("cra-v1", "default", False)
    assert choice.sentence.startswith("Nothing says which prompt format the model was trained on")


def test_an_unknown_format_in_the_file_is_said_and_the_next_source_asked() -> None:
    choice = prompt_format_for(stored="storytui-9\x1b[2J", repository="molbal/CRA-v1-7B")

    assert (choice.name, choice.origin) == ("cra-v1", "catalogue")
    assert choice.sentence.startswith(
        "The model's file names storytui-9␛[2J, which this version does not know. "
    )


@pytest.mark.parametrize(
    ("name", "host", "form"),
    [
        ("molbal/cra-v1-7b:latest", "registry.ollama.ai", "cra-v1"),
        ("molbal/cra-v1-guided-7b:q4", "registry.ollama.ai", "cra-v1-guided"),
        ("molbal/CRA-v1-Guided-7B:Q4_K_M", "hf.co", "cra-v1-guided"),
    ],
)
def test_a_model_of_ollamas_is_known_by_its_name_there(
    tmp_path: Path, name: str, host: str, form: str
) -> None:
    blob = stores.in_ollama(tmp_path / "models", name, stores.gguf(), host=host)
    assert blob is not None
    info = structs.replace(SCRIPTED_MODEL, name="qwen2.5 7b instruct", path=str(blob))

    choice = format_in_use("auto", info)

    assert (choice.name, choice.trained) == (form, True)
    assert blob.name not in choice.sentence


def test_a_model_on_a_server_is_known_by_its_name_there() -> None:
    info = structs.replace(
        SCRIPTED_MODEL, name="molbal/cra-v1-7b:latest", path="http://nas:11434/v1", remote=True
    )
    assert (format_in_use("auto", info).name, format_in_use("auto", info).trained) == (
        "cra-v1",
        True,
    )
    assert format_in_use("storytui-1", info).trained


@pytest.mark.parametrize("stored", FORMATS)
def test_a_format_in_a_file_is_read(tmp_path: Path, stored: str) -> None:
    pairs = [*tiny.llama_pairs(), tiny.text(PROMPT_FORMAT, stored)]
    path = stores.written(tmp_path / "m.gguf", bytes(tiny.write(pairs, ()).data))

    assert stored_format(path) == stored


@pytest.mark.parametrize("more", [(), (tiny.scalar(PROMPT_FORMAT, tiny.UINT32, 1),)])
def test_a_file_that_says_nothing_says_nothing(tmp_path: Path, more: tuple[tiny.Pair, ...]) -> None:
    assert stored_format(stores.written(tmp_path / "m.gguf", stores.gguf(more=more))) == ""


@pytest.mark.parametrize("data", [b"", b"GGUF", b"a story", stores.gguf()[:50]])
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ModelError, match=r"m\.gguf"):
        stored_format(stores.written(tmp_path / "m.gguf", data))


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"There is no model .*m\.gguf"):
        stored_format(tmp_path / "m.gguf")


# --- what is laid over a model ------------------------------------------------------------------


def adapter(name: str, form: str, scale: float = 1.0) -> Adapter:
    return Adapter(path=f"/adapters/{name}.gguf", scale=scale, prompt_format=form)


def in_use(*adapters: Adapter, stored: str = "", wanted: str = "auto") -> FormatChoice:
    info = structs.replace(SCRIPTED_MODEL, name="Plain", path="/m/plain.gguf", stored_format=stored)
    return format_in_use(wanted, adapted(info, adapters))


@pytest.mark.parametrize("stored", ["", "cra-v1", "storytui-9"])
def test_an_adapters_format_goes_before_the_models(stored: str) -> None:
    assert in_use(adapter("mine", "storytui-1"), stored=stored) == FormatChoice(
        "storytui-1", "adapter", True, "The adapter mine names storytui-1."
    )


def test_without_the_adapter_the_model_decides_again() -> None:
    assert in_use(stored="cra-v1-guided").name == "cra-v1-guided"
    assert in_use(adapter("voice", ""), stored="cra-v1-guided").origin == "file"


def test_an_adapter_that_does_nothing_decides_nothing() -> None:
    assert in_use(adapter("mine", "storytui-1", 0.0), stored="cra-v1").name == "cra-v1"


def test_adapters_that_agree_are_no_news() -> None:
    choice = in_use(adapter("mine", "storytui-1"), adapter("voice", "storytui-1"))
    assert (choice.name, choice.disagreement) == ("storytui-1", "")


@pytest.mark.parametrize(
    ("scales", "form", "which"),
    [
        ((1, 1), "storytui-1", "first, mine,"),
        ((0.5, -0.5), "storytui-1", "first, mine,"),
        ((0.5, 1), "cra-v1", "strongest, voice,"),
        ((0.5, -1), "cra-v1", "strongest, voice,"),
        ((1, 0.5), "storytui-1", "strongest, mine,"),
    ],
)
def test_of_adapters_that_disagree_the_strongest_decides_and_it_is_said(
    scales: tuple[float, float], form: str, which: str
) -> None:
    choice = in_use(adapter("mine", "storytui-1", scales[0]), adapter("voice", "cra-v1", scales[1]))
    assert (choice.name, choice.origin, choice.trained) == (form, "adapter", True)
    assert choice.disagreement == choice.sentence
    assert "different prompt formats" in choice.disagreement
    assert which in choice.disagreement


def test_a_format_that_an_adapter_names_and_nobody_knows_is_said() -> None:
    choice = in_use(adapter("mine\x1b", "storytui-9"), stored="storytui-1")
    assert choice.name == "storytui-1"
    assert choice.sentence.startswith("The adapter mine␛ names storytui-9, which this version")
    other = in_use(adapter("mine", "storytui-9"), adapter("voice", "cra-v1", 0.5))
    assert (other.name, other.disagreement) == ("cra-v1", "")


def test_the_settings_decide_over_adapters_and_there_is_nothing_to_warn_of() -> None:
    both = (adapter("mine", "storytui-1"), adapter("voice", "cra-v1"))
    choice = in_use(*both, wanted="cra-v1-guided")
    assert (choice.name, choice.trained, choice.disagreement) == ("cra-v1-guided", True, "")
