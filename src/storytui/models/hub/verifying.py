"""Holds files in the cache against the Hub's record; only for the process that talks to the Hub."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from storytui.models.hub.cache import size_of
from storytui.models.hub.errors import Trouble
from storytui.models.hub.faults import FaultError, explained, of_disk, shown, troubles
from storytui.models.hub.hashing import read_and_remembered
from storytui.models.hub.messages import Answer, Verdict, Verify
from storytui.models.hub.meter import Meter
from storytui.models.hub.records import is_etag
from storytui.models.hub.session import record

_NO_ANSWER: tuple[Trouble, ...] = ("offline", "unreachable", "busy", "missing", "gated", "refused")
"""Ways in which the Hub says nothing about the file."""


def verify(order: Verify, say: Callable[[Answer], None]) -> Verdict:
    """Read the files and compare.

    Raises:
        FaultError: one of them is not here, or there is nothing to hold it against.
    """
    paths = [Path(each) for each in order.paths]
    for path in paths:
        if not path.is_file():
            raise FaultError(f"There is no model {shown(str(path))}. Check the path.", "missing")
    wanted, against = _wanted(order, paths)
    meter = Meter(say, sum(size_of(path) for path in paths))
    hashes = Path(order.hashes) if order.hashes else None
    before, wrong = 0, []
    for path, sha256 in zip(paths, wanted, strict=True):
        name = shown(path.name)

        def told(done: int, before: int = before, name: str = name) -> None:
            meter.at("checking", before + done, name)

        try:
            if read_and_remembered(path, hashes, told) != sha256:
                wrong.append(name)
        except OSError as error:
            fault = of_disk(error, str(path))
            raise FaultError(fault.sentence, fault.trouble) from None
        before += size_of(path)
    return Verdict(good=not wrong, against=against, wrong=tuple(wrong))


def _wanted(order: Verify, paths: list[Path]) -> tuple[list[str], Literal["hub", "name"]]:
    """The sha256 of each file, and who says so."""
    if not order.offline:
        try:
            said = record(order.repository, order.commit)
        except troubles() as error:
            fault = explained(error, order.repository)
            if fault.trouble not in _NO_ANSWER:
                raise FaultError(fault.sentence, fault.trouble, fault.address) from None
        else:
            by_name = {each.name: each.sha256 for each in said.files}
            wanted = [by_name.get(name, "") for name in order.names]
            if all(wanted):
                return wanted, "hub"
    names = [path.resolve().name for path in paths]
    if all(is_etag(name) and len(name) == 64 for name in names):
        return names, "name"
    raise FaultError(
        f"There is no record to hold {shown(paths[0].name)} against: the Hub was not asked, and "
        "the cache keeps it by its own name only. Try again with a connection.",
        "unusable",
    )
