"""The running editor is killed, and next time what was typed is there.

Each round the real editor runs in a real terminal, a writer types, saves, accepts and undoes at
speed, and at a random moment it ends: by a signal, or because its terminal is closed. What the
next start finds must be, character for character, the text after one of the things she did, of
those of the last two seconds at the earliest; so every word before is there, in order, and once.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tmux import Tmux, needs_tmux, status_line, words
from typist import Step, Typist, last_word

from storytui import folders
from storytui.manuscript.opening import Opened, open_manuscript

PROGRAM = Path(__file__).with_name("editor_to_kill.py")
KINDS = ("SIGKILL", "SIGTERM", "SIGHUP", "terminal closed")
AT_MOST_MS = 2000.0 if os.environ.get("STORYTUI_TORTURE_ROUNDS") else 5000.0
"""From when a key is sent, so the way through terminal and program counts as well. Where other
work shares the machine, as in `make check`, that way alone may take seconds."""
ROUNDS_A_STORY = 20
PARAGRAPH = "The lamp had been out for eleven minutes before anyone in the village noticed.\n\n"
PARAGRAPHS = (0, 100, 10_000)
"""In the stories, one after the other."""
STARTING = 0.15
"""Share of the kills that come while the editor starts."""
RECOVERED, INTERRUPTED = "was not closed properly", "was interrupted at"


@dataclass(slots=True)
class Figures:
    """What a kind of kill cost."""

    missing: list[float] = field(default_factory=list)
    """Milliseconds of typing, for each round."""
    ending: list[float] = field(default_factory=list)
    """Seconds the editor took to end."""
    starting: int = 0
    """Rounds that ended before anything was typed."""

    def __str__(self) -> str:
        ordered = sorted(self.missing)
        some = [each for each in ordered if each]
        middle, most = ordered[len(ordered) // 2], ordered[-1]
        nine = ordered[len(ordered) * 9 // 10]
        return (
            f"{len(ordered):3} rounds ({self.starting} while starting), {len(some):3} with some "
            f"typing missing; median {middle:4.0f} ms, nine in ten {nine:4.0f}, worst {most:4.0f}; "
            f"ended within {max(self.ending):.2f} s"
        )


class Rounds:
    """One story, through many editors."""

    def __init__(self, path: Path, paragraphs: int, chance: random.Random) -> None:
        self.path = path
        self.cursor_off = 0
        """The most characters that the cursor came back away from where it was."""
        self.recovered = 0
        """Rounds after which there was something to recover."""
        self._chance = chance
        self._word = self._round = 0
        self._on_disk = self._text = PARAGRAPH * paragraphs
        if paragraphs:
            path.write_text(self._text, encoding="utf-8")

    def one(self, kind: str, figures: Figures) -> None:
        """Start, type, kill, and look what is there."""
        self._round += 1
        answers = self._round * 100
        starting = self._chance.random() < STARTING
        with terminal(self.path, answers) as there:
            editor = there.process()
            typist = Typist(there, self._chance, self._text, self._word, answers)
            over = threading.Event()
            end = End(there, kind, editor, over)
            if starting:
                end.after(self._chance.uniform(0.0, 1.5))
                end.wait()
            else:
                self._begin(there)
                end.after(self._chance.uniform(0.3, 4.0))
                typist.write(over)
                end.wait()
        self._word = typist.word
        self._judge(kind, typist.steps, end, figures)
        figures.starting += starting
        figures.ending.append(end.took)

    def _begin(self, there: Tmux) -> None:
        """Answer what is asked, and go to the story's end; what was recovered is on the page."""
        if self._text != self._on_disk:
            there.wait_until(lambda screen: RECOVERED in screen, "what was recovered")
            there.keys("k")
            there.wait_until(lambda screen: RECOVERED not in screen, "the page")
        if self._interrupted:
            there.wait_until(lambda screen: INTERRUPTED in screen, "the interrupted save")
            there.keys("h")
            there.wait_until(lambda screen: INTERRUPTED not in screen, "the page")
        count = len(self._text.split())
        there.wait_until(
            lambda screen: words(screen) == count and _model_is_there(status_line(screen)),
            f"the page with {count} words",
        )
        there.keys("C-End")

    _interrupted = False

    def _judge(self, kind: str, steps: list[Step], end: "End", figures: Figures) -> None:
        opened = self._open()
        assert opened.holder is None, "a killed editor is taken for a living one"
        on_disk = opened.story_file.text
        text = on_disk if opened.recovered is None else opened.recovered.text
        reached = self._reached(text, steps)
        self._check_saved(on_disk, steps, end.at)

        late = [each.sent for each in steps[reached + 1 :] if each.sent < end.at]
        # A step that was reached in part is missing in part.
        missing = (end.at - late[0]) * 1000 if late else 0.0
        figures.missing.append(missing)
        seen = [each for each in steps if f"w{end.shown:06}" in each.tail]
        if kind != "SIGKILL" and seen:
            assert reached >= steps.index(seen[0]), (
                f"{kind}: w{end.shown:06} was on the screen and is missing, {missing:.0f} ms"
            )
        assert missing < AT_MOST_MS, f"{kind}: {missing:.0f} ms of typing are missing"

        if opened.recovered is not None and text != on_disk:
            self.recovered += 1
            if opened.recovered.cursor is not None and len(steps) > 1:
                row, column = opened.recovered.cursor.place
                rest = text.split("\n")[row:]
                self.cursor_off = max(self.cursor_off, len("\n".join(rest)) - column)
        self._interrupted = bool(opened.leftovers)
        self._text, self._on_disk = text, on_disk

    def _open(self) -> Opened:
        """What the next start would find."""
        opened = open_manuscript(folders.manuscripts_folder(), self.path)
        assert not opened.problem
        if opened.lock is not None:
            opened.lock.release()
        return opened

    def _reached(self, text: str, steps: list[Step]) -> int:
        """The last of the steps whose text this is; the next one may be there in part."""
        assert text.startswith(self._text), "what was there before the start is not any more"
        tail = text[len(self._text) :]
        for at in range(len(steps) - 1, -1, -1):
            if steps[at].tail == tail:
                return at
        for at in range(len(steps) - 2, -1, -1):
            shorter, longer = sorted((steps[at].tail, steps[at + 1].tail), key=len)
            begun = longer.startswith(tail) and tail.startswith(shorter)
            if begun and not steps[at + 1].whole:
                return at
        last = steps[-1].tail
        pairs = zip(tail, last, strict=False)
        same = next((at for at, (one, other) in enumerate(pairs) if one != other), 0)
        pytest.fail(
            f"the story never was so; {same} characters are as they were last, "
            f"then comes {tail[same:][:60]!r}, not {last[same:][:60]!r}"
        )

    def _check_saved(self, on_disk: str, steps: list[Step], end: float) -> None:
        """The file is what it was, or what stood on the page when a save was done."""
        saves = [at for at, each in enumerate(steps) if each.saves]
        if on_disk == self._on_disk:
            at = 0
        else:
            at = self._reached(on_disk, steps)
            # A save that waited has what was typed meanwhile.
            assert any(at >= each for each in saves), f"never saved so: {on_disk[-120:]!r}"
        due = [at for at in saves if steps[at].sent < end - AT_MOST_MS / 1000]
        assert not due or at >= due[-1] or on_disk == self._text + steps[due[-1]].tail, (
            f"what was saved is not in the file, which ends {on_disk[-120:]!r}"
        )


