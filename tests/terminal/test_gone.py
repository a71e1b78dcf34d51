"""A terminal that is gone keeps nobody waiting."""

import io
import threading

from storytui.app.terminal import TerminalWriter


class Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


def test_what_is_written_to_a_terminal_that_is_gone_goes_nowhere() -> None:
    def write() -> None:
        writer = TerminalWriter(Gone())
        writer.start()
        for _ in range(1000):
            writer.write("text")
        writer.stop()

    done = threading.Thread(target=write, daemon=True)
    done.start()
    done.join(20)

    assert not done.is_alive()
