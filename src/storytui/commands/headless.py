"""`storytui continue` and `storytui prompt`: the way of the data without an editor."""

import argparse
import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from storytui.commands.choices import continuation, settings_in_force, start_engine
from storytui.commands.ending import FAILURE, INTERRUPTED, USAGE_ERROR, WrongUseError, fail
from storytui.commands.printing import write
from storytui.commands.remote import load_when_agreed
from storytui.continuing import (
    NoStoryError,
    Options,
    Plan,
    continue_side_by_side,
    continue_story,
    show_prompt,
)
from storytui.engine.api import (
    Engine,
    EngineError,
    Event,
    Finished,
    PromptPart,
    Retracted,
    SegmentEnded,
    Text,
)
from storytui.engine.model_info import ModelInfo
from storytui.manuscript.encoding import decode
from storytui.manuscript.file import ManuscriptError, StoryFile
from storytui.manuscript.notes import notes_path, read_notes
from storytui.manuscript.place import PlaceError, offset_of
from storytui.models.formats import format_in_use
from storytui.settings import Settings, SettingsError
from storytui.story.prompt import AUTO, REASONING, UnknownFormatError, prompt_format
from storytui.story.sentences import last_sentence_end
from storytui.story.visible import visible

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
        form = settings.continuing.format
        notes = "" if form == AUTO else _notes(options, form)
        candidates = getattr(options, "candidates", None) or 1
        with closing(start(settings)) as engine:
            load_when_agreed(engine)
            info = engine.load()
            in_use = format_in_use(form, info)
            for says in filter(None, (info.template_problem, info.note, in_use.disagreement)):
                write(sys.stderr, f"storytui: {visible(says, newlines=False)}\n")
            if form == AUTO:
                form = in_use.name
                notes = _notes(options, form)
            asked = continuation(settings, options.guidance or "", notes, candidates)
            return work(Job(engine, text, offset, replace(asked, format=form)), options)
    except (PlaceError, UnknownFormatError, WrongUseError, _NoPlaceForNotesError) as error:
        return fail(error, USAGE_ERROR)
    except (SettingsError, ManuscriptError, NoStoryError, EngineError) as error:
        return fail(error, FAILURE)


class _NoPlaceForNotesError(ValueError):
    """Notes were given for a prompt format that takes none."""


def _notes(options: argparse.Namespace, format_name: str) -> str:
    """The notes that were named, or those beside the story; none for a format that takes none.

    Raises:
        ManuscriptError: the notes that were named are not there, or cannot be read.
    """
    named: str | None = getattr(options, "notes", None)
    if not prompt_format(format_name).takes_notes:
        if named is not None:
            raise _NoPlaceForNotesError(
                f"The prompt format {format_name} takes no notes. Leave --notes out, or choose "
                "another with --format."
            )
        return ""
    if named is not None:
        return read_story(named)
    return "" if options.file == "-" else read_notes(notes_path(Path(options.file)))


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


@dataclass(slots=True)
class _Reply:
    """One reply as it comes."""

    reasoning: str = ""
    answer: str = ""
    finished: Finished | None = None

    @property
    def begun(self) -> bool:
        """Whether any text of it came, or its end."""
        return bool(self.reasoning or self.answer or self.finished)

    def take(self, event: Event) -> None:
        """Something came of it."""
        if isinstance(event, Text):
            self._set(event.segment, self._get(event.segment) + event.text)
        elif isinstance(event, Retracted):
            self._set(event.segment, self._get(event.segment)[: event.kept])
        elif isinstance(event, Finished):
            self.finished = event

    def _get(self, segment: str) -> str:
        return self.reasoning if segment == REASONING.name else self.answer

    def _set(self, segment: str, text: str) -> None:
        if segment == REASONING.name:
            self.reasoning = text
        else:
            self.answer = text


def _print_continuation(job: Job, options: argparse.Namespace) -> int:
    replies = [_Reply() for _ in range(job.asked.candidates)]
    alone = len(replies) == 1
    output = _Output(stream=options.stream)
    problem: EngineError | None = None
    try:
        with _interrupt_stops(job.engine):
            for number, event in _continued(job):
                reply = replies[number]
                reply.take(event)
                reasoned = isinstance(event, SegmentEnded) and event.segment == REASONING.name
                if reasoned and options.show_reasoning:
                    head = "" if alone else _heading(number, len(replies))
                    write(sys.stderr, f"{head}{reply.reasoning}\n\n")
                if alone and not options.json:
                    output.grow(reply.answer)
    except EngineError as error:
        problem = error
    if problem is None and any(each.finished is None for each in replies):
        problem = EngineError("The model's reply broke off. Try again.")
    if problem is not None and not any(each.begun for each in replies):
        raise problem
    # Of what broke off, what came is printed all the same.
    _print(job, options, replies, output, "" if problem is None else str(problem))
    if problem is not None:
        raise problem
    stops = {each.finished.stop for each in replies if each.finished is not None}
    return INTERRUPTED if "stopped" in stops else 0


def _print(
    job: Job,
    options: argparse.Namespace,
    replies: list["_Reply"],
    output: "_Output",
    problem: str,
) -> None:
    """Print what came of the replies; `problem` says why some are not complete."""
    if options.json:
        model = job.engine.load()
        found = [_as_json(job, model, at, each, problem) for at, each in enumerate(replies)]
        shown = found[0] if len(found) == 1 else found
        write(sys.stdout, json.dumps(shown, ensure_ascii=False) + "\n")
    elif len(replies) == 1:
        output.finish(replies[0].answer)
    else:
        answers = (
            _heading(number, len(replies)) + each.answer
            for number, each in enumerate(replies)
            if each.begun
        )
        write(sys.stdout, "\n\n".join(answers) + "\n")


def _continued(job: Job) -> Iterator[tuple[int, Event]]:
    """What comes of the replies, each event with its reply's number from 0."""
    if job.asked.candidates == 1:
        for event in continue_story(job.engine, job.text, job.offset, job.asked):
            if not isinstance(event, Plan):
                yield 0, event
        return
    for number, came in continue_side_by_side(job.engine, job.text, job.offset, job.asked):
        if not isinstance(came, Plan):
            yield number, came


def _heading(number: int, replies: int) -> str:
    return f"--- {number + 1} of {replies} ---\n\n"


def _as_json(
    job: Job, model: ModelInfo, number: int, reply: _Reply, problem: str
) -> dict[str, object]:
    finished = reply.finished
    return {
        "reasoning": reply.reasoning,
        "answer": reply.answer,
        "complete": finished is not None,
        "problem": problem if finished is None else "",
        "stop": "" if finished is None else finished.stop,
        "model": model.name,
        "adapter": model.adapter or None,
        "format": job.asked.format,
        "seed": job.asked.sampling.seed + number,
        **({} if finished is None else _costs(finished)),
    }


def _costs(finished: Finished) -> dict[str, int | float]:
    statistics = finished.statistics
    return {
        "prompt_tokens": statistics.prompt_tokens,
        "reused_tokens": statistics.reused_tokens,
        "evaluated_tokens": statistics.evaluated_tokens,
        "moved_tokens": statistics.moved_tokens,
        "approximate_tokens": statistics.approximate_tokens,
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
