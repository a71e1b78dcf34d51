"""Chat templates: rendered in a sandbox, and cut into trusted and story parts.

A chat template is Jinja from a stranger. It is rendered with a nonce in the story's place, in
jinja2's sandbox, and split there: so what it says can bring control tokens, and what the story
says cannot.

The sandbox keeps a template from reaching out, not from using up memory and time. What Python can
see coming is refused here; the rest is left to the process that checks a model, which has limits
(`models/checking.py`). So a template may do nothing that comes out differently another time.
"""

import functools
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

PLAIN_TEMPLATE = "{message}\n\n"
"""For models without a chat template: the message, a blank line, then the reply."""

MOST_SOURCE = 256 * 1024
"""Characters of a template; the longest published ones have some twenty thousand."""
MOST_OUTPUT = 256 * 1024
"""Characters of what it renders to, and of any value that it makes on the way."""
MOST_BITS = 4096
"""Bits of a whole number that it makes."""
_MOST_REASON = 200
_WIDTH = re.compile(r"\d{5}|\*")
"""In a format string: a field wider than any text needs, or as wide as an argument says."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The template's own text before and after the user message."""

    before: str
    after: str


PLAIN_FRAME = Frame("", "\n\n")


class TemplateError(ValueError):
    """A chat template cannot be rendered, or leaves the user message out."""


class GreedyTemplateError(TemplateError):
    """A chat template asks for too much memory or time."""


def render_frame(template: str, *, bos: str = "", eos: str = "") -> Frame:
    """Render a chat template round one user message, up to where the reply begins.

    Args:
        template: Jinja, as in the GGUF's `tokenizer.chat_template`.
        bos: text of the begin-of-sequence token, empty where the model has none.
        eos: text of the end-of-sequence token.

    Raises:
        TemplateError: the template fails, or does not hold the message exactly once.
        GreedyTemplateError: it asks for too much, as far as that is seen coming.
    """
    if len(template) > MOST_SOURCE:
        raise GreedyTemplateError(f"the chat template has {len(template):,} characters")
    nonce = f"story-{secrets.token_hex(16)}"
    try:
        pieces = (
            _sandbox()
            .from_string(template)
            .generate(
                messages=[{"role": "user", "content": nonce}],
                add_generation_prompt=True,
                bos_token=bos,
                eos_token=eos,
                tools=None,
                documents=None,
                # Models that think in tags of their own are asked not to.
                enable_thinking=False,
            )
        )
        rendered = _joined(pieces)
    except TemplateError:
        raise
    except (MemoryError, RecursionError) as error:
        raise GreedyTemplateError("the chat template does not come to an end") from error
    except Exception as error:
        # A stranger's program raises what it likes.
        raise TemplateError(f"the chat template fails: {_reason(error)}") from error
    if rendered.count(nonce) != 1:
        raise TemplateError("the chat template does not hold the message exactly once")
    before, _, after = rendered.partition(nonce)
    return Frame(before, after)


def _joined(pieces: Any) -> str:
    parts: list[str] = []
    length = 0
    for piece in pieces:
        length += len(piece)
        if length > MOST_OUTPUT:
            raise GreedyTemplateError("the chat template renders to more than any prompt holds")
        parts.append(piece)
    return "".join(parts)


def _reason(error: Exception) -> str:
    return str(error)[:_MOST_REASON] or type(error).__name__


def _refuse(message: object = "") -> None:
    """What templates call to say that they cannot take these messages."""
    raise TemplateError(f"the chat template refuses: {str(message)[:_MOST_REASON]}")


def _strftime_now(form: str) -> str:
    from datetime import datetime

    return datetime.now().strftime(_checked_format(form))


