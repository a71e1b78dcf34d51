"""Chat templates: rendered in a sandbox, and cut into trusted and story parts.

A chat template is Jinja from a stranger. It is rendered with a nonce in the story's place, in
jinja2's sandbox, and split there: so what it says can bring control tokens, and what the story
says cannot.
"""

import secrets
from dataclasses import dataclass

PLAIN_TEMPLATE = "{message}\n\n"
"""For models without a chat template: the message, a blank line, then the reply."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The template's own text before and after the user message."""

    before: str
    after: str


PLAIN_FRAME = Frame("", "\n\n")


class TemplateError(ValueError):
    """A chat template cannot be rendered, or leaves the user message out."""


def render_frame(template: str, *, bos: str = "", eos: str = "") -> Frame:
    """Render a chat template round one user message, up to where the reply begins.

    Args:
        template: Jinja, as in the GGUF's `tokenizer.chat_template`.
        bos: text of the begin-of-sequence token, empty where the model has none.
        eos: text of the end-of-sequence token.

    Raises:
        TemplateError: the template fails, or does not hold the message exactly once.
    """
    from datetime import datetime

    from jinja2 import TemplateError as JinjaError
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def raise_exception(message: str) -> None:
        raise TemplateError(f"the chat template refuses: {message}")

    # trim_blocks and lstrip_blocks as in transformers, for which the templates are written.
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    nonce = f"story-{secrets.token_hex(16)}"
    try:
        rendered = environment.from_string(template).render(
            messages=[{"role": "user", "content": nonce}],
            add_generation_prompt=True,
            bos_token=bos,
            eos_token=eos,
            tools=None,
            documents=None,
            # Models that think in their own tags are asked not to: the reasoning has its segment.
            enable_thinking=False,
        )
    except (JinjaError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise TemplateError(f"the chat template fails: {error}") from error
    if rendered.count(nonce) != 1:
        raise TemplateError("the chat template does not hold the message exactly once")
    before, _, after = rendered.partition(nonce)
    return Frame(before, after)
