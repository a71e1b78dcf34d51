"""What a command prints commands no terminal, and reaches a file exactly."""

import io

import pytest

from storytui.commands.ending import fail
from storytui.commands.printing import write

HOSTILE = "a\x1b]52;c;aGk=\x07\x9b2J\u202eb\udce9\ud800"


class Output(io.TextIOWrapper):
    """A standard output that is a terminal, or not."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    @property
    def written(self) -> bytes:
        raw = self.buffer
        assert isinstance(raw, io.BytesIO)
        return raw.getvalue()


def test_a_terminal_is_shown_what_would_command_it() -> None:
    output = Output(terminal=True)
    write(output, HOSTILE)
    assert output.written.decode() == "a␛]52;c;aGk=␇⟨U+009B⟩2J⟨U+202E⟩b⟨E9⟩⟨U+D800⟩"


def test_a_pipe_gets_every_character_and_every_byte_of_a_file() -> None:
    output = Output(terminal=False)
    write(output, HOSTILE)
    assert output.written == "a\x1b]52;c;aGk=\x07\x9b2J\u202eb".encode() + b"\xe9\xef\xbf\xbd"


def test_an_error_is_one_visible_line_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    fail(f"There is no file {HOSTILE}\nhere.")
    printed = capsys.readouterr().err
    assert printed == (
        "storytui: There is no file a␛]52;c;aGk=␇⟨U+009B⟩2J⟨U+202E⟩b⟨E9⟩⟨U+D800⟩␊here.\n"
    )


def test_a_wrong_command_line_is_repeated_visibly(capsys: pytest.CaptureFixture[str]) -> None:
    from storytui.cli import main

    with pytest.raises(SystemExit):
        main(["a.md", "b\x1b[2J\u202e.md"])
    printed = capsys.readouterr().err
    assert "␛[2J⟨U+202E⟩" in printed
    assert "\x1b" not in printed
