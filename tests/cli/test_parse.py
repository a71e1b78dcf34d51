"""`storytui parse`: standard input to JSON, whatever it is."""

import json
import subprocess
from collections.abc import Callable

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_proper_reply_is_taken_apart(storytui: Run) -> None:
    done = storytui("parse", input="<reasoning>She waits.</reasoning><answer>“No.”</answer>")

    assert done.returncode == 0
    assert json.loads(done.stdout) == {
        "reasoning": "She waits.",
        "answer": "“No.”",
        "complete": True,
        "problems": [],
    }


def test_bytes_that_are_no_utf8_are_replaced(storytui: Run) -> None:
    done = storytui("parse", input=b"caf\xe9 noir")

    assert json.loads(done.stdout)["answer"] == "caf\N{REPLACEMENT CHARACTER} noir"


def test_nothing_gives_a_result_too(storytui: Run) -> None:
    found = json.loads(storytui("parse", input="").stdout)

    assert (found["reasoning"], found["answer"], found["complete"]) == ("", "", False)
