"""What the program never does: load code from data, talk to a network, write down a story."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import storytui

SOURCES = Path(storytui.__file__).parent
PEERS = SOURCES / "bench" / "peers"
"""Other programs, measured beside this one: one is spoken to over 127.0.0.1, one has an `eval`."""
MODULES = sorted(path for path in SOURCES.rglob("*.py") if PEERS not in path.parents)

CODE_FROM_DATA = {"pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "joblib", "imp"}
NETWORK = {
    *("socket", "_socket", "ssl", "urllib", "http", "ftplib", "smtplib", "poplib", "imaplib"),
    *("telnetlib", "xmlrpc", "socketserver", "requests", "httpx", "aiohttp", "urllib3"),
    *("websockets", "huggingface_hub", "hf_xet", "httpx2"),
}
NOWHERE_NAMED = {
    *("trust_remote_code", "LlamaDiskCache", "LlamaRAMCache", "allow_pickle", "load_library"),
    *("eval", "exec", "__import__"),
}
TALKING = {
    "engine/remote/connection.py": {"http", "socket", "ssl"},
    "engine/remote/address.py": {"urllib"},
    "engine/remote/proxy.py": {"urllib"},
    "models/hub/far_file.py": {"huggingface_hub", "httpx2"},
    "models/hub/faults.py": {"huggingface_hub", "httpx2", "ssl"},
    "models/hub/fetching.py": {"huggingface_hub", "httpx2"},
    "models/hub/removing.py": {"huggingface_hub"},
    "models/hub/sending.py": {"huggingface_hub", "httpx2"},
    "models/hub/session.py": {"huggingface_hub", "httpx2"},
    "models/hub/uploading.py": {"huggingface_hub", "httpx2"},
    "models/hub/xet.py": {"hf_xet"},
}
"""Modules whose business it is to talk to a server, hers or the Hub, and what they need for it."""
OF_SOCKET = {"gethostname"}
"""What may be had of `socket`: a lock says on which machine it was taken."""


def imported(tree: ast.Module) -> set[str]:
    """Every module and every name that is imported, with dots, wherever in a file it is."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names):
                found |= {each.name for each in names}
            case ast.ImportFrom(module=str(module), names=names, level=0):
                found |= {f"{module}.{each.name}" for each in names}
    return found


def named(tree: ast.Module) -> set[str]:
    """Every name, attribute and keyword in a file."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
                found.add(name)
    return found


def of_module(tree: ast.Module, module: str) -> set[str]:
    """The attributes of a module that a file uses."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == module
    }


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_there_are_sources_to_look_at() -> None:
    assert len(MODULES) > 50


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCES)))
def test_no_module_runs_code_from_data_or_talks_to_a_network(path: Path) -> None:
    tree = parsed(path)
    modules = {name.partition(".")[0] for name in imported(tree)}
    hosts_name_only = of_module(tree, "socket") <= OF_SOCKET and "socket" in imported(tree)

    assert not modules & CODE_FROM_DATA
    allowed = TALKING.get(str(path.relative_to(SOURCES)), set())
    assert modules & NETWORK <= ({"socket"} if hosts_name_only else allowed)
    assert not named(tree) & NOWHERE_NAMED


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import pickle", "pickle"),
        ("def f():\n    from urllib.request import urlopen", "urllib.request.urlopen"),
        ("import http.client as c", "http.client"),
    ],
)
def test_the_look_at_imports_sees_them(source: str, what: str) -> None:
    assert what in imported(ast.parse(source))


def test_the_look_at_names_sees_them() -> None:
    source = "llama_cpp.LlamaDiskCache(); load(trust_remote_code=True); eval('1')"

    assert named(ast.parse(source)) >= {"LlamaDiskCache", "trust_remote_code", "eval"}


# --- one continuation by the real model -----------------------------------------------------------

MARKER = "Quellenstrandbrück"
STORY = (
    f"The lamp in {MARKER} had been out for eleven minutes before anyone noticed.\n\n"
    f"“You knew,” he said. “All of {MARKER} knew.”"
)
GUIDANCE = "The Zirbelgeistkessel is found."


@dataclass(frozen=True)
class Run:
    """What one continuation left behind."""

    home: Path
    trace: str | None
    """The system calls that have to do with networks; None where they cannot be traced."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """`storytui continue` with the built-in model, traced where that can be done."""
    home, trace = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("trace") / "calls"
    story = home / "story.md"
    story.write_text(STORY, encoding="utf-8")
    places = {f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in KINDS}
    command = [sys.executable, "-m", "storytui.cli", "continue", str(story)]
    command += ["--words", "16", "--reasoning-tokens", "8", "--guidance", GUIDANCE, "--seed", "1"]
    done = subprocess.run(
        [*(tracer(trace) if can_trace() else ()), *command],
        env={**os.environ, "HOME": str(home), **places},
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.strip()
    return Run(home, trace.read_text(errors="replace") if trace.exists() else None)


KINDS = ("CONFIG", "DATA", "STATE", "CACHE")


def tracer(to: Path) -> list[str]:
    return ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=%network,execve", "-o", str(to)]


def can_trace() -> bool:
    """Whether strace is here and may trace; some containers forbid it."""
    if shutil.which("strace") is None:
        return False
    done = subprocess.run([*tracer(Path(os.devnull)), "true"], capture_output=True, check=False)
    return done.returncode == 0


def files_of(home: Path) -> Iterator[Path]:
    return (path for path in home.rglob("*") if path.is_file() and path.name != "story.md")


def test_no_log_nor_settings_nor_state_hold_a_word_of_the_story(run: Run) -> None:
    # The data folder is for her writing: takes and versions are kept there.
    elsewhere = [path for path in files_of(run.home) if run.home / "data" not in path.parents]
    words = [word.encode() for word in (MARKER, "eleven minutes", "Zirbelgeistkessel")]
    words += [MARKER.encode("utf-16-le"), MARKER[:12].encode(), b"lamp in"]

    assert [path.name for path in elsewhere].count("engine.log") == 1
    assert [path for path in elsewhere if any(word in path.read_bytes() for word in words)] == []


def test_the_log_does_say_something(run: Run) -> None:
    (log,) = (path for path in files_of(run.home) if path.name == "engine.log")

    assert b"llama" in log.read_bytes()


def test_neither_the_editors_half_nor_the_model_nor_the_check_connects(run: Run) -> None:
    if run.trace is None:
        pytest.skip("strace is not here, or may not trace")
    assert run.trace.count("storytui.engine.worker") == 1, "the model's process was not traced"
    assert run.trace.count("storytui.models.checking") == 1, "the check was not traced"
    # A socket of the machine's own (AF_UNIX) reaches nobody; a network has addresses.
    assert re.findall(r"^.*(?:AF_INET6?|AF_PACKET|AF_NETLINK|AF_VSOCK).*$", run.trace, re.M) == []
