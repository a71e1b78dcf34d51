"""Measure training in the shape of Qwen2.5-7B, with random weights, on a CUDA GPU: `make gpu-check-train`, or
`python tools/gpu_check_train.py [OPTIONS]` in an environment with storytui[train] and a torch for CUDA.

    --sequence N      tokens of a row (default: 4096)
    --steps N         steps that are timed, behind one that is not (default: 4)
    --limit SIZE      what the card may be asked for, all in all (default: 7.5GiB)
    --plain           measure plain TRL (SFTTrainer, peft, the same settings) alone
    --no-plain        leave it out; it is also left out where trl is not installed
    --out FILE        where the figures go as JSON (default: train-figures.json)
    --tiny            a tiny shape, which also runs on a CPU: tries the program, and measures nothing

Tells the memory by part beside the plan, tokens per second, and both of plain TRL on the same card.
Ends with status 1 where the peak is above the limit, and with one line where something is missing.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import time

SEVEN = {
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "vocab_size": 152064,
    "tie_word_embeddings": False,
}
TINY = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 500,
    "tie_word_embeddings": False,
}
GIB = 1 << 30


class RandomWeights:
    """Weights of a shape, the same few numbers over and over."""

    named = "random weights"
    architecture = "qwen2"

    def __init__(self, config):
        self.config = config
        self._numbers = None

    def rope_factors(self):
        return None

    def read(self, names, dtype):
        import torch
        from transformers import AutoModelForCausalLM

        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(self.config, dtype=dtype)
        shapes = {name: each.shape for name, each in model.named_parameters()}
        if self._numbers is None:
            generator = torch.Generator().manual_seed(1)
            self._numbers = torch.randn(1 << 20, generator=generator).mul_(0.02).to(dtype)
        for name in names:
            if name in shapes:
                count = shapes[name].numel()
                times = -(-count // self._numbers.numel())
                yield name, self._numbers.repeat(times)[:count].reshape(shapes[name])


def configuration(options):
    from transformers import AutoConfig

    return AutoConfig.for_model("qwen2", **(TINY if options.tiny else SEVEN))


def device_of(options):
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda")
    if options.tiny:
        return torch.device("cpu")
    sys.exit("torch reaches no CUDA GPU here: install a torch for CUDA, or look at nvidia-smi.")


class Peak:
    """What this process takes of the card at the most; on a CPU nothing is measured."""

    def __init__(self, device):
        import torch

        self._torch, self._device = torch, device
        self._others = None
        if device.type == "cuda":
            card = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0].strip()
            told = subprocess.run(
                [
                    *("nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"),
                    *(("-i", card) if card else ()),
                ],
                stdout=subprocess.PIPE,
                check=False,
            ).stdout.split()
            self._others = int(told[0]) << 20 if told and told[0].isdigit() else 0

    def begin(self):
        if self._device.type == "cuda":
            self._torch.cuda.synchronize()
            self._torch.cuda.reset_peak_memory_stats()

    def figures(self):
        if self._device.type != "cuda":
            return {}
        torch = self._torch
        torch.cuda.synchronize()
        free, total = torch.cuda.mem_get_info()
        reserved = torch.cuda.memory_reserved()
        context = max(0, total - free - reserved - self._others)
        most = torch.cuda.max_memory_reserved()
        return {
            "card": torch.cuda.get_device_name(),
            "allocated": torch.cuda.max_memory_allocated(),
            "reserved": most,
            "context": context,
            "peak": most + context,
        }


def own(options):
    """Train a few steps as storytui-train does."""
    import torch

    from storytui_train.recipe_training import TrainOptions
    from storytui_train.training.base import Base, assemble, compute_type
    from storytui_train.training.learner import Learner, forward_loss
    from storytui_train.training.lora import new_adapter
    from storytui_train.training.memory import parts

    device = device_of(options)
    peak = Peak(device)
    train = TrainOptions(base="random", sequence=options.sequence)
    weights = RandomWeights(configuration(options))
    compute = compute_type(train, device)
    model = assemble(weights, device, compute, quantised=True, embeddings=train.embeddings)
    base = Base(
        model=model,
        config=weights.config,
        architecture=weights.architecture,
        kind="folder",
        source="random",
        revision="",
        gguf=None,
        fingerprint="",
        device=device,
        compute=compute,
        nf4=True,
    )
    learner = Learner(base, new_adapter(base, train, seed=1), train)
    learner.train()
    trained = [each for each in learner.parameters() if each.requires_grad]
    if device.type == "cuda":
        from bitsandbytes.optim import PagedAdamW8bit as Optimizer
    else:
        from torch.optim import AdamW as Optimizer
    optimizer = Optimizer(trained, lr=1e-4)
    tokens = torch.randint(0, weights.config.vocab_size, (1, options.sequence))
    batch = {
        "input_ids": tokens,
        "positions": torch.arange(options.sequence)[None],
        "segments": torch.zeros_like(tokens),
        "trained": torch.ones_like(tokens, dtype=torch.bool),
    }

    def step():
        loss, count = forward_loss(learner, batch)
        (loss / count).backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return float(loss.detach()) / count

    peak.begin()
    seconds, loss = timed(step, options.steps, device)
    held = {each.name + " (" + each.place + ")": each.bytes for each in parts(learner, optimizer)}
    return {
        "loss": loss,
        "compute": str(compute).removeprefix("torch."),
        "tokens_per_second": options.sequence / seconds,
        "held": held,
        **peak.figures(),
    }


def plain(options):
    """Train a few steps as TRL does, with the same settings."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    from storytui_train.recipe_training import TrainOptions
    from storytui_train.training.base import assemble, compute_type

    device = device_of(options)
    peak = Peak(device)
    weights = RandomWeights(configuration(options))
    compute = compute_type(TrainOptions(base="random"), device)
    model = assemble(weights, device, compute, quantised=True, embeddings="device")
    # As everybody has them: embeddings that are a parameter, attention as transformers does it.
    table = torch.nn.Parameter(model.model.embed_tokens.weight.to(device), requires_grad=False)
    count, width = table.shape
    model.model.embed_tokens = torch.nn.Embedding(count, width, _weight=table, _freeze=True)
    model.set_attn_implementation("sdpa")
    model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=True)
    model = get_peft_model(
        model, LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    )
    words = {"<pad>": 0, "<eos>": 1}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, "<pad>")),
        pad_token="<pad>",
        eos_token="<eos>",
    )
    ids = torch.randint(2, count, (options.steps + 1, options.sequence)).tolist()
    told = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_, **__):
            if device.type == "cuda":
                torch.cuda.synchronize()
            told.append(time.perf_counter())

    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        trainer = SFTTrainer(
            model=model,
            args=SFTConfig(
                output_dir=folder,
                max_length=options.sequence,
                max_steps=options.steps + 1,
                per_device_train_batch_size=1,
                gradient_checkpointing=True,
                gradient_checkpointing_kwargs={"use_reentrant": False},
                optim="paged_adamw_8bit" if device.type == "cuda" else "adamw_torch",
                bf16=compute == torch.bfloat16,
                use_cpu=device.type == "cpu",
                learning_rate=1e-4,
                report_to=[],
                save_strategy="no",
                disable_tqdm=True,
                dataset_kwargs={"skip_prepare_dataset": True},
            ),
            train_dataset=Dataset.from_dict({"input_ids": ids, "labels": ids}),
            processing_class=tokenizer,
            callbacks=[Clock()],
        )
        peak.begin()
        trainer.train()
    seconds = (told[-1] - told[0]) / options.steps
    return {"tokens_per_second": options.sequence / seconds, **peak.figures()}


