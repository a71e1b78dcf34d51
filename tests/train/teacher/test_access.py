"""Who may be asked, with which key, and whose texts stay at home."""

import msgspec
import pytest
from teacher_rows import make_row

from storytui_train.data.documents import Source
from storytui_train.data.teacher.access import (
    NO_KEY,
    check_teacher,
    is_here,
    key_to,
    refuse_private,
)
from storytui_train.errors import RecipeError, TeacherError
from storytui_train.recipe import TeacherOptions

FAR = TeacherOptions(kind="endpoint", budget=1.0)
HER_OWN = Source(id="manuscript-x", kind="manuscript", title="X", private=True)


def changed(**fields: object) -> TeacherOptions:
    return msgspec.structs.replace(FAR, **fields)


@pytest.mark.parametrize(
    ("fields", "here"),
    [
        ({}, False),
        ({"kind": "batch"}, False),
        ({"kind": "vllm"}, True),
        ({"kind": "local"}, True),
        ({"url": "http://localhost:8000/v1"}, True),
        ({"url": "192.168.1.4:8080"}, True),
        ({"url": "https://api.deepseek.com/v1"}, False),
        ({"url": "http://127.0.0.1.example.com/v1"}, False),
    ],
)
def test_which_teachers_are_on_her_own_machines(fields: dict[str, object], here: bool) -> None:
    assert is_here(changed(**fields)) is here


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"budget": 0.0}, "teacher.budget"),
        ({"plan_words": (90, 40)}, "teacher.plan_words"),
        ({"plans": 0}, "teacher.plans"),
        ({"attempts": 0}, "teacher.attempts"),
        ({"timeout": 0.0}, "teacher.timeout"),
        ({"url": "ftp://somewhere"}, "teacher.url"),
        ({"kind": "batch"}, "teacher.prompt_price"),
        ({"url": "https://api.deepseek.com"}, "DEEPSEEK_API_KEY"),
    ],
)
def test_what_cannot_be_followed_is_said_before_anything_is_asked(
    fields: dict[str, object], told: str
) -> None:
    with pytest.raises(RecipeError, match=told):
        check_teacher(changed(**fields))


def test_a_teacher_on_this_machine_needs_no_budget() -> None:
    check_teacher(changed(url="http://localhost:1234/v1", budget=0.0))
    check_teacher(changed(kind="local", budget=0.0))


def test_a_key_that_is_not_set_is_told_by_its_variable() -> None:
    with pytest.raises(TeacherError, match=r"OPENROUTER_API_KEY is not set.*openrouter\.ai"):
        key_to(FAR, {})
    with pytest.raises(TeacherError, match="characters that no key has"):
        key_to(FAR, {"OPENROUTER_API_KEY": "sk two words"})
    assert key_to(FAR, {"OPENROUTER_API_KEY": " sk-x\n"}) == "sk-x"


def test_a_key_goes_to_nobody_but_its_owner() -> None:
    environment = {"OPENROUTER_API_KEY": "sk-x", "MY_KEY": "mine"}

    assert key_to(changed(url="http://localhost:8000"), environment) == NO_KEY
    assert (
        key_to(changed(url="http://localhost:8000", key_variable="MY_KEY"), environment) == "mine"
    )
    with pytest.raises(RecipeError, match=r"holds the key to openrouter\.ai"):
        key_to(changed(url="https://example.com/v1"), environment)


@pytest.mark.parametrize(
    ("private", "fields", "refused"),
    [
        (True, {}, True),
        (True, {"send_private": True}, False),
        (True, {"kind": "local"}, False),
        (True, {"url": "http://localhost:8000/v1"}, False),
        (False, {}, False),
    ],
)
def test_a_private_text_is_refused_by_its_source(
    private: bool, fields: dict[str, object], refused: bool
) -> None:
    row = make_row(1, source=msgspec.structs.replace(HER_OWN, private=private))

    found = refuse_private(row, changed(**fields))

    assert (found is not None) is refused
    if found is not None:
        assert (found.id, found.reason) == (HER_OWN.id, "private")
        assert "teacher.send_private" in found.detail
