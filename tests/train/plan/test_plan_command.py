"""`storytui-train plan`: where shapes come from, exit codes, JSON, and what was measured."""

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import shapes
import tiny_gguf
from hub_contents import repository
from hub_fixtures import place_of
from hub_stand_in import HubStandIn

from storytui.models import starter
from storytui.models.hub.place import HubPlace
from storytui.models.starter import starter_model
from storytui_train.commands import plan as command
from storytui_train.errors import RecipeError, TrainError
from storytui_train.training import memory_remedies
from storytui_train.training.memory_plan import Plan, Settings, plan_memory
from storytui_train.training.peaks import correction, keep_peak, peaks_file
from storytui_train.training.plan import bytes_of, size
from storytui_train.training.shape_finding import find_shape

SEVEN = "Qwen/Qwen2.5-7B-Instruct"
WEIGHTS = random.Random(3).randbytes(3_000_000)


def plan(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_options(parser)
    return command.run(parser.parse_args(arguments))


@pytest.fixture
def hub() -> Iterator[HubStandIn]:
    index = {"weight_map": {"model.embed_tokens.weight": "a", "lm_head.weight": "b"}}
    files = {
        "config.json": json.dumps(shapes.SMOLLM).encode(),
        "model.safetensors.index.json": json.dumps(index).encode(),
        "model-00001-of-00002.safetensors": WEIGHTS,
    }
    with HubStandIn(
        {
            "owner/Base": repository(files),
            "owner/Alone": repository({"config.json": json.dumps(shapes.SMOLLM).encode()}),
            "owner/GGUF": repository({"tale-F16.gguf": bytes(tiny_gguf.llama().data)}),
            "owner/Empty": repository({"README.md": b"# nothing\n"}),
        }
    ) as standing:
        yield standing


@pytest.fixture
def place(hub: HubStandIn, tmp_path: Path) -> HubPlace:
    return place_of(hub, tmp_path)


def test_7b_fits_and_is_known_without_any_network(
    capsys: pytest.CaptureFixture[str], hub: HubStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
    assert plan("--base", SEVEN, "--vram", "8GiB", "--sequence", "4096", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["fits"] is True
    assert said["known_by"] == "published"
    assert said["planned"] == sum(said["bytes"].values()) == said["total"] <= said["limit"]
    counted = {each["name"]: each["bytes"] for each in said["parts"] if each["counted"]}
    assert counted == said["bytes"]
    assert said["changes"] == []
    assert hub.seen == []


def test_what_does_not_fit_ends_with_1_and_prints_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert plan("--base", SEVEN, "--vram", "6GiB", "--json") == 1
    said = json.loads(capsys.readouterr().out)
    assert said["fits"] is False
    assert said["total"] > said["limit"]
    assert any(each["fits"] and "sequence" in each["set"] for each in said["changes"])
    assert plan("--base", SEVEN, "--vram", "6GiB") == 1
    text = capsys.readouterr().out
    assert "It does not fit" in text
    assert "sequence = " in text


def a_card(monkeypatch: pytest.MonkeyPatch, told: dict[str, str]) -> None:
    def smi(arguments: list[str]) -> str:
        return told[arguments[0].removeprefix("--query-gpu=")]

    monkeypatch.setattr("storytui.models.graphics_here.ask_smi", smi)


@pytest.mark.parametrize(
    ("cards", "compute"),
    [
        ("8192, 7.5\n", "float32"),
        ("8192, 8.6\n", "bfloat16"),
        # The larger one counts.
        ("8192, 7.5\n24576, 8.9\n", "bfloat16"),
        ("", "bfloat16"),
        ("8192, [N/A]\n", "bfloat16"),
    ],
)
def test_this_machines_card_is_planned_for_as_it_computes(
    cards: str, compute: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    a_card(monkeypatch, {"memory.total": "8192\n", "memory.total,compute_cap": cards})

    plan("--base", SEVEN, "--json")

    said = json.loads(capsys.readouterr().out)
    assert said["settings"]["compute"] == compute
    # One that is named is taken for one that has it.
    plan("--base", SEVEN, "--vram", "8GiB", "--json")
    assert json.loads(capsys.readouterr().out)["settings"]["compute"] == "bfloat16"


def test_what_a_card_without_bfloat16_takes_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    float32 = plan_memory(shapes.qwen_7b(), Settings(compute="float32"), 8 << 30)

    plan("--base", SEVEN, "--vram", "8GiB")

    text = capsys.readouterr().out
    assert f"{size(float32.total)}  on a card without bfloat16" in text
    assert "It fits" in text


def test_shorter_rows_and_lower_ranks_are_taken(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--base", SEVEN, "--vram", "6GiB", "--sequence", "512", "--rank", "8", "--json")
    assert plan(*options) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["settings"]["sequence"], said["settings"]["rank"]) == (512, 8)


def test_no_base_means_the_one_that_the_defaults_are_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert plan("--vram", "8GiB") == 0
    assert capsys.readouterr().out.startswith(f"{SEVEN}: qwen2, 7.62")


def test_a_gguf_is_known_by_its_header(capsys: pytest.CaptureFixture[str]) -> None:
    path = starter_model()
    assert path is not None
    assert plan("--base", str(path), "--json", "--vram", "2GiB") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["known_by"], said["parameters"]) == ("gguf", 134_515_008)
    assert plan("--base", "built-in", "--json", "--vram", "2GiB") == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == said["bytes"]


def test_a_folder_is_known_by_its_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(shapes.SMOLLM))
    assert plan("--base", str(tmp_path), "--json", "--vram", "2GiB") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["known_by"], said["parameters"]) == ("folder", 134_515_008)


def test_a_recipe_names_base_and_settings_and_options_go_before_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "config.json").write_text(json.dumps(shapes.SMOLLM))
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        'name = "x"\n[train]\nbase = "weights"\nrank = 4\nsequence = 700\nvram = "100 MB"\n'
        'checkpointing = "off"\n'
    )
    assert plan("--recipe", str(recipe), "--json") == 1
    said = json.loads(capsys.readouterr().out)
    assert said["limit"] == 100_000_000
    assert (
        said["settings"] | {"rank": 4, "sequence": 700, "checkpointing": "off"}
        == (said["settings"])
    )
    assert plan("--recipe", str(recipe), "--json", "--vram", "4G", "--rank", "2") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["limit"], said["settings"]["rank"]) == (4 << 30, 2)


