"""The real editor in a real terminal, full of hostile strings: every byte that it sends is read."""

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from hostile import as_bytes, hostile_strings, in_one_line
from terminal_stream import Seen, read_stream

COUNT, AT_ONCE = 500, 125
SESSIONS = [hostile_strings(COUNT)[start : start + AT_ONCE] for start in range(0, COUNT, AT_ONCE)]
DEADLINE = 120.0
"""Seconds after which a session is given up."""
COLUMNS, ROWS = 220, 24
MARKER = re.compile(r"m\d{4}#")


class Terminal:
    """A program in a terminal of its own; keeps every byte that comes out."""

    def __init__(self, command: list[str], cwd: Path) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.sent = bytearray()
        self._to_type = bytearray()
        self._process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=cwd,
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            start_new_session=True,
        )
        os.close(theirs)

    def paste(self, data: bytes) -> None:
        """Paste, as a terminal does that was asked for brackets."""
        self._to_type += b"\x1b[200~" + data + b"\x1b[201~"

    def run(self, *, paste_when: Path | None = None, pastes: list[bytes] | None = None) -> int:
        """Read until the program ends; returns its exit status."""
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            if pastes and paste_when is not None and paste_when.exists():
                for data in pastes:
                    self.paste(data)
                pastes = None
            writers = [self._ours] if self._to_type else []
            readable, writable, _ = select.select([self._ours], writers, [], 0.05)
            if writable:
                written = os.write(self._ours, self._to_type[:512])
                del self._to_type[:written]
            if readable:
                try:
                    data = os.read(self._ours, 65536)
                except OSError:  # Linux says so when the other end is closed
                    data = b""
                if not data:
                    return self._process.wait(timeout=10)
                self.sent += data
        self._process.kill()
        raise AssertionError(f"the program did not end; it sent last {bytes(self.sent[-300:])!r}")

    def close(self) -> None:
        """End what may still run."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._ours)


def run_editor(strings: list[str], folder: Path) -> Seen:
    """One session of the editor with all of `strings` in it."""
    given = folder / "strings.json"
    given.write_text(json.dumps(strings), encoding="ascii")
    program = Path(__file__).with_name("hostile_editor.py")
    terminal = Terminal([sys.executable, str(program), str(given), str(folder)], folder)
    # What ends a paste cannot be in one: the terminal takes it out.
    groups = (strings[at : at + 10] for at in range(0, len(strings), 10))
    pastes = [as_bytes("\n".join(group)).replace(b"\x1b[201~", b"") for group in groups]
    try:
        status = terminal.run(paste_when=folder / "paste", pastes=[*pastes, b"PASTED"])
    finally:
        terminal.close()
    assert status == 0, bytes(terminal.sent[-2000:]).decode("utf-8", "replace")
    return read_stream(bytes(terminal.sent))


@pytest.mark.parametrize("number", range(len(SESSIONS)))
def test_nothing_but_text_reaches_the_terminal(number: int, tmp_path: Path) -> None:
    strings = SESSIONS[number]
    seen = run_editor(strings, tmp_path)
    assert seen.faults == []
    shown = set(MARKER.findall("\n".join(seen.text)))
    assert shown >= {each[:6] for each in strings}, "a string was never shown"
    assert len(seen.copied) == 1
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", seen.copied[0])
    assert not (tmp_path / "actions").exists(), "a text ran an action"


COMMAND = """
import json, sys
from argparse import Namespace
from pathlib import Path
from storytui import folders
from storytui.cli import main
from storytui.commands.headless import run_continue, run_prompt
from storytui.engine.scripted import ScriptedEngine, reply

def options(**given):
    names = "model context gpu_layers threads kv_type allow_partial remote remote_model format"
    asked = dict.fromkeys((*names.split(), "words", "seed", "temperature", "reasoning_tokens"))
    asked |= dict.fromkeys(("guidance", "adapter", "adapter_scale"))
    asked |= {"at": "end", "json": False}
    return Namespace(**asked | {"stream": False, "show_reasoning": True} | given)

for line, text in json.load(open(sys.argv[1], encoding="ascii")):
    settings = folders.settings_file()
    settings.parent.mkdir(parents=True, exist_ok=True)
    values = json.dumps(text.encode("utf-8", "replace").decode())
    for table in ("editor", "model", "keys"):
        name = {"editor": "theme", "model": "path", "keys": "go-on"}[table]
        settings.write_text(f"[{table}]\\n{name} = {values}\\n", encoding="utf-8")
        main(["config", "show"])
    settings.write_text(line.encode("utf-8", "replace").decode(), encoding="utf-8")
    main(["config", "show"])
    settings.unlink()
    main(["continue", line])
    main(["continue", line, "--format", line])
    Path("story.md").write_text("One. " + text, encoding="utf-8", errors="surrogatepass")
    engine = lambda settings: ScriptedEngine([reply(text, text)])
    for asked in ({}, {"json": True}, {"stream": True, "guidance": text}):
        run_continue(options(file="story.md", **asked), engine)
    run_prompt(options(file="story.md"), engine)
    try:
        main([line, line])
    except SystemExit:
        pass
"""


def test_no_command_says_anything_but_text_to_a_terminal(tmp_path: Path) -> None:
    strings = SESSIONS[0]
    given = tmp_path / "strings.json"
    lines = [(in_one_line(text), text) for text in strings]
    given.write_text(json.dumps(lines), encoding="ascii")
    terminal = Terminal([sys.executable, "-c", COMMAND, str(given)], tmp_path)
    try:
        status = terminal.run()
    finally:
        terminal.close()
    assert status == 0, bytes(terminal.sent[-2000:]).decode("utf-8", "replace")
    seen = read_stream(bytes(terminal.sent))
    assert seen.faults == []
    assert set(MARKER.findall("\n".join(seen.text))) >= {text[:6] for text in strings}


def test_the_reader_finds_what_it_looks_for() -> None:
    for part in ("\x1b[2J", "\x1b]0;x\x07", "\x1bP", "\x9b2J", "\u202e", "\x00", "\x1b[?5h"):
        assert read_stream(f"a\x1b[1mb{part}c".encode()).faults
    assert read_stream(b"a\xf0\x9f").faults
    assert read_stream("a\x1b[1mb\x1b[2;3H日".encode()) == Seen(text=["ab", "日"])
