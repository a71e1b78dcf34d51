"""The one table of actions: what each is called, which keys it has, where it works.

Widgets and screens take their bindings from here with `bind`; the settings change keys by the
actions' ids through `keymap`, which goes to `App.set_keymap`; the help screen lists `help_groups`.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Literal, NamedTuple

from textual.binding import Binding
from textual.keys import Keys

Where = Literal["anywhere", "manuscript", "pane"]
"""`anywhere` on the writing screen, or only while the manuscript or the pane has the focus."""
When = Literal["always", "writing", "take", "settled"]
"""`writing`: while the model writes. `take`: while a take stands in the pane, written or being
written. `settled`: while nothing is being written."""


class KeysError(ValueError):
    """The settings ask for keys that cannot be; the message says which and what there is."""


class Action(NamedTuple):
    """Something a writer can do with a key."""

    id: str
    keys: tuple[str, ...]
    """Textual's names of the keys, the first one shown in hints."""
    description: str
    group: str
    where: Where = "anywhere"
    when: When = "always"
    priority: bool = True
    """Whether the key goes to the action before the widget that has the focus sees it."""

    def collides(self, other: "Action") -> bool:
        """Whether there is a moment in which one key could mean both actions."""
        places = {self.where, other.where}
        moments = {self.when, other.when}
        return places != {"manuscript", "pane"} and moments != {"writing", "settled"}


_STORY, _FILE, _FIND, _EDIT, _VIEW = "The model", "The file", "Finding", "Editing", "The screen"

ACTIONS: tuple[Action, ...] = (
    Action("go-on", ("ctrl+g", "f5", "ctrl+enter"), "Go on from the cursor, or stop", _STORY),
    Action("stop", ("escape",), "Stop the model", _STORY, when="writing", priority=False),
    Action("accept-sentence", ("tab",), "Take the next sentence", _STORY, "manuscript", "take"),
    Action(
        "give-back", ("shift+tab",), "Give the last piece taken back", _STORY, "manuscript", "take"
    ),
    Action("accept-paragraph", ("f6", "ctrl+down"), "Take the next paragraph", _STORY, when="take"),
    Action("accept-rest", ("f7", "ctrl+e"), "Take all of the rest", _STORY, when="take"),
    Action("try-again", ("ctrl+t", "f8"), "Try again; the earlier take is kept", _STORY),
    Action("previous-take", ("ctrl+b",), "Earlier take", _STORY, when="take"),
    Action("next-take", ("ctrl+n",), "Later take", _STORY, when="take"),
    Action(
        "pane-previous-take", ("left",), "Earlier take, in the pane", _STORY, "pane", priority=False
    ),
    Action("pane-next-take", ("right",), "Later take, in the pane", _STORY, "pane", priority=False),
    Action("dismiss", ("escape",), "Dismiss the take", _STORY, "anywhere", "settled", False),
    Action("focus-direction", ("ctrl+l", "f4"), "To the direction and back", _STORY),
    Action("focus-pane", ("ctrl+backslash",), "To the pane and back", _STORY),
    Action("toggle-reasoning", ("f2",), "Fold or unfold the reasoning", _STORY),
    Action("show-prompt", ("f12",), "Show what the model sees", _STORY),
    Action("save", ("ctrl+s",), "Save", _FILE),
    Action("save-as", ("f10", "ctrl+shift+s"), "Save under another name", _FILE),
    Action("notes", ("f9",), "Notes: what the model should always know", _FILE),
    Action("history", ("f11",), "Earlier versions of the story", _FILE),
    Action("quit", ("ctrl+q",), "Quit", _FILE),
    Action("find", ("ctrl+f",), "Find", _FIND),
    Action("replace", ("ctrl+r",), "Find and replace", _FIND),
    Action("find-next", ("f3",), "Next match", _FIND),
    Action("find-previous", ("ctrl+d", "shift+f3", "f15"), "Match before", _FIND),
    Action("goto-line", ("ctrl+underscore", "alt+g"), "Go to a line", _FIND),
    Action("outline", ("ctrl+o",), "Jump to a chapter", _FIND),
    Action("undo", ("ctrl+z", "super+z"), "Undo", _EDIT, "manuscript", priority=False),
    Action(
        "redo",
        ("ctrl+y", "ctrl+shift+z", "super+shift+z"),
        "Redo",
        _EDIT,
        "manuscript",
        priority=False,
    ),
    Action("cut", ("ctrl+x", "super+x"), "Cut", _EDIT, "manuscript", priority=False),
    Action("copy", ("ctrl+c", "super+c"), "Copy", _EDIT, "manuscript", priority=False),
    Action("paste", ("ctrl+v", "super+v"), "Paste", _EDIT, "manuscript", priority=False),
    Action("select-all", ("ctrl+a", "super+a"), "Select all", _EDIT, "manuscript", priority=False),
    Action(
        "delete-word-left",
        ("ctrl+w", "ctrl+backspace", "alt+backspace"),
        "Delete the word before the cursor",
        _EDIT,
        "manuscript",
        priority=False,
    ),
    Action(
        "delete-to-line-start",
        ("ctrl+u", "super+backspace"),
        "Delete to the start of the line",
        _EDIT,
        "manuscript",
        priority=False,
    ),
    Action(
        "delete-to-line-end",
        ("ctrl+k",),
        "Delete to the end of the line",
        _EDIT,
        "manuscript",
        priority=False,
    ),
    Action("help", ("f1",), "Help: the keys", _VIEW),
    Action("palette", ("ctrl+p",), "Everything, by name", _VIEW),
)
"""Every action whose keys the settings can change."""

