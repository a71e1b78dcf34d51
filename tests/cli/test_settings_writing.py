"""Settings that the program sets itself: one key changes, and everything of hers stays."""

import os
import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui.settings import SettingsError, load_settings
from storytui.settings_document import document
from storytui.settings_writing import Value, changed, set_in_settings

PATH = Path("settings.toml")
MODEL = ("model", "path")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def test_where_there_is_no_file_it_is_made_with_its_folders(tmp_path: Path) -> None:
    file = tmp_path / "config" / "storytui" / "settings.toml"

    set_in_settings(file, {MODEL: "/m/a.gguf", ("remote", "api"): "chat"})

    assert file.read_text() == '[model]\npath = "/m/a.gguf"\n\n[remote]\napi = "chat"\n'
    assert load_settings(file).model.path == "/m/a.gguf"


def test_nothing_is_made_to_take_out_what_is_not_there(file: Path) -> None:
    set_in_settings(file, {MODEL: None})

    assert not file.exists()


def test_one_value_changes_and_all_else_stays(file: Path) -> None:
    file.write_text(
        '# mine\n[model] # which\n  path = "old.gguf"   # the first I had\ncontext=4096\n\n'
        "# The page.\n[editor]\nmeasure = 0x50\n"
    )

    set_in_settings(file, {MODEL: "new.gguf"})

    assert file.read_text() == (
        '# mine\n[model] # which\n  path = "new.gguf"   # the first I had\ncontext=4096\n\n'
        "# The page.\n[editor]\nmeasure = 0x50\n"
    )


def test_a_new_key_stands_with_its_table_and_not_with_the_words_about_the_next(file: Path) -> None:
    file.write_text("[model]\ncontext = 4096\n\n# The page.\n[editor]\nmeasure = 80")

    set_in_settings(file, {MODEL: "m", ("editor", "pane"): 30})

    assert file.read_text() == (
        '[model]\ncontext = 4096\npath = "m"\n\n# The page.\n[editor]\nmeasure = 80\npane = 30\n'
    )


def test_in_a_file_of_comments_a_key_stands_below_its_explanation() -> None:
    text = document()

    after = changed(text, {MODEL: "m", ("continue", "words"): 200}, PATH)

    added = set(after.splitlines()) - set(text.splitlines())
    assert added == {'path = "m"', "words = 200"}
    assert '#path = ""\npath = "m"\n' in after
    assert "#words = 120\nwords = 200\n" in after
    assert changed(after, {MODEL: None, ("continue", "words"): None}, PATH) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('model.path = "a" # c\neditor.pane = 30\n', 'model.path = "m" # c\neditor.pane = 30\n'),
        ("model = { context = 9 }\n", 'model = { context = 9, path = "m"}\n'),
        ("[model]", '[model]\npath = "m"\n'),
        ("[model]\r\ncontext = 9\r\n", '[model]\r\ncontext = 9\r\npath = "m"\r\n'),
        ("\ufeff[model]\n", '\ufeff[model]\npath = "m"\n'),
        ("# nothing yet", '# nothing yet\n\n[model]\npath = "m"\n'),
        ("['model']\n\"path\" = 'a'\n", '[\'model\']\n"path" = "m"\n'),
    ],
)
def test_however_a_table_is_written_the_key_is_set_in_it(before: str, after: str) -> None:
    said = changed(before, {MODEL: "m"}, PATH)

    assert tomllib.loads(said.removeprefix("\ufeff"))["model"]["path"] == "m"
    assert said == after


@pytest.mark.parametrize(
    "value", ["", "C:\\m\\a.gguf", "a\nb\x1b]52;c;x\x07\"'", "小说\u202e", True, 1.5, ["a", "b\\"]]
)
def test_any_value_comes_back_as_it_was(value: Value) -> None:
    said = tomllib.loads(changed("", {("models", "folders"): value}, PATH))

    assert said == {"models": {"folders": value}}


TABLES = {
    "model": {"path": st.text(), "adapter": st.text(), "context": st.integers(0, 9999)},
    "editor": {"pane": st.integers(24, 120), "theme": st.text()},
    "models": {"xet": st.booleans(), "folders": st.lists(st.text(), max_size=2)},
    "keys": {"go-on": st.text()},
}
CHANGES = st.dictionaries(
    st.sampled_from([(table, key) for table, keys in TABLES.items() for key in keys]),
    st.none() | st.just("v"),
    max_size=4,
)


