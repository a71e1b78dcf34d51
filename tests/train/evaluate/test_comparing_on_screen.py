"""A blind comparison in a real terminal, and the command round it."""

import argparse
import os
import pty
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from scripted_models import rows

from storytui_train.commands import compare as command
from storytui_train.errors import EvaluateError, RecipeError
from storytui_train.evaluate.judgements import NAME, Judgement, add, load


class Terminal:
    """`compare` in a pseudo-terminal."""

    def __init__(self, rows_file: Path, out: Path) -> None:
        self.master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, 120))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        environment.pop("COLUMNS", None)
        environment.pop("LINES", None)
        self.process = subprocess.Popen(
            [
                sys.executable,
                str(Path(__file__).with_name("comparing_run.py")),
                str(rows_file),
                str(out),
            ],
            stdin=slave,
            stdout=slave,
            stderr=subprocess.PIPE,
            env=environment,
            process_group=0,
        )
        self.seen = ""

    def until(self, text: str) -> str:
        """Read until something is shown; all that was shown for it."""
        seen = ""
        while text not in seen:
            assert select.select([self.master], [], [], 60)[0], f"no {text!r} in {seen!r}"
            seen += os.read(self.master, 65536).decode("utf-8", "replace")
        self.seen += seen
        return seen

    def send(self, keys: str, then: str) -> str:
        os.write(self.master, keys.encode())
        return self.until(then)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in rows(2)))
    return path


@pytest.fixture
def screen(file: Path, tmp_path: Path) -> Iterator[Terminal]:
    shown = Terminal(file, tmp_path / "out")
    yield shown
    shown.close()


def test_pairs_are_judged_in_a_terminal_which_is_as_it_was_afterwards(
    screen: Terminal, tmp_path: Path
) -> None:
    first = screen.until("q quit")
    assert "She waited." in first
    assert "She went." in first
    assert not termios.tcgetattr(screen.slave)[3] & termios.ECHO
    left = "one" if first.index("She waited.") < first.index("She went.") else "two"
    screen.send("1", "How far does the left one")
    screen.send("2", "How far does the right one")
    screen.send("3", "2 of 2")
    (kept,) = load(tmp_path / "out" / NAME)
    assert kept.better == f"sha-{left}"
    assert kept.paces[f"sha-{left}"] == "enough"
    screen.send("0", "left one")
    screen.send("2", "right one")
    screen.send("2", "All pairs are judged.")
    said = screen.send("q", "The take on the left")
    assert "one against two, 2 pairs:" in said
    assert screen.process.wait(60) == 0
    assert termios.tcgetattr(screen.slave) == screen.before


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 0)])
def test_a_signal_leaves_the_terminal_as_it_was_and_what_was_said(
    screen: Terminal, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    screen.until("q quit")
    screen.send("1", "left one")
    screen.send("2", "right one")
    screen.send("3", "2 of 2")
    screen.process.send_signal(number)
    screen.until("\x1b[?1049l")
    assert screen.process.wait(60) == status
    assert termios.tcgetattr(screen.slave) == screen.before
    assert len(load(tmp_path / "out" / NAME)) == 1


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    command.add_options(parser)
    return command.run(parser.parse_args([str(each) for each in arguments]))


def test_two_models_and_a_terminal_are_needed(file: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="Two models are compared"):
        run(file, "--model", "built-in")
    with pytest.raises(EvaluateError, match="this is none; --results"):
        run(file, "--model", "built-in", "--model", "other", "--out", tmp_path)
    with pytest.raises(EvaluateError, match="Nothing was judged yet"):
        run(file, "--results")


def test_results_are_told_as_lines_and_as_json(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = file.parent / "comparison"
    folder.mkdir()
    for number in range(4):
        add(
            folder / NAME,
            Judgement(
                pair=f"p{number}",
                row=f"r{number}",
                book=f"b{number % 2}",
                models={"a": "New\x9b\u202e", "b": "Old"},
                better="a",
                paces={"a": "enough", "b": "too much"},
                left="ab"[number % 2],
            ),
        )
    assert run(file, "--results") == 0
    text = capsys.readouterr().out
    assert text.startswith("New")
    assert "against Old, 4 pairs:" in text
    assert run(file, "--results", "--json") == 0
    text += (raw := capsys.readouterr().out)
    assert "\x9b" not in text
    assert "\u202e" not in text
    (found,) = msgspec.json.decode(raw)
    assert found["first"] == "New\x9b\u202e"
    assert found["better"] == [4, 0, 0]
    assert found["preferred"]["mean"] == 100
    assert found["left"]["mean"] == 50


@pytest.mark.parametrize("name", ["evaluate", "compare"])
def test_commands_bring_nothing_heavy(name: str) -> None:
    code = f"import sys, storytui_train.commands.{name}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"msgspec", "numpy", "matplotlib", "datatrove", "pyarrow", "httpx", "gguf"}
    assert not heavy & {*done.stdout.split()}
