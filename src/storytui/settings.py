"""Typed settings: one TOML file, read once at the edge, trusted inside.

The docstrings of tables and keys are also what `storytui config init` writes, so they speak to
the writer.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from storytui.story.prompt import AUTO, UnknownFormatError, prompt_format

NonNegative = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]

NO_ADAPTER = "none"
"""In place of an adapter: none, not even the one that comes with the built-in model."""
HowFar = Literal["auto", "off", "read", "think", "write"]
"""How much the model does ahead; `auto` is for the editor to find out."""
WholeWindows = Literal["auto", "yes", "no"]
KvType = Literal["auto", "f16", "q8_0"]
Api = Literal["auto", "chat", "completion"]


class SettingsError(Exception):
    """The settings file cannot be used; the message names table and key, and what to do."""


class EditorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The page."""

    measure: Annotated[int, Meta(ge=30, le=200)] = 72
    """Columns of the page, from 30 to 200."""
    theme: str = "storytui-dark"
    """Colours: storytui-dark, storytui-light, or any theme that Textual knows."""
    pane: Annotated[int, Meta(ge=24, le=120)] = 46
    """Columns of the side pane, from 24 to 120."""


class ModelSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which model, and how it runs."""

    path: str = ""
    """A GGUF file, or a model's name as `storytui models list` shows it.

    Empty: the small built-in model, where it is installed."""
    adapter: str = ""
    """A LoRA adapter for it: a GGUF file, its name by `storytui models adapter list`, or none.

    Empty: the one that comes with the built-in model, where that is used; else none."""
    adapter_scale: Annotated[float, Meta(ge=-10, le=10)] = 1.0
    """How strongly the adapter works; 1: as it was trained, 0: not at all."""
    context: NonNegative = 0
    """Tokens of context; 0: 16384 on a GPU, 4096 on a CPU, never more than the model's own."""
    gpu_layers: Annotated[int, Meta(ge=-1)] = -1
    """Layers on the GPU; -1: all of them."""
    allow_partial: bool = False
    """Whether some layers may stay on the CPU where not all fit on the GPU, which is slow."""
    threads: NonNegative = 0
    """Threads on a CPU; 0: one for each physical core."""
    kv_type: KvType = "auto"
    """How what the model has read is kept: f16, or q8_0, which takes half the memory.

    auto: f16, and q8_0 on a GPU where f16 does not fit."""
    exact: bool = False
    """Read everything from a change on again, before the answer begins.

    Otherwise what was read after other words is used at once, and read again while you pause."""
    whole_windows: WholeWindows = "auto"
    """For models with sliding windows: keep every token, so that less is read again after a change.

    yes takes more memory, no is slower after a change; auto: yes on a CPU, where memory allows."""


class ModelsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where models are looked for and fetched from."""

    folders: tuple[str, ...] = ()
    """More folders in which models are, beside those of other programs."""
    xet: bool = True
    """Fetch through Hugging Face's Xet where it is offered; false: plain HTTP."""


class RemoteSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model on another machine, over an OpenAI-compatible server; story text is sent to it.

    Before any goes to a server that is not in your own network, you are asked once."""

    address: str = ""
    """The server, like http://192.168.0.5:8080/v1; empty: the model runs on this machine."""
    model: str = ""
    """The model's name there; empty: the one that it has."""
    api: Api = "auto"
    """chat or completion (raw prompts); auto: chat."""
    context: NonNegative = 0
    """Tokens of context there; 0: as the server says, else 4096."""
    thinking_tokens: NonNegative = 0
    """Tokens more for a model that thinks before it replies; they leave the story less room."""
    key_variable: str = ""
    """The environment variable that holds the key, never the key itself.

    Empty: OPENROUTER_API_KEY for openrouter.ai, OPENAI_API_KEY for api.openai.com and so on; none
    for servers that are not known."""
    keyring: bool = False
    """Take the key from the system's keyring (service storytui, user: the host), where no variable
    holds it; needs the package keyring."""


class ContinueSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a continuation is."""

    format: str = "auto"
    """The prompt format: cra-v1, cra-v1-guided for models that take guidance, storytui-1 for this
    project's own models, which know your notes (f9 in the editor).

    auto: the one that the model was trained on, by its file, the catalogue or its name; where that
    is not known, cra-v1."""
    words: Annotated[int, Meta(ge=1, le=4000)] = 120
    """Length of the answer in words, from 1 to 4000."""
    reasoning_tokens: NonNegative = 256
    """The most tokens of reasoning; 0 leaves the reasoning out."""
    lead_words: Annotated[int, Meta(ge=-1, le=400)] = -1
    """The story's last words that are repeated to the model, unseen, before it answers; 0: none.

    -1: none for models trained on the prompt format, 60 for all others."""
    collapse_reasoning: bool = False
    """Fold the reasoning away when the answer begins."""
    candidates: Annotated[int, Meta(ge=1, le=8)] = 1
    """How many takes are written side by side when the story goes on, from 1 to 8."""


class AheadSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the model does while you pause, so that the next key does not wait for it."""

    how_far: HowFar = "auto"
    """off, read (what stands before the cursor), think (the reasoning too) or write (all of it).

    auto: think on a GPU while the machine is on mains power, read elsewhere. Nothing that was
    made ahead is shown or kept before you ask for it."""
    pause_ms: Annotated[int, Meta(ge=0, le=60_000)] = 300
    """Milliseconds without a key after which the model begins; 0: it never does."""
    state_mb: NonNegative = 2048
    """The most room that what the models have read may take, in megabytes, for all stories.

    It is kept when the editor closes, so that the next start goes on where this one was; 0: no."""


class SamplingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How tokens are drawn; names and meanings are those of llama.cpp's own tools."""

    seed: Annotated[int, Meta(ge=-1, le=2**32 - 2)] = -1
    """The same seed gives the same text from a cold start; -1: a new seed for every take."""
    temperature: Annotated[float, Meta(ge=0, le=5)] = 0.8
    """How freely words are chosen; 0 always takes the likeliest."""
    top_k: NonNegative = 0
    """Keep only the k likeliest tokens; 0 keeps all."""
    top_p: Annotated[float, Meta(ge=0, le=1)] = 1.0
    """Keep the likeliest tokens that together have this probability; 1 keeps all."""
    min_p: Annotated[float, Meta(ge=0, le=1)] = 0.05
    """Drop tokens less likely than this share of the likeliest; 0 drops none."""
    repeat_penalty: Annotated[float, Meta(ge=0.5, le=3)] = 1.05
    """Make tokens that were used lately less likely; 1 is off."""
    repeat_last_n: NonNegative = 256
    """How many tokens back the repeat penalty looks."""
    dry_multiplier: Annotated[float, Meta(ge=0, le=10)] = 0.8
    """Strength of DRY against repeating whole sequences; 0 is off."""
    dry_base: Annotated[float, Meta(ge=1, le=10)] = 1.75
    """How fast DRY grows with the length of the repetition."""
    dry_allowed_length: Positive = 2
    """Tokens that may be repeated before DRY begins."""
    dry_last_n: NonNegative = 2048
    """How many tokens back DRY looks, those of the prompt included."""
    xtc_probability: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """How often XTC removes the most expected tokens; 0 is off."""
    xtc_threshold: Annotated[float, Meta(ge=0, le=1)] = 0.1
    """The probability from which on XTC calls a token expected."""


class TakesSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The model's replies; every one is kept with what it was asked for and what became of it."""

    keep_days: NonNegative = 0
    """Days after which a take is forgotten; 0 keeps all."""


class HistorySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The versions of each manuscript, kept as it is saved and worked on."""

    size_mb: Positive = 100
    """The most room that one manuscript's versions may take, in megabytes; old ones are thinned
    out as they grow old, and when there is no room."""


class Settings(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"continuing": "continue"},
):
    """Everything the settings file may say."""

    editor: EditorSettings = EditorSettings()
    model: ModelSettings = ModelSettings()
    models: ModelsSettings = ModelsSettings()
    remote: RemoteSettings = RemoteSettings()
    continuing: ContinueSettings = ContinueSettings()
    ahead: AheadSettings = AheadSettings()
    sampling: SamplingSettings = SamplingSettings()
    takes: TakesSettings = TakesSettings()
    history: HistorySettings = HistorySettings()
    keys: dict[str, str] = {}
    """Keys in place of the default ones: action = "key, other key"."""


def load_settings(path: Path) -> Settings:
    """Read the settings file; where there is none, every setting has its default.

    Raises:
        SettingsError: it cannot be read, is no TOML, or says something that is no setting.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return Settings()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SettingsError(f"{path} cannot be read: {reason}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not text in UTF-8; {_what_to_do(path)}") from None
    return parse_settings(text, path)


