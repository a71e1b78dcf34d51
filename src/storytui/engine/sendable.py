"""PURE. Text as it can travel to the model's process."""

import re

from msgspec import structs

from storytui.engine.api import Request
from storytui.engine.scores import Passage

_SURROGATES = re.compile("[\ud800-\udfff]")


def sendable(text: str) -> str:
    """Text as it can travel: UTF-8 has no lone surrogates, and a model could not read them."""
    return _SURROGATES.sub("\ufffd", text)


def sendable_passage(passage: Passage) -> Passage:
    """A passage that can travel; no text of it changes its length."""
    return structs.replace(
        passage,
        message=sendable(passage.message),
        opening=sendable(passage.opening),
        text=sendable(passage.text),
    )


def sendable_request(request: Request) -> Request:
    """A request that can travel; the tags and names in its plan are the program's own."""
    segments = tuple(
        structs.replace(each, lead=sendable(each.lead), prefix=sendable(each.prefix))
        for each in request.segments
    )
    return structs.replace(request, message=sendable(request.message), segments=segments)