@st.composite
def files(draw: st.DrawFn) -> str:
    """A settings file, written in any way that TOML allows."""
    lines: list[str] = []
    comment = st.sampled_from(["", "", "# a comment", "#path = 'x'", "   ", "# [model]"])
    dotted_or_inline: list[str] = []
    for table in draw(st.permutations(sorted(TABLES))):
        pairs = [
            (key, changed("", {("t", key): draw(value)}, PATH).partition("= ")[2].strip())
            for key, value in TABLES[table].items()
            if draw(st.booleans())
        ]
        style = draw(st.sampled_from(["header", "header", "dotted", "inline", "none"]))
        if style == "header":
            lines += [draw(comment), f"[{table}] {draw(st.sampled_from(['', '# why']))}"]
            for key, value in pairs:
                lines += [draw(comment), f"{draw(st.sampled_from(['', '  ']))}{key} = {value} # k"]
        elif style == "dotted":
            dotted_or_inline += [f"{table}.{key}={value}" for key, value in pairs]
        elif style == "inline":
            inside = ", ".join(f"{key} = {value}" for key, value in pairs)
            dotted_or_inline.append(f"{table} = {{{inside}}} # inline")
    top = draw(st.permutations(dotted_or_inline))
    text = draw(st.sampled_from(["\n", "\r\n"])).join([*top, *lines, draw(comment)])
    return text if draw(st.booleans()) else text.rstrip("\r\n")


@given(files(), CHANGES)
def test_of_any_file_exactly_the_keys_asked_for_change(
    text: str, changes: dict[tuple[str, str], Value | None]
) -> None:
    before = tomllib.loads(text)

    after = changed(text, changes, PATH)

    wanted = {table: dict(keys) for table, keys in before.items()}
    for (table, key), value in changes.items():
        if value is not None:
            wanted.setdefault(table, {})[key] = value
        elif table in wanted:
            wanted[table].pop(key, None)
    said = tomllib.loads(after)
    assert {table: keys for table, keys in said.items() if keys} == {
        table: keys for table, keys in wanted.items() if keys
    }
    assert [line for line in after.split("\n") if line.strip().startswith("#")] == [
        line for line in text.split("\n") if line.strip().startswith("#")
    ] or not text.endswith("\n")
    assert changed(after, changes, PATH) == after
    if "\r\n" in text and "\n" not in text.replace("\r\n", ""):
        assert "\n" not in after.replace("\r\n", "")


def test_what_is_said_already_is_not_written_again(file: Path) -> None:
    file.write_text("[model]\npath = 'm'\n")
    before = file.stat().st_mtime_ns, file.stat().st_ino

    set_in_settings(file, {MODEL: "m"})

    assert (file.stat().st_mtime_ns, file.stat().st_ino) == before


def test_a_link_stays_a_link_and_permissions_stay(file: Path, tmp_path: Path) -> None:
    true = tmp_path / "dotfiles" / "storytui.toml"
    true.parent.mkdir()
    true.write_text("[model]\n")
    true.chmod(0o640)
    file.symlink_to(true)

    set_in_settings(file, {MODEL: "m"})

    assert file.is_symlink()
    assert load_settings(true).model.path == "m"
    assert stat.S_IMODE(true.stat().st_mode) == 0o640
    assert os.listdir(true.parent) == ["storytui.toml"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[model\n", "is not valid TOML"),
        ("[modle]\npath = 'x'\n", "there is no table called modle"),
        ("[model]\npath = 3\n", r"\[model\] path must be text"),
    ],
)
def test_a_file_that_is_broken_already_is_refused_and_left_alone(
    file: Path, text: str, says: str
) -> None:
    file.write_text(text)

    with pytest.raises(SettingsError, match=says):
        set_in_settings(file, {MODEL: "m"})

    assert file.read_text() == text


def test_a_value_that_its_key_may_not_have_is_not_written(file: Path) -> None:
    with pytest.raises(SettingsError, match=r"\[model\] context must be a whole number, at least"):
        set_in_settings(file, {("model", "context"): -1})

    assert not file.exists()


def test_a_name_without_bytes_in_utf_8_is_refused(file: Path) -> None:
    with pytest.raises(SettingsError, match="no text in UTF-8"):
        set_in_settings(file, {MODEL: "m\udcff.gguf"})


def test_a_file_that_cannot_be_written_is_said_and_stays(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("[model]\n")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(SettingsError, match="no space left on device; nothing was changed"):
        set_in_settings(file, {MODEL: "m"})

    assert file.read_text() == "[model]\n"
    assert os.listdir(file.parent) == ["settings.toml"]


def test_a_folder_in_the_files_place_is_said(file: Path) -> None:
    file.mkdir()

    with pytest.raises(SettingsError, match="cannot be read: is a directory"):
        set_in_settings(file, {MODEL: "m"})
