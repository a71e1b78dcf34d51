"""Hours at the keys leave nothing behind in the editor but the text and the steps of undo.

The real editor, without a terminal, gets keys as fast as it takes them; with a model that plays a
script, and a piece of a reply accepted now and then.
"""

import gc
import os
import random
from pathlib import Path

import pytest
from textual.events import Key

from storytui.app.app import StorytuiApp, build_app
from storytui.app.widgets.prose_area import UNDO_STEPS
from storytui.engine.scripted import ScriptedEngine, reply
from storytui.manuscript.journal import LIMIT_BYTES
from storytui.manuscript.opening import open_manuscript
from storytui.settings import Settings

TYPED = "the lamp had been out for eleven minutes before anyone in the village noticed it"
MOST_KEYS = 200_000
"""Many hours of typing."""
KEYS_A_SECOND = 60
"""Of the time that a long test has; the editor takes some hundreds, so this one ends sooner."""
STRIDE = 40
PARAGRAPH = 400
ASKED_EVERY = 1_500
"""Keys between two replies."""
STEP_BYTES = 2_500
"""What a step of undo may take, with its text."""
AIR = 24_000_000
"""Caches of a fixed size, SQLite's pages, the allocator's air."""


class Typist:
    """Types words and paragraphs, with a slip now and then."""

    def __init__(self, app: StorytuiApp) -> None:
        self.keys = 0
        self._app = app
        self._chance = random.Random(8)
        self._ahead = ""

    def key(self) -> None:
        self.keys += 1
        if self.keys % PARAGRAPH == 0:
            self._press("enter", "\r")
        elif self._chance.random() < 0.05:
            self._press("backspace", None)
        else:
            self._ahead = self._ahead or self._chance.choice(TYPED.split()) + " "
            letter, self._ahead = self._ahead[0], self._ahead[1:]
            self._press("space" if letter == " " else letter, letter)

    def _press(self, key: str, character: str | None) -> None:
        self._app.post_message(Key(key, character))


def resident() -> int:
    """Bytes of the process in memory now."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
async def test_hours_of_typing_leave_the_editor_as_small_as_it_was(
    tmp_path: Path, budget, capsys
) -> None:
    story = tmp_path / "story.md"
    story.write_text("The lamp had been out for eleven minutes.\n\n" * 500, encoding="utf-8")
    engine = ScriptedEngine([reply("Let it.", " She waited. The sea did not.")] * 1_000)
    app = build_app(
        settings=Settings(),
        opened=open_manuscript(tmp_path / "manuscripts", story),
        engine_factory=lambda: engine,
    )
    early = text_then = steps_then = largest_journal = 0
    async with app.run_test(size=(100, 30)) as pilot:
        screen = app.writing
        while screen.flow is None or screen.status.engine not in ("loaded", "ready"):
            await pilot.pause()
        area, kept, flow = screen.area, screen.safekeeping, screen.flow
        area.cursor_blink = False
        typist = Typist(app)
        wanted = min(MOST_KEYS, max(2 * ASKED_EVERY, round(KEYS_A_SECOND * budget.seconds)))
        while typist.keys < wanted:
            for _ in range(STRIDE):
                typist.key()
            await pilot.pause()
            largest_journal = max(largest_journal, kept._writer._journal.size)
            if typist.keys % ASKED_EVERY == 0:
                await pilot.press("ctrl+g")
                while flow.room.busy:
                    await pilot.pause()
                await pilot.press("f7", "ctrl+s")
                await pilot.pause()
            if not early and typist.keys >= ASKED_EVERY:
                # By now there was one of everything.
                early, text_then = resident(), len(area.text)
                steps_then = len(area.history.undo_stack)
        while kept.archive._jobs.qsize():
            await pilot.pause()
        assert kept.flush()
        late, text = resident(), area.text
        steps = area.history.undo_stack
        edits = sum(map(len, steps))
        marks, takes = len(area.document._marks), len(flow.desk.shelf.takes)
        pending = len(kept._writer._edits)

    with capsys.disabled():
        print(
            f"\neditor: {typist.keys:,} keys, {len(text):,} characters; {len(steps):,} steps of "
            f"undo in {edits:,} edits; journal at most {largest_journal:,} bytes; memory "
            f"{early / 1e6:.1f} MB early, {late / 1e6:.1f} MB late"
        )
    assert len(steps) <= UNDO_STEPS
    assert edits < 1.5 * len(steps)
    assert takes == 1
    assert marks <= 8
    assert pending == 0
    assert largest_journal < 2 * LIMIT_BYTES
    grown = 8 * (len(text) - text_then) + STEP_BYTES * (len(steps) - steps_then)
    assert late - early < AIR + grown
