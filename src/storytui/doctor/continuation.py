"""One short continuation with the model as it is set: the proof that everything works together."""

import time
from collections.abc import Callable, Iterator

from storytui.continuing import Options, continue_story
from storytui.doctor.finding import Finding, ok, problem, warning
from storytui.engine.api import Engine, EngineError, Finished, ModelInfo, Sampling, Text
from storytui.models.formats import format_in_use

STORY = (
    "The ferry had not come in for nine days, and on the tenth Marit walked down to the pier with "
    "a lamp, though it was not yet dark. Old Henrik sat there as he always did, his back against "
    "the post, and did not look up. “It is late,” she said."
)
WORDS = 30
SLOW = 8.0
"""Tokens a second: about as fast as one reads."""


def check_continuation(start: Callable[[], Engine], wanted_format: str) -> Iterator[Finding]:
    """Load the model and have it continue a few sentences of the program's own.

    Args:
        start: makes the engine that the settings ask for.
        wanted_format: the prompt format of the settings.
    """
    began = time.perf_counter()
    try:
        engine = start()
    except EngineError as error:
        yield problem("Model", str(error), "Choose another with: storytui models use NAME")
        return
    try:
        info = engine.load()
        loading = time.perf_counter() - began
        yield from _of(info, wanted_format)
        yield _continued(engine, loading)
    except EngineError as error:
        yield problem(
            "Continuation", str(error), "Look into the log, or choose another model in the editor."
        )
    finally:
        engine.close()


def _of(info: ModelInfo, wanted_format: str) -> Iterator[Finding]:
    """What is known of a model once it is loaded."""
    form = format_in_use(wanted_format, info)
    says = f"{form.name}: {form.sentence}"
    if form.origin == "default":
        yield ok("Prompt format", f"{form.name}, since nothing says which one it was trained on")
    else:
        yield ok("Prompt format", says)
    if info.template_problem:
        yield warning(
            "Chat template",
            info.template_problem,
            "Get the model from another repository, with a chat template that works.",
        )
    elif info.chat_template == "default":
        yield ok("Chat template", "the file has none; the message goes to the model as it is")
    elif info.chat_template == "gguf":
        yield ok("Chat template", "the model's own")
    if 0 < info.gpu_layers < info.layers:
        yield warning(
            "Layers",
            f"only {info.gpu_layers} of {info.layers} layers are on the GPU, which is slow",
            "Choose a smaller model or a shorter context: storytui models list --vram SIZE",
        )


def _continued(engine: Engine, loading: float) -> Finding:
    options = Options(
        words=WORDS, reasoning_tokens=32, later_characters=0, sampling=Sampling(seed=1)
    )
    answer, finished = "", None
    for event in continue_story(engine, STORY, len(STORY), options):
        if isinstance(event, Text) and event.segment == "answer":
            answer += event.text
        elif isinstance(event, Finished):
            finished = event
    if finished is None or not answer.strip():
        return problem(
            "Continuation",
            "the model's reply had no answer",
            "Choose another model: storytui models list",
        )
    cost = finished.statistics
    says = (
        f"loaded in {loading:.1f} s; {cost.prompt_tokens} tokens of prompt, the first word after "
        f"{cost.first_token_ms / 1000:.2f} s, {cost.generated_tokens} tokens at "
        f"{cost.tokens_per_second:.1f} a second"
    )
    if 0 < cost.tokens_per_second < SLOW:
        return warning(
            "Continuation", f"{says}: slower than one reads", "Choose a smaller model, or a GPU."
        )
    return ok("Continuation", says)
