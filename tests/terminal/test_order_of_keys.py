"""Keys that come in one go, as over a slow line, mean what they mean one by one."""

from typing import Any

import pytest
from textual import events


async def in_one_go(host: Any, *given: events.Event, text: str = "") -> str:
    """What the manuscript is after events that were all there before the first was handled."""
    app = host(text)
    async with app.run_test() as pilot:
        for each in given:
            app.post_message(each)
        await pilot.pause()
        await pilot.pause()
        return str(app.area.text)


def keys(*names: str) -> list[events.Key]:
    return [events.Key(name, name if len(name) == 1 else None) for name in names]


@pytest.mark.parametrize(
    ("pressed", "result"),
    [
        (("a", "b", "backspace", "c"), "ac"),
        (("a", "b", "left", "c"), "acb"),
        (("a", "enter", "b", "ctrl+z", "c"), "a\nc"),
        (("a", "b", "ctrl+u", "c"), "c"),
        (("a", "home", "b", "end", "c"), "bac"),
    ],
)
async def test_a_key_acts_on_what_was_typed_before_it(host, pressed, result) -> None:
    assert await in_one_go(host, *keys(*pressed)) == result


async def test_a_paste_comes_between_what_was_typed_before_and_after(host) -> None:
    given = [*keys("a", "b", "left"), events.Paste("–"), *keys("c", "backspace", "d")]

    assert await in_one_go(host, *given) == "a–db"
