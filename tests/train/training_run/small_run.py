"""A tiny base with a tokenizer of its own, a small data set, and recipes that train on them."""

import os
import random
from pathlib import Path
from typing import Any

import msgspec
import torch

from storytui_train.data.documents import Source
from storytui_train.data.examples import Row
from storytui_train.data.pipeline.workplace import Workplace
from storytui_train.recipe import Recipe
from storytui_train.recipe_training import TrainOptions
from storytui_train.training.progress import Progress
from storytui_train.training.qlora import train
from storytui_train.training.run_folder import RunFolder, TrainRecord
from storytui_train.training.run_log import Line, read_log

VOCABULARY = 300
CHAT = (
    "{% for m in messages %}<|turn|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
    "{% endfor %}<|turn|>assistant{{ '\\n' }}"
)
TEXT = "the lamp was out and she went down to the dark house where nobody had lived"
WORDS = TEXT.split()


def make_base(folder: Path, seed: int = 0) -> Path:
    """A random llama of two layers, saved as transformers does, with a tokenizer of bytes."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from tokenizers.trainers import BpeTrainer
    from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=VOCABULARY - 4,
        special_tokens=["<|endoftext|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([TEXT], trainer)
    made.add_tokens([AddedToken("<|turn|>", special=True, normalized=False)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|endoftext|>")
    tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = AutoConfig.for_model(
        "llama",
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        tie_word_embeddings=False,
    )
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for each in model.parameters():
            if each.dim() > 1:
                each.copy_(torch.randn_like(each) * 0.15)
    model.save_pretrained(folder)
    return folder


def some_row(number: int, split: str = "train") -> Row:
    dice = random.Random(f"{split} {number}")

    def words(least: int, most: int) -> str:
        said = [dice.choice(WORDS) for _ in range(dice.randint(least, most))]
        return " ".join(said).capitalize() + "."

    start = 1000 * number
    return Row(
        id=f"{split}{number % 3}:{start}-{start + 900}",
        source=Source(
            id=f"{split}{number % 3}",
            kind="gutenberg",
            file="a.txt",
            sha256="ab" * 32,
            title="A Book",
            author="Somebody",
        ),
        span=(start, start + 900),
        context="\n\n".join(words(12, 30) for _ in range(3)),
        continuation=" " + words(8, 40),
        reasoning=words(6, 16),
        guidance=words(4, 6),
        words=20,
        split=split,  # type: ignore[arg-type]
    )


def make_dataset(folder: Path, rows: int = 24, validation: int = 6) -> Path:
    (folder / "rows").mkdir(parents=True)
    for split, count in (("train", rows), ("validation", validation)):
        if count:
            lines = [msgspec.json.encode(some_row(n, split)) + b"\n" for n in range(count)]
            (folder / "rows" / f"{split}.jsonl").write_bytes(b"".join(lines))
    return folder


def options(base: Path, **changed: Any) -> TrainOptions:
    made: dict[str, Any] = {
        "base": str(base),
        "quantisation": "none",
        "sequence": 640,
        "rank": 4,
        "alpha": 8.0,
        "batch": 4,
        "steps": 6,
        "learning_rate": 2e-3,
        "validate_every": 2,
        "loss_rows": 32,
        "optimizer": "adamw",
    }
    return TrainOptions(**{**made, **changed})


class Bench:
    """A working folder with a data set, and a base beside it."""

    def __init__(self, folder: Path, base: Path, rows: int = 24, validation: int = 6) -> None:
        self.folder = folder / "work"
        self.base = base
        make_dataset(self.folder / "dataset" / "parts", rows, validation)
        self.said: list[str] = []

    @property
    def place(self) -> Workplace:
        return Workplace(self.folder, self.folder.parent)

    @property
    def run(self) -> RunFolder:
        return RunFolder(self.folder / "train")

    @property
    def log(self) -> list[Line]:
        return read_log(self.run.log)

    @property
    def losses(self) -> list[tuple[int, float | None, float | None]]:
        return [(each.step, each.loss, each.validation) for each in self.log]

    @property
    def adapter(self) -> bytes:
        return (self.run.adapter / "adapter_model.safetensors").read_bytes()

    def recipe(self, **changed: Any) -> Recipe:
        return Recipe(name="r", seed=changed.pop("seed", 7), train=options(self.base, **changed))

    def train(self, again: bool = False, **changed: Any) -> TrainRecord:
        """Train; what was said is in `said`."""
        self.said.clear()
        with open(os.devnull, "w") as nowhere:
            progress = Progress(self.said.append, stream=nowhere)
            return train(
                self.recipe(**changed), self.place, self.said.append, again=again, progress=progress
            )
