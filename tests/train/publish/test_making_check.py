"""Only what is whole, and was made of the data set that is there, is published."""

import json
import os
from pathlib import Path

import published_folder
import pytest
from example_rows import SOURCE, row
from hub_stand_in import HubStandIn
from msgspec import structs
from test_cards import bundle, publication
from test_publish_command import publish

from storytui.models.trained import TrainedModel, keep_trained
from storytui_train.data.dataset.writing import write_dataset
from storytui_train.data.pipeline.record import sha256_of
from storytui_train.errors import PublishError
from storytui_train.recipe import load

MINE = structs.replace(SOURCE, private=True)


def names(recipe: Path, part: str) -> set[str]:
    return {each.name for each in bundle(publication(recipe, parts=(part,)), part).files}


@pytest.fixture
def retraining(tmp_path: Path) -> Path:
    """A folder whose model is of private rows, and whose new data set is of public ones."""
    path = published_folder.make(tmp_path, rows=[row(0), row(1, source=MINE)])
    parts = tmp_path / "tales" / "dataset" / "parts"
    held_out = (parts / "rows" / "test.jsonl").read_bytes()
    write_dataset([row(0)], parts, load(path), plots=False)
    (parts / "rows" / "test.jsonl").write_bytes(held_out)
    return path


@pytest.mark.parametrize("part", ["adapter", "gguf"])
@pytest.mark.parametrize("trained", [True, False])
def test_what_was_made_of_other_rows_stays(
    part: str, trained: bool, retraining: Path, hub: HubStandIn
) -> None:
    if not trained:
        # It is trained anew just now.
        (retraining.parent / "tales" / "train" / "run.json").unlink()
    with pytest.raises(PublishError, match=f"leave {part} out"):
        publish(retraining, "--parts", part, "--public")
    assert hub.seen == []


def test_an_adapter_that_is_not_the_last_one_stays(recipe: Path) -> None:
    adapter = recipe.parent / "tales" / "train" / "adapter" / "adapter_model.safetensors"
    adapter.write_bytes(b"the best so far")
    for part in ("adapter", "gguf"):
        with pytest.raises(PublishError, match="not what training made"):
            publication(recipe, parts=(part,))


def test_files_of_an_adapter_before_stay(recipe: Path) -> None:
    work = recipe.parent / "tales"
    before = (work / "export.json").read_bytes()
    (work / "train" / "adapter" / "adapter_model.safetensors").write_bytes(b"another")
    published_folder.note(work)
    (work / "export.json").write_bytes(before)
    with pytest.raises(PublishError, match="not of the adapter that is there"):
        publication(recipe, parts=("gguf",))
    # The evaluation was of those files.
    assert not any(each.startswith("evaluation") for each in names(recipe, "adapter"))
    assert "Not measured." in bundle(publication(recipe, parts=("adapter",)), "adapter").card


def test_files_that_export_did_not_make_stay(recipe: Path) -> None:
    folder = recipe.parent / "tales" / "gguf"
    for name in (".adapter-f32.gguf", "half-done.gguf", "merged-Q4_K_M-00002-of-00002.gguf"):
        (folder / name).write_bytes(published_folder.adapter_gguf())
    sent = {each for each in names(recipe, "gguf") if each.endswith(".gguf")}
    assert sent == {"adapter.gguf", "merged-Q4_K_M.gguf"}
    (folder / "adapter.gguf").write_bytes(published_folder.adapter_gguf() + b"\0")
    with pytest.raises(PublishError, match=r"adapter\.gguf is not what export made"):
        publication(recipe, parts=("gguf",))
    (folder.parent / "export.json").unlink()
    with pytest.raises(PublishError, match="storytui-train export"):
        publication(recipe, parts=("gguf",))


@pytest.mark.parametrize("changed", ["rows", "report", "record", "models"])
def test_an_evaluation_of_something_else_stays(changed: str, recipe: Path) -> None:
    work = recipe.parent / "tales"
    assert "evaluation/report.md" in names(recipe, "adapter")
    if changed == "rows":
        (work / "dataset" / "parts" / "rows" / "test.jsonl").write_bytes(b"{}\n")
    elif changed == "report":
        (work / "evaluation" / "report.md").write_text("# Of another model\n")
    elif changed == "record":
        (work / "evaluate.json").unlink()
    else:
        record = json.loads((work / "evaluate.json").read_text())
        record["inputs"] = {"rows": record["inputs"]["rows"], "model 0": "ff" * 32}
        (work / "evaluate.json").write_text(json.dumps(record))
    assert not any(each.startswith("evaluation") for each in names(recipe, "adapter"))


