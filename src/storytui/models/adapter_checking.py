"""Checks an adapter for a model in a short-lived process with limits on memory and time.

As models are checked (`checking.py`), and its weights too, which are few: one that is no number
would make every word of the model nonsense. Run as `python -m storytui.models.adapter_checking`.
"""

import contextlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from storytui.engine.api import AdapterError, ModelError
from storytui.models import gguf_layout as layout
from storytui.models.adapter_rules import TYPES
from storytui.models.adapters import AdapterHeader, matches, read_adapter, read_base
from storytui.models.checking import MOST_ANSWER, OUT_OF_TIME, Limits, limit_process, run_check
from storytui.models.gguf import further_parts, opened
from storytui.models.gguf_reading import Contents, Tensor, named
from storytui.models.remembering import marks_of, recall, remember

VERSION = "adapter-2"
"""Goes up with every change to what is checked: older verdicts are then not believed."""
COMMAND = (sys.executable, "-P", "-X", "utf8", "-m", "storytui.models.adapter_checking")
"""What runs as the checking process. -P: a file in the folder where she writes is not imported."""
LIMITS = Limits(cpu_seconds=30, seconds=60.0)
"""What it may use: adapters have up to some gigabytes, all of which are read."""


class Fits(msgspec.Struct, frozen=True, tag=True):
    """The adapter can be used with the model."""

    header: AdapterHeader


class Fault(msgspec.Struct, frozen=True, tag=True):
    """It cannot; the sentence says why."""

    sentence: str


_answer = msgspec.json.Decoder(Fits | Fault)


def examine_adapter(
    path: Path,
    base: Path,
    cache: Path | None,
    *,
    limits: Limits = LIMITS,
    command: Sequence[str] = COMMAND,
) -> AdapterHeader:
    """See that an adapter can be given to llama.cpp for a model. Blocks where it is new.

    Args:
        path: the adapter.
        base: the model, which was checked; of a divided one, its first file.
        cache: the JSON file that good verdicts are kept in until a file changes; None: none.
        limits: what the check may use.
        command: what runs as the checking process; gets the limits and the paths.

    Raises:
        AdapterError: it cannot be used with the model, or the check did not come to an end.
    """
    files = [path, base, *(each for each in further_parts(base) if each.exists())]
    try:
        marks = marks_of(files)
    except OSError:
        marks = ()
    known = recall(cache, VERSION, path, marks, AdapterHeader) if marks else None
    if known is not None:
        return known
    try:
        answer, status = run_check(f"adapter {path}", [path, base], limits, command)
    except ModelError as error:
        raise AdapterError(str(error)) from error
    header = _judge(path, answer, status)
    with contextlib.suppress(OSError):
        if marks and marks_of(files) == marks:
            remember(cache, VERSION, path, marks, header)
    return header


def _judge(path: Path, answer: bytes, status: int) -> AdapterHeader:
    """What an answer means.

    Raises:
        AdapterError: anything but that the adapter can be used.
    """
    said: Fits | Fault | None = None
    with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
        if len(answer) <= MOST_ANSWER:
            said = _answer.decode(answer)
    match said:
        case Fits(header) if status == 0:
            return header
        case Fault(sentence):
            raise AdapterError(sentence)
    if status in OUT_OF_TIME:
        raise AdapterError(
            f"The check of the adapter {path} took too long and was ended. Get the file again, "
            "or copy it to a faster drive."
        )
    raise AdapterError(
        f"The check of the adapter {path} ended without an answer. Get the file again."
    )


# --- in the checking process ----------------------------------------------------------------------


def check_adapter_for(path: Path, base: Path) -> AdapterHeader:
    """See that an adapter can be used with a model, its weights looked through.

    Raises:
        AdapterError: it cannot.
        ModelError: the model cannot be read.
    """
    adapter = read_adapter(path)
    verdict = matches(adapter, read_base(base))
    if not verdict.agrees:
        raise AdapterError(verdict.sentence)
    with opened(path, "adapter") as (contents, _):
        bad = _not_finite(path, contents)
    if bad is not None:
        raise AdapterError(
            f"The adapter {path} has weights in {named(bad.name)} that are no numbers. "
            "Get the file again, or train it anew."
        )
    return adapter.header


_EXPONENTS = {
    # type: bytes of an element or a block, where its highest byte is, what that is where all bits
    # of the exponent are set, and where the byte is that has the exponent's last bit, if it does
    "f32": (4, 3, re.compile(b"[\x7f\xff]"), 2),
    "bf16": (2, 1, re.compile(b"[\x7f\xff]"), 0),
    "f16": (2, 1, re.compile(b"[\x7c-\x7f\xfc-\xff]"), None),
    "q8_0": (34, 1, re.compile(b"[\x7c-\x7f\xfc-\xff]"), None),
}
"""How infinities and what is no number look (IEEE 754; a block of q8_0 begins with an f16)."""
_STEP = 34 << 15


def _not_finite(path: Path, contents: Contents) -> Tensor | None:
    """The first tensor with a weight that is no finite number; None: all are."""
    alignment = contents.values.get("general.alignment", layout.DEFAULT_ALIGNMENT)
    assert isinstance(alignment, int)
    begin = -(-contents.end // alignment) * alignment
    with path.open("rb", buffering=0) as file:
        for tensor in contents.tensors:
            kind = TYPES.get(tensor.kind)
            if kind is None:
                continue  # a norm, which llama.cpp leaves out
            file.seek(begin + tensor.offset)
            left = tensor.size
            while left:
                block = file.read(min(left, _STEP))
                if not block or _has_no_number(block, kind):
                    return tensor
                left -= len(block)
    return None


def _has_no_number(block: bytes, kind: str) -> bool:
    size, high, pattern, low = _EXPONENTS[kind]
    found = pattern.finditer(block[high::size])
    if low is None:
        return next(found, None) is not None
    lows = block[low::size]
    return any(lows[each.start()] & 0x80 for each in found)


def main(arguments: Sequence[str]) -> None:
    """Check one adapter: bytes of memory, seconds of computing, its path, the model's path."""
    memory, cpu_seconds, path, base = arguments
    limit_process(Limits(memory=int(memory), cpu_seconds=int(cpu_seconds)))
    answer: Fits | Fault
    try:
        answer = Fits(check_adapter_for(Path(path), Path(base)))
    except ModelError as error:
        answer = Fault(str(error))
    sys.stdout.buffer.write(msgspec.json.encode(answer))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
