"""The settings file that `storytui config init` writes: every key, explained, commented out.

It is made from the settings' own structs and docstrings, so it cannot fall behind them.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from itertools import pairwise

import msgspec
import tomli_w

from storytui.settings import Settings

_WIDTH = 88


def document(settings: Settings | None = None, keys: Mapping[str, str] | None = None) -> str:
    """The text of a settings file.

    Args:
        settings: None writes every key with its default, commented out (`#key = value`; prose has
            a space behind its `#`); else every key with its value, ready to use.
        keys: action → its keys by default, for the table `[keys]`.
    """
    mark = "#" if settings is None else ""
    value_of = Settings() if settings is None else settings
    parts = []
    if settings is None:
        parts.append(
            "# Settings of storytui. Every key stands here with its default; take the # away\n"
            "# before a key to change it. Options on the command line override this file.\n"
        )
    for table in msgspec.structs.fields(Settings):
        value = getattr(value_of, table.name)
        if isinstance(value, msgspec.Struct):
            parts.append("".join(_struct_table(table.encode_name, value, mark)))
        else:
            parts.append("".join(_keys_table({**(keys or {}), **value}, mark)))
    return "\n".join(parts)


def _struct_table(name: str, value: msgspec.Struct, mark: str) -> Iterator[str]:
    kind = type(value)
    yield from _prose(inspect.cleandoc(kind.__doc__ or "")) if mark else ()
    yield f"[{name}]\n"
    meanings = attribute_docstrings(kind)
    for field in msgspec.structs.fields(kind):
        if mark:
            yield from _prose(meanings[field.name])
        yield mark + _pair(field.encode_name, getattr(value, field.name))


def _keys_table(keys: Mapping[str, str], mark: str) -> Iterator[str]:
    if mark:
        yield from _prose(attribute_docstrings(Settings)["keys"])
        yield from _prose("Press f1 in the editor for what each action does.")
    yield "[keys]\n"
    for action, bound in keys.items():
        yield mark + _pair(action, bound)


def _pair(key: str, value: object) -> str:
    return tomli_w.dumps({key: value})


def _prose(text: str) -> Iterator[str]:
    for line in textwrap.wrap(" ".join(text.split()), _WIDTH):
        yield f"# {line}\n"


def attribute_docstrings(kind: type) -> dict[str, str]:
    """The docstring after each attribute of a class, by the attribute's name."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    found = {}
    for attribute, docstring in pairwise(body):
        if (
            isinstance(attribute, ast.AnnAssign)
            and isinstance(attribute.target, ast.Name)
            and isinstance(docstring, ast.Expr)
            and isinstance(docstring.value, ast.Constant)
            and isinstance(docstring.value.value, str)
        ):
            found[attribute.target.id] = inspect.cleandoc(docstring.value.value)
    return found