_BY_ID: Mapping[str, Action] = {each.id: each for each in ACTIONS}

MOVING: tuple[tuple[str, str], ...] = (
    ("arrows", "By character and line; with shift, select"),
    ("ctrl+left, ctrl+right", "By word"),
    ("home, end", "To the ends of the line"),
    ("ctrl+home, ctrl+end", "To the ends of the story"),
    ("page up, page down", "By page"),
)
"""Keys that move the cursor and cannot be changed, for the help screen."""

UNIVERSAL_KEYS: frozenset[str] = frozenset(
    {f"ctrl+{letter}" for letter in "abcdefgklnopqrstuvwxyz"}
    | {f"f{number}" for number in range(1, 13)}
    | {"tab", "shift+tab", "enter", "escape", "space", "backspace", "delete", "insert"}
    | {"up", "down", "left", "right", "home", "end", "pageup", "pagedown"}
    | {"ctrl+underscore", "ctrl+backslash"}
)
"""Keys that every terminal sends as themselves. Of the control letters four are left out: in a
terminal ctrl+h is backspace, ctrl+i is tab, ctrl+j and ctrl+m are enter."""

_SAME_AS: Mapping[str, str] = {
    "ctrl+h": "backspace",
    "ctrl+i": "tab",
    "ctrl+j": "enter",
    "ctrl+m": "enter",
    "ctrl+left_square_bracket": "escape",
}
_MODIFIERS = frozenset({"alt", "ctrl", "hyper", "meta", "shift", "super"})
_NAMED_KEYS: frozenset[str] = frozenset(
    key.value for key in Keys if not key.value.startswith("<") and "+" not in key.value
) | {f"f{number}" for number in range(1, 25)}
_PUNCTUATION: Mapping[str, str] = {
    "\\": "backslash",
    "_": "underscore",
    "/": "slash",
    ".": "full_stop",
    ";": "semicolon",
    "-": "minus",
    "=": "equals_sign",
    "[": "left_square_bracket",
    "]": "right_square_bracket",
}


def action(id: str) -> Action:
    """Look an action up.

    Raises:
        KeyError: there is none of that id.
    """
    return _BY_ID[id]


def bind(id: str, textual_action: str) -> Binding:
    """The binding of an action, for a widget's or screen's BINDINGS.

    Args:
        id: the action's id; it becomes the binding's id, by which the keymap finds it.
        textual_action: what to run, as in `app.save` or `save`.
    """
    found = _BY_ID[id]
    return Binding(
        ",".join(found.keys),
        textual_action,
        found.description,
        show=False,
        priority=found.priority,
        id=found.id,
    )


def keymap(overrides: Mapping[str, str]) -> dict[str, str]:
    """What goes to `App.set_keymap`, made from the settings' `[keys]`: only what was changed.

    Args:
        overrides: action's id → its keys, separated by commas, instead of the default ones.

    Raises:
        KeysError: an action or key that does not exist, an action without a key that every
            terminal can send, or one key for two actions that can be meant at the same time.
    """
    changed = {id: _read_keys(id, text) for id, text in overrides.items()}
    keys = {each.id: changed.get(each.id, each.keys) for each in ACTIONS}
    _refuse_collisions(keys)
    return {id: ",".join(keys) for id, keys in changed.items()}


