"""Whether a teacher may be asked at all: whose machine it is on, its key, its budget, her texts."""

import os
from collections.abc import Mapping
from pathlib import Path

from storytui.engine.api import EngineError
from storytui.engine.remote.address import Address, is_her_own, parse_address
from storytui.engine.remote.key import USUAL_VARIABLES, usual_variable
from storytui.folders import as_typed
from storytui.story.visible import visible
from storytui_train.data.documents import Refusal
from storytui_train.data.examples import WRITTEN, Row
from storytui_train.data.teacher.costs import has_prices
from storytui_train.errors import RecipeError, TeacherError
from storytui_train.recipe import TeacherOptions

NO_KEY = "none"
"""What a server of her own that wants no key is given: the client's library insists on one."""


def is_here(options: TeacherOptions) -> bool:
    """Whether no text leaves her own machines: the engine, vLLM, a server in her network, people.

    Raises:
        RecipeError: the address is none.
    """
    return options.kind in ("none", "local", "vllm", "written") or is_her_own(
        address_of(options).host
    )


def address_of(options: TeacherOptions) -> Address:
    """Where the teacher's endpoint is.

    Raises:
        RecipeError: teacher.url is no address.
    """
    try:
        return parse_address(options.url)
    except EngineError as error:
        raise RecipeError(f"teacher.url: {error}") from error


def check_teacher(options: TeacherOptions) -> None:
    """Look at the teacher's options before anything is asked or spent.

    Raises:
        RecipeError: options that contradict each other, or a teacher that is not on this machine
            without a budget.
    """
    shortest, longest = options.plan_words
    if not 0 < shortest < longest:
        raise RecipeError(
            f"teacher.plan_words is {shortest} to {longest}: the first number has to be above 0, "
            "and below the second."
        )
    for name in ("plans", "attempts", "leak_words", "concurrency", "max_tokens"):
        if getattr(options, name) < 1:
            raise RecipeError(f"teacher.{name} has to be at least 1.")
    if options.retries < 0 or options.timeout <= 0:
        raise RecipeError("teacher.retries cannot be below 0, and teacher.timeout is above 0.")
    if is_here(options):
        return
    host = visible(address_of(options).shown)
    if options.budget <= 0:
        raise RecipeError(
            f"The teacher at {host} is not on this machine and may cost money: set teacher.budget, "
            "in US dollars, to what it may cost at the most."
        )
    if options.kind == "batch" and not has_prices(options):
        raise RecipeError(
            f"The batches of {host} do not say what they cost: set teacher.prompt_price and "
            "teacher.completion_price, in US dollars for a million tokens."
        )
    _check_variable(options)


def plans_file(options: TeacherOptions, recipe_folder: Path) -> Path | None:
    """The file that written plans are in; None where the recipe has another teacher.

    Args:
        options: the recipe's.
        recipe_folder: what the file's name is seen from.

    Raises:
        RecipeError: the kind of teacher needs a file and none is named, or the other way round.
    """
    if options.kind == "written":
        if not options.file:
            raise RecipeError('teacher.kind is "written": set teacher.file to the file of plans.')
        if options.writer.strip() == WRITTEN:
            raise RecipeError(
                f'teacher.writer is "{WRITTEN}": name the model that wrote the plans, or leave it '
                "empty where people did."
            )
        return recipe_folder / as_typed(options.file)
    for name in ("file", "writer"):
        if getattr(options, name):
            raise RecipeError(
                f'teacher.{name} is only read where teacher.kind is "written", and it is '
                f'"{options.kind}": change the one, or take out the other.'
            )
    return None


def key_to(options: TeacherOptions, environment: Mapping[str, str] = os.environ) -> str:
    """The key to the teacher's endpoint; `NO_KEY` where it is hers and none is set.

    Raises:
        RecipeError: the variable that is named holds the key to somebody else.
        TeacherError: the variable is not set, or holds no key.
    """
    name, host = options.key_variable, address_of(options).host
    _check_variable(options)
    hers = is_here(options)
    if hers and name in USUAL_VARIABLES.values() and usual_variable(host) != name:
        return NO_KEY  # the variable is the default's, and holds the key to somebody else
    key = environment.get(name, "").strip() if name else ""
    if not key and hers:
        return NO_KEY
    if not key:
        raise TeacherError(
            f"The environment variable {visible(name) or '(none)'} is not set, which "
            f"teacher.key_variable names for the key to {visible(host)}. Put the key into it, or "
            "name another."
        )
    if not all("!" <= each <= "~" for each in key):
        raise TeacherError(
            f"The environment variable {visible(name)} holds characters that no key has; put the "
            f"key to {visible(host)} in anew."
        )
    return key


def refuse_private(row: Row, options: TeacherOptions) -> Refusal | None:
    """The refusal of a row's source, where its text must not be sent to this teacher."""
    source = row.source
    if not source.private or options.send_private or is_here(options):
        return None
    host = visible(address_of(options).shown)
    return Refusal(
        stage="reason",
        id=source.id,
        title=source.title,
        reason="private",
        detail=f"It is marked private, and the teacher at {host} is not on this machine; nothing "
        "of it was sent. Choose a teacher on this machine, or set teacher.send_private.",
    )


def _check_variable(options: TeacherOptions) -> None:
    host = address_of(options).host
    usual = usual_variable(host)
    owners = [each for each, name in USUAL_VARIABLES.items() if name == options.key_variable]
    if owners and host not in owners and not is_here(options):
        told = f", perhaps {usual}" if usual else ""
        raise RecipeError(
            f"teacher.key_variable is {options.key_variable}, which holds the key to {owners[0]}, "
            f"but teacher.url is at {visible(host)}: name the variable with its key{told}."
        )
