"""Stages behind the data set: done once, in order, and gone on with wherever they ended."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import gguf
import msgspec
import pytest
import small_models
import tiny_chain

from storytui.models.trained import trained_models
from storytui_train import cli
from storytui_train.data.pipeline.record import Record, sha256_of
from storytui_train.data.pipeline.workplace import Workplace
from storytui_train.errors import PublishError
from storytui_train.personal.going_on import is_on_other_rows
from storytui_train.publish.making_check import check_made
from storytui_train.recipe import Recipe
from storytui_train.stages import adding, exporting, measuring
from storytui_train.stages.work import ModelWork

Run = Callable[..., tuple[int, str, str]]
STAGES = ("train", "export", "evaluate", "add")


def records(recipe: Path) -> dict[str, Record]:
    work = recipe.parent / "work"
    return {
        name: msgspec.json.decode((work / f"{name}.json").read_bytes(), type=Record)
        for name in STAGES
        if (work / f"{name}.json").is_file()
    }


def files(recipe: Path) -> dict[str, bytes]:
    folder = recipe.parent / "work" / "gguf"
    return {each.name: each.read_bytes() for each in folder.glob("*.gguf")}


def said(path: Path) -> dict[str, object]:
    return {key: field.contents() for key, field in gguf.GGUFReader(path).fields.items()}


def test_each_stage_has_a_record_that_names_what_it_made(done: Path) -> None:
    found = records(done)
    work = done.parent / "work"
    assert tuple(found) == STAGES
    assert found["train"].counts["steps"] == 2
    for record in found.values():
        assert all(sha256_of(work / path) == digest for path, digest in record.outputs.items())
    names = {Path(each).name for each in found["export"].outputs}
    assert (
        names
        == set(files(done))
        == {*("Tiny-98K-Tiny-Voice-v1.0-F16-LoRA.gguf", "Tiny-98K-Tiny-Voice-v1.0.gguf")}
    )
    adapter = next(each for each in found["train"].outputs if each.endswith(".safetensors"))
    assert found["export"].inputs[adapter] == found["train"].outputs[adapter]


def test_the_files_say_what_they_are(done: Path) -> None:
    folder = done.parent / "work" / "gguf"
    for path in folder.glob("*.gguf"):
        entries = said(path)
        assert entries["general.name"] == "Tiny Voice"
        assert entries["storytui.prompt_format"] == "storytui-1"
        assert entries["storytui.recipe"] == sha256_of(done)
        assert entries["general.base_model.0.name"] == "Tiny"
    assert said(next(folder.glob("*LoRA.gguf")))["general.type"] == "adapter"


def test_an_adapter_can_be_made_to_work_less(done: Path, train: Run) -> None:
    before = files(done)
    text = done.read_text()
    done.write_text(text.replace("[export]\n", "[export]\nscale = 0.5\n"))

    status, _, told = train("export", done)

    assert status == 0, told
    assert "step 1/2" not in told
    lora = next((done.parent / "work" / "gguf").glob("*LoRA.gguf"))
    assert said(lora)["adapter.lora.alpha"] == 4.0
    made = files(done)
    # The matrices are the same; what is merged is not.
    assert made[lora.name][-1000:] == before[lora.name][-1000:]
    assert all(made[name] != before[name] for name in made)


def test_the_model_is_listed_with_what_was_measured_and_where_it_is_from(done: Path) -> None:
    (model,) = trained_models()
    report = json.loads((done.parent / "work" / "evaluation" / "report.json").read_text())
    own = next(each for each in report["models"] if each["adapters"])
    assert model.name == "tiny-voice"
    assert model.recipe == sha256_of(done)
    assert model.sources == ("A Book",)
    assert not model.private
    assert model.measured is not None
    assert model.measured.bits == own["figures"]["bits_prompt"]["mean"]
    assert model.measured.change == own["bits_change"]["mean"]
    assert model.measured.verdict == own["verdict"]["sentence"]
    assert Path(model.adapter).read_bytes() == files(done)["Tiny-98K-Tiny-Voice-v1.0-F16-LoRA.gguf"]


def test_what_was_made_is_told_from_what_is_of_other_rows(done: Path) -> None:
    work = done.parent / "work"
    place = Workplace(work, done.parent)
    made = check_made(work, ("adapter", "gguf"))
    assert set(made.exported) == {f"gguf/{name}" for name in files(done)}
    assert made.base == sha256_of(done.parent / "tiny.gguf")
    assert {"evaluation/report.md", "evaluation/report.json"} <= set(made.evaluated)
    assert any(made.base in each for each in made.measured)
    assert not is_on_other_rows(place)
    rows = work / "dataset" / "parts" / "rows" / "train.jsonl"
    rows.write_bytes(rows.read_bytes().splitlines(keepends=True)[0])
    assert is_on_other_rows(place)
    with pytest.raises(PublishError, match="was trained on other rows"):
        check_made(work, ("gguf",))


def test_what_did_not_change_is_skipped(done: Path, train: Run) -> None:
    before, made = records(done), files(done)
    _, _, told = train("run", done)
    # The base's path is another one in this copy of the folder, and the list names it.
    assert [told.count(f"{name}: nothing changed, skipped") for name in STAGES[:3]] == [1, 1, 1]
    assert {name: records(done)[name] for name in STAGES[:3]} == {
        name: before[name] for name in STAGES[:3]
    }
    assert files(done) == made
    _, _, told = train("run", done)
    assert told.count("nothing changed, skipped") == 4


def test_only_what_depends_on_a_change_is_done_again(done: Path, train: Run) -> None:
    done.write_text(done.read_text().replace("rows = 3", "rows = 2"))
    _, _, told = train("evaluate", done)
    assert "train: nothing changed" in told
    assert "export: nothing changed" in told
    assert "evaluate: nothing changed" not in told
    done.write_text(done.read_text().replace('name = "Tiny Voice"', 'name = "Other Voice"'))
    _, _, told = train("export", done)
    assert "train: nothing changed" in told
    assert {name.split("-v1.0")[0] for name in files(done)} == {"Tiny-98K-Other-Voice"}


@pytest.mark.parametrize("name", ["export", "evaluate"])
def test_a_stage_can_be_asked_for_again(name: str, done: Path, train: Run) -> None:
    before = records(done)[name]
    status, _, told = train("run", done, "--again", name, "--until", name)
    assert status in (0, 1)
    assert f"{name}: nothing changed" not in told
    assert records(done)[name].fingerprint == before.fingerprint
    status, _, told = train("run", done, "--again", "add", "--until", "train")
    assert status == 2
    assert "--again add comes after train" in told


def test_until_ends_a_run(tmp_path: Path, train: Run) -> None:
    recipe = tiny_chain.make(tmp_path / "made")
    status, out, _ = train("run", recipe, "--until", "export", "--json")
    assert status == 0
    assert list(json.loads(out)) == ["train", "export"]
    assert list(records(recipe)) == ["train", "export"]
    assert trained_models() == ()


def test_a_recipe_without_test_rows_is_listed_without_figures(tmp_path: Path, train: Run) -> None:
    recipe = tiny_chain.make(tmp_path / "made", test=0)
    status, _, told = train("run", recipe)
    assert status == 0, told
    assert "nothing is measured, as no row is held out" in told
    (model,) = trained_models()
    assert model.measured is None


def test_a_base_without_a_gguf_is_trained_and_what_is_missing_is_said(
    tmp_path: Path, train: Run
) -> None:
    import small_run

    recipe = tiny_chain.make(tmp_path / "made")
    small_run.make_base(tmp_path / "made" / "weights")
    recipe.write_text(recipe.read_text().replace('"tiny.gguf"', '"weights"'))
    status, _, told = train("run", recipe)
    assert status == 1, told
    assert told.index("Name a GGUF of the same base") < told.index("2 steps")
    assert told.rstrip().endswith("and stays.")
    assert (recipe.parent / "work" / "train" / "adapter" / "adapter_model.safetensors").is_file()
    assert list(records(recipe)) == ["train"]


def test_a_gguf_named_after_training_is_all_that_was_missing(tmp_path: Path, train: Run) -> None:
    import made_models
    import small_run
    from transformers import AutoModelForCausalLM

    recipe = tiny_chain.make(tmp_path / "made")
    weights = small_run.make_base(tmp_path / "made" / "weights")
    recipe.write_text(recipe.read_text().replace('"tiny.gguf"', '"weights"'))
    assert train("run", recipe, "--until", "export")[0] == 1
    adapter = recipe.parent / "work" / "train" / "adapter" / "adapter_model.safetensors"
    trained = adapter.read_bytes()
    # Its tokens are others: those of a vocabulary that is none of the base's.
    made_models.write_model(
        tmp_path / "made" / "served.gguf", AutoModelForCausalLM.from_pretrained(weights)
    )
    recipe.write_text(recipe.read_text().replace('"weights"', '"weights"\ngguf = "served.gguf"'))

    status, _, told = train("run", recipe, "--until", "export")

    assert status == 0, told
    assert "step 1/2" not in told
    assert adapter.read_bytes() == trained
    assert "6 of 6 rows have other tokens in the GGUF than in the base" in told
    assert "it was trained on those of the base" in told
    assert records(recipe)["export"].counts == {"files": 2, "rows with other tokens": 6}


@pytest.mark.parametrize(
    ("quantisation", "more", "said"),
    [
        ("Q9_9", "", r"There is no type Q9_9\..* It is quantisation under [export]"),
        ("IQ2_XXS", "", "IQ2_XXS can be made only with an importance matrix"),
        ("Q8_0", 'importance = "none.dat"', "The importance matrix none.dat is not there"),
    ],
)
def test_what_cannot_be_merged_is_said_before_training(
    quantisation: str, more: str, said: str, tmp_path: Path, train: Run
) -> None:
    recipe = tiny_chain.make(tmp_path / "made")
    wanted = f'outputs = ["merged"]\nquantisation = "{quantisation}"\n{more}'
    recipe.write_text(recipe.read_text().replace('outputs = ["adapter", "direct"]', wanted))

    status, _, told = train("run", recipe)

    assert status != 0
    assert all(each in told for each in said.split(r"\..*"))
    assert "step 1/2" not in told
    assert records(recipe) == {}


def test_a_base_that_is_quantised_is_not_trained_for_what_cannot_be_merged(
    done: Path, train: Run
) -> None:
    merged = 'outputs = ["merged"]\nquantisation = '
    text = done.read_text().replace('outputs = ["adapter", "direct"]', merged + '"Q4_0"')
    done.write_text(text)
    assert train("export", done)[0] == 0
    (small,) = (done.parent / "work" / "gguf").glob("*.gguf")
    small.rename(done.parent / "small.gguf")
    done.write_text(text.replace('"tiny.gguf"', '"small.gguf"'))

    status, _, told = train("run", done)

    assert status != 0
    assert "is quantised already" in told
    assert 'outputs = ["direct"] under [export]' in told
    assert "step 1/2" not in told


def test_one_file_of_a_model_can_be_trained_and_another_served(tmp_path: Path, train: Run) -> None:
    recipe = tiny_chain.make(tmp_path / "made")
    served = tmp_path / "made" / "served.gguf"
    shutil.copy(tmp_path / "made" / "tiny.gguf", served)
    text = recipe.read_text().replace('"tiny.gguf"', '"tiny.gguf"\ngguf = "served.gguf"')
    recipe.write_text(text)

    status, _, told = train("run", recipe)

    assert status == 0, told
    assert "served: 0 of 9" in told
    (listed,) = trained_models()
    assert Path(listed.base) == served


def test_a_base_in_a_folder_is_merged_for_transformers_too(tmp_path: Path, train: Run) -> None:
    import made_models
    import small_run
    from transformers import AutoModelForCausalLM

    recipe = tiny_chain.make(tmp_path / "made")
    weights = tmp_path / "made" / "weights"
    small_run.make_base(weights)
    made_models.write_model(
        tmp_path / "made" / "served.gguf", AutoModelForCausalLM.from_pretrained(weights)
    )
    text = recipe.read_text().replace('"tiny.gguf"', '"weights"\ngguf = "served.gguf"')
    recipe.write_text(text.replace('["adapter", "direct"]', '["weights", "adapter"]'))

    status, _, told = train("run", recipe, "--until", "export")

    assert status == 0, told
    assert "export: weights: 1 files for transformers, in merged" in told
    work = recipe.parent / "work"
    assert {"merged/model.safetensors", "merged/config.json"} <= set(
        records(recipe)["export"].outputs
    )
    AutoModelForCausalLM.from_pretrained(work / "merged")
    check_made(work, ["merged"])
    (work / "merged" / "config.json").write_text("{}")
    with pytest.raises(PublishError, match="is not what export made of the adapter"):
        check_made(work, ["merged"])
    assert train("export", recipe, "--again", "export")[0] == 0
    check_made(work, ["merged"])


def test_weights_of_a_base_that_is_a_gguf_are_refused_before_training(
    tmp_path: Path, train: Run
) -> None:
    recipe = tiny_chain.make(tmp_path / "made")
    recipe.write_text(recipe.read_text().replace('"direct"]', '"weights"]'))

    status, _, told = train("run", recipe)

    assert status == 2
    assert "The base is a GGUF file" in told
    assert "step 1/2" not in told


@pytest.mark.parametrize(
    ("named", "seen"),
    [
        ("tiny.gguf", "HERE/tiny.gguf"),
        ("tiny.gguf+a.gguf", "HERE/tiny.gguf+HERE/a.gguf"),
        ("tiny.gguf+a.gguf@0.5", "HERE/tiny.gguf+HERE/a.gguf@0.5"),
        ("built-in+a.gguf", "built-in+HERE/a.gguf"),
        ("a+b.gguf", "HERE/a+b.gguf"),
        ("tiny.gguf+a+b.gguf", "HERE/tiny.gguf+HERE/a+b.gguf"),
        ("built-in", "built-in"),
        ("some+thing", "some+thing"),
    ],
)
def test_models_and_adapters_are_seen_from_the_recipe(
    named: str, seen: str, tmp_path: Path
) -> None:
    for each in ("tiny.gguf", "a.gguf", "a+b.gguf"):
        (tmp_path / each).write_bytes(b"")
    place = Workplace(tmp_path / "work", tmp_path)
    work = ModelWork(Recipe(name="one"), place, print)
    assert work.named(named) == seen.replace("HERE", str(tmp_path))


def test_what_cannot_be_merged_straight_is_said_before_training(tmp_path: Path, train: Run) -> None:
    recipe = tiny_chain.make(tmp_path / "made")
    small_models.write_model(tmp_path / "made" / "small.gguf", lambda _: "iq2_xs")
    text = recipe.read_text().replace('"tiny.gguf"', '"tiny.gguf"\ngguf = "small.gguf"')
    recipe.write_text(text)

    status, _, told = train("run", recipe)

    assert status == 1, told
    assert "iq2_xs in small.gguf, and that can be made only with an importance matrix" in told
    assert "importance under [export]" in told
    assert "step 1/2" not in told


def test_a_merged_model_can_be_made(done: Path, train: Run) -> None:
    wanted = 'outputs = ["merged"]\nquantisation = "q8_0"'
    done.write_text(done.read_text().replace('outputs = ["adapter", "direct"]', wanted))

    status, _, told = train("export", done)

    assert status == 0, told
    assert list(files(done)) == ["Tiny-98K-Tiny-Voice-v1.0-Q8_0.gguf"]


@pytest.mark.parametrize("what", ["base", "importance", "model", "link"])
def test_nothing_that_is_read_goes_when_files_are_written(
    what: str, done: Path, train: Run
) -> None:
    folder = done.parent / "work" / "gguf"
    kept = folder / "kept.gguf"
    text = done.read_text().replace('name = "Tiny Voice"', 'name = "Other Voice"')
    if what == "link":
        kept.symlink_to(done.parent / "tiny.gguf")
    else:
        kept.write_bytes((done.parent / "tiny.gguf").read_bytes())
    if what in ("base", "link"):
        text = text.replace('"tiny.gguf"', '"work/gguf/kept.gguf"')
    elif what == "importance":
        text = text.replace("[export]\n", '[export]\nimportance = "work/gguf/kept.gguf"\n')
    else:
        text = text.replace("[evaluate]\n", '[evaluate]\nmodels = ["work/gguf/kept.gguf"]\n')
    done.write_text(text)
    before = files(done)

    status, _, told = train("run", done, "--until", "export")

    assert status != 0
    assert "lies in the folder that the GGUF files are written to" in told
    assert files(done) == before


def test_what_was_made_may_be_compared_with(done: Path, train: Run) -> None:
    own = next(each for each in files(done) if "LoRA" not in each)
    models = f'[evaluate]\nmodels = ["work/gguf/{own}"]\n'
    done.write_text(done.read_text().replace("[evaluate]\n", models))

    status, _, told = train("export", done, "--again", "export")

    assert status == 0, told
    assert own in files(done)


def test_a_recipe_without_a_base_ends_with_its_data_set(tmp_path: Path, train: Run) -> None:
    recipe = tiny_chain.make(tmp_path / "made")
    recipe.write_text('name = "x"\nfolder = "work"\n')
    assert train("train", recipe)[0] == 2
    status, _, told = train("export", recipe)
    assert status == 2
    assert "No base is named" in told


def killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("module", "name", "left"),
    [
        (exporting, "_begin", ["train"]),
        (exporting, "hashes", ["train"]),
        (measuring, "evaluate", ["train", "export"]),
        (adding, "keep_trained", ["train", "export", "evaluate"]),
    ],
)
def test_a_run_that_was_killed_goes_on_where_it_was(
    module: object,
    name: str,
    left: list[str],
    done: Path,
    train: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = files(done)
    for stage in STAGES[len(left) :]:
        (done.parent / "work" / f"{stage}.json").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(module, name, killed)
        assert train("run", done)[0] == cli.INTERRUPTED
    assert list(records(done)) == left
    status, _, told = train("run", done)
    assert status in (0, 1)
    assert tuple(records(done)) == STAGES
    assert files(done) == expected
    assert len(trained_models()) == 1
    assert told.count("nothing changed, skipped") == len(left)


def test_files_of_other_work_do_not_stay(done: Path, train: Run) -> None:
    done.write_text(done.read_text().replace('["adapter", "direct"]', '["adapter"]'))
    train("export", done)
    assert list(files(done)) == ["Tiny-98K-Tiny-Voice-v1.0-F16-LoRA.gguf"]


def test_a_changed_recipe_replaces_its_own_model_and_no_other(done: Path, train: Run) -> None:
    done.write_text(done.read_text() + "seed = 2\n")
    _, _, told = train("add", done)
    (model,) = trained_models()
    assert model.recipe == sha256_of(done), told

    other = tiny_chain.make(done.parent.parent / "other", test=0)
    status, _, told = train("run", other)
    assert status == 1, told
    # It is said before training, and again where it could not be.
    first = told.index("add: Another trained model is called tiny-voice")
    assert first < told.index("step 1/2")
    assert told.rindex("Another trained model is called tiny-voice") > first
    (still,) = trained_models()
    assert still == model


def test_evaluate_takes_a_recipe_or_rows_and_never_mixes_them(done: Path, train: Run) -> None:
    status, _, told = train("evaluate", done, "--rows", "3")
    assert status == 2
    assert "--rows cannot go with a recipe" in told
    rows = done.parent / "work" / "dataset" / "parts"
    status, _, told = train("evaluate", rows, "--again", "--model", "built-in")
    assert status == 2
    assert "--again and --workers go with a recipe" in told


def test_a_model_that_is_worse_ends_with_a_status_of_its_own(
    done: Path, train: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = done.parent / "work" / "evaluate.json"
    record = records(done)["evaluate"]
    worse = msgspec.structs.replace(record, counts={**record.counts, measuring.WORSE: 1})
    path.write_bytes(msgspec.json.encode(worse))
    assert train("evaluate", done)[0] == 1
    same = msgspec.structs.replace(record, counts={**record.counts, measuring.WORSE: 0})
    path.write_bytes(msgspec.json.encode(same))
    assert train("evaluate", done)[0] == 0
