"""Sessions of the whole editor at one manuscript, one after the other or side by side."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from storytui.app import safekeeping
from storytui.manuscript import opening
from storytui.manuscript.history import History
from storytui.manuscript.home import find_home
from storytui.manuscript.journal import read_journal
from storytui.manuscript.opening import open_manuscript

Sessions = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "manuscripts"


@pytest.fixture
def session(start: Any, root: Path, story_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sessions:
    """Open the editor at a path; who leaves it without quitting has crashed.

    All sessions are this process; each has another name, and none is found to run after its end.
    """
    running: set[str] = set()
    names = iter(f"session-{number}" for number in range(100))

    @asynccontextmanager
    async def session(
        path: Path | None = story_path, *, encoding: str | None = None, **arguments: Any
    ) -> AsyncIterator[Any]:
        name = next(names)
        monkeypatch.setattr(safekeeping, "session_name", lambda: name)
        monkeypatch.setattr(opening, "session_runs", running.__contains__)
        opened = open_manuscript(root, path, encoding=encoding)
        running.add(name)
        try:
            async with start(story_file=opened, **arguments) as editor:
                yield editor
        finally:
            running.discard(name)

    return session


@pytest.fixture
def versions(root: Path) -> Callable[[Path], list[str]]:
    """The texts that the history of the manuscript at a path holds, the newest first."""

    def read(path: Path) -> list[str]:
        home = find_home(root, path)
        assert home is not None
        history = History(home.history_path)
        try:
            return [history.text(each.number) for each in history.versions()]
        finally:
            history.close()

    return read


@pytest.fixture
def journalled() -> Callable[[Any], str]:
    """The text that would be recovered if the editor were gone now."""

    def read(editor: Any) -> str:
        kept = editor.screen.safekeeping
        assert kept.flush()
        recovered = read_journal(kept._writer.path)
        assert recovered is not None
        return recovered.text

    return read


@pytest.fixture
def answer() -> Callable[..., Awaitable[None]]:
    """Wait for a question, and answer it."""

    async def answered(editor: Any, kind: type, result: str | Path | None) -> None:
        await editor.until(lambda: isinstance(editor.app.screen, kind))
        asked = editor.app.screen
        asked.dismiss(result)
        await editor.until(lambda: editor.app.screen is not asked)

    return answered
