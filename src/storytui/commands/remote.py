"""`storytui remote`: which servers story text may be sent to; and the question at a terminal."""

import argparse
import sys

from storytui import folders
from storytui.commands.ending import USAGE_ERROR, fail
from storytui.commands.kept import print_json, print_lines
from storytui.commands.printing import write
from storytui.consent import agree, hosts, take_back
from storytui.engine.api import ConsentNeededError, Engine, EngineError


def run_remote(options: argparse.Namespace) -> int:
    """Allow a server, take that back, or list the allowed ones; returns the exit status."""
    from storytui.engine.remote import is_her_own, parse_address

    try:
        folder = folders.state_folder()
        if options.verb == "list":
            return _list(hosts(folder), json=options.json)
        host = parse_address(options.host).host
        if options.verb == "allow":
            agree(folder, host)
            print_lines([f"Story text may be sent to {host}."])
            if is_her_own(host):
                print_lines(["It seems to be a machine of your own, which is not asked about."])
        elif take_back(folder, host):
            print_lines([f"Story text is not sent to {host} any more before you are asked."])
        else:
            return fail(f"{host} was not allowed before. See which are: storytui remote list")
    except EngineError as error:
        return fail(error, USAGE_ERROR)
    except OSError as error:
        return fail(f"That was not kept: {error.strerror}.")
    return 0


def _list(allowed: list[str], *, json: bool) -> int:
    if json:
        print_json({"hosts": allowed})
    else:
        print_lines(allowed or ["Story text may be sent to no server but those of your own."])
    return 0


def load_when_agreed(engine: Engine) -> None:
    """Load the model; where it is on a server not her own, she is asked first, once.

    Raises:
        EngineError: the model cannot be loaded, or she did not agree.
    """
    try:
        engine.load()
    except ConsentNeededError as error:
        _ask(error.host)
        engine.load()


def _ask(host: str) -> None:
    """Ask at the terminal whether story text may be sent to a server, and remember a yes.

    Raises:
        EngineError: there is no terminal, the answer is no, or it cannot be kept.
    """
    would = f"Story text would be sent to {host}, which is not a machine of your own."
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise EngineError(f"{would} To agree to that once: storytui remote allow {host}")
    write(sys.stderr, f"{would} Send it there, now and from now on? (y/n) ")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise EngineError("Nothing was sent.")
    try:
        agree(folders.state_folder(), host)
    except OSError as error:
        raise EngineError(
            f"Your answer cannot be kept ({error.strerror}), so nothing was sent."
        ) from error
