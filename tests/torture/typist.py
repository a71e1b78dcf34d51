"""A writer who knows at every moment what ought to stand in her story.

She only ever writes at its end: numbered words, paragraphs, accepted answers, things undone. So
what she wrote since the editor was started is one string, the tail.
"""

import random
import re
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storytui.story.joining import join

if TYPE_CHECKING:  # the editor that is killed takes only the answers from here
    from tmux import Tmux

WORDS_A_SECOND = (15.0, 30.0)
PATIENCE_SECONDS = 60.0


def answer(number: int) -> str:
    """The model's answer with this number."""
    return f"a{number:06} came in."


@dataclass(frozen=True, slots=True)
class Step:
    """Something she did."""

    sent: float
    """When it was given to the terminal, by the monotonic clock; before it was, by a little."""
    tail: str
    """What the tail ought to be once the editor has done it."""
    whole: bool = False
    """Whether the editor does it at once or not at all."""
    saves: bool = False


class Typist:
    """Types into one editor until it is over."""

    def __init__(
        self, terminal: "Tmux", chance: random.Random, base: str, word: int, answers: int
    ) -> None:
        """Write at the end of `base`; words are numbered from `word` on, answers from `answers`."""
        self.steps = [Step(0.0, "", whole=True)]
        self.word = word
        self._terminal = terminal
        self._chance = chance
        self._base = base
        self._answer = answers

    @property
    def _tail(self) -> str:
        return self.steps[-1].tail

    def write(self, over: threading.Event) -> None:
        """Type until it is over; what the terminal does not take any more was not typed."""
        pace = 1 / self._chance.uniform(*WORDS_A_SECOND)
        # What is undone is an accepted answer: how much of her typing a step of undo takes depends
        # on the pauses in it, and a busy machine makes pauses.
        acts = (self._type_word, self._paragraph, self._save, self._go_on)
        try:
            while not over.is_set():
                begun = time.monotonic()
                (act,) = self._chance.choices(acts, (80, 6, 6, 8))
                act(over)
                over.wait(max(0.0, begun + pace - time.monotonic()))
        except subprocess.CalledProcessError:
            if not over.wait(PATIENCE_SECONDS):
                raise

    def _step(self, tail: str, *keys: str, whole: bool = False, saves: bool = False) -> None:
        self.steps.append(Step(time.monotonic(), tail, whole, saves))
        self._terminal.keys(*keys)

    def _type_word(self, _over: threading.Event) -> None:
        word = f" w{self.word:06}"
        self.word += 1
        self.steps.append(Step(time.monotonic(), self._tail + word))
        self._terminal.type(word)

    def _paragraph(self, _over: threading.Event) -> None:
        self._step(self._tail + "\n\n", "Enter", "Enter")

    def _save(self, _over: threading.Event) -> None:
        self._step(self._tail, "C-s", whole=True, saves=True)

    def _go_on(self, over: threading.Event) -> None:
        before, answered = self._tail, answer(self._answer)
        self._answer += 1
        self._terminal.keys("C-g")
        if not self._comes(answered.split()[0], over):
            return
        joined = join((self._base + before)[-4000:], answered, "", first=True)
        assert not joined.drop
        self._step(before + joined.text, "Tab", whole=True)
        if self._chance.random() < 0.3:
            self._step(before, "C-z", whole=True)

    def _comes(self, token: str, over: threading.Event) -> bool:
        """Wait for an answer, and for its end; whether it came before it was over."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not over.wait(0.02):
            screen = self._terminal.screen()
            if token in screen and ("loaded" in screen or "ready" in screen):
                return True
            if time.monotonic() > deadline:
                # Somebody ended the editor in this moment, or it hangs.
                assert over.wait(PATIENCE_SECONDS), f"{token} did not come:\n{screen}"
        return False


def last_word(screen: str) -> int:
    """The number of the last word that a screen shows; -1 where there is none."""
    return max(map(int, re.findall(r"\bw(\d{6})\b", screen)), default=-1)
