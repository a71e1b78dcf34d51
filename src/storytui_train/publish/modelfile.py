"""PURE. Ollama's Modelfile for a merged model, or for an adapter over its base.

Source: Ollama's docs/modelfile: an instruction a line, texts of several lines between three double
quotation marks, comments behind a hash.
"""

import re

from storytui_train.errors import PublishError
from storytui_train.publish.ollama_template import OllamaTemplate

MOST_CONTEXT = 16_384
"""Tokens; more costs memory that few cards have beside a model."""
_QUOTES = '"""'
_MARK, _OTHER_MARK = '"', "'"
_LINE = re.compile(r"[^\x00-\x1f\x7f\"]+")


def modelfile(
    *,
    model: str,
    template: OllamaTemplate,
    context: int,
    adapter: str = "",
    licence: str = "",
    about: tuple[str, ...] = (),
) -> str:
    """The text of a Modelfile. It sets no system message: none was trained.

    Args:
        model: a GGUF file beside it, or a model's name as Ollama knows it.
        template: of the model.
        context: tokens of context that the model was trained with; 0: not known.
        adapter: a GGUF adapter beside it; empty: none.
        licence: of the model, by name; empty: it is not said.
        about: lines of comment for its beginning.

    Raises:
        PublishError: a name or the template cannot stand in such a file.
    """
    # Nothing reads a comment; a mark that an instruction cannot have may not stop it.
    lines = [f"# {_one_line(each.replace(_MARK, _OTHER_MARK))}" for each in about]
    lines.append(f"FROM {_one_line(model)}")
    if adapter:
        lines.append(f"ADAPTER {_one_line(adapter)}")
    if _QUOTES in template.text:
        raise PublishError(
            "The model's chat template holds three quotation marks in a row, which no Modelfile "
            "can. Publish without GGUF files, or write the Modelfile by hand."
        )
    lines.append(f"TEMPLATE {_QUOTES}{template.text}{_QUOTES}")
    lines += [f'PARAMETER stop "{_one_line(each)}"' for each in template.stops]
    if context:
        lines.append(f"PARAMETER num_ctx {min(context, MOST_CONTEXT)}")
    if licence:
        lines.append(f'LICENSE "{_one_line(licence)}"')
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    if not _LINE.fullmatch(text):
        raise PublishError(
            f"{text[:80]!r} cannot stand in a Modelfile: it holds a quotation mark or a line "
            "break, or is empty. Rename the file."
        )
    return text
