"""`storytui continue` and `storytui prompt`: the way of the data without an editor."""

import argparse
import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from storytui.commands.choices import continuation, settings_in_force, start_engine
from storytui.commands.ending import FAILURE, INTERRUPTED, USAGE_ERROR, fail
from storytui.commands.printing import write
from storytui.continuing import NoStoryError, Options, continue_story, show_prompt
from storytui.engine.api import (
    Engine,
    EngineError,
    Finished,
    PromptPart,
    Retracted,
    SegmentEnded,
    Text,
)
from storytui.manuscript.encoding import decode
from storytui.manuscript.file import ManuscriptError, StoryFile
from storytui.manuscript.place import PlaceError, offset_of
from storytui.settings import Settings, SettingsError
from storytui.story.prompt import ANSWER, REASONING, UnknownFormatError
from storytui.story.sentences import last_sentence_end

OPENING_MARK, CLOSING_MARK = "⟦", "⟧"
"""Stand round a control token in what `storytui prompt` prints."""


StartEngine = Callable[[Settings], Engine]


@dataclass(frozen=True, slots=True)
class Job:
    """What both commands need: where to go on, and what is asked."""

    engine: Engine
    text: str
    offset: int
    asked: Options


def run_continue(options: argparse.Namespace, start: StartEngine = start_engine) -> int:
    """Continue a story and print the answer; returns the exit status."""
    return _run(options, start, _print_continuation)


def run_prompt(options: argparse.Namespace, start: StartEngine = start_engine) -> int:
    """Print what the model would see; returns the exit status."""
    return _run(options, start, _print_prompt)


def _run(
    options: argparse.Namespace,
    start: StartEngine,
    work: Callable[[Job, argparse.Namespace], int],
) -> int:
    """Prepare story, place, settings and engine; every fault becomes one line."""
    try:
        settings = settings_in_force(options)
        text = read_story(options.file)
        offset = offset_of(text, options.at)
        if not text[:offset].strip():
            where = "The story is empty" if not text.strip() else "No text stands before that place"
            raise NoStoryError(f"{where}. Write a sentence or two to go on from.")
        asked = continuation(settings, options.guidance or "")
        with closing(start(settings)) as engine:
            return work(Job(engine, text, offset, asked), options)
    except (PlaceError, UnknownFormatError) as error:
        return fail(error, USAGE_ERROR)
    except (SettingsError, ManuscriptError, NoStoryError, EngineError) as error:
        return fail(error, FAILURE)


def read_story(name: str) -> str:
    """The text of a file, or of standard input where the name is `-`.

    Raises:
        ManuscriptError: there is no such file, or it is no text.
    """
    if name == "-":
        return decode(sys.stdin.buffer.read(), "standard input").text
    story = StoryFile.read(Path(name))
    if not story.exists:
        raise ManuscriptError(f"There is no file {name}. Check the name.")
    return story.text


# --- continue ----------------------------------------------------------------------------------


def _print_continuation(job: Job, options: argparse.Namespace) -> int:
    model = job.engine.load().name
    texts = {REASONING.name: "", ANSWER.name: ""}
    output = _Output(stream=options.stream)
    finished = None
    with _interrupt_stops(job.engine):
        for event in continue_story(job.engine, job.text, job.offset, job.asked):
            if isinstance(event, Text):
                texts[event.segment] += event.text
            elif isinstance(event, Retracted):
                texts[event.segment] = texts[event.segment][: event.kept]
            elif isinstance(event, SegmentEnded) and event.segment == REASONING.name:
                if options.show_reasoning:
                    write(sys.stderr, texts[REASONING.name] + "\n\n")
            elif isinstance(event, Finished):
                finished = event
            if not options.json:
                output.grow(texts[ANSWER.name])
    if finished is None:
        raise EngineError("The model's reply broke off. Try again.")
    if options.json:
        found = {
            "reasoning": texts[REASONING.name],
            "answer": texts[ANSWER.name],
            "stop": finished.stop,
            "model": model,
            "format": job.asked.format,
            "seed": job.asked.sampling.seed,
            **_costs(finished),
        }
        write(sys.stdout, json.dumps(found, ensure_ascii=False) + "\n")
    else:
        output.finish(texts[ANSWER.name])
    return INTERRUPTED if finished.stop == "stopped" else 0


def _costs(finished: Finished) -> dict[str, int | float]:
    statistics = finished.statistics
    return {
        "prompt_tokens": statistics.prompt_tokens,
        "reused_tokens": statistics.reused_tokens,
        "evaluated_tokens": statistics.evaluated_tokens,
        "generated_tokens": statistics.generated_tokens,
        "first_token_ms": round(statistics.first_token_ms, 1),
        "tokens_per_second": round(statistics.tokens_per_second, 1),
    }


class _Output:
    """The answer on its way to standard output.

    While streaming, only whole sentences are printed: an answer is cut back to a sentence's end
    when its length is reached, and what is printed cannot be taken back.
    """

    def __init__(self, *, stream: bool) -> None:
        self._stream = stream
        self._printed = ""

    def grow(self, answer: str) -> None:
        """Print what has become certain."""
        if self._stream:
            end = last_sentence_end(answer, len(self._printed))
            if end is not None:
                self._print_up_to(answer, end)

    def finish(self, answer: str) -> None:
        """Print the rest, and a last line break."""
        if not answer.startswith(self._printed):
            write(sys.stderr, "storytui: the answer ends before what was printed last.\n")
        self._print_up_to(answer, len(answer))
        write(sys.stdout, "\n")

    def _print_up_to(self, answer: str, end: int) -> None:
        write(sys.stdout, answer[len(self._printed) : end])
        self._printed = answer[: max(end, len(self._printed))]


@contextmanager
def _interrupt_stops(engine: Engine) -> Iterator[None]:
    """While this runs, the first ctrl+c stops the model and keeps what came; a second one ends."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # A thread of its own: the handler may have interrupted a call that holds the engine's lock.
        threading.Thread(target=engine.stop, name="stop", daemon=True).start()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


# --- prompt ------------------------------------------------------------------------------------


def _print_prompt(job: Job, options: argparse.Namespace) -> int:
    prompt = show_prompt(job.engine, job.text, job.offset, job.asked)
    write(sys.stdout, "".join(_marked(part) for part in prompt.parts) + "\n")
    return 0


def _marked(part: PromptPart) -> str:
    return f"{OPENING_MARK}{part.text}{CLOSING_MARK}" if part.control else part.text
