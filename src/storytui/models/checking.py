"""Checks a model file in a short-lived process with limits on memory and time.

Run as `python -m storytui.models.checking`, it reads the header and tries the chat template once;
the half that starts it turns every way in which that can end into a sentence. What it does not
survive never reaches the editor, nor llama.cpp.

Where the system has no limits on a process (Windows), the time limit alone holds.
"""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from storytui.engine.api import ModelError
from storytui.engine.template import GreedyTemplateError, TemplateError, render_frame
from storytui.models.gguf import GgufHeader, further_parts, look_into
from storytui.models.remembering import marks_of, recall, remember

VERSION = "check-1"
"""Goes up with every change to what is checked: older verdicts are then not believed."""
COMMAND = (sys.executable, "-P", "-X", "utf8", "-m", "storytui.models.checking")
"""What runs as the checking process. -P: a file in the folder where she writes is not imported."""
MOST_ANSWER = 64 * 1024
"""Bytes of its answer that are read."""

_FORBIDDEN = (
    *("socket.", "subprocess.", "ctypes.", "shutil.", "os.exec", "os.fork", "os.posix_spawn"),
    *("os.spawn", "os.startfile", "os.system", "os.kill", "os.remove", "os.rename", "os.rmdir"),
    *("os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown", "os.putenv"),
)
"""Python's audit events, by their beginnings, that nothing in a chat template may bring about."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the checking process may use."""

    memory: int = 512 << 20
    """Bytes, above what it has when it begins."""
    cpu_seconds: int = 5
    """Of computing."""
    seconds: float = 20.0
    """Until it is ended, whatever it does."""


class Read(msgspec.Struct, frozen=True, tag=True):
    """The header is in order; the chat template is tried next."""

    header: GgufHeader


class Fault(msgspec.Struct, frozen=True, tag=True):
    """The model cannot be used; the sentence says why."""

    sentence: str


class Tried(msgspec.Struct, frozen=True, tag=True):
    """The chat template came to an end, with a prompt or without."""


_answer = msgspec.json.Decoder(Read | Fault | Tried)


def examine(
    path: Path,
    cache: Path | None,
    *,
    limits: Limits | None = None,
    command: Sequence[str] = COMMAND,
) -> GgufHeader:
    """See that a model can be given to llama.cpp. Blocks, for some 0.3 s where it is new.

    Args:
        path: the model; of a divided one, its first file.
        cache: the JSON file that good verdicts are kept in until the model changes; None: none.
        limits: what the check may use.
        command: what runs as the checking process; gets the limits and the path.

    Raises:
        ModelError: the model cannot be used, or the check did not come to an end.
    """
    try:
        # A further part that is missing is found, and named, by the check.
        parts = [path, *(each for each in further_parts(path) if each.exists())]
        marks = marks_of(parts)
    except OSError:
        marks = ()
    known = recall(cache, VERSION, path, marks, GgufHeader) if marks else None
    if known is not None:
        return known
    header = _judge(path, *run_check(f"model {path}", [path], limits or Limits(), command))
    with contextlib.suppress(OSError):
        if marks and marks_of(parts) == marks:
            remember(cache, VERSION, path, marks, header)
    return header


def run_check(
    what: str, paths: Sequence[Path], limits: Limits, command: Sequence[str]
) -> tuple[bytes, int]:
    """What a checking process answers, and the status it ends with.

    Args:
        what: what is checked, by its kind and path, for sentences.
        paths: its files.
        limits: what the process may use.
        command: what runs; gets memory and seconds of the limits, and the paths.

    Raises:
        ModelError: no process can be started.
    """
    try:
        process = subprocess.Popen(
            [*command, str(limits.memory), str(limits.cpu_seconds), *paths],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except ValueError:
        raise ModelError(f"There is no {what}. Check the path.") from None  # a NUL in it
    except OSError as error:
        raise ModelError(
            f"The {what} cannot be checked: no process can be started "
            f"({(error.strerror or str(error)).lower()}). Close other programs and try again."
        ) from error
    assert process.stdout is not None
    ending = threading.Timer(limits.seconds, process.kill)
    ending.daemon = True
    ending.start()
    try:
        answer = process.stdout.read(MOST_ANSWER + 1)
        if len(answer) > MOST_ANSWER:
            process.kill()
        return answer, process.wait()
    finally:
        ending.cancel()
        process.kill()
        process.wait()
        process.stdout.close()


def _judge(path: Path, answer: bytes, status: int) -> GgufHeader:
    """What an answer means.

    Raises:
        ModelError: anything but that the model can be used.
    """
    if len(answer) > MOST_ANSWER:
        raise ModelError(_unclear(path))
    header: GgufHeader | None = None
    for line in answer.split(b"\n"):
        try:
            said = _answer.decode(line) if line else None
        except (msgspec.MsgspecError, UnicodeDecodeError):
            # A process that is ended while it writes leaves half a line.
            said = None
        match said:
            case Fault(sentence):
                raise ModelError(sentence)
            case Read(header=found):
                header = found
            case Tried() if header is not None and status == 0:
                return header
    if header is not None:
        raise ModelError(_greedy(path))
    if status in OUT_OF_TIME:
        raise ModelError(
            f"The check of the model {path} took too long and was ended. Get the file again, or "
            "copy it to a faster drive."
        )
    raise ModelError(_unclear(path))


OUT_OF_TIME = (-9, -24)
"""Statuses of a process that was ended: SIGKILL and SIGXCPU."""


def _greedy(path: Path) -> str:
    return (
        f"The chat template of the model {path} asks for too much memory or time. "
        "Get the file from another place, or choose another model."
    )


def _unclear(path: Path) -> str:
    return f"The check of the model {path} ended without an answer. Get the file again."


# --- in the checking process ----------------------------------------------------------------------


def _check(path: Path) -> None:
    try:
        header, template = look_into(path)
        _say(Read(header))
        if template is not None:
            sys.addaudithook(_forbid)
            render_frame(template.source, bos=template.bos, eos=template.eos)
        _say(Tried())
    except ModelError as error:
        _say(Fault(str(error)))
    except GreedyTemplateError:
        _say(Fault(_greedy(path)))
    except TemplateError:
        # No fault of the model's: the plain frame is used in the template's place.
        _say(Tried())


def _say(answer: Read | Fault | Tried) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()


def _forbid(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: the sandbox lets nothing through to these, and one day it may."""
    writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wxa+")
    if writes or event.startswith(_FORBIDDEN):
        os._exit(1)


def limit_process(limits: Limits) -> None:
    """Hold this process to its limits, as far as the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + limits.cpu_seconds
    memory = _address_space() + limits.memory
    for what, most in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        # macOS takes no limit on the address space.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(what, (most, most))


def _address_space() -> int:
    """Bytes of this process's address space; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def main(arguments: Sequence[str]) -> None:
    """Check one model: bytes of memory, seconds of computing, path."""
    memory, cpu_seconds, path = arguments
    limit_process(Limits(memory=int(memory), cpu_seconds=int(cpu_seconds)))
    _check(Path(path))


if __name__ == "__main__":
    main(sys.argv[1:])
