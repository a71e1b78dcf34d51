"""The README says what the code does."""

import importlib.util
import re
from pathlib import Path

from storytui.cli import COMMANDS

ROOT = Path(__file__).parents[2]


def test_the_tables_of_keys_and_settings_are_those_of_the_code() -> None:
    spec = importlib.util.spec_from_file_location("readme", ROOT / "tools" / "readme.py")
    assert spec is not None
    assert spec.loader is not None
    readme = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(readme)
    text = readme.README.read_text(encoding="utf-8")

    assert text == readme.in_step(text), "run: .venv/bin/python tools/readme.py"


def test_every_command_is_shown() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    assert all(f"storytui {name}" in text for name in COMMANDS)


def test_constraints_name_versions_and_no_addresses() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()

    for line in lines:
        assert line.startswith("#") or re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*", line)
