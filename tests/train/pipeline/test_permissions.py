"""Files and folders that may not be read or written: said by name, and other sources go on."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

DROP = "--bounding-set=-dac_override,-dac_read_search"
"""What lets an administrator read everything; without it she is told no like anybody."""

pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid") or (os.geteuid() == 0 and not shutil.which("setpriv")),
    reason="permissions are not asked for an administrator, and there is no setpriv",
)


def train(*argv: object) -> subprocess.CompletedProcess[str]:
    """Run a command as somebody to whom permissions apply."""
    command = [sys.executable, "-m", "storytui_train.cli", *map(str, argv)]
    if os.geteuid() == 0:
        command = ["setpriv", DROP, *command]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def closed(shelf: Path) -> Iterator[Path]:
    """Among what can be read, a folder and a file that cannot."""
    folder = shelf / "closed"
    folder.mkdir()
    first = sorted(shelf.glob("*.md"))[0]
    shutil.copy(first, folder / "inside.md")
    shutil.copy(first, shelf / "unread.md")
    (shelf / "unread.md").chmod(0)
    folder.chmod(0)
    yield shelf
    folder.chmod(0o755)


def test_what_may_not_be_read_is_said_and_other_sources_go_on(closed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = train("prepare", closed, "--out", out, "--any-kind", "--context-sentences", 10)
    assert done.returncode == 0, done.stderr
    assert "closed may not be read. Change its permissions, or leave it out." in done.stderr
    assert "unread.md may not be read." in done.stderr
    assert (out / "chunks.jsonl").stat().st_size


def test_where_nothing_may_be_read_nothing_comes_out(closed: Path, tmp_path: Path) -> None:
    done = train("prepare", closed / "closed", "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "closed may not be read." in done.stderr.splitlines()[-1]
    assert not (tmp_path / "out" / "chunks.jsonl").exists()


def test_a_working_folder_that_may_not_be_written_is_said(shelf: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    out.chmod(0o555)
    done = train("prepare", shelf, "--out", out)
    assert done.returncode == 1
    assert "Permission denied" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(out.iterdir()) == []
