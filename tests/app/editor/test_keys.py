"""The table of actions, and what the settings may make of it."""

import itertools

import pytest
from textual.app import App, ComposeResult

from storytui.app import keys
from storytui.app.keys import ACTIONS, UNIVERSAL_KEYS, KeysError, bind, keymap
from storytui.app.widgets.manuscript import ManuscriptArea


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_every_action_has_a_key_that_any_terminal_sends(action):
    assert UNIVERSAL_KEYS.intersection(action.keys)


def test_no_key_means_two_things_at_once():
    for one, other in itertools.combinations(ACTIONS, 2):
        if one.collides(other):
            assert not set(one.keys) & set(other.keys), (one.id, other.id)


def test_ids_are_unique():
    assert len({each.id for each in ACTIONS}) == len(ACTIONS)


def test_no_action_takes_a_key_that_moves_the_cursor():
    moving = {"up", "down", "ctrl+left", "ctrl+right", "home", "end", "pageup", "pagedown"}
    for each in ACTIONS:
        assert not moving & set(each.keys)


def test_what_is_changed_goes_into_the_keymap_and_nothing_else():
    assert keymap({}) == {}
    assert keymap({"save": "Insert, Ctrl + S"}) == {"save": "insert,ctrl+s"}
    assert keymap({"go-on": "ctrl+\\"} | {"focus-pane": "insert"})["go-on"] == "ctrl+backslash"


def test_two_actions_can_change_places():
    assert keymap({"find": "ctrl+r", "replace": "ctrl+f"}) == {
        "find": "ctrl+r",
        "replace": "ctrl+f",
    }


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"svae": "insert"}, ["'svae'", "save"]),
        ({"save": "ctrl+banana"}, ["save", "'ctrl+banana'"]),
        ({"save": "strg+s"}, ["save", "'strg+s'"]),
        ({"save": ""}, ["save has no key", "ctrl+s"]),
        ({"save": "alt+s"}, ["save", "every terminal"]),
        ({"save": "ctrl+g"}, ["ctrl+g", "go-on", "save"]),
        ({"save": "x"}, ["save", "letter"]),
        ({"save": "ctrl+i"}, ["save", "tab"]),
    ],
)
def test_what_cannot_be_is_named(overrides, words):
    with pytest.raises(KeysError) as caught:
        keymap(overrides)
    for word in words:
        assert word in str(caught.value)


def test_keys_are_shown_as_writers_know_them():
    assert keys.shown("ctrl+backslash") == "ctrl+\\"
    assert keys.shown("escape") == "esc"
    assert keys.shown("f5") == "f5"


class Bound(App[None]):
    BINDINGS = [bind("save", "save"), bind("find", "find")]  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []

    def compose(self) -> ComposeResult:
        yield ManuscriptArea()

    def action_save(self) -> None:
        self.done.append("save")

    def action_find(self) -> None:
        self.done.append("find")


async def test_the_keymap_changes_what_a_key_does():
    app = Bound()
    async with app.run_test() as pilot:
        await pilot.press("ctrl+s", "ctrl+f")
        app.set_keymap(keymap({"save": "ctrl+f", "find": "ctrl+s", "undo": "insert"}))
        await pilot.press("ctrl+s", "ctrl+f", "a", "ctrl+z")
        assert app.query_one(ManuscriptArea).text == "a"
        await pilot.press("insert")
        assert app.query_one(ManuscriptArea).text == ""
        assert app.done == ["save", "find", "find", "save"]
