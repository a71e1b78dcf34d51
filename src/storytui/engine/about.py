"""What runs a model, in one line: for the log, and for whoever asks."""

from storytui.engine.adapting import adapter_name
from storytui.engine.model_info import ModelInfo
from storytui.story.visible import visible


def describe(info: ModelInfo) -> str:
    """Backend, device, layers on it, context, keys' type, flash attention and template.

    Fit to be shown: names come from files and drivers.
    """
    device = f" ({info.device})" if info.device and info.device != info.backend else ""
    everything = info.layers + 1
    if info.gpu_layers >= everything:
        layers = f"all {everything} layers on it"
    elif info.gpu_layers:
        layers = f"{info.gpu_layers} of {everything} layers on it, the rest on the CPU"
    else:
        layers = f"{info.threads} threads"
    template = "its own chat template" if info.chat_template == "gguf" else "no chat template"
    parts = (
        f"{info.name} runs on {info.backend}{device}",
        layers,
        f"{info.context:,} tokens of context",
        f"keys and values in {info.kv_type}",
        f"flash attention {'on' if info.flash_attention else 'off'}",
        template,
        f"its file names the prompt format {info.stored_format}" if info.stored_format else "",
        *(
            f"the adapter {adapter_name(each.path)} names the prompt format {each.prompt_format}"
            for each in info.adapters
            if each.prompt_format
        ),
    )
    return visible(", ".join(each for each in parts if each), newlines=False)
