"""Reads a Modelfile as Ollama's documentation has it, and renders its template as Go would.

The grammar: an instruction a line, whatever its case, with its arguments; comments behind a hash;
texts bare to the line's end, in quotation marks, or between three of them over several lines. FROM
has to be there. (Ollama, docs/modelfile.) Of Go's templates: `if`, `else if eq`, `range`, fields
and texts (Ollama, docs/template). Nothing of the program's own is used.
"""

import re
from dataclasses import dataclass, field

INSTRUCTIONS = ("FROM", "PARAMETER", "TEMPLATE", "SYSTEM", "ADAPTER", "LICENSE", "MESSAGE")
PARAMETERS = {
    "num_ctx": int,
    "repeat_last_n": int,
    "repeat_penalty": float,
    "temperature": float,
    "seed": int,
    "stop": str,
    "num_predict": int,
    "top_k": int,
    "top_p": float,
    "min_p": float,
}
_ACTION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


class GrammarError(ValueError):
    """Ollama would not take it."""


@dataclass
class Read:
    """What a Modelfile says."""

    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        return [value for each, value in self.instructions if each == name]

    def one(self, name: str) -> str:
        (value,) = self.all(name)
        return value

    @property
    def parameters(self) -> list[tuple[str, str]]:
        return [tuple(each.split(" ", 1)) for each in self.all("PARAMETER")]  # type: ignore[misc]


def read(text: str) -> Read:
    """Read a Modelfile.

    Raises:
        GrammarError: it is none.
    """
    made = Read()
    rest = text
    while rest:
        line, _, after = rest.partition("\n")
        if not line.strip() or line.lstrip().startswith("#"):
            rest = after
            continue
        match = re.match(r"[ \t]*([A-Za-z]+)[ \t]+", rest)
        if match is None or match[1].upper() not in INSTRUCTIONS:
            raise GrammarError(f"no instruction: {line[:60]}")
        name, rest = match[1].upper(), rest[match.end() :]
        prefix = ""
        if name == "PARAMETER":
            match = re.match(r"(\w+)[ \t]+", rest)
            if match is None or match[1] not in PARAMETERS:
                raise GrammarError(f"no parameter: {rest[:40]}")
            prefix, rest = match[1], rest[match.end() :]
        value, rest = _value(rest)
        if prefix:
            PARAMETERS[prefix](value)
            value = f"{prefix} {value}"
        made.instructions.append((name, value))
    if len(made.all("FROM")) != 1:
        raise GrammarError("FROM has to be there once")
    return made


def _value(rest: str) -> tuple[str, str]:
    for quotes in ('"""', '"'):
        if rest.startswith(quotes):
            value, closing, rest = rest[len(quotes) :].partition(quotes)
            if not closing:
                raise GrammarError("a text does not end")
            behind, _, rest = rest.partition("\n")
            if behind.strip():
                raise GrammarError(f"something stands behind a text: {behind[:40]}")
            return value, rest
    value, _, rest = rest.partition("\n")
    if not value.strip():
        raise GrammarError("an instruction has no argument")
    return value.strip(), rest


# --- Go's templates -------------------------------------------------------------------------------


def rendered(template: str, messages: list[tuple[str, str]], system: str = "") -> str:
    """What Ollama makes of messages, by role and content; the reply is to come behind it.

    Raises:
        GrammarError: the template is none.
    """
    parts = _ACTION.split(template)
    values = {".System": system, ".Prompt": messages[-1][1]}
    told, at = _block(parts, 0, values, messages, runs=True)
    if at != len(parts):
        raise GrammarError("an end too many")
    return told


def _block(
    parts: list[str],
    at: int,
    values: dict[str, str],
    messages: list[tuple[str, str]],
    *,
    runs: bool,
) -> tuple[str, int]:
    """Render up to what ends the block; its place."""
    told = []
    while at < len(parts):
        if at % 2 == 0:
            told.append(parts[at])
            at += 1
            continue
        action = parts[at].strip()
        if action == "end" or action.startswith("else"):
            break
        if action.startswith("if "):
            text, at = _choice(parts, at, values, messages, runs=runs)
            told.append(text)
        elif action == "range .Messages":
            begin = at + 1
            for role, content in messages or [("", "")]:
                inside = values | {".Role": role, ".Content": content}
                text, at = _block(parts, begin, inside, messages, runs=runs)
                told.append(text if messages else "")
            if parts[at].strip() != "end":
                raise GrammarError("a range does not end")
            at += 1
        elif match := re.fullmatch(r'"([^"]*)"', action):
            told.append(match[1])
            at += 1
        elif action in values:
            told.append(values[action])
            at += 1
        else:
            raise GrammarError(f"unknown: {action}")
    return ("".join(told) if runs else ""), at


def _choice(
    parts: list[str],
    at: int,
    values: dict[str, str],
    messages: list[tuple[str, str]],
    *,
    runs: bool,
) -> tuple[str, int]:
    told, done = "", False
    while True:
        action = parts[at].strip()
        condition = action.removeprefix("else").strip().removeprefix("if").strip()
        holds = not done and (not condition or _holds(condition, values))
        text, at = _block(parts, at + 1, values, messages, runs=runs and holds)
        if holds:
            told, done = text, True
        if at >= len(parts):
            raise GrammarError("an if does not end")
        if parts[at].strip() == "end":
            return told, at + 1


def _holds(condition: str, values: dict[str, str]) -> bool:
    match = re.fullmatch(r'eq (\.\w+) "([^"]*)"', condition)
    if match:
        return values[match[1]] == match[2]
    return bool(values[condition])
