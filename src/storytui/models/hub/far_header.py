"""Reads a model's header where it lies on the Hub, and nothing of its weights.

Only for the process that talks to the Hub.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from storytui.models import gguf_layout as layout
from storytui.models.gguf_reading import Contents, GgufFaultError, HeaderGoesOnError, read_contents
from storytui.models.gguf_rules import check_model, check_part, parts_of
from storytui.models.hub.far_file import BrokenOffError, FarFile, located, pieces
from storytui.models.hub.faults import FaultError, asked_to_wait, is_passing, shown, troubles
from storytui.models.hub.messages import PATIENCE, Measure, Measured
from storytui.models.shape import shape_of

FIRST_BYTES = 1 << 20
"""What is asked for first; each further request doubles what is here."""
_TRIES = PATIENCE[:3]

_Got = TypeVar("_Got")


def measure(order: Measure) -> Measured:
    """The shape of a model, by the headers of all its parts.

    Raises:
        FaultError: it is no model that can be used, or the Hub does not give it.
        httpx2.HTTPError: the Hub cannot be reached or refuses.
    """
    record = order.record
    sizes = {each.name: each.size for each in record.files}
    headers: list[Contents] = []
    fetched = 0
    for number, name in enumerate(order.files):
        size = sizes[name]

        def locate(name: str = name, size: int = size) -> FarFile:
            return located(record.repository, name, record.commit, size)

        file = _patiently(locate)
        try:
            contents = _header(file)
            fetched += len(contents.data)
            if parts_of(contents) != (number, len(order.files)):
                raise GgufFaultError(f"is not part {number + 1} of {len(order.files)}")
            check = check_part if number else check_model
            check(contents, file_size=size)
        except GgufFaultError as fault:
            raise _unusable(record.repository, name, fault) from None
        headers.append(contents)
    try:
        return Measured(shape_of(*headers), fetched)
    except GgufFaultError as fault:
        raise _unusable(record.repository, order.files[0], fault) from None


def _header(file: FarFile) -> Contents:
    """What a file's header holds.

    Raises:
        GgufFaultError: it is no header that can be.
    """
    have = bytearray()
    while True:
        end = min(max(FIRST_BYTES, 2 * len(have)), file.size, layout.MOST_HEADER_BYTES)

        def get(end: int = end) -> None:
            # What came before a break is not asked for again.
            for piece in pieces(file, len(have), end):
                have.extend(piece)

        _patiently(get)
        if bytes(have[:4]) != layout.MAGIC:
            raise GgufFaultError("is not a GGUF file", "Choose a file that ends in .gguf.")
        try:
            return read_contents(memoryview(bytes(have)), file.size)
        except HeaderGoesOnError:
            if end >= min(file.size, layout.MOST_HEADER_BYTES):
                raise


def _patiently(get: Callable[[], _Got]) -> _Got:
    """Try again where that may help."""
    for wait in _TRIES:
        try:
            return get()
        except BrokenOffError:
            time.sleep(wait)
        except troubles() as error:
            if not is_passing(error):
                raise
            time.sleep(max(wait, min(asked_to_wait(error), PATIENCE[-1])))
    try:
        return get()
    except BrokenOffError:
        raise FaultError(
            "The network broke off again and again. Try again when it is better.", "broken-off"
        ) from None


def _unusable(repository: str, name: str, fault: GgufFaultError) -> FaultError:
    advice = fault.advice.replace("Get the file again.", "Choose another file or model.")
    return FaultError(f"The model {shown(f'{repository}/{name}')} {fault}. {advice}", "unusable")
