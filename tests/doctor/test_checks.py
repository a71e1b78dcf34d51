"""What each check of the doctor's finds, where all is well and where something is not."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from storytui.doctor.finding import anything_wrong, problem, safe
from storytui.doctor.places import check_folders, check_settings
from storytui.doctor.software import NEEDED, check_software
from storytui.doctor.terminal import Terminal, check_terminal

GOOD = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


def levels(findings) -> dict[str, str]:
    return {each.subject: each.level for each in findings}


def remedies(findings) -> str:
    return " ".join(each.remedy for each in findings)


# --- safe to paste --------------------------------------------------------------------------------


def test_her_folders_her_name_and_her_keys_are_left_out(tmp_path: Path) -> None:
    text = f"{tmp_path}/Novel.md of marit has hf_abcDEF123456 and sk-or-v1-0123456789, \x1b[31m"
    shown = safe(text, home=tmp_path, user="marit")
    assert shown == "~/Novel.md of USER has … and …, ␛[31m"


def test_name_and_password_of_an_address_are_left_out(tmp_path: Path) -> None:
    shown = safe("https://me:secret@example.org/v1 is away", home=tmp_path, user="")
    assert "secret" not in shown
    assert "example.org/v1" in shown


def test_a_user_name_is_not_cut_out_of_words(tmp_path: Path) -> None:
    assert safe("a margin, ann.", home=tmp_path, user="ann") == "a margin, USER."


def test_a_finding_is_safe_by_the_way_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/marit")
    assert problem("Model", "/home/marit/a.gguf is gone", "").says == "~/a.gguf is gone"


# --- software -------------------------------------------------------------------------------------


def test_this_python_and_these_packages_are_in_order() -> None:
    assert levels(check_software()) == {"Python": "ok", "Packages": "ok"}


def test_an_old_python_is_found() -> None:
    first = next(check_software((3, 9, 2)))
    assert (first.level, first.remedy) == ("problem", "Install a newer Python and storytui in it.")


def test_a_missing_and_an_old_package_are_found() -> None:
    def version_of(name: str) -> str:
        if name == "pysbd":
            raise metadata.PackageNotFoundError(name)
        return "3.1.5" if name == "jinja2" else metadata.version(name)

    found = [each for each in check_software(version_of=version_of) if each.level == "problem"]
    assert {each.remedy for each in found} == {
        f"pip install 'pysbd>={NEEDED['pysbd']}'",
        "pip install --upgrade 'jinja2>=3.1.6'",
    }


def test_the_doctor_asks_for_what_the_package_asks_for() -> None:
    file = Path(__file__).parents[2] / "pyproject.toml"
    asked = tomllib.loads(file.read_text(encoding="utf-8"))["project"]["dependencies"]
    wanted = dict(re.split(r"\s*>=\s*", each.partition(",")[0]) for each in asked)
    assert wanted == NEEDED


# --- the terminal ---------------------------------------------------------------------------------


def test_a_good_terminal() -> None:
    found = list(check_terminal(Terminal(GOOD, size=(120, 40), platform="linux")))
    assert set(levels(found).values()) == {"ok"}
    assert "all colours" in found[0].says


def test_without_a_terminal_nothing_is_claimed_of_one() -> None:
    (only,) = check_terminal(Terminal({}, attached=False))
    assert only.level == "ok"


@pytest.mark.parametrize("name", ["dumb", ""])
def test_a_terminal_that_cannot_place_the_cursor(name: str) -> None:
    (only,) = check_terminal(Terminal({"TERM": name}, platform="linux"))
    assert only.level == "problem"
    assert "TERM=xterm-256color" in only.remedy


@pytest.mark.parametrize("name", ["vt100", "vt220", "ansi"])
def test_an_old_terminal(name: str) -> None:
    found = list(check_terminal(Terminal({"TERM": name}, platform="linux")))
    assert levels(found)["Terminal"] == "warning"
    assert name in found[0].says
    assert found[0].remedy


def test_a_small_window_and_another_encoding() -> None:
    terminal = Terminal(GOOD, encoding="ISO-8859-1", size=(72, 20), platform="linux")
    found = list(check_terminal(terminal))
    assert levels(found)["Window"] == "warning"
    assert levels(found)["Characters"] == "problem"
    assert "export LANG=C.UTF-8" in remedies(found)


def test_a_terminal_that_keeps_keys_to_itself() -> None:
    found = check_terminal(Terminal({**GOOD, "TERM_PROGRAM": "vscode"}, platform="linux"))
    assert levels(found)["Keys"] == "warning"
    old = list(check_terminal(Terminal({}, encoding="cp850", platform="win32")))
    assert "Windows Terminal" in remedies(old)
    assert "chcp 65001" in remedies(old)


def test_tmux_and_no_colours_are_seen() -> None:
    environment = {"TERM": "screen-256color", "TMUX": "/tmp/x", "NO_COLOR": "1"}
    first = next(check_terminal(Terminal(environment, platform="linux")))
    assert first.says == "screen-256color inside tmux, no colours, since NO_COLOR is set"


# --- settings and folders -------------------------------------------------------------------------


def test_no_settings_are_in_order(tmp_path: Path) -> None:
    settings, (only,) = check_settings(tmp_path / "settings.toml")
    assert settings is not None
    assert only.level == "ok"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[model]\ncontext = 'much'", "[model] context must be a whole number"),
        ("[keys]\nsave = 'ctrl+g'", "ctrl+g stands for both"),
        ("[editor]\ntheme = 'plaid'", "plaid"),
        ("not toml", "not valid TOML"),
    ],
)
def test_broken_settings_are_found_with_what_to_do(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    _, (only,) = check_settings(path)
    assert only.level == "problem"
    assert says in only.says
    assert "dit " in only.remedy


def test_folders_that_can_be_made_are_in_order(tmp_path: Path) -> None:
    (only,) = check_folders({"notes": tmp_path / "not" / "there"})
    assert only.level == "ok"
    assert not (tmp_path / "not").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_whose_place_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (only,) = check_folders({"notes": tmp_path / "file" / "state"})
    assert only.level == "problem"
    assert only.remedy


def test_a_folder_that_nobody_may_write_to() -> None:
    (only,) = check_folders({"notes": Path("/proc/storytui")})
    assert only.level == "problem"
    assert "/proc/storytui" in only.remedy


def test_a_full_disk_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from storytui.doctor import places

    for free, level in ((1 << 20, "problem"), (500 << 20, "warning"), (9 << 30, "ok")):
        usage = type("Usage", (), {"free": free})
        monkeypatch.setattr(places.shutil, "disk_usage", lambda _path, usage=usage: usage)
        (only,) = check_folders({"notes": tmp_path})
        assert only.level == level


def test_only_a_problem_is_wrong(tmp_path: Path) -> None:
    found = list(check_folders({"notes": tmp_path}))
    assert not anything_wrong(found)
    assert anything_wrong([*found, problem("Model", "gone", "")])
