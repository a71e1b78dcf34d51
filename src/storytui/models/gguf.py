"""A strict look at a GGUF file's header, before llama.cpp sees the file.

The layout is that of the GGUF specification (ggml, docs/gguf.md), versions 2 and 3, little endian.
"""

import mmap
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import msgspec

from storytui.engine.api import ModelError
from storytui.models import gguf_layout as layout
from storytui.models.gguf_reading import Contents, GgufFaultError, Listing, read_contents
from storytui.models.gguf_rules import architecture_of, check_model, check_part, parts_of
from storytui.story.visible import visible

MOST_NAME = 120
"""Characters of a model's own name that are kept."""
MOST_PARTS = 1000
"""Files of one divided model."""

_PART = re.compile(r"(.*)-00001-of-(\d{5})(\.gguf)", re.DOTALL)


class GgufHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What the header of a model says about it; its texts are fit to be shown."""

    name: str
    """The model's own name; the file's name where it has none."""
    architecture: str
    context: int
    """Tokens of context that the model was trained with."""
    tensors: int


class ChatTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """What a model's chat template is rendered with; strangers' text, as it is in the file."""

    source: str
    bos: str
    """Text of the begin-of-sequence token, empty where the model has none."""
    eos: str


def check_gguf(path: Path) -> GgufHeader:
    """See that llama.cpp can be given `path`, and every further part of a divided model.

    The weights themselves are not read. Memory and time go by the header's true length, so this
    is quick in this process too; `checking.examine` does it in one of its own.

    Raises:
        ModelError: there is no such file, it is no GGUF, it breaks off, or it is damaged.
    """
    return look_into(path)[0]


def look_into(path: Path) -> tuple[GgufHeader, ChatTemplate | None]:
    """As `check_gguf`; with the model's chat template, where it has one.

    Raises:
        ModelError: as `check_gguf`.
    """
    with opened(path) as (contents, file_size):
        number, count = parts_of(contents)
        if number:
            raise GgufFaultError(
                f"is part {number + 1} of {count}",
                f"Name the first part, whose name ends in -00001-of-{count:05}.gguf.",
            )
        check_model(contents, file_size=file_size)
        header = _header(path, contents)
        template = _chat_template(contents)
        parts = further_parts(path)[: count - 1]
        if len(parts) != count - 1:
            raise GgufFaultError(
                f"is the first of {count} parts, and its name does not say so",
                f"Give its name back the ending -00001-of-{count:05}.gguf.",
            )
    for number, part in enumerate(parts, start=1):
        with opened(part) as (contents, file_size):
            if parts_of(contents) != (number, count):
                raise GgufFaultError(f"is not part {number + 1} of {count}")
            check_part(contents, file_size=file_size)
    return header, template


def further_parts(path: Path) -> list[Path]:
    """The files of a divided model after its first, by its name, as llama.cpp finds them."""
    match = _PART.fullmatch(path.name)
    if match is None or int(match[2]) > MOST_PARTS:
        return []
    return [
        path.with_name(f"{match[1]}-{number:05}-of-{match[2]}{match[3]}")
        for number in range(2, int(match[2]) + 1)
    ]


@contextmanager
def opened(path: Path, what: str = "model") -> Iterator[tuple[Contents, int]]:
    """The contents of a file's header and the file's length; faults become a sentence about it.

    Args:
        path: the file.
        what: what it is called in the sentence.
    """
    try:
        if path.is_dir():
            raise ModelError(f"The {what} {path} is a folder. Name a GGUF file in it.")
        if path.exists() and not path.is_file():
            raise ModelError(f"The {what} {path} is not a file. Name a GGUF file.")
        with path.open("rb") as file:
            if file.read(4) != layout.MAGIC:
                kind = f"{what.capitalize()}s are files that end in .gguf."
                raise ModelError(f"{path} is not a GGUF file. {kind}")
            file_size = file.seek(0, 2)
            length = min(file_size, layout.MOST_HEADER_BYTES)
            with (
                mmap.mmap(file.fileno(), length, access=mmap.ACCESS_READ) as mapped,
                memoryview(mapped) as data,
            ):
                yield read_contents(data, file_size), file_size
    except FileNotFoundError:
        raise ModelError(f"There is no {what} {path}. Check the path.") from None
    except PermissionError:
        raise ModelError(f"The {what} {path} may not be read. Change its permissions.") from None
    except GgufFaultError as fault:
        raise ModelError(f"The {what} {path} {fault}. {fault.advice}") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"The {what} {path} cannot be read: {error}.") from None


def _header(path: Path, contents: Contents) -> GgufHeader:
    architecture = architecture_of(contents)
    name = contents.values.get("general.name")
    context = contents.values[f"{architecture}.context_length"]
    assert isinstance(context, int)
    shown = visible(name[:MOST_NAME] if isinstance(name, str) else "", newlines=False).strip()
    return GgufHeader(
        name=shown[:MOST_NAME] or visible(path.stem, newlines=False),
        architecture=architecture,
        context=context,
        tensors=len(contents.tensors),
    )


def _chat_template(contents: Contents) -> ChatTemplate | None:
    source = contents.values.get("tokenizer.chat_template")
    if source is None and "tokenizer.chat_template" in contents.values:
        raise GgufFaultError("has a chat template longer than that of any model")
    if not isinstance(source, str) or not source:
        return None
    return ChatTemplate(source=source, bos=_token(contents, "bos"), eos=_token(contents, "eos"))


def _token(contents: Contents, which: str) -> str:
    """The text of a special token; empty where there is none."""
    number = contents.values.get(f"tokenizer.ggml.{which}_token_id")
    tokens = contents.values.get("tokenizer.ggml.tokens")
    if not isinstance(number, int) or not isinstance(tokens, Listing) or number >= tokens.count:
        return ""
    texts = contents.raw_strings("tokenizer.ggml.tokens")
    return next(islice(texts, number, None), b"").decode("utf-8", "replace")
