"""A peer's half of the talk: one JSON object a line in, one a line out."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

Answer = Callable[[dict[str, Any]], dict[str, Any]]


def listen(open_peer: Callable[[dict[str, Any]], Answer]) -> None:
    """Open the peer as the first line says, then answer each line until the input ends.

    Native code prints to standard output as it likes, so the talk moves to a descriptor of its own.
    """
    talk = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    answer: Answer | None = None
    for line in sys.stdin:
        asked = json.loads(line)
        if answer is None:
            answer = open_peer(asked)
            said: dict[str, Any] = {"ready": True}
        else:
            said = answer(asked)
        talk.write(json.dumps(said) + "\n")
        talk.flush()
