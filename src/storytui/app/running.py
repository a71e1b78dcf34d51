"""What runs: the model, where, and how, a line each."""

from storytui.engine.model_info import ModelInfo
from storytui.models.beside_plan import BesidePlan
from storytui.models.formats import format_in_use

_GIB = 1 << 30

_TEMPLATES = {
    "gguf": "the model's own",
    "default": "none in the file: the message and a blank line",
    "failed": "the model's own cannot be used: the message and a blank line",
    "remote": "the server's",
}


def what_runs(info: ModelInfo, wanted_format: str, memory: BesidePlan | None = None) -> list[str]:
    """What a loaded model runs on and how it is asked.

    Args:
        info: the model.
        wanted_format: the prompt format of the settings; `auto` for the model's own.
        memory: what it takes; None where that is not known.
    """
    form = format_in_use(wanted_format, info)
    lines = [f"Running: {info.name}, {info.architecture}, on {runs_on(info)}"]
    if not info.remote:
        lines.append(
            f"Context: {info.context:,} of the model's {info.trained_context:,} tokens · keys and "
            f"values in {info.kv_type} · flash attention {'on' if info.flash_attention else 'off'}"
        )
        if info.note:
            lines.append(f"Plan: {info.note}")
    if memory is not None:
        lines.append(memory_line(memory))
    lines.append(f"Prompt format: {form.name}. {form.sentence}")
    lines.append(f"Chat template: {_TEMPLATES[info.chat_template]}.")
    return lines


def memory_line(memory: BesidePlan) -> str:
    """What a model takes, beside the plan.

    >>> memory_line(BesidePlan(planned=3 << 29, measured=1 << 30, on_gpu=False))
    'Memory: 1.50 GiB planned, 1.00 GiB measured'
    """
    where = "Memory of the card, without the driver's share" if memory.on_gpu else "Memory"
    planned, measured = memory.planned / _GIB, memory.measured / _GIB
    return f"{where}: {planned:.2f} GiB planned, {measured:.2f} GiB measured"


def runs_on(info: ModelInfo) -> str:
    """Backend, device and layers.

    >>> from storytui.engine.scripted import SCRIPTED_MODEL
    >>> runs_on(SCRIPTED_MODEL)
    'CPU, 1 threads'
    """
    if info.remote:
        return info.backend
    device = f" ({info.device})" if info.device else ""
    where = f"{info.backend}{device}"
    if info.gpu_layers:
        everything = info.layers + 1
        whole = info.gpu_layers >= everything
        count = f"all {everything}" if whole else f"{info.gpu_layers} of {everything}"
        return f"{where}, {count} layers"
    return f"{where}, {info.threads} threads" if info.threads else where
