"""What is measured side by side: storytui's engine as the editor uses it, and its peers.

Each has the model in a process of its own. A peer's time is taken in its own process, round its
own call; storytui's is taken in this one, from the key to the first sign of a token, with all
that the key has to do in between: choosing the window, planning, the way to the child and back.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Protocol

import msgspec

from storytui.bench.shared import shared_beginning
from storytui.continuing import Options, Plan, plan
from storytui.engine.api import Engine, EngineError, Finished, Readiness, Request, Text, Writing
from storytui.engine.model_info import ModelInfo
from storytui.manuscript.reading_places import ReadingPlaces
from storytui.story.starts import start_at

STORYTUI = "storytui"
LLAMA_CLASS = "llama-cpp-python"
LLAMA_SERVER = "llama-server"
_MODULES = {
    LLAMA_CLASS: "storytui.bench.peers.llama_class",
    LLAMA_SERVER: "storytui.bench.peers.llama_server",
}
_PACKAGES = {LLAMA_CLASS: "llama_cpp", LLAMA_SERVER: "xllamacpp"}
HEALING_SECONDS = 600.0
"""How long reading ahead may take before the bench gives up."""


class ContenderError(Exception):
    """A process of the bench failed; the message says which and how."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A continuation to ask for: where in the manuscript, and the same as tokens."""

    text: str
    """The manuscript up to the cursor."""
    start: int
    """The character at which the window begins, as the editor would remember it."""
    tokens: tuple[int, ...]
    """The prompt that storytui makes of it."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What the first token of a continuation cost."""

    first_token_ms: float
    evaluated_tokens: int
    """Tokens of the prompt evaluated between the key and the token."""
    moved_tokens: int
    """Tokens of the prompt that stood elsewhere in the cache before."""
    approximate_tokens: int
    """Tokens of the prompt that were read after other words than those before them now."""


def plan_for(engine: Engine, text: str, start: int, options: Options) -> Plan:
    """The plan of a continuation at the text's end, whose window began at `start` before."""
    places = ReadingPlaces()
    places.remember(start_at(text, start))
    return plan(engine, text, len(text), options, places, remember=False)


class Contender(Protocol):
    """An engine that is measured."""

    name: str

    def ask(self, ask: Ask) -> Cost:
        """Have the first token written."""
        ...

    def get_ready(self, ask: Ask) -> None:
        """What happens in the idle time before this is asked for."""
        ...

    def start_anew(self) -> None:
        """Begin with nothing evaluated."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class Storytui:
    """storytui's engine, asked as the editor asks it."""

    name = STORYTUI

    def __init__(self, start: Callable[[], Engine], options: Options) -> None:
        """The engine is started now."""
        self._start = start
        self.options = options
        self.engine: Engine
        self.info: ModelInfo
        self._open()

    def _open(self) -> None:
        self.engine = self._start()
        self.info = self.engine.load()
        self.readiness = AheadWatch(self.engine)

    def ask(self, ask: Ask) -> Cost:
        """From the key to the first token, by the clock of who waits."""
        began = time.perf_counter()
        request = plan_for(self.engine, ask.text, ask.start, self.options).request
        first = 0.0
        for event in self.engine.generate(request):
            if not first and isinstance(event, Writing | Text):
                first = time.perf_counter() - began
                self.engine.stop()
            if isinstance(event, Finished):
                cost = event.statistics
                return Cost(
                    (first or time.perf_counter() - began) * 1000,
                    cost.evaluated_tokens,
                    cost.moved_tokens,
                    cost.approximate_tokens,
                )
        raise EngineError("The model's reply broke off.")

    def get_ready(self, ask: Ask) -> None:
        """Read ahead, and heal what was moved."""
        request = plan_for(self.engine, ask.text, ask.start, self.options).request
        self.readiness.wait_until_read(request)

    def start_anew(self) -> None:
        """Start the child again."""
        self.engine.close()
        self._open()

    def close(self) -> None:
        """End the child."""
        self.engine.close()


