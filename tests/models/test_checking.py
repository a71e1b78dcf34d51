"""A model is checked in a process of its own, whatever the model does to it."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import tiny_gguf as tiny
from hostile_templates import MESSAGE, REACHING, SEEN_COMING, UNSEEN, WITHOUT_THE_MESSAGE

from storytui.engine.api import ModelError
from storytui.models import checking
from storytui.models.checking import COMMAND, Limits, examine
from storytui.models.gguf import GgufHeader

TIGHT = Limits(memory=256 << 20, cpu_seconds=1, seconds=20.0)
READ = '{"type":"Read","header":{"name":"a","architecture":"llama","context":1,"tensors":1}}'
TRIED = '{"type":"Tried"}'
LONG_AGO = 1_000_000_000
"""Seconds since 1970 at which a file was changed that will not change again."""

needs_limits = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="this system does not limit address spaces"
)


def model(tmp_path: Path, template: str | None = tiny.CHATML, *, name: str = "Tiny") -> Path:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(tiny.llama(template=template, name=name).data)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def program(code: str) -> Sequence[str]:
    """A checking process that does something else."""
    return (sys.executable, "-c", code)


FAILING = program("raise SystemExit(1)")


def test_a_good_model_is_told_of(tmp_path: Path) -> None:
    header = examine(model(tmp_path), None)

    assert header == GgufHeader(name="Tiny", architecture="llama", context=512, tensors=11)


def test_a_damaged_model_is_told_of_in_the_checks_own_words(tmp_path: Path) -> None:
    path = model(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(ModelError, match=r"breaks off before its weights end\. Get the file"):
        examine(path, None)


def test_a_path_with_odd_bytes_in_it_is_checked(tmp_path: Path) -> None:
    path = model(tmp_path).rename(tmp_path / os.fsdecode(b"--help \xff\n.gguf"))

    assert examine(path, tmp_path / "cache.json").architecture == "llama"


def test_a_path_that_cannot_be_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no model"):
        examine(tmp_path / "a\0b.gguf", None)


# --- hostile templates ----------------------------------------------------------------------------


@needs_limits
@pytest.mark.parametrize("template", UNSEEN.values(), ids=UNSEEN)
def test_a_template_that_takes_memory_or_time_ends_its_own_process(
    tmp_path: Path, template: str
) -> None:
    with pytest.raises(ModelError, match="asks for too much memory or time"):
        examine(model(tmp_path, template + MESSAGE), None, limits=TIGHT)


@needs_limits
def test_the_limit_of_memory_is_what_ends_it(tmp_path: Path) -> None:
    path = model(tmp_path, "{% set a = ['a' * 200000] * 500 %}{% set b = a|join %}" + MESSAGE)

    with pytest.raises(ModelError, match="too much memory"):
        examine(path, None, limits=Limits(memory=64 << 20))

    assert examine(path, None, limits=Limits(memory=512 << 20)).architecture == "llama"


@pytest.mark.parametrize("which", ["repeat a text", "a macro that calls itself", "deep brackets"])
def test_a_template_that_is_seen_to_ask_for_too_much_is_a_fault(tmp_path: Path, which: str) -> None:
    with pytest.raises(ModelError, match="asks for too much memory or time"):
        examine(model(tmp_path, SEEN_COMING[which] + MESSAGE), None)


@pytest.mark.parametrize(
    "template",
    [REACHING["system by joiner"], REACHING["deep loops"], WITHOUT_THE_MESSAGE["twice"]],
    ids=["reaching out", "failing", "twice"],
)
def test_a_template_that_only_fails_is_no_fault_of_the_model(tmp_path: Path, template: str) -> None:
    assert examine(model(tmp_path, template), None).architecture == "llama"


def test_a_template_longer_than_any_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="longer than that of any model"):
        examine(model(tmp_path, "a" * 2_000_000), None)


@pytest.mark.parametrize(
    "deed",
    [
        "open({path!r}, 'w')",
        "__import__('os').remove({path!r})",
        "__import__('socket').socket()",
        "__import__('subprocess').run(['rm', {path!r}])",
        "__import__('os').system('rm ' + {path!r})",
    ],
)
def test_nothing_that_a_template_brings_about_writes_or_connects(tmp_path: Path, deed: str) -> None:
    path = tmp_path / "story.md"
    path.write_text("The lamp was out.")
    code = "import sys; from storytui.models import checking; sys.addaudithook(checking._forbid); "

    done = subprocess.run([*program(code + deed.format(path=str(path)))], check=False)

    assert done.returncode == 1
    assert path.read_text() == "The lamp was out."


# --- a checking process that does not answer as it should -----------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "",
        "raise SystemExit(3)",
        "print('no JSON')",
        "print('[' * 9000)",
        "print('\\xff' * 99)",
        f"print('{TRIED}')",
        "import os; os.abort()",
        "while True: print('a' * 1000)",
        f"while True: print('{READ}')",
        "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    ],
)
def test_an_answer_that_is_none_is_a_sentence(tmp_path: Path, code: str) -> None:
    with pytest.raises(ModelError, match="ended without an answer"):
        examine(model(tmp_path), None, command=program(code))


@pytest.mark.parametrize(
    "code",
    [
        f"print('{READ}'); raise SystemExit(1)",
        f"print('{READ}')",
        f"print('{READ}', flush=True); import os; os.abort()",
        f"print('{READ}'); print('{TRIED}'); raise SystemExit(1)",
        f"print('{READ}'); print('{TRIED[:5]}')",
    ],
)
def test_an_end_after_the_header_was_read_is_the_templates(tmp_path: Path, code: str) -> None:
    with pytest.raises(ModelError, match="asks for too much memory or time"):
        examine(model(tmp_path), None, command=program(code))


def test_a_check_that_does_not_end_is_ended(tmp_path: Path) -> None:
    command = program("import signal\nwhile True: signal.pause()")

    with pytest.raises(ModelError, match="took too long and was ended"):
        examine(model(tmp_path), None, limits=Limits(seconds=0.3), command=command)


def test_a_check_that_closes_its_output_and_stays_is_ended(tmp_path: Path) -> None:
    command = program("import os, signal\nos.close(1)\nwhile True: signal.pause()")

    with pytest.raises(ModelError, match="took too long and was ended"):
        examine(model(tmp_path), None, limits=Limits(seconds=0.3), command=command)


def test_a_check_that_cannot_be_started_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no process can be started"):
        examine(model(tmp_path), None, command=(str(tmp_path / "nothing"),))


# --- what is remembered ---------------------------------------------------------------------------


def test_a_good_verdict_is_remembered(tmp_path: Path) -> None:
    path, cache = model(tmp_path), tmp_path / "cache.json"
    header = examine(path, cache)

    assert examine(path, cache, command=FAILING) == header
    assert cache.stat().st_mode & 0o777 == 0o600


def test_a_model_that_changed_is_checked_again(tmp_path: Path) -> None:
    path, cache = model(tmp_path), tmp_path / "cache.json"
    examine(path, cache)
    os.utime(path, (LONG_AGO, LONG_AGO + 1))

    with pytest.raises(ModelError):
        examine(path, cache, command=FAILING)


def test_a_model_that_was_written_just_now_may_still_change(tmp_path: Path) -> None:
    path, cache = model(tmp_path), tmp_path / "cache.json"
    os.utime(path)
    examine(path, cache)

    assert not cache.exists()


def test_a_part_of_a_divided_model_that_changed_is_checked_again(tmp_path: Path) -> None:
    for number, tensors in enumerate((tiny.llama_tensors()[:5], tiny.llama_tensors()[5:])):
        split = [tiny.scalar("split.no", 2, number), tiny.scalar("split.count", 2, 2)]
        pairs = split if number else [*tiny.llama_pairs(), *split]
        part = tmp_path / f"tiny-0000{number + 1}-of-00002.gguf"
        part.write_bytes(tiny.write(pairs, tensors).data)
        os.utime(part, (LONG_AGO, LONG_AGO))
    first, cache = tmp_path / "tiny-00001-of-00002.gguf", tmp_path / "cache.json"
    assert examine(first, cache) == examine(first, cache, command=FAILING)
    part.write_bytes(b"GGUF")

    with pytest.raises(ModelError, match=r"tiny-00002-of-00002\.gguf breaks off"):
        examine(first, cache)


def test_a_bad_verdict_is_not_remembered(tmp_path: Path) -> None:
    path, cache = model(tmp_path), tmp_path / "cache.json"
    with pytest.raises(ModelError):
        examine(path, cache, command=FAILING)

    assert examine(path, cache).architecture == "llama"


def test_the_verdict_of_another_version_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, cache = model(tmp_path), tmp_path / "cache.json"
    examine(path, cache)
    monkeypatch.setattr(checking, "VERSION", "another")

    with pytest.raises(ModelError):
        examine(path, cache, command=FAILING)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff\xfe", b'{"version":"check-1","entries":{"a":1}}', b"[" * 100_000],
)
def test_a_broken_cache_is_none(tmp_path: Path, content: bytes) -> None:
    path, cache = model(tmp_path), tmp_path / "cache.json"
    cache.write_bytes(content)
    header = examine(path, cache)

    assert examine(path, cache, command=FAILING) == header


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    assert examine(model(tmp_path), tmp_path / "gone" / "cache.json").architecture == "llama"


def test_the_process_takes_no_module_from_the_folder_where_she_writes() -> None:
    assert "-P" in COMMAND
