"""The check on a GPU: it can be tried without one, and says nothing of a GPU's memory then."""

import argparse
import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from storytui_train.training.peaks import correction, peaks_file

pytest.importorskip("storytui_train.training.learner")


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    import torch

    torch.set_num_threads(1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    path = Path(__file__).parents[3] / "tools" / "gpu_check_train.py"
    spec = importlib.util.spec_from_file_location("gpu_check_train", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_without_a_gpu_it_says_so(tool: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no CUDA GPU"):
        tool.main(["--no-plain", "--out", str(tmp_path / "figures.json")])
    assert not any(tmp_path.iterdir())


def test_it_can_be_tried_on_a_cpu(
    tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "figures.json"
    options = ["--tiny", "--sequence", "64", "--steps", "1", "--no-plain", "--out", str(out)]
    assert tool.main(options) == 0
    told = capsys.readouterr().out
    assert "nothing is said of a GPU's memory" in told
    assert "GiB" not in told
    figures = json.loads(out.read_text())
    assert figures["own"]["tokens_per_second"] > 0
    assert "peak" not in figures["own"]


def test_random_weights_have_every_name_and_shape(tool: ModuleType) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model("qwen2", **tool.TINY)
    wanted = dict(AutoModelForCausalLM.from_config(config).named_parameters())
    made = dict(tool.RandomWeights(config).read(wanted, torch.bfloat16))
    assert {name: each.shape for name, each in made.items()} == {
        name: each.shape for name, each in wanted.items()
    }
    assert all(each.dtype == torch.bfloat16 and each.std() > 0.01 for each in made.values())


@pytest.mark.parametrize(
    "options", [("--steps", "0"), ("--sequence", "0"), ("--limit", "much"), ("--steps", "two")]
)
def test_options_that_cannot_be_end_it_before_anything_is_measured(
    tool: ModuleType, options: tuple[str, ...], tmp_path: Path
) -> None:
    out = tmp_path / "figures.json"
    with pytest.raises(SystemExit) as ended:
        tool.main(["--tiny", "--no-plain", "--out", str(out), *options])
    assert ended.value.code == 2
    assert not out.exists()


@pytest.mark.parametrize("compute", ["bfloat16", "float32"])
def test_what_is_planned_is_what_was_computed_in(tool: ModuleType, compute: str) -> None:
    options = argparse.Namespace(tiny=False, sequence=4096, limit="7.5GiB")
    assert tool.planned(options, compute).settings.compute == compute


@pytest.mark.parametrize(("peak", "status"), [(7.4, 0), (7.6, 1)])
def test_a_peak_above_the_limit_is_said_by_its_status(
    tool: ModuleType, peak: float, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    options = argparse.Namespace(tiny=False, sequence=4096, limit="7.5GiB", out="figures.json")
    plan = tool.planned(options, "bfloat16")
    size = int(peak * (1 << 30))
    own = {
        "tokens_per_second": 900.0,
        "held": {"weights": 4 << 30},
        "peak": size,
        "reserved": size - (400 << 20),
        "context": 400 << 20,
    }
    figures = {
        "own": own,
        "plain": {"tokens_per_second": 700.0, "peak": 15 << 30},
        "plan": {each.name: each.bytes for each in plan.counted},
    }

    assert tool.tell(figures, plan, options) == status

    told = capsys.readouterr()
    assert "tokens per second: 900, plain TRL 700" in told.out
    assert f"peak {peak:.2f} GiB" in told.out
    assert "peak of plain TRL 15.00 GiB" in told.out
    assert ("above the limit" in told.err) is bool(status)
    # The next plan for the same training is corrected by it.
    known = correction(peaks_file(), plan.shape, plan.settings)
    assert known is not None
    assert known.factor == pytest.approx(size / plan.planned, abs=0.01)
