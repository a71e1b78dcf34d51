"""One short continuation with the model as it is set: the proof that everything works together."""

import threading
import time
from collections.abc import Callable, Iterator

from storytui.continuing import Options, continue_story
from storytui.doctor.finding import Finding, ok, problem, warning
from storytui.doctor.server import unnamed
from storytui.engine.api import (
    ConsentNeededError,
    Engine,
    EngineError,
    Finished,
    Sampling,
    Text,
)
from storytui.engine.model_info import ModelInfo
from storytui.engine.remote import Address
from storytui.models.formats import format_in_use

STORY = (
    "The ferry had not come in for nine days, and on the tenth Marit walked down to the pier with "
    "a lamp, though it was not yet dark. Old Henrik sat there as he always did, his back against "
    "the post, and did not look up. “It is late,” she said."
)
WORDS = 30
SLOW = 8.0
"""Tokens a second: about as fast as one reads."""
LONGEST = 120.0
"""Seconds that the model may take for it."""
_FASTER = "Choose a smaller model, or a GPU."


def check_continuation(
    start: Callable[[], Engine],
    wanted_format: str,
    *,
    server: Address | None = None,
    longest: float = LONGEST,
) -> Iterator[Finding]:
    """Load the model and have it continue a few sentences of the program's own.

    Args:
        start: makes the engine that the settings ask for.
        wanted_format: the prompt format of the settings.
        server: where the model is, if not on this machine.
        longest: seconds after which a reply is stopped.
    """
    began = time.perf_counter()
    try:
        engine = start()
    except EngineError as error:
        yield _failed("Model", error, server)
        return
    try:
        try:
            info = engine.load()
        except EngineError as error:
            yield _failed("Model", error, server)
            return
        loading = time.perf_counter() - began
        yield from _of(info, wanted_format)
        took = f"{'answered after' if info.remote else 'loaded in'} {loading:.1f} s"
        try:
            yield _continued(engine, wanted_format, took, longest, server)
        except EngineError as error:
            yield _failed("Continuation", error, server)
    finally:
        engine.close()


def _failed(subject: str, error: EngineError, server: Address | None) -> Finding:
    if server is None:
        remedy = "Look into the log, or choose another model: storytui models use NAME"
        return problem(subject, str(error), remedy)
    if isinstance(error, ConsentNeededError):
        # A name of her own network that leads out of it.
        return warning(
            "Server",
            "its name leads to a machine that is not your own, so nothing was sent",
            "Allow it with: storytui remote allow HOST, or edit [remote] in the settings.",
        )
    return problem(
        "Server",
        unnamed(error, server),
        "See to the server, or edit [remote] in the settings; without an address the model runs "
        "on this machine.",
    )


def _of(info: ModelInfo, wanted_format: str) -> Iterator[Finding]:
    """What is known of a model once it is loaded."""
    form = format_in_use(wanted_format, info)
    if form.disagreement:
        yield warning(
            "Prompt format",
            form.disagreement,
            "Lay only one of them over the model: storytui models adapter use NAME, or off",
        )
    elif form.origin == "default":
        yield ok("Prompt format", f"{form.name}, since nothing says which one it was trained on")
    else:
        yield ok("Prompt format", f"{form.name}: {form.sentence}")
    if info.template_problem:
        yield warning(
            "Chat template",
            info.template_problem,
            "Get the model from another repository, with a chat template that works.",
        )
    elif info.chat_template == "default" and not info.remote:
        yield ok("Chat template", "the file has none; the message goes to the model as it is")
    elif info.chat_template == "gguf":
        yield ok("Chat template", "the model's own")
    if 0 < info.gpu_layers <= info.layers:
        yield warning(
            "Layers",
            f"only {info.gpu_layers} of {info.layers + 1} layers are on the GPU, which is slow",
            "Choose a smaller model or a shorter context: storytui models list --vram SIZE",
        )


def _continued(
    engine: Engine, wanted_format: str, took: str, longest: float, server: Address | None
) -> Finding:
    options = Options(
        format=wanted_format,
        words=WORDS,
        reasoning_tokens=32,
        later_characters=0,
        sampling=Sampling(seed=1),
    )
    answer, finished = "", None
    ending = threading.Timer(longest, engine.stop)
    ending.daemon = True
    ending.start()
    try:
        for event in continue_story(engine, STORY, len(STORY), options):
            if isinstance(event, Text) and event.segment == "answer":
                answer += event.text
            elif isinstance(event, Finished):
                finished = event
    finally:
        ending.cancel()
    faster = _FASTER if server is None else "Choose a smaller model on the server."
    if finished is not None and finished.stop == "stopped":
        return warning(
            "Continuation",
            f"{took}; {WORDS} words were not written within {longest:g} seconds",
            faster,
        )
    if finished is None or not answer.strip():
        return problem(
            "Continuation",
            "the model's reply had no answer",
            "Choose another model: storytui models list",
        )
    cost = finished.statistics
    says = (
        f"{took}; {cost.prompt_tokens} tokens of prompt, the first word after "
        f"{cost.first_token_ms / 1000:.2f} s, {cost.generated_tokens} tokens at "
        f"{cost.tokens_per_second:.1f} a second"
    )
    if 0 < cost.tokens_per_second < SLOW:
        return warning("Continuation", f"{says}: slower than one reads", faster)
    return ok("Continuation", says)
