"""What each check of the doctor's finds, where all is well and where something is not."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from storytui.doctor.finding import anything_wrong, looked_at, ok, problem, safe, warning
from storytui.doctor.hub import check_hub
from storytui.doctor.places import check_folders, check_manuscripts, check_settings
from storytui.doctor.server import check_server
from storytui.doctor.software import NEEDED, check_software
from storytui.doctor.terminal import Terminal, check_terminal
from storytui.manuscript.home import home_of
from storytui.settings import RemoteSettings

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


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("it says Bearer abc.DEF-123456789", "abc.DEF"),
        ("Authorization: Basic bWFyaXQ6c2VjcmV0", "bWFyaXQ6"),
        ("see https://example.org/v1?key=abcdef and go on", "abcdef"),
        ("see https://example.org/v1?x=1&api-version=2#tok", "tok"),
        ("api_key=abcdef123 was sent", "abcdef"),
        ("OPENAI_API_KEY=abcdef123 is set", "abcdef"),
        ('{"api_key": "abcdef123"}', "abcdef"),
        ("HF_TOKEN=abcdef123", "abcdef"),
        ("gsk_abcdef123 and xai-abcdef123", "abcdef"),
        ("write to marit.berg+novel@example.org", "marit"),
        (r"C:\Users\Marit Berg\novel.gguf is gone", "Marit"),
        (r"c:/users/marit/novel.gguf", "marit"),
        (r"'C:\\Users\\marit\\novel.gguf'", "marit"),
        ("/home/marit/novel.gguf", "marit"),
        ("/mnt/c/Users/marit/novel.gguf", "marit"),
        ("marits-laptop.home.lan and MARITS-LAPTOP are down", "laptop"),
        ("x" * 390 + " hf_abcDEF123456789", "hf_"),
    ],
)
def test_what_is_nobodys_business_is_left_out(tmp_path: Path, text: str, secret: str) -> None:
    shown = safe(text, home=tmp_path, user="ann", machine="marits-laptop.home.lan")
    assert secret.casefold() not in shown.casefold()


@pytest.mark.parametrize(
    "text",
    [
        "Set TERM=xterm-256color where it is one",
        "ctrl+g stands for both go-on and save",
        "Run: CMAKE_ARGS=-DGGML_CUDA=on pip install llama-cpp-python",
        "a basic model; the bearer of bad news; [keys] save: ctrl+s",
        "llama-cpp-python 0.3.36, built for the CPU only",
        "https://abetlen.github.io/llama-cpp-python/whl/cu124",
        "Is it fit? Choose another",
    ],
)
def test_what_says_nothing_of_her_stays(tmp_path: Path, text: str) -> None:
    assert safe(text, home=tmp_path, user="ann", machine="box-7") == text


def test_a_home_folder_is_found_however_it_is_written_and_no_longer_name_for_it() -> None:
    home = Path("/srv/marit")
    assert safe("/srv/marit/a, /srv//MARIT/b", home=home, user="", machine="") == "~/a, ~/b"
    assert safe("/srv/marit-old/a", home=home, user="", machine="") == "/srv/marit-old/a"


def test_whatever_is_not_well_has_a_remedy() -> None:
    assert warning("Fit", "too big", " ").remedy
    assert problem("Fit", "too big", "").remedy
    assert not ok("Fit", "all is well").remedy


def test_a_check_that_fails_itself_is_a_finding_and_not_the_end() -> None:
    def check():
        yield ok("Fit", "as far as this")
        raise ZeroDivisionError("division by zero at /home/marit/x")

    first, second = looked_at("Fit", check())
    assert (first.level, second.level) == ("ok", "problem")
    assert "ZeroDivisionError: division by zero at /home/USER/x" in second.says
    assert second.remedy


# --- servers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "level", "says"),
    [
        ("http://127.0.0.1:8080/v1", "ok", "this machine, at port 8080"),
        ("http://marits-nas:11434", "ok", "a server in your own network, at port 11434"),
        ("https://llm.marit.example/v1?key=secret", "warning", "not in your own network, and you"),
        ("https://marit:secret@llm.marit.example/v1", "problem", "none that can be used"),
        ("ftp://llm.marit.example/?key=secret", "problem", "none that can be used"),
    ],
)
def test_a_server_is_looked_at_without_being_named(address: str, level: str, says: str) -> None:
    may_be_asked, found = check_server(RemoteSettings(address=address), lambda _host: False)
    assert (found.level, may_be_asked is not None) == (level, level == "ok")
    assert says in found.says
    assert bool(found.remedy) == (level != "ok")
    assert not any(each in found.says for each in ("marit", "secret", "example"))


def test_a_server_without_its_key_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = RemoteSettings(address="https://openrouter.ai/api/v1")
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)
    address, found = check_server(settings, lambda _host: True)
    assert (address, found.level) == (None, "problem")
    assert "OPENROUTER_API_KEY is not set" in found.says

    monkeypatch.setenv("OPENROUTER_API_KEY", "abcdef123456")
    address, found = check_server(settings, lambda _host: True)
    assert found.level == "ok"
    assert found.says.endswith("(openrouter.ai), which is asked with a key")
    assert address is not None


# --- downloads and manuscripts --------------------------------------------------------------------


def hub_line(home: Path, *, xet: bool = True, **environment: str) -> str:
    line, cache = check_hub(xet=xet, environment=environment, home=home)
    assert (line.level, cache.level) == ("ok", "ok")
    assert "models that are fetched" in cache.says
    return line.says


def test_where_downloads_come_from(tmp_path: Path) -> None:
    assert hub_line(tmp_path, xet=False) == "from huggingface.co, without a token, by plain HTTP"
    line = hub_line(tmp_path, HF_ENDPOINT="https://hub.marit.example", HF_TOKEN="hf_abcdefgh")
    assert line.startswith("from the address in HF_ENDPOINT, with a token")
    offline = hub_line(tmp_path, HF_HUB_OFFLINE="1")
    assert offline == "none are made, since HF_HUB_OFFLINE is set"


def test_a_cache_that_cannot_be_written_to_is_found(tmp_path: Path) -> None:
    _, cache = check_hub(xet=True, environment={"HF_HUB_CACHE": "/proc/hub"}, home=tmp_path)
    assert cache.level == "problem"
    assert "/proc/hub" in cache.remedy


def test_manuscripts_are_counted_and_those_that_cannot_be_read_found(tmp_path: Path) -> None:
    (none,) = check_manuscripts(tmp_path / "none")
    assert (none.level, none.says) == ("ok", "0 are known")
    home_of(tmp_path, tmp_path / "a.md")
    lost = home_of(tmp_path, tmp_path / "b.md").folder
    (tmp_path / "empty").mkdir()
    (both,) = check_manuscripts(tmp_path)
    assert (both.level, both.says) == ("ok", "2 are known")

    (lost / "manuscript.json").write_text("{")
    (found,) = check_manuscripts(tmp_path)
    assert found.level == "warning"
    assert "1 are known" in found.says
    assert lost.name in found.remedy


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
