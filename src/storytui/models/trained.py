"""Models that this machine's trainer made: their files, and what is known of each.

The files lie in `models/trained` among the writer's data, each model's under its name, and beside
them `NAME.json`, which is written last: a model without it is none. An adapter's base is not
copied; it stays where it is.
"""

import contextlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from storytui import folders
from storytui.engine.api import ModelError
from storytui.manuscript.errors import NotSavedError
from storytui.manuscript.saving import put
from storytui.models.gguf_choice import part_of
from storytui.models.glimpse import glimpse
from storytui.models.half_files import half_file
from storytui.models.kept_files import clear, copy, names_of, remove_left, see_to_room
from storytui.models.names import BUILT_IN, typeable
from storytui.models.starter import starter_model
from storytui.models.walking import shown, why
from storytui.story.visible import visible

_MOST_BYTES = 4 << 20
_RESERVED = frozenset((BUILT_IN, "none"))


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """How a model did beside its base, on text that it was not trained on."""

    base_bits: float
    """Bits a byte of the text, of the base alone."""
    bits: float
    """Of this model."""
    low: float
    high: float
    """The interval of `change`."""
    change: float
    """By how much `bits` differs from `base_bits`, in percent of these; negative is better."""
    books: int
    """How many books were read for it."""
    verdict: str
    """One sentence."""
    report: str = ""
    """The path of the report; empty: there is none."""


class TrainedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that was trained here; its texts may hold anything."""

    name: str
    """As it is typed: small letters, no blanks."""
    base: str
    """The path of the GGUF file that it was made from; of a divided one, the first."""
    base_name: str
    adapter: str = ""
    """The path of the GGUF adapter; empty where the model is merged."""
    model: str = ""
    """The path of the merged GGUF file; empty with an adapter."""
    prompt_format: str = ""
    recipe: str = ""
    """What the recipe that made it hashes to."""
    sources: tuple[str, ...] = ()
    """The titles that it was trained on."""
    made: str = ""
    """The date, as in 2026-01-31."""
    licence: str = ""
    private: bool = False
    """Whether it is not to leave this machine."""
    measured: Measured | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """What was trained here."""

    models: tuple[TrainedModel, ...] = ()
    """By name."""
    troubles: tuple[str, ...] = ()
    """Records that cannot be read, in sentences fit to be shown."""


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    """What the file beside a model holds."""

    model: TrainedModel
    version: int = 1


# --- what there is --------------------------------------------------------------------------------


def trained_models(folder: Path | None = None) -> Sequence[TrainedModel]:
    """The models that were trained here, by name; those whose record is damaged are left out."""
    return read_trained(folder).models


def read_trained(folder: Path | None = None) -> Trained:
    """The models that were trained here, and what is wrong with the rest; raises nothing.

    Args:
        folder: where they are; None: among the writer's data.
    """
    folder = folders.trained_models() if folder is None else folder
    models: list[TrainedModel] = []
    troubles: list[str] = []
    try:
        records = sorted(folder.glob("*.json"))
    except OSError as error:
        return Trained((), (f"The folder {shown(folder)} cannot be looked into: {why(error)}.",))
    for each in records:
        try:
            models.append(_read(each))
        except ModelError as error:
            troubles.append(str(error))
    return Trained(tuple(models), tuple(troubles))


def _read(record: Path) -> TrainedModel:
    """One record.

    Raises:
        ModelError: it cannot be read, or is damaged.
    """
    what = f"What is known of the trained model {visible(record.stem, newlines=False)}"
    try:
        with record.open("rb") as opened:
            # The standard reader: names of files that are no text come back as they were.
            model = msgspec.convert(json.loads(opened.read(_MOST_BYTES)), _Record).model
        right_name = model.name == record.stem == typeable(record.stem)
        if not right_name or bool(model.adapter) == bool(model.model):
            raise ValueError
    except OSError as error:
        raise ModelError(
            f"{what} cannot be read from {shown(record)}: {why(error)}. Allow reading it."
        ) from None
    except (ValueError, RecursionError):
        raise ModelError(
            f"{what}, in {shown(record)}, is damaged. Have storytui-train make the model again, or "
            f"remove it with: storytui models remove {visible(record.stem, newlines=False)}"
        ) from None
    return model


def is_kept(name: str, folder: Path | None = None) -> bool:
    """Whether a model of a name was trained here, its record damaged or not."""
    folder = folders.trained_models() if folder is None else folder
    return typeable(name) == name and (folder / f"{name}.json").is_file()


def own_file(model: TrainedModel) -> Path:
    """The file that was made: the adapter, or the merged model; of a divided one, the first."""
    return Path(model.adapter or model.model)


def files_to_run(model: TrainedModel) -> tuple[Path, Path | None]:
    """What is loaded for a model: a GGUF file, and the adapter that is laid over it, if any.

    Where the built-in model was installed anew elsewhere, it is found as a base there.

    Raises:
        ModelError: a file is not there any more; the message says which, and what to do.
    """
    name = visible(model.name, newlines=False)
    own = own_file(model)
    if not own.is_file():
        kind = "adapter" if model.adapter else "file"
        raise ModelError(
            f"The {kind} of the trained model {name} is not there any more: {shown(own)}. Put it "
            f"back, have storytui-train make the model again, or forget it with: storytui models "
            f"remove {name}"
        )
    if not model.adapter:
        return own, None
    base = Path(model.base)
    if not base.is_file():
        built_in = starter_model()
        if built_in is None or built_in.name != base.name:
            raise ModelError(
                f"The trained model {name} is an adapter for "
                f"{visible(model.base_name, newlines=False)}, whose file is not there any more: "
                f"{shown(base)}. Put it back, or have storytui-train make the model again over "
                "another copy."
            )
        base = built_in
    return base, own


def in_short(model: TrainedModel) -> str:
    """How a model did, in a few words without a full stop.

    >>> measured = Measured(base_bits=0.99, bits=0.94, low=-6.0, high=-4.1, change=-5.05,
    ...     books=3, verdict="It is better.")
    >>> in_short(TrainedModel(name="mine", base="b.gguf", base_name="b", measured=measured))
    '0.94 bits a byte, 5.0 % below its base'
    """
    measured = model.measured
    if measured is None:
        return "not measured"
    side = "below" if measured.change < 0 else "above"
    says = f"{measured.bits:.2f} bits a byte, {abs(measured.change):.1f} % {side} its base"
    return f"{says}, which may be chance" if measured.low <= 0 <= measured.high else says


# --- keeping and forgetting -----------------------------------------------------------------------


def keep_trained(
    model: TrainedModel,
    files: Path | Sequence[Path],
    *,
    replace: bool = False,
    folder: Path | None = None,
) -> TrainedModel:
    """Copy a model's files among those that were trained here, and list it.

    The record is written last, and one that is replaced goes before its files do: whatever ends
    this, no record tells of other files.

    Args:
        model: what is known of it; `adapter` and `model` are set here.
        files: its GGUF adapter, or the merged model; of a divided one all parts, in their order.
        replace: whether another model of the name may be replaced; one that the same recipe made
            is in any case.
        folder: where it is kept; None: among the writer's data.

    Returns:
        The model with the paths of its files there.

    Raises:
        ModelError: the name is no model's name, or another one's, or that of the model which this
            one was made from; a file is no GGUF model or adapter; there is no room; it cannot be
            written. What was there is then as it was, but for a disk that fails at the last step:
            then there is no model of the name.
    """
    files = [files] if isinstance(files, Path) else list(files)
    folder = folders.trained_models() if folder is None else folder
    name = _checked_name(model.name)
    record = folder / f"{name}.json"
    _refuse_another(model, record, replace=replace)
    _refuse_base(model, folder)
    kind = glimpse(files[0]).kind
    if kind not in ("adapter", "writer"):
        raise ModelError(f"{shown(files[0])} is neither an adapter nor a model that writes.")
    names = names_of(name, files)
    if not model.base and kind == "adapter":
        raise ModelError(f"The trained model {name} is an adapter, and its base is not named.")
    if kind == "adapter":
        model = msgspec.structs.replace(model, adapter=str(folder / names[0]), model="")
    else:
        model = msgspec.structs.replace(model, model=str(folder / names[0]), adapter="")
    began: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_left(folder, name)
        see_to_room(folder, files)
        for source, its in zip(files, names, strict=True):
            began.append(half_file(folder / its))
            copy(source, began[-1])
        with contextlib.suppress(FileNotFoundError):
            record.unlink()
        for part, its in zip(began, names, strict=True):
            os.replace(part, folder / its)
        put(record, _as_json(model))
    except (NotSavedError, OSError) as error:
        cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
        raise ModelError(
            f"The trained model {name} cannot be kept in {shown(folder)}: {why(cause)}. See to "
            "that, and run the same command again."
        ) from error
    finally:
        for part in began:
            with contextlib.suppress(OSError):
                part.unlink()
    clear(folder, name, keep=names)
    return model


def forget_trained(name: str, folder: Path | None = None) -> int:
    """Remove a model that was trained here: its record and its files, and never its base.

    Args:
        name: its name; one whose record is damaged is removed all the same.
        folder: where it is kept; None: among the writer's data.

    Returns:
        The bytes of the files that are gone.

    Raises:
        ModelError: there is none of that name, or a file cannot be removed.
    """
    folder = folders.trained_models() if folder is None else folder
    record = folder / f"{name}.json"
    if not is_kept(name, folder):
        raise ModelError(f"No model {visible(name, newlines=False)} was trained here.")
    try:
        record.unlink()
    except OSError as error:
        raise ModelError(
            f"The trained model {name} cannot be removed from {shown(folder)}: {why(error)}."
        ) from error
    remove_left(folder, name)
    return clear(folder, name)


def _checked_name(name: str) -> str:
    usable = typeable(name)
    if name != usable or name in _RESERVED:
        other = f"{usable}-trained" if usable in _RESERVED else usable
        raise ModelError(
            f"{visible(name, newlines=False)} cannot be the name of a trained model. Take "
            f"{other}, for instance."
        )
    return name


def _refuse_another(model: TrainedModel, record: Path, *, replace: bool) -> None:
    """Raise ModelError where another model has the name."""
    if replace or not os.path.lexists(record):
        return
    try:
        there = _read(record)
    except ModelError:
        return  # it is damaged, and to be made again
    if not model.recipe or there.recipe != model.recipe:
        raise ModelError(
            f"Another trained model is called {model.name}, made on {there.made or 'another day'} "
            f"over {visible(there.base_name, newlines=False)}. Choose another name, or have it "
            "replaced."
        )


def _refuse_base(model: TrainedModel, folder: Path) -> None:
    """Raise ModelError where a model would take the place of the one that it was made from."""
    base = Path(os.path.realpath(model.base))
    part = part_of(base.name)
    named = model.name == (base.stem if part is None else part[0])
    if model.base and named and base.parent == Path(os.path.realpath(folder)):
        raise ModelError(
            f"The trained model {model.name} would be put over {shown(base)}, which it was made "
            "from. Choose another name."
        )


def _as_json(model: TrainedModel) -> bytes:
    kept = msgspec.to_builtins(_Record(model=model))
    return (json.dumps(kept, indent=1) + "\n").encode("ascii")