@pytest.mark.parametrize("base", ["nothing", "nothing.gguf", "./no/such/place", "\x1b[2Jevil"])
def test_an_unknown_base_is_said_and_counts_as_usage(base: str) -> None:
    with pytest.raises(RecipeError) as raised:
        plan("--base", base)
    assert "\x1b" not in str(raised.value)


def test_a_folder_without_a_configuration_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"has no config\.json"):
        plan("--base", str(tmp_path))
    (tmp_path / "config.json").write_text("[1, 2]")
    with pytest.raises(RecipeError, match="no JSON object"):
        plan("--base", str(tmp_path))


def test_what_is_known_but_cannot_be_trained_is_said() -> None:
    with pytest.raises(RecipeError, match="smollm3"):
        plan("--base", "HuggingFaceTB/SmolLM3-3B")


def test_of_a_repository_only_its_configuration_is_fetched(
    hub: HubStandIn, place: HubPlace
) -> None:
    found = find_shape("owner/Base", hub=place)
    assert found.origin == "hub"
    assert not found.shape.tied
    assert set(hub.sent) == {
        "owner/Base/config.json",
        "owner/Base/model.safetensors.index.json",
    }
    asked = len(hub.seen)
    assert find_shape("owner/Base", hub=place) == found
    assert len(hub.seen) == asked
    assert find_shape("owner/Alone", hub=place).shape.tied


def test_of_a_repository_of_ggufs_a_header_is_read(hub: HubStandIn, place: HubPlace) -> None:
    assert find_shape("owner/GGUF", hub=place).shape.architecture == "llama"


def test_a_repository_without_either_and_one_that_is_not_there_are_said(place: HubPlace) -> None:
    with pytest.raises(RecipeError, match="neither"):
        find_shape("owner/Empty", hub=place)
    with pytest.raises(TrainError, match="There is no repository owner/None"):
        find_shape("owner/None", hub=place)


def test_a_hub_that_is_gone_is_said(hub: HubStandIn, place: HubPlace) -> None:
    hub.gone = True
    with pytest.raises(TrainError, match="cannot be reached"):
        find_shape("owner/Base", hub=place)


# --- what was measured ----------------------------------------------------------------------------


def test_a_measured_peak_corrects_the_next_plan_and_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shape = shapes.qwen_7b()
    before = plan_memory(shape, Settings(), 8 << 30)
    assert keep_peak(peaks_file(), before, round(before.planned * 1.2))
    assert plan("--base", SEVEN, "--vram", "8GiB", "--json") == 1
    said = json.loads(capsys.readouterr().out)
    assert said["measured"] == {"factor": pytest.approx(1.2), "sequence": 4096}
    assert said["total"] == pytest.approx(1.2 * said["planned"], rel=1e-6)
    assert plan("--base", SEVEN, "--vram", "12GiB") == 0
    assert "1.20 times what was planned on this machine" in capsys.readouterr().out