class End:
    """The end of an editor, at a moment of its own."""

    def __init__(self, there: Tmux, kind: str, editor: int, over: threading.Event) -> None:
        self.at = 0.0
        """When it was told, by the monotonic clock; just before."""
        self.shown = -1
        """The last word that was on the screen before."""
        self.took = 0.0
        """Seconds until it was gone."""
        self._there, self._kind, self._editor, self._over = there, kind, editor, over
        self._timer: threading.Timer | None = None

    def after(self, seconds: float) -> None:
        """Come then."""
        self._timer = threading.Timer(seconds, self._come)
        self._timer.start()

    def wait(self) -> None:
        """Until the editor is gone."""
        assert self._timer is not None
        self._timer.join()
        deadline = time.monotonic() + 60
        while runs(self._editor):
            assert time.monotonic() < deadline, f"the editor lives on after {self._kind}"
            time.sleep(0.005)
        self.took = time.monotonic() - self.at

    def _come(self) -> None:
        self.shown = last_word(self._there.screen())
        self.at = time.monotonic()
        if self._kind == "terminal closed":
            self._there.close()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._editor, signal.Signals[self._kind])
        self._over.set()


@contextlib.contextmanager
def terminal(path: Path, answers: int) -> Iterator[Tmux]:
    """The editor in a terminal."""
    started = Tmux([sys.executable, PROGRAM, path, str(answers)])
    try:
        yield started
    finally:
        started.close()


def runs(process: int) -> bool:
    """Whether a process runs; one that has ended does not, waited for or not."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
    )
    return state.stdout.strip()[:1] not in ("", "Z")


def _model_is_there(line: str) -> bool:
    """Whether a status line says that the model has nothing to do; it may have read or not."""
    return "loaded" in line or "ready" in line


@needs_tmux
def test_of_a_killed_editor_at_most_two_seconds_are_missing(
    tmp_path: Path, budget, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random()
    wanted = int(os.environ.get("STORYTUI_TORTURE_ROUNDS", "0"))
    figures = {kind: Figures() for kind in KINDS}
    stories: list[Rounds] = []
    done = 0
    while done < (wanted or len(KINDS)) or (not wanted and not budget.spent):
        if done % ROUNDS_A_STORY == 0:
            paragraphs = PARAGRAPHS[len(stories) % len(PARAGRAPHS)]
            stories.append(Rounds(tmp_path / f"story-{len(stories)}.md", paragraphs, chance))
        kind = KINDS[done % len(KINDS)]
        stories[-1].one(kind, figures[kind])
        done += 1

    with capsys.disabled():
        print(f"\nkills: {done} rounds, {sum(each.recovered for each in stories)} recoveries")
        for kind, each in figures.items():
            print(f"  {kind:15} {each}")
        print(f"  the cursor came back {max(each.cursor_off for each in stories)} away at most")