def _sandbox() -> "ImmutableSandboxedEnvironment":
    # trim_blocks and lstrip_blocks as in transformers, for which the templates are written.
    # Unoptimised, so that nothing of a template runs before it is rendered.
    environment = _sandbox_class()(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.loopcontrols"],
        optimized=False,
    )
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = _strftime_now
    # Both come out differently each time, and a template is tried before it is used.
    del environment.globals["lipsum"]
    del environment.filters["random"]
    # These make much of little before anything can be counted.
    for name in ("center", "indent", "wordwrap", "batch", "slice", "truncate", "tojson"):
        environment.filters[name] = _bounded(environment.filters[name])
    environment.filters["format"] = _bounded_format(environment.filters["format"])
    environment.filters["replace"] = _bounded_replace(environment.filters["replace"])
    return environment


@functools.cache
def _sandbox_class() -> "type[ImmutableSandboxedEnvironment]":
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class BoundedSandbox(ImmutableSandboxedEnvironment):
        """jinja2's sandbox, whose operators and calls make nothing that is huge."""

        intercepted_binops = frozenset({"+", "*", "**", "%"})

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            _check_operation(operator, left, right)
            return super().call_binop(context, operator, left, right)

        # As in the base class, so that any keyword may be passed on.
        def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:
            _check_call(__obj, args, kwargs)
            return super().call(__context, __obj, *args, **kwargs)

        def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
            wrapped = super().wrap_str_format(value)
            if wrapped is not None:
                _checked_format(value.__self__)
            return wrapped

    return BoundedSandbox


def _check_operation(operator: str, left: Any, right: Any) -> None:
    if operator == "%":
        if isinstance(left, str | bytes):
            _checked_format(str(left))
        return
    if isinstance(left, int) and isinstance(right, int):
        sizes = left.bit_length(), right.bit_length()
        bits = {
            "+": max(sizes) + 1,
            "*": sum(sizes),
            "**": sizes[0] * max(0, right) if sizes[1] < 64 else MOST_BITS + 1,
        }[operator]
        if bits > MOST_BITS and abs(left) > 1:
            raise GreedyTemplateError("the chat template makes a huge number")
        return
    length = _length(left), _length(right)
    if operator == "*":
        times = right if isinstance(right, int) else left if isinstance(left, int) else 0
        length = max(length) * max(0, times), 0
    if sum(length) > MOST_OUTPUT:
        raise GreedyTemplateError("the chat template makes a huge text")


def _check_call(called: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    numbers = (each for each in (*args, *kwargs.values()) if isinstance(each, int))
    if any(abs(each) > MOST_OUTPUT for each in numbers):
        raise GreedyTemplateError("the chat template asks a function for something huge")
    if getattr(called, "__name__", "") == "replace" and len(args) > 1:
        _check_replace(getattr(called, "__self__", ""), *args[:2])


def _check_replace(text: Any, old: Any, new: Any) -> None:
    texts = isinstance(text, str) and isinstance(old, str) and isinstance(new, str)
    if texts and text.count(old) * len(new) > MOST_OUTPUT:
        raise GreedyTemplateError("the chat template makes a huge text")


def _bounded(do: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that takes no huge numbers."""

    @functools.wraps(do)
    def bounded(*args: Any, **kwargs: Any) -> Any:
        _check_call(do, args, kwargs)
        return do(*args, **kwargs)

    return bounded


def _bounded_format(do: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(do)
    def bounded(value: Any, *args: Any, **kwargs: Any) -> Any:
        return do(_checked_format(str(value)), *args, **kwargs)

    return bounded


def _bounded_replace(do: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(do)
    def bounded(context: Any, text: Any, old: Any, new: Any, *args: Any) -> Any:
        _check_replace(str(text), old, new)
        return do(context, text, old, new, *args)

    return bounded


def _checked_format(form: str) -> str:
    # A field inside a field's description sets its width: `{:{}}`.
    if _WIDTH.search(form) or re.search(r"\{[^{}]*\{", form.replace("{{", "")):
        raise GreedyTemplateError("the chat template asks for a field wider than any text")
    return form


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str | bytes | list | tuple) else 0