def test_samples_of_a_report_without_takes_stay(recipe: Path) -> None:
    work = recipe.parent / "tales"
    (work / "evaluation" / "samples.md").write_text("What she wrote.\n")
    published_folder.note(work)
    assert "evaluation/samples.md" in names(recipe, "adapter")
    report = published_folder.REPORT | {"takes": 0}
    (work / "evaluation" / "report.json").write_text(json.dumps(report))
    published_folder.note(work)
    sent = names(recipe, "adapter")
    assert "evaluation/report.json" in sent
    assert "evaluation/samples.md" not in sent


def test_merged_weights_from_before_the_adapter_stay(recipe: Path) -> None:
    merged = recipe.parent / "tales" / "merged"
    (merged / ".git").mkdir(parents=True)
    (merged / ".git" / "config").write_text("url = https://name:secret@example.org\n")
    (merged / "config.json").write_text("{}")
    (merged / "model.safetensors").write_bytes(b"weights")
    assert {"README.md", "config.json", "model.safetensors"} <= names(recipe, "merged")
    assert not any("git" in each for each in names(recipe, "merged"))
    os.utime(merged / "model.safetensors", (1_500_000_000, 1_500_000_000))
    with pytest.raises(PublishError, match="older than the adapter"):
        publication(recipe, parts=("merged",))


def test_private_rows_are_counted_where_no_report_tells_of_them(tmp_path: Path) -> None:
    recipe = published_folder.make(tmp_path, rows=[row(0), row(1, source=MINE)])
    for name in ("report.json", "statistics.json"):
        (tmp_path / "tales" / "dataset" / "parts" / name).unlink()
    with pytest.raises(PublishError, match="private texts"):
        publication(recipe, parts=("adapter",))


def keep(recipe: Path, name: str, *, private: bool = True) -> str:
    """Put a model into the editor's list; the SHA-256 of its file."""
    file = recipe.parent / f"{name}.gguf"
    file.write_bytes(published_folder.adapter_gguf() + name.encode())
    base = str(recipe.parent / "base" / "Tiny-Q4_K_M.gguf")
    keep_trained(TrainedModel(name=name, base=base, base_name="Tiny", private=private), file)
    return sha256_of(file)


def test_a_private_model_is_named_in_no_evaluation(recipe: Path) -> None:
    work = recipe.parent / "tales"
    digest = keep(recipe, "novels")
    published_folder.note(work, others=(f"{'ab' * 32}+{digest}@1 storytui-1 x",))
    with pytest.raises(PublishError, match=r"figures of novels.*models under \[evaluate\]"):
        publication(recipe)
    published_folder.note(work, others=(f"{keep(recipe, 'open', private=False)} auto open",))
    assert "evaluation/report.md" in names(recipe, "adapter")


def test_a_model_over_a_private_one_is_private(tmp_path: Path) -> None:
    text = published_folder.RECIPE.replace("Qwen/Qwen2.5-7B-Instruct", "novels")
    recipe = published_folder.make(tmp_path, text + 'base = "some/Base"\n')
    publication(recipe, parts=("adapter",))
    digest = keep(recipe, "novels")
    with pytest.raises(PublishError, match=r"marked private \(the base novels\)"):
        publication(recipe, parts=("adapter",))
    publication(recipe, parts=("dataset",))
    # By its file too, whatever it is called there.
    recipe.write_text(recipe.read_text().replace('base = "novels"', f'base = "{tmp_path}/x.gguf"'))
    (tmp_path / "novels.gguf").rename(tmp_path / "x.gguf")
    assert sha256_of(tmp_path / "x.gguf") == digest
    with pytest.raises(PublishError, match="the base novels"):
        publication(recipe, parts=("adapter",))
    recipe.write_text(recipe.read_text() + 'private_texts = "model"\n')
    publication(recipe, parts=("adapter",))