def test_the_nearest_sequence_counts_and_no_other_settings(tmp_path: Path) -> None:
    shape, path = shapes.tiny(), tmp_path / "peaks.json"
    for sequence, factor in ((512, 0.8), (2048, 1.1)):
        made = plan_memory(shape, Settings(sequence=sequence), 8 << 30)
        assert keep_peak(path, made, round(made.planned * factor))
    found = correction(path, shape, Settings(sequence=700))
    assert found is not None
    assert found.factor == pytest.approx(0.8, rel=1e-6)
    assert correction(path, shape, Settings(sequence=1900)).sequence == 2048  # type: ignore[union-attr]
    assert correction(path, shape, Settings(rank=8)) is None
    assert correction(path, shape, Settings(device="cpu")) is None
    assert correction(path, shapes.tiny(layers=3), Settings()) is None


def test_a_later_run_of_the_same_kind_takes_the_place_of_the_earlier(tmp_path: Path) -> None:
    shape, path = shapes.tiny(), tmp_path / "peaks.json"
    made = plan_memory(shape, Settings(), 8 << 30)
    for factor in (1.4, 0.9):
        assert keep_peak(path, made, round(made.planned * factor))
    found = correction(path, shape, Settings())
    assert found is not None
    assert found.factor == pytest.approx(0.9, rel=1e-6)
    assert path.read_bytes().count(b'"planned"') == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"version":"peaks-0","peaks":[]}', b"\xff"])
def test_a_broken_file_costs_nothing(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "peaks.json"
    path.write_bytes(body)
    made = plan_memory(shapes.tiny(), Settings(), 8 << 30)
    assert correction(path, made.shape, made.settings) is None
    assert keep_peak(path, made, made.planned)
    assert correction(path, made.shape, made.settings) is not None


def test_a_figure_that_cannot_be_is_not_believed(tmp_path: Path) -> None:
    made = plan_memory(shapes.tiny(), Settings(), 8 << 30)
    for measured in (0, made.planned // 3, made.planned * 3):
        assert not keep_peak(tmp_path / "peaks.json", made, measured)
    assert not keep_peak(None, made, made.planned)
    assert not keep_peak(tmp_path / "no" / "folder" / "peaks.json", made, made.planned)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("8GiB", 8 << 30),
        ("8 GiB", 8 << 30),
        ("8g", 8 << 30),
        ("8GB", 8_000_000_000),
        ("7.5GiB", 15 << 29),
        ("900 MB", 900_000_000),
        ("8589934592", 8 << 30),
    ],
)
def test_sizes_as_they_are_written(text: str, size: int) -> None:
    assert bytes_of(text) == size


@pytest.mark.parametrize(
    "text", ["", "much", "-8GiB", "0", "8GiBB", "8XB", "0.1", "9" * 400, "8\u212a"]
)
def test_what_is_no_size_is_said(text: str) -> None:
    with pytest.raises(RecipeError):
        bytes_of(text)


def test_without_the_built_in_model_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starter, "find_spec", lambda _: None)
    with pytest.raises(RecipeError, match="the small built-in one"):
        plan("--base", "built-in")


@pytest.mark.parametrize("option", ["--sequence", "--rank"])
@pytest.mark.parametrize("number", ["16777217", "9" * 400, "0", "-1", "1.5"])
def test_what_no_model_can_be_is_usage(
    option: str, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        plan(option, number)
    assert ended.value.code == 2
    assert option in capsys.readouterr().err


def test_the_longest_rows_are_planned_for_in_a_few_steps(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def counted(*arguments: Any) -> Plan:
        made.append(1)
        return plan_memory(*arguments)

    monkeypatch.setattr(memory_remedies, "plan_memory", counted)
    assert plan("--sequence", str(1 << 24), "--vram", "8GiB", "--json") == 1
    said = json.loads(capsys.readouterr().out)
    (shorter,) = [each for each in said["changes"] if list(each["set"]) == ["sequence"]]
    assert shorter["fits"]
    assert len(made) < 200
    # It is the longest that fits, by steps of 256.
    length = shorter["set"]["sequence"]
    assert plan("--sequence", str(length), "--vram", "8GiB") == 0
    assert plan("--sequence", str(length + 256), "--vram", "8GiB") == 1
