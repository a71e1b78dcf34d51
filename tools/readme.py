"""Write the README's tables of keys and settings from the code: `.venv/bin/python tools/readme.py`.

A test sees that they are in step.
"""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def keys_table() -> str:
    """Every key, as a Markdown table."""
    from storytui.app.keys import ACTIONS

    rows = ["| key | what it does | name in the settings |", "|---|---|---|"]
    rows += [
        f"| {' '.join(f'`{key}`' for key in each.keys)} | {each.description} | `{each.id}` |"
        for each in ACTIONS
    ]
    return "\n".join(rows)


def settings_file() -> str:
    """The settings file with its defaults, as a Markdown block; the keys have their own table."""
    from storytui.settings_document import document

    tables = document().partition("\n# Keys in place of")[0].partition("\n\n")[2]
    return f'```toml\n{tables}\n[keys]\n#go-on = "ctrl+g, f5"\n```'


def in_step(text: str) -> str:
    """The README's text with its tables written anew."""
    for name, table in (("keys", keys_table()), ("settings", settings_file())):
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        pattern = f"{re.escape(begin)}.*?{re.escape(end)}"
        written = f"{begin}\n{table}\n{end}"
        text = re.sub(pattern, lambda _match, new=written: new, text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    README.write_text(in_step(README.read_text(encoding="utf-8")), encoding="utf-8")
