"""PURE. A model's chat template as Ollama's, in Go's language of templates.

What Jinja makes of one user message is known (`storytui.engine.template.Frame`); the family is
seen from what stands round the message, and the same text comes out of the template made here. So
what Ollama's users are served is what was trained. Earlier messages are rendered as the family has
them. Nothing is trimmed by Go: everything stands in one line of text, where each break is meant.

Source: Ollama's docs/modelfile and docs/template (`.System`, `.Messages`, `.Role`, `.Content`).
"""

from dataclasses import dataclass
from typing import Literal

from storytui.engine.template import Frame

Family = Literal["chatml", "llama3", "gemma", "mistral", "other"]


@dataclass(frozen=True, slots=True)
class OllamaTemplate:
    """A template, and the texts that end a reply."""

    family: Family
    text: str
    stops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Marks:
    """What stands round messages in a family."""

    family: Family
    user: str
    user_end: str
    reply: str
    reply_end: str
    system: str
    """Before a system message; empty: the family has none."""
    system_end: str
    stops: tuple[str, ...]


_FAMILIES = (
    _Marks(
        "chatml",
        "<|im_start|>user\n",
        "<|im_end|>\n",
        "<|im_start|>assistant\n",
        "<|im_end|>\n",
        "<|im_start|>system\n",
        "<|im_end|>\n",
        ("<|im_end|>", "<|im_start|>"),
    ),
    _Marks(
        "llama3",
        "<|start_header_id|>user<|end_header_id|>\n\n",
        "<|eot_id|>",
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        "<|eot_id|>",
        "<|start_header_id|>system<|end_header_id|>\n\n",
        "<|eot_id|>",
        ("<|eot_id|>", "<|start_header_id|>"),
    ),
    _Marks(
        "gemma",
        "<start_of_turn>user\n",
        "<end_of_turn>\n",
        "<start_of_turn>model\n",
        "<end_of_turn>\n",
        "",
        "",
        ("<end_of_turn>", "<start_of_turn>"),
    ),
    _Marks("mistral", "[INST] ", " [/INST]", "", "</s>", "", "", ("[INST]", "[/INST]")),
    _Marks("mistral", "[INST] ", "[/INST]", "", "</s>", "", "", ("[INST]", "[/INST]")),
    _Marks("mistral", "[INST]", "[/INST]", "", "</s>", "", "", ("[INST]", "[/INST]")),
)


def ollama_template(frame: Frame, *, bos: str = "", adds_bos: bool = True) -> OllamaTemplate:
    """The template that gives, for one user message, what the model's own gives.

    Args:
        frame: what the model's own template puts before and after the message.
        bos: text of the token that begins a sequence; empty: the model has none.
        adds_bos: whether that token is put before every prompt by itself, as the file says. It is
            then not in the template.
    """
    before = frame.before
    if bos and adds_bos:
        before = before.removeprefix(bos)
    for marks in _FAMILIES:
        found = _in_family(marks, before, frame.after)
        if found is not None:
            return found
    text = f"{_literal(before)}{{{{ .Prompt }}}}{_literal(frame.after)}"
    return OllamaTemplate("other", text, ())


def _in_family(marks: _Marks, before: str, after: str) -> OllamaTemplate | None:
    """The template of a family; None where the model is of another."""
    opening = marks.user_end + marks.reply
    if not before.endswith(marks.user) or not after.startswith(opening):
        return None
    # What comes before the first message: a system message that nobody asked for.
    lead = _literal(before.removesuffix(marks.user))
    # What begins each reply: an empty thought, for models that were asked not to think.
    tail = _literal(after.removeprefix(opening))
    if marks.system:
        own = f"{marks.system}{{{{ .System }}}}{marks.system_end}"
        lead = f"{{{{ if .System }}}}{own}{{{{ else }}}}{lead}{{{{ end }}}}"
    said = f"{_literal(marks.user)}{{{{ .Content }}}}{_literal(marks.user_end)}"
    replied = f"{_literal(marks.reply)}{{{{ .Content }}}}{_literal(marks.reply_end)}"
    text = (
        f"{lead}{{{{ range .Messages }}}}"
        f'{{{{ if eq .Role "user" }}}}{said}'
        f'{{{{ else if eq .Role "assistant" }}}}{replied}'
        f"{{{{ end }}}}{{{{ end }}}}{_literal(marks.reply)}{tail}"
    )
    return OllamaTemplate(marks.family, text, marks.stops)


def _literal(text: str) -> str:
    """Text that Go leaves as it is."""
    return text.replace("{{", '{{ "{{" }}')