class AheadWatch:
    """Waits for what an engine does ahead, and counts what it evaluates there."""

    def __init__(self, engine: Engine) -> None:
        """Listen from now on."""
        self._engine = engine
        self._changed = threading.Condition()
        self._heard: list[Readiness] = []
        engine.on_readiness(self._hear)

    def _hear(self, readiness: Readiness) -> None:
        with self._changed:
            self._heard.append(readiness)
            self._changed.notify_all()

    def wait_until_read(self, request: Request, how_far: str = "read") -> int:
        """Ask ahead, and wait until all is read and healed; returns the tokens evaluated for it.

        Raises:
            ContenderError: it was not done in ten minutes.
        """
        with self._changed:
            self._heard.clear()
            self._engine.ahead(request, how_far, edited=True)  # type: ignore[arg-type]
            if not self._changed.wait_for(lambda: self._is_done(how_far), HEALING_SECONDS):
                raise ContenderError("storytui did not read ahead within ten minutes.")
            return max(each.evaluated for each in self._heard)

    def _is_done(self, how_far: str) -> bool:
        if not self._heard:
            return False
        last = self._heard[-1]
        thought = last.thought or how_far == "read"
        return last.up_to_date and last.healing == 0 and thought


class Peer:
    """A process that runs the same model another way."""

    def __init__(self, name: str, settings: dict[str, object]) -> None:
        """The process is started now.

        Args:
            name: one of the peers.
            settings: `model`, `context`, `threads`, `gpu_layers`.
        """
        self.name = name
        self._settings = settings
        self._talk = Talk(_MODULES[name], settings)
        self._last: tuple[int, ...] = ()
        self._exact = 0

    def ask(self, ask: Ask) -> Cost:
        """From its call to its first token, by its own clock."""
        said = self._talk.ask({"tokens": ask.tokens})
        evaluated: int = said["evaluated_tokens"]
        # What is neither evaluated nor a beginning that it had was moved, and read after others.
        same = shared_beginning(self._last, ask.tokens)
        moved = max(0, len(ask.tokens) - same - evaluated)
        exact = same if moved else len(ask.tokens)
        self._exact = exact if self._exact >= same else min(exact, self._exact)
        self._last = ask.tokens
        return Cost(said["first_token_ms"], evaluated, moved, len(ask.tokens) - self._exact)

    def get_ready(self, ask: Ask) -> None:
        """Evaluate the same prompt, which is all it can do ahead."""
        self.ask(ask)

    def start_anew(self) -> None:
        """Start the process again."""
        self._talk.close()
        self._talk = Talk(_MODULES[self.name], self._settings)
        self._last, self._exact = (), 0

    def close(self) -> None:
        """End the process."""
        self._talk.close()


def is_installed(name: str) -> bool:
    """Whether a peer's package is there."""
    return find_spec(_PACKAGES[name]) is not None


class Vocabulary:
    """Prompts become the tokens that the peers are given."""

    def __init__(self, engine: Engine) -> None:
        """Start the tokenizer's process for the model that the engine has."""
        self._engine = engine
        self._talk = Talk("storytui.bench.peers.vocabulary", {"model": engine.load().path})

    def ask_for(self, text: str, start: int, options: Options) -> Ask | None:
        """What is asked where this text ends; None where the window would not begin at `start`.

        Raises:
            ContenderError: the tokens are not those that storytui counts.
        """
        planned = plan_for(self._engine, text, start, options)
        if planned.window.start != start:
            return None
        prompt = self._engine.prompt(planned.request.message, planned.opening)
        parts = [msgspec.structs.astuple(each) for each in prompt.parts]
        tokens = self._talk.ask({"parts": parts})["tokens"]
        if len(tokens) != prompt.tokens:
            raise ContenderError(
                f"The peers would be given {len(tokens):,} tokens where storytui reads "
                f"{prompt.tokens:,}: this model's tokenizer cannot be compared."
            )
        return Ask(text, start, tuple(tokens))

    def close(self) -> None:
        """End the process."""
        self._talk.close()


class Talk:
    """A process that answers one JSON object with one."""

    def __init__(self, module: str, settings: dict[str, object]) -> None:
        """Start `python -m module` and wait until it has opened what `settings` say."""
        self._module = module
        self._process = subprocess.Popen(
            # -P: a file in the working folder must not be imported as a module.
            [sys.executable, "-P", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.ask(settings)

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Its answer.

        Raises:
            ContenderError: the process ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = ""
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        if not line:
            raise ContenderError(
                f"{self._module} ended with status {self._process.wait()}; "
                f"python -m {self._module} shows why."
            )
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