def parse_settings(text: str, path: Path) -> Settings:
    """The settings in `text`; `path` is what messages call the file.

    Raises:
        SettingsError: it is no TOML, or says something that is no setting.
    """
    import tomllib

    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason = str(error)
        raise SettingsError(
            f"{path.name} is not valid TOML: {reason[:1].lower()}{reason[1:]}; {_what_to_do(path)}"
        ) from None
    try:
        settings = msgspec.convert(tables, Settings)
    except msgspec.ValidationError as error:
        reason = _reason(str(error), tables)
        raise SettingsError(f"{path.name}: {reason}; {_what_to_do(path)}") from None
    if not _VARIABLE.fullmatch(settings.remote.key_variable):
        # What was written is not shown: it may be the key.
        raise SettingsError(
            f"{path.name}: [remote] key_variable must be the name of an environment variable, and "
            f"never the key itself; {_what_to_do(path)}"
        )
    try:
        if settings.continuing.format != AUTO:
            prompt_format(settings.continuing.format)
    except UnknownFormatError as error:
        raise SettingsError(
            f"{path.name}: [continue] format: {error}; {_what_to_do(path)}"
        ) from None
    return settings


def _what_to_do(path: Path) -> str:
    return f"edit {path}, or write a fresh one with: storytui config init --force"


_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text in quotes",
    "bool": "true or false",
    "object": "a table",
    "array": "a list",
}
_GOT = _KINDS | {"str": "text", "float": "a fraction"}

_VARIABLE = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*)?")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>.*?)`(?: - at `\$\.(?P<table>.*)`)?")
_WRONG = re.compile(
    r"Expected `(?P<kind>\w+)`(?:, got `(?P<got>\w+)`| (?P<sign>[<>]=?) (?P<bound>\S+))"
    r" - at `\$\.(?P<at>.*)`"
)
_NO_CHOICE = re.compile(
    r"Invalid enum value '(?P<got>.*)' - at `\$\.(?P<table>.*)\.(?P<key>.*)`", re.S
)


def _reason(message: str, tables: dict[str, Any]) -> str:
    """A validation error of msgspec's, in words.

    >>> _reason("Expected `float`, got `str` - at `$.sampling.temperature`", {})
    '[sampling] temperature must be a number, not text'
    """
    if unknown := _UNKNOWN.fullmatch(message):
        table = unknown["table"]
        if table:
            return f"[{table}] has no key called {unknown['key']}"
        kind = "table" if isinstance(tables.get(unknown["key"]), dict) else "key outside a table"
        return f"there is no {kind} called {unknown['key']}"
    if wrong := _WRONG.fullmatch(message):
        table, _, key = wrong["at"].partition(".")
        table, any_key, _ = table.partition("[")
        place = f"every key in [{table}]" if any_key else f"[{table}] {key}".rstrip()
        kind = _KINDS.get(wrong["kind"], wrong["kind"])
        if wrong["got"]:
            return f"{place} must be {kind}, not {_GOT.get(wrong['got'], wrong['got'])}"
        limit = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}
        bound = wrong["bound"].removesuffix(".0")
        return f"{place} must be {kind}, {limit[wrong['sign']]} {bound}"
    if choice := _NO_CHOICE.fullmatch(message):
        there_are = ", ".join(_CHOICES[choice["key"]])
        return f"[{choice['table']}] {choice['key']} must be one of: {there_are}"
    return message


_CHOICES = {
    "how_far": get_args(HowFar),
    "whole_windows": get_args(WholeWindows),
    "kv_type": get_args(KvType),
    "api": get_args(Api),
}