def keys_of(id: str, overrides: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The keys of an action as they are bound; `overrides` as for `keymap`."""
    if overrides and id in overrides:
        return _read_keys(id, overrides[id])
    return _BY_ID[id].keys


def key_of(id: str, overrides: Mapping[str, str] | None = None) -> str:
    """The first key of an action, as a writer reads it."""
    return shown(keys_of(id, overrides)[0])


def shown(key: str) -> str:
    """A key's name as a writer reads it: `ctrl+\\` for `ctrl+backslash`."""
    modifiers, _, name = key.rpartition("+")
    names = {long: short for short, long in _PUNCTUATION.items()}
    names |= {"pageup": "page up", "pagedown": "page down", "escape": "esc"}
    return "+".join(part for part in (modifiers, names.get(name, name)) if part)


def help_groups(
    overrides: Mapping[str, str] | None = None,
) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Groups of (keys, description) rows for the help screen, keys as they are bound."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for each in ACTIONS:
        keys = ", ".join(shown(key) for key in keys_of(each.id, overrides) if _worth_showing(key))
        groups.setdefault(each.group, []).append((keys, each.description))
    groups["Moving"] = list(MOVING)
    return tuple((name, tuple(rows)) for name, rows in groups.items())


def _worth_showing(key: str) -> bool:
    """Not the names under which some terminals report a key that is listed anyway."""
    return not key.startswith("super+") and key != "f15"


def _read_keys(id: str, text: str) -> tuple[str, ...]:
    """Parse one entry of `[keys]`."""
    if id not in _BY_ID:
        raise KeysError(f"[keys] no action is called {id!r}; {_nearest(id, _BY_ID)}")
    keys = tuple(_read_key(id, part) for part in text.split(",") if part.strip())
    if not keys:
        raise KeysError(f"[keys] {id} has no key; name at least one, as in {_BY_ID[id].keys[0]!r}")
    if not UNIVERSAL_KEYS.intersection(keys):
        raise KeysError(
            f"[keys] {id} = {text!r} has no key that every terminal can send; add one, such as "
            f"a function key or ctrl with a letter"
        )
    return keys


def _read_key(id: str, text: str) -> str:
    """One key's name in Textual's spelling, or a KeysError."""
    *modifiers, name = text.strip().replace(" ", "").split("+")
    name = name.lower()
    name = _PUNCTUATION.get(name, name)
    name = {"esc": "escape", "return": "enter", "del": "delete"}.get(name, name)
    modifiers = sorted(part.lower() for part in modifiers)
    known = (len(name) == 1 and name.isalnum()) or name in _NAMED_KEYS
    known = known or name in _PUNCTUATION.values()
    if not known or not _MODIFIERS.issuperset(modifiers):
        raise KeysError(
            f"[keys] {id}: no key is called {text.strip()!r}; {_nearest(text, UNIVERSAL_KEYS)}"
        )
    if len(name) == 1 and set(modifiers) <= {"shift"}:
        raise KeysError(f"[keys] {id}: {text.strip()!r} is a letter of the story; add ctrl to it")
    key = "+".join([*modifiers, name])
    if key in _SAME_AS:
        raise KeysError(f"[keys] {id}: terminals send {_SAME_AS[key]} for {key}; choose another")
    return key


def _refuse_collisions(keys: Mapping[str, tuple[str, ...]]) -> None:
    """Raise KeysError where one key stands for two actions that can be meant at once."""
    holders: dict[str, list[Action]] = {}
    for each in ACTIONS:
        for key in keys[each.id]:
            for other in holders.setdefault(key, []):
                if each.collides(other):
                    raise KeysError(
                        f"[keys] {shown(key)} stands for both {other.id} and {each.id}; "
                        f"give one of them another key"
                    )
            holders[key].append(each)


def _nearest(name: str, known: Iterable[str]) -> str:
    """What there is instead: the nearest names, or all of them."""
    names = sorted(known)
    near = get_close_matches(name, names, n=3)
    return f"near it: {', '.join(near)}" if near else f"there are: {', '.join(names)}"
