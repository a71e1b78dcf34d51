"""A recipe's sections on training, GGUF files, evaluation and publishing.

`storytui_train.recipe` puts them beside those on data.
"""

from typing import Annotated, Literal

import msgspec

from storytui_train.limits import LARGEST_DIMENSION

PromptFormatName = Literal["cra-v1", "cra-v1-guided", "storytui-1"]
"""Names of the editor's prompt formats that can be trained on."""
FromZero = Annotated[int, msgspec.Meta(ge=0)]
FromOne = Annotated[int, msgspec.Meta(ge=1)]
Sized = Annotated[int, msgspec.Meta(ge=1, le=LARGEST_DIMENSION)]
NotLess = Annotated[float, msgspec.Meta(ge=0)]
More = Annotated[float, msgspec.Meta(gt=0)]


class TrainOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an adapter is trained. The defaults fit a 7B model into 8 GB."""

    base: str = ""
    """The model that is trained: a repository of the Hub, a local folder of weights, or a GGUF by
    name or path; empty: no training. `built-in` is the small model that comes along."""
    revision: str = ""
    """Of the repository."""
    gguf: str = ""
    """A GGUF of the same base, by name or path: rows are tokenised with its vocabulary, and the
    adapter is turned into a GGUF for it. Empty: the base itself where it is a GGUF, else its
    Hugging Face tokenizer."""
    format: PromptFormatName = "storytui-1"
    sequence: Sized = 4_096
    """Tokens of a row at the most. A longer row loses context from its head, at a paragraph."""
    rank: Sized = 16
    alpha: More = 32.0
    rslora: bool = False
    """Whether an adapter is scaled by alpha / sqrt(rank), not by alpha / rank."""
    dropout: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    rank_pattern: dict[str, Sized] = {}
    """Ranks of modules whose name ends so, where it is not `rank`."""
    alpha_pattern: dict[str, More] = {}
    reasoning: bool = True
    """Whether the plan is trained with the reply; without it rows are answers alone."""
    answers_per_plan: NotLess = 0.0
    """The most rows without a plan for each one that has a plan, where any has; 0: all."""
    learning_rate: More = 2e-4
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.03
    """Share of the steps in which the learning rate rises."""
    weight_decay: NotLess = 0.0
    max_grad_norm: NotLess = 1.0
    epochs: NotLess = 1.0
    steps: FromZero = 0
    """Steps of the optimizer; 0: as many as the epochs take."""
    batch: FromOne = 8
    """Rows whose gradients make one step."""
    rows_at_once: Sized = 1
    """Rows that are computed together; the gradient is the same, the memory is not."""
    packing: bool = True
    """Whether short rows share a sequence, with attention of their own."""
    optimizer: Literal["auto", "paged_adamw_8bit", "adamw"] = "auto"
    """auto: paged 8-bit Adam on CUDA, AdamW elsewhere."""
    quantisation: Literal["nf4", "none"] = "nf4"
    """Of the frozen base. nf4: with double quantisation."""
    compute: Literal["auto", "bfloat16", "float32"] = "auto"
    """auto: bfloat16 on a GPU that has it, float32 on a CPU."""
    loss_rows: Sized = 256
    """Reply tokens whose logits exist at one time."""
    checkpointing: Literal["host", "device", "off"] = "host"
    """Where the layers' inputs are kept for the way back."""
    embeddings: Literal["host", "device"] = "host"
    validate_every: FromZero = 0
    """Steps; 0: ten times in a run."""
    validation_rows: FromZero = 64
    """The most rows that a validation looks at; 0: all."""
    patience: FromZero = 3
    """Validations without a better one after which training ends; 0: never."""
    save_every: FromZero = 0
    """Steps between two states to go on from; 0: at each validation."""
    keep_states: FromOne = 2
    vram: str = ""
    """Memory of a GPU that it has to fit, such as 8GiB; empty: what is there."""


class ExportOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which GGUF files are made of an adapter."""

    name: str = ""
    """Of the model, as the editor lists it; empty: the recipe's."""
    outputs: tuple[Literal["adapter", "direct", "merged", "weights"], ...] = ("adapter",)
    """adapter: a GGUF adapter; direct: merged into the quantised base, each tensor in its own
    type; merged: merged into a 16-bit base and quantised; weights: no GGUF, but merged into the
    safetensors of a base that is a folder or a repository."""
    adapter_type: Literal["f16", "f32"] = "f16"
    scale: More = 1.0
    """How strongly the adapter works in what is made; 1: as it was trained. Less may be better:
    `evaluate --split validation --model BASE+ADAPTER@0.7` tells."""
    quantisation: str = "Q4_K_M"
    """llama.cpp's name of the type, of `merged`."""
    importance: str = ""
    """An importance matrix, for `direct` and `merged`."""
    add: bool = True
    """Whether what was made is put into the editor's list of models."""


class EvaluateOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a model is measured on held-out authors."""

    models: tuple[str, ...] = ()
    """Others to be compared with, by name or path; the base always is."""
    rows: FromZero = 120
    """Rows of the test split whose continuations are scored, spread over the books; 0: all."""
    takes: FromZero = 24
    """Rows to which replies are written; 0: none."""
    words: FromOne = 180
    """Asked for in those."""
    context_words: FromZero = 0
    """Of the context, from its end; 0: all of it."""
    seed: int = 1
    confidence: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.95
    """Of the intervals, which are bootstrapped over books: a share, such as 0.95."""


class PublishOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a model and its dataset go."""

    repository: str = ""
    """owner/name on the Hub; adapter, GGUFs and dataset get endings to it."""
    private: bool = True
    """Whether only its owner sees it."""
    licence: str = ""
    """Of the model, as the Hub names licences; empty: that of its base."""
    parts: tuple[Literal["adapter", "merged", "gguf", "dataset"], ...] = ("adapter", "gguf")
    tags: tuple[str, ...] = ()
    base: str = ""
    """The base's name on the Hub, for the card; empty: as [train] and the files say."""
    private_texts: Literal["stay", "model", "rows"] = "stay"
    """What may leave this machine of what was made of texts that are marked private, even into a
    private repository. stay: nothing; model: adapters and models; rows: the data set too."""
    never: bool = False
    """Whether it may not be published at all, whoever asks."""
