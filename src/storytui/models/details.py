"""What a model's file says about the model, in figures and words fit to be shown.

The names of quantisations are those of llama.cpp (include/llama.h, llama_ftype), the keys those of
the GGUF specification (ggml, docs/gguf.md).
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from storytui.engine.api import ModelError
from storytui.engine.model_info import PROMPT_FORMAT, Adapter
from storytui.engine.template import TemplateError, render_frame
from storytui.models.catalog import CatalogueModel, entry_for
from storytui.models.formats import FormatChoice, prompt_format_for
from storytui.models.gguf import further_parts, look_into, opened
from storytui.models.gguf_reading import Value
from storytui.story.visible import visible

_MOST_TEXT = 120

QUANTISATIONS: Final[Mapping[int, str]] = {
    **{0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K"},
    **{11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S"},
    **{17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS"},
    **{23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S"},
    **{29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0"},
    **{38: "MXFP4_MOE", 39: "NVFP4", 40: "Q1_0", 41: "Q2_0"},
}
"""Names of the types of whole files, by their numbers in `general.file_type`."""


@dataclass(frozen=True, slots=True)
class Details:
    """What is known of a model."""

    own_name: str
    """What it calls itself; its file's name where it does not."""
    architecture: str
    parameters: int
    """Numbers in its weights."""
    quantisation: str
    """Empty where the file does not say, or says what is not known here."""
    trained_context: int
    """Tokens of context that it was trained with."""
    layers: int
    chat_template: str
    """`yes`, `none`, or `fails: ` and why; a plain frame is used where there is no good one."""
    prompt_format: str
    prompt_format_because: str
    """Where that comes from, a sentence."""
    trained_on_format: bool
    licence: str
    """As the file says, or else the catalogue; empty: not known."""
    restrictions: str
    """What its terms forbid, where the catalogue knows; a sentence."""

    def as_json(self) -> dict[str, Any]:
        """Everything, by its name."""
        return asdict(self)


def details_of(
    path: Path,
    *,
    repository: str = "",
    file_name: str = "",
    adapters: Sequence[Adapter] = (),
) -> Details:
    """Read what a model says about itself; its weights are not read.

    Its chat template is rendered in this process, so `checking.examine` comes first.

    Args:
        path: the model; of a divided one, its first file.
        repository: owner/name on Hugging Face, or its name in Ollama; empty: not known.
        file_name: a name that says what it is; empty: the file's does not.
        adapters: what is laid over it.

    Raises:
        ModelError: it cannot be read, or is no model.
    """
    header, template = look_into(path)
    with ExitStack() as stack:
        files = [path, *(each for each in further_parts(path) if each.exists())]
        contents = [stack.enter_context(opened(each))[0] for each in files]
        values = dict(contents[0].values)
        tensors = [tensor for each in contents for tensor in each.tensors]
        parameters = sum(math.prod(tensor.shape) for tensor in tensors)
    rendered = "none"
    if template is not None:
        try:
            render_frame(template.source, bos=template.bos, eos=template.eos)
            rendered = "yes"
        except TemplateError as error:
            rendered = f"fails: {_shown(str(error))}"
    stored = values.get(PROMPT_FORMAT)
    form: FormatChoice = prompt_format_for(
        adapters=adapters,
        stored=stored.strip() if isinstance(stored, str) else "",
        repository=repository,
        file_name=file_name,
        model_name=header.name,
    )
    entry = entry_for(repository=repository, file_name=file_name)
    kind = values.get("general.file_type")
    layers = values.get(f"{header.architecture}.block_count")
    return Details(
        own_name=header.name,
        architecture=header.architecture,
        parameters=parameters,
        quantisation=QUANTISATIONS.get(kind, "") if isinstance(kind, int) else "",
        trained_context=header.context,
        layers=layers if isinstance(layers, int) else 0,
        chat_template=rendered,
        prompt_format=form.name,
        prompt_format_because=form.sentence,
        trained_on_format=form.trained,
        licence=_licence(values, entry),
        restrictions=entry.restrictions if entry else "",
    )


def verdict_on(path: Path, memory: int) -> str:
    """Whether a model fits on the processor, in words; empty where it cannot be planned for.

    Args:
        path: the model.
        memory: bytes that the machine has; 0: not known.
    """
    from storytui.models.fit import Machine, plan
    from storytui.models.shape_of_file import shape_in

    try:
        return plan(shape_in(path), Machine(host=memory)).reason
    except ModelError:
        return ""


def _licence(values: Mapping[str, Value], entry: CatalogueModel | None) -> str:
    said = (values.get(f"general.license{which}") for which in ("", ".name"))
    texts = [each.strip() for each in said if isinstance(each, str) and each.strip()]
    # Many models say "other" and then its name.
    named = texts[-1] if texts and texts[0].lower() == "other" else texts[0] if texts else ""
    return _shown(named) or (entry.licence if entry else "")


def _shown(text: str) -> str:
    return visible(text[:_MOST_TEXT], newlines=False)
