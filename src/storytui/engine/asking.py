"""Asks llama.cpp for its devices without a model, in a process that ends when it has told them."""

import contextlib
import subprocess
import threading
from collections.abc import Sequence

from storytui.engine.api import EngineError
from storytui.engine.child import COMMAND, END_SECONDS
from storytui.engine.devices import DeviceReport
from storytui.engine.endings import how_it_ended
from storytui.engine.messages import (
    PROTOCOL,
    Alive,
    BrokenPipeProtocolError,
    Channel,
    Devices,
    Failed,
    Hello,
    error_of,
    from_child,
)

SECONDS = 60.0
"""For its answer: a GPU's driver that is asked for the first time may take some."""


def ask_devices(*, command: Sequence[str] = COMMAND, seconds: float = SECONDS) -> DeviceReport:
    """What there is to run a model on, whether or not there is a model. Blocks, for some 0.4 s.

    Args:
        command: what runs as the process.
        seconds: until it is ended, whatever it does.

    Raises:
        EngineError: it cannot be started, or ends or hangs before it has told.
    """
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise EngineError(
            f"llama.cpp cannot be asked what it can run on: no process can be started "
            f"({(error.strerror or str(error)).lower()}). Close other programs and try again."
        ) from error
    assert process.stdin is not None
    assert process.stdout is not None
    channel = Channel(process.stdout, process.stdin)
    ending = threading.Timer(seconds, process.kill)
    ending.daemon = True
    ending.start()
    try:
        with contextlib.suppress(OSError, BrokenPipeProtocolError):
            channel.send(Hello(PROTOCOL))
            return _answer(channel)
    finally:
        ending.cancel()
        with contextlib.suppress(OSError):
            channel.close_writer()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            # One that is stuck in its driver is left to the system.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_SECONDS)
        channel.close()
    raise EngineError(
        f"llama.cpp {how_it_ended(process.returncode)} before it told what it can run on. Install "
        "llama-cpp-python again, or update the graphics driver."
    )


def _answer(channel: Channel) -> DeviceReport:
    while (body := channel.receive_bytes()) is not None:
        match from_child(body):
            case Devices(report):
                return report
            case Failed() as failed:
                raise error_of(failed)
            case Alive():
                continue
            case _:
                break
    raise BrokenPipeProtocolError("the process ended without an answer")
