"""PURE. The card of a model: what it is, how it is used, what it was made of, how good it is.

Its head is the YAML that the Hub reads, each value in JSON's form, which YAML reads too.
Source: https://huggingface.co/docs/hub/model-cards and its specification of `model-index`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from storytui.story.prompt import prompt_format
from storytui.story.visible import visible
from storytui_train.data.examples import WRITTEN
from storytui_train.publish.evaluation import HEADLINES, Evaluation
from storytui_train.recipe_training import TrainOptions

Kind = Literal["adapter", "merged", "gguf"]
Relation = Literal["adapter", "finetune", "quantized"]
"""What it is to its base."""
LIBRARIES: Mapping[Kind, str] = {"adapter": "peft", "merged": "transformers", "gguf": "llama.cpp"}
_TAGS = ("storytui", "fiction", "story-continuation", "creative-writing")
_HUB_LICENCES = re.compile(
    "apache-2.0|mit|cc0-1.0|cc-by-(?:nc-)?(?:sa-|nd-)?[1-4].[05]|odc-by|odbl|pddl|unlicense"
    "|openrail|bigscience-openrail-m|gpl-[23].0|lgpl-3.0|agpl-3.0|bsd-[23]-clause|mpl-2.0"
    "|llama2|llama3|llama3.[1-9]|gemma|cdla-permissive-2.0|unknown"
)
"""The Hub's names of licences that models have. Others stand behind `other`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a model's card says."""

    name: str
    """As the editor lists it."""
    kind: Kind
    repository: str
    base: str
    """owner/name on the Hub."""
    relation: Relation
    licence: str
    """By name, as its owner has it."""
    languages: tuple[str, ...]
    datasets: tuple[str, ...]
    """owner/name on the Hub."""
    tags: tuple[str, ...]
    train: TrainOptions
    files: tuple[str, ...]
    """Their names in the repository."""
    sources: Mapping[str, int]
    """Rows of the data set, by the licence of their texts."""
    splits: Mapping[str, int]
    """Rows by split."""
    teachers: tuple[str, ...]
    """Who wrote the plans."""
    private_rows: int = 0
    steps: int = 0
    """Of the optimizer; 0: not known."""
    validation: float | None = None
    """The lowest loss on held-out rows, in nats a token."""
    recipe: str = ""
    """The hash of the recipe."""
    version: str = ""
    """Of the program."""


def card(about: About, evaluation: Evaluation | None) -> str:
    """The text of `README.md`."""
    parts = [f"---\n{_head(about, evaluation)}---\n", f"# {_line(about.name)}\n", _what(about)]
    parts += [_use(about), _format(about), _evaluation(evaluation), _training(about)]
    parts += [_data(about), _limits(about)]
    return "\n".join(parts)


def licence_of(words: str) -> tuple[str, str]:
    """A licence as the Hub names it, and a name for one that it does not know; else empty."""
    name = words.strip().lower().replace(" ", "-")
    if _HUB_LICENCES.fullmatch(name):
        return name, ""
    return "other", re.sub(r"[^a-z0-9.]+", "-", name).strip("-") or "unnamed"


def _head(about: About, evaluation: Evaluation | None) -> str:
    licence, other = licence_of(about.licence)
    lines: list[tuple[str, object]] = [("license", licence)]
    if other:
        lines.append(("license_name", other))
    lines += [
        ("language", list(about.languages)),
        ("base_model", about.base),
        ("base_model_relation", about.relation),
        ("library_name", LIBRARIES[about.kind]),
        ("pipeline_tag", "text-generation"),
    ]
    if about.datasets:
        lines.append(("datasets", list(about.datasets)))
    own = ("lora",) if about.kind == "adapter" else ("gguf",) if about.kind == "gguf" else ()
    tags = dict.fromkeys((*_TAGS, about.train.format, *own, *about.tags))
    lines.append(("tags", list(tags)))
    if evaluation is not None and evaluation.metrics:
        lines.append(("model-index", _index(about, evaluation)))
    return "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in lines)


def _index(about: About, evaluation: Evaluation) -> list[dict[str, object]]:
    metrics = [
        {"type": name, "name": HEADLINES[name][0], "value": round(value, 6)}
        for name, value in evaluation.metrics.items()
    ]
    where = {"name": "held-out books", "type": about.datasets[0] if about.datasets else "held-out"}
    task = {"type": "text-generation", "name": "Story continuation"}
    return [
        {
            "name": about.name,
            "results": [{"task": task, "dataset": where, "metrics": metrics}],
        }
    ]


def _what(about: About) -> str:
    is_ = {
        "adapter": "A LoRA adapter for",
        "merged": "A fine-tune of",
        "gguf": "GGUF files of a fine-tune of",
    }[about.kind]
    thinks = " after thinking about it" if about.train.reasoning else ""
    return (
        f"{is_} [{about.base}](https://huggingface.co/{about.base}) that continues a story"
        f"{thinks}. Made with storytui-train{f' {about.version}' if about.version else ''} for "
        "[storytui](https://pypi.org/project/storytui/), a terminal editor for fiction.\n"
    )


def _use(about: About) -> str:
    lines = ["## Use\n"]
    if about.kind == "gguf":
        lines.append(f"In storytui: `storytui models add {about.repository}`.\n")
        models = [each for each in about.files if each.startswith("Modelfile")]
        if models:
            lines.append(
                "In Ollama: fetch the files, then `ollama create NAME -f "
                f"{models[0]}`. The Modelfiles hold the chat template as it was trained"
                + (f": {', '.join(f'`{each}`' for each in models)}.\n" if models[1:] else ".\n")
            )
    elif about.kind == "adapter":
        lines.append(
            "```python\nfrom peft import AutoPeftModelForCausalLM\n\n"
            f'model = AutoPeftModelForCausalLM.from_pretrained("{about.repository}")\n```\n'
        )
    else:
        lines.append(
            "```python\nfrom transformers import AutoModelForCausalLM\n\n"
            f'model = AutoModelForCausalLM.from_pretrained("{about.repository}")\n```\n'
        )
    return "\n".join(lines)


def _format(about: About) -> str:
    form = prompt_format(about.train.format)
    direction = "{one sentence: what comes next}" if form.takes_direction else ""
    message = form.render("{the story so far}", direction=direction)
    reply = "<answer>…</answer>"
    if about.train.reasoning:
        reply = f"<reasoning>…</reasoning>{reply}"
    joins = (
        "The answer is exactly what follows the context's last character, white space included."
        if form.verbatim
        else "The answer has no white space at its edges."
    )
    return (
        f"## Prompt format\n\n`{form.name}`: one user message through the model's own chat "
        f"template, without a system message. The reply is `{reply}`. {joins}\n\n"
        f"```\n{message.text}\n```\n"
    )


def _evaluation(evaluation: Evaluation | None) -> str:
    if evaluation is None:
        return "## Evaluation\n\nNot measured.\n"
    said = "".join(f"{_line(each)}\n\n" for each in evaluation.verdicts)
    more = (
        "\nThe whole report: [evaluation/report.md](evaluation/report.md).\n"
        if evaluation.files
        else ""
    )
    return f"## Evaluation\n\n{said}{evaluation.summary()}\n\n{evaluation.table()}{more}"


def _training(about: About) -> str:
    train = about.train
    scale = "alpha / sqrt(rank)" if train.rslora else "alpha / rank"
    rows = [
        (
            "adapters",
            f"LoRA on all linear layers, rank {train.rank}, alpha {train.alpha:g}, scaled "
            f"by {scale}",
        ),
        (
            "base while training",
            "NF4, double quantisation" if train.quantisation == "nf4" else "not quantised",
        ),
        ("tokens of a row, at the most", f"{train.sequence:,}"),
        ("rows a step", f"{train.batch:,}"),
        ("learning rate", f"{train.learning_rate:g}, {train.schedule}"),
        ("trained tokens", "those of the reply alone"),
    ]
    if about.steps:
        rows.append(("steps", f"{about.steps:,}"))
    if about.validation is not None:
        rows.append(("loss on held-out rows", f"{about.validation:.4f} nats a token"))
    if about.recipe:
        rows.append(("recipe", f"`{about.recipe[:16]}`"))
    body = "\n".join(f"| {key} | {value} |" for key, value in rows)
    return f"## Training\n\n| | |\n|---|---|\n{body}\n"


def _data(about: About) -> str:
    lines = ["## Data\n"]
    if about.splits:
        said = ", ".join(f"{count:,} {split}" for split, count in about.splits.items())
        lines.append(f"Rows: {said}.\n")
    for each in about.datasets:
        lines.append(f"- [{each}](https://huggingface.co/datasets/{each})")
    for name, count in about.sources.items():
        lines.append(f"- {_line(name)}: {count:,} rows")
    if about.private_rows:
        lines.append(f"\n{about.private_rows:,} of the rows are of texts that are not published.")
    models = [each for each in about.teachers if each != WRITTEN]
    if len(models) < len(about.teachers):
        lines.append("\nPlans were written by people, who knew the continuation.")
    if models:
        named = ", ".join(_line(each) for each in models)
        lines.append(
            f"\nPlans were written by {named}, which saw the continuation and was asked to plan "
            "as if it had not. The terms of the teacher's provider may bind what is trained on "
            "its words."
        )
    return "\n".join(lines) + "\n"


def _limits(about: About) -> str:
    lines = [
        "## Limits\n",
        "- It writes fiction: nothing that it says is meant to be true.",
        "- Old books have the manners, the prejudices and the spelling of their time, and so may "
        "what it writes.",
        "- It may repeat what it was trained on.",
    ]
    if licence_of(about.licence)[0] == "other":
        lines.append(f"- Its licence is that of its base: {_line(about.licence)}.")
    return "\n".join(lines) + "\n"


def _line(text: str) -> str:
    """Text of anybody's as one line of Markdown."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", visible(text, newlines=False))


def plain_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names of repositories among names of anything."""
    return tuple(each for each in names if re.fullmatch(r"[\w.-]+/[\w.-]+", each, re.ASCII))
