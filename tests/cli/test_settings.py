"""The settings file: read with every fault named, and written so that it documents itself."""

import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from storytui.app.keys import ACTIONS
from storytui.settings import Settings, SettingsError, load_settings, parse_settings
from storytui.settings_document import attribute_docstrings, document

Run = Callable[..., subprocess.CompletedProcess[str]]
PATH = Path("somewhere/settings.toml")


@pytest.fixture
def settings_file(home: Path) -> Path:
    return home / "config" / "storytui" / "settings.toml"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[sampling]\ntemperature = 'hot'", r"\[sampling\] temperature must be a number, not text"),
        ("[sampling]\ntemperature = -1", r"\[sampling\] temperature must be a number, at least 0"),
        ("[sampling]\ntemperature = nan", r"\[sampling\] temperature must be a number"),
        ("[editor]\nmeasure = 72.5", r"\[editor\] measure must be a whole number, not a fraction"),
        ("[editor]\nmeasure = 500", r"\[editor\] measure must be a whole number, at most 200"),
        ("[editor]\ncolour = 'red'", r"\[editor\] has no key called colour"),
        ("[continue]\ncollapse_reasoning = 1", "must be true or false, not a whole number"),
        ("[continue]\nformat = 'cra-v9'", r"\[continue\] format: no prompt format is called"),
        ("[modle]\npath = 'x'", "there is no table called modle"),
        ("words = 3", "there is no key outside a table called words"),
        ("[ahead]\nhow_far = 'far'", r"\[ahead\] how_far must be one of: auto, off, read, think"),
        ("[model]\nwhole_windows = true", r"\[model\] whole_windows must be text in quotes"),
        (
            "[continue]\ncandidates = 9",
            r"\[continue\] candidates must be a whole number, at most 8",
        ),
        ("editor = 3", r"\[editor\] must be a table, not a whole number"),
        ("[keys]\ngo-on = 3", r"\[keys\] must be text in quotes, not a whole number"),
        ("[editor]\nmeasure = \n", "line 2"),
    ],
)
def test_a_fault_is_named_with_table_and_key_and_what_to_do(text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        parse_settings(text, PATH)

    assert "settings.toml" in str(caught.value)
    assert "storytui config init" in str(caught.value)


def test_without_a_file_everything_has_its_default(settings_file: Path) -> None:
    assert load_settings(settings_file) == Settings()


def test_what_the_file_says_is_in_force(settings_file: Path) -> None:
    settings_file.parent.mkdir(parents=True)
    settings_file.write_bytes(b"\xef\xbb\xbf[editor]\r\nmeasure = 80\r\n[sampling]\ntop_p = 1\n")

    settings = load_settings(settings_file)

    assert (settings.editor.measure, settings.sampling.top_p) == (80, 1.0)


def test_a_file_that_is_not_text_is_named(settings_file: Path) -> None:
    settings_file.parent.mkdir(parents=True)
    settings_file.write_bytes(b"\xff\xfe\0")

    with pytest.raises(SettingsError, match="not text in UTF-8"):
        load_settings(settings_file)


def test_the_written_file_with_every_comment_mark_gone_says_the_defaults() -> None:
    keys = {each.id: ", ".join(each.keys) for each in ACTIONS}
    text = document(keys=keys)

    settings = parse_settings(re.sub(r"(?m)^#(?! )", "", text), PATH)

    assert msgspec.structs.replace(settings, keys={}) == Settings()
    assert settings.keys == keys
    assert parse_settings(text, PATH) == Settings()


def test_every_key_is_explained_in_the_written_file() -> None:
    text = document()
    settings = Settings()
    tables = (settings.editor, settings.model, settings.continuing, settings.ahead)
    for table in (*tables, settings.sampling):
        meanings = attribute_docstrings(type(table))
        for field in msgspec.structs.fields(type(table)):
            assert meanings[field.name]
            assert re.search(rf"(?m)^# .*\n#{field.encode_name} = ", text)


def test_config_path_names_the_file_below_the_xdg_folder(
    storytui: Run, settings_file: Path
) -> None:
    assert storytui("config", "path").stdout == f"{settings_file}\n"


def test_config_init_writes_once_and_replaces_only_by_force(
    storytui: Run, settings_file: Path
) -> None:
    assert storytui("config", "init").returncode == 0
    settings_file.write_text("[editor]\nmeasure = 80\n")

    refused = storytui("config", "init")
    kept = settings_file.read_text()
    forced = storytui("config", "init", "--force")

    assert (refused.returncode, kept) == (1, "[editor]\nmeasure = 80\n")
    assert "is there already" in refused.stderr
    assert forced.returncode == 0
    assert load_settings(settings_file) == Settings()


def test_config_show_prints_what_is_in_force_as_a_settings_file(
    storytui: Run, settings_file: Path
) -> None:
    settings_file.parent.mkdir(parents=True)
    settings_file.write_text("[editor]\nmeasure = 80\n[keys]\nhelp = 'f2'\n")

    shown = tomllib.loads(storytui("config", "show").stdout)

    assert shown["editor"]["measure"] == 80
    assert shown["sampling"]["temperature"] == 0.8
    assert (shown["keys"]["help"], shown["keys"]["save"]) == ("f2", "ctrl+s")
