"""Sets keys in the settings file; everything else that the writer put there stays as it is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from storytui.manuscript.errors import NotSavedError
from storytui.manuscript.saving import put
from storytui.manuscript.saving_faults import cause
from storytui.settings import SettingsError, load_settings, parse_settings

Value = str | bool | int | float | Sequence[str]

_BOM = "\ufeff"


def set_in_settings(path: Path, changes: Mapping[tuple[str, str], Value | None]) -> None:
    """Set keys in tables of a settings file, wholly or not at all.

    Comments, order and line breaks stay. Where there is no file it is made, with its folders. Links
    are followed, the file's permissions are kept. What says already what it is to say is not
    written.

    Args:
        path: the settings file.
        changes: by table and key, as in the file (`("model", "path")`), what they are to say; None
            takes the key out, so that its default is in force.

    Raises:
        SettingsError: the file is not in order as it is, a value is none that its key may have, or
            the file cannot be written; it is then as it was.
    """
    load_settings(path)  # says what is wrong in its usual words
    try:
        before = path.read_bytes().decode()
    except (FileNotFoundError, NotADirectoryError):
        before = ""
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {cause(error)}") from None
    after = changed(before, changes, path)
    if after == before:
        return
    parse_settings(after.removeprefix(_BOM), path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        put(path, after.encode())
    except NotSavedError as error:
        if error.touched:
            raise SettingsError(str(error)) from error
        why = cause(error.__cause__) if isinstance(error.__cause__, OSError) else "it is read-only"
        raise _not_written(path, why) from error
    except (OSError, ValueError) as error:
        raise _not_written(path, cause(error)) from error


def changed(text: str, changes: Mapping[tuple[str, str], Value | None], path: Path) -> str:
    """The text of a settings file with keys set, as `set_in_settings` does it.

    Raises:
        SettingsError: a value cannot stand in a file, or the text is put together in a way that
            keys cannot be set in; the message says what to write by hand.
    """
    import tomllib

    import tomlkit

    text, bom = text.removeprefix(_BOM), text[: len(_BOM)] if text.startswith(_BOM) else ""
    wanted: dict[str, Any] = tomllib.loads(text)
    document = tomlkit.parse(text)
    touched = False
    for (table, key), value in changes.items():
        value = _plain(value, table, key, path)
        said = wanted.get(table, {}).get(key)
        if said == value and type(said) is type(value):
            continue
        touched = True
        if value is None:
            del wanted[table][key]
            del document[table][key]
        else:
            wanted.setdefault(table, {})[key] = value
            _set(document, table, key, value)
    if not touched:
        return bom + text
    after = document.as_string()
    if "\r\n" in text and "\n" not in text.replace("\r\n", ""):
        after = after.replace("\r\n", "\n").replace("\n", "\r\n")
    if not _says(after, wanted):
        lines = ", ".join(f"[{table}] {key}" for table, key in changes)
        raise SettingsError(
            f"{path} is put together in a way that is not changed here. Edit it by hand: {lines}"
        )
    return bom + after


def _set(document: Any, table: str, key: str, value: Value) -> None:
    """Set a key where a reader would look for it."""
    import tomlkit
    from tomlkit.items import Table, Whitespace

    if table not in document:
        if document.as_string() and not document.as_string().endswith("\n"):
            document.add(tomlkit.nl())
        if document.as_string():
            document.add(tomlkit.nl())
        document.append(table, tomlkit.table())
    place = document[table]
    if key in place or not isinstance(place, Table):
        place[key] = value
        return
    # What stands behind the last key may be about the next table, and stays behind the new one;
    # a key that is there as a comment, as `storytui config init` writes them, is its place.
    body = place.value.body
    last = max((at for at, (name, _) in enumerate(body) if name is not None), default=-1)
    for at in range(last + 1, len(body)):
        if body[at][1].as_string().strip().lstrip("#").split("=")[0].strip() == key:
            last = at
    behind = body[last + 1 :]
    del body[last + 1 :]
    if body and not isinstance(body[-1][1], Whitespace) and not body[-1][1].trivia.trail:
        body[-1][1].trivia.trail = "\n"  # the file's last line had no end
    place[key] = value
    body.extend(behind)


def _plain(value: Value | None, table: str, key: str, path: Path) -> Value | None:
    """A value as TOML has it.

    Raises:
        SettingsError: its text has no bytes in UTF-8, as some files' names.
    """
    texts = [value] if isinstance(value, str) else []
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = texts = list(value)
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        raise SettingsError(
            f"[{table}] {key} in {path} cannot be set to a name that is no text in UTF-8. "
            "Give the file another name"
        ) from None
    return value


def _says(text: str, wanted: Mapping[str, Any]) -> bool:
    """Whether a text says what it is to say; a table without keys says nothing."""
    import tomllib

    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return _filled(said) == _filled(wanted)


def _filled(tables: Mapping[str, Any]) -> dict[str, Any]:
    return {name: keys for name, keys in tables.items() if keys != {}}


def _not_written(path: Path, why: str) -> SettingsError:
    return SettingsError(
        f"{path} cannot be written: {why}; nothing was changed. Allow writing there and try again"
    )