def timed(step, steps, device):
    """Seconds of a step behind the first, and the last loss."""
    import torch

    loss = step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    begun = time.perf_counter()
    for _ in range(steps):
        loss = step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - begun) / steps, loss


def planned(options, compute):
    """What the plan says of training that computes in a type."""
    from storytui_train.recipe_training import TrainOptions
    from storytui_train.training.memory_plan import plan_memory
    from storytui_train.training.plan import bytes_of, settings_of
    from storytui_train.training.trained_shape import from_config

    shape = from_config(configuration(options).to_dict())
    settings = settings_of(TrainOptions(sequence=options.sequence), bfloat16=compute == "bfloat16")
    return plan_memory(shape, settings, bytes_of(options.limit))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sequence", type=int, default=4096)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--limit", default="7.5GiB")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--no-plain", action="store_true")
    parser.add_argument("--out", default="train-figures.json")
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args(arguments)
    if options.sequence < 1 or options.steps < 1:
        parser.error("--sequence and --steps are whole numbers from 1 on")
    try:
        if options.plain:
            print(json.dumps(plain(options)))
            return 0
        from storytui_train.errors import RecipeError

        try:
            planned(options, "bfloat16")
        except RecipeError as error:
            parser.error("--limit: {}".format(error))
        figures = {"own": own(options), "plain": None}
    except ModuleNotFoundError as error:
        sys.exit("{} is not installed: pip install 'storytui[train]' trl".format(error.name))
    plan = planned(options, figures["own"]["compute"])
    figures["plan"] = {each.name: each.bytes for each in plan.counted}
    figures["planned"], figures["limit"] = plan.planned, plan.limit
    if not options.no_plain:
        give_back()
        figures["plain"] = in_a_process(options)
    with open(options.out, "w") as file:
        json.dump(figures, file, indent=1)
    return tell(figures, plan, options)


def give_back():
    """Let the card's memory go: what runs beside this process gets all of it."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def in_a_process(options):
    """Plain TRL's figures; None, with a line, where it could not be run."""
    command = [sys.executable, __file__, "--plain", "--sequence", str(options.sequence)]
    command += ["--steps", str(options.steps), *(["--tiny"] if options.tiny else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    if done.returncode or not lines:
        print("Plain TRL could not be run; what it said is above.", file=sys.stderr)
        return None
    return json.loads(lines[-1])


def tell(figures, plan, options):
    """Print what was found; the exit status."""
    mine, other = figures["own"], figures["plain"]
    print("tokens per second: {:,.0f}".format(mine["tokens_per_second"]), end="")
    if other:
        print(", plain TRL {:,.0f}".format(other["tokens_per_second"]), end="")
    print()
    if "peak" not in mine:
        print("This is a CPU: nothing is said of a GPU's memory.")
        return 0
    from storytui_train.training.peaks import keep_peak, peaks_file

    for name, count in {**mine["held"], **figures["plan"]}.items():
        kind = "held" if name in mine["held"] else "planned"
        print("{:>10.3f} GiB  {}: {}".format(count / GIB, kind, name))
    print(
        "peak {:.2f} GiB (torch {:.2f}, context {:.2f}), planned {:.2f}".format(
            mine["peak"] / GIB, mine["reserved"] / GIB, mine["context"] / GIB, plan.planned / GIB
        )
    )
    if other:
        print("peak of plain TRL {:.2f} GiB".format(other["peak"] / GIB))
    if not options.tiny:
        keep_peak(peaks_file(), plan, mine["peak"])
    print("The figures are in {}".format(options.out))
    if mine["peak"] > plan.limit:
        print("That is above the limit of {}.".format(options.limit), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
