"""No widget reads markup from data: a house rule, checked in the source of the interface."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.text import Text
from textual.content import Content

import storytui.app
from storytui.app.keys import ACTIONS, help_groups, shown
from storytui.app.screens.help import _table
from storytui.app.welcome import key_lines
from storytui.app.widgets.pane import Hint, clickable, hint_line

SOURCES = sorted(Path(storytui.app.__file__).parent.rglob("*.py"))

PARSE_UNLESS_TOLD = {"Static", "Label", "OptionList", "notify"}
"""They read a text as markup, now or when it is updated, unless `markup=False` says otherwise."""
PARSE_A_STRING = {"Button", "Option", "Selection", "add_row", "add_column", "Tab", "Collapsible"}
"""They cannot be told, so they get what is text already."""
FOR_TEXT = {"Text", "Content", "assemble", "_label", "_row"}
"""Calls whose result is text and no markup."""
NEVER = {"from_markup", "from_text", "Markdown", "MarkdownViewer", "RichLog", "Input", "link"}
"""They read markup or write links; and Textual's field draws its value as it is."""
TITLES = {"label", "tooltip", "border_title", "border_subtitle"}
"""Attributes that are read as markup."""


def name_of(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def is_harmless(value: ast.expr) -> bool:
    """A literal without markup, or a call that makes text."""
    if isinstance(value, ast.Constant):
        return not isinstance(value.value, str) or "[" not in value.value
    if isinstance(value, ast.Name):  # made by one of the calls, a line or two before
        return value.id == "label"
    return isinstance(value, ast.Call) and name_of(value) in FOR_TEXT


def is_told(call: ast.Call) -> bool:
    return any(
        keyword.arg == "markup"
        and isinstance(keyword.value, ast.Constant)
        and keyword.value.value is False
        for keyword in call.keywords
    )


def offences(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Lines that could read markup from data, and what is called there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = name_of(node)
            parsed = name in PARSE_UNLESS_TOLD and not is_told(node)
            given = name in PARSE_A_STRING and not all(map(is_harmless, node.args[:1]))
            if parsed or given or name in NEVER:
                yield node.lineno, name
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                title = isinstance(target, ast.Attribute) and target.attr in TITLES
                if title and not is_harmless(node.value):
                    yield node.lineno, target.attr


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_no_widget_reads_markup_from_data(source: Path) -> None:
    assert list(offences(ast.parse(source.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "line",
    [
        "Static(text)",
        "Static(id='a')",
        "Label('a', markup=True)",
        "Button(f'{name}')",
        "Button('[@click=app.quit]a[/]')",
        "self.notify(text)",
        "Content.from_markup(text)",
        "Input(text)",
        "widget.tooltip = text",
        "self.border_title: str = text",
    ],
)
def test_the_rule_finds_what_it_looks_for(line: str) -> None:
    assert len(list(offences(ast.parse(line)))) == 1


HOSTILE = "[@click=app.quit]quit[/] [bold]b[/bold] [/] ]] [link=file:///etc/passwd]x"


def test_keys_are_no_markup() -> None:
    for action in ACTIONS:
        for key in action.keys:
            assert "[" not in shown(key)
        assert "[" not in action.description


def test_help_and_welcome_show_what_they_are_given() -> None:
    column = _table([(HOSTILE, HOSTILE)]).columns[0]
    assert all(isinstance(cell, Text) and cell.plain == HOSTILE for cell in column.cells)
    assert HOSTILE in key_lines([(HOSTILE, HOSTILE)]).plain


def test_hints_run_their_own_action_only() -> None:
    hints = hint_line([Hint(HOSTILE, HOSTILE, "accept_sentence")])
    actions = {
        span.style.meta.get("on_click") for span in hints.spans if hasattr(span.style, "meta")
    }
    assert hints.plain == f"{HOSTILE} {HOSTILE}"
    assert actions - {None} == {"accept_sentence"}
    assert clickable(Content(HOSTILE), "turn(1)").plain == HOSTILE


def test_groups_of_keys_are_no_markup() -> None:
    for name, rows in help_groups({}):
        assert "[" not in name
        assert all("[" not in keys for keys, _ in rows)
