"""The rollout: from a row to plans and a guidance line, with what came of every attempt.

Each plan is asked for until a reply can be used, at most `attempts` times; the next attempt is told
what was wrong with the one before. Nothing is silently dropped: what could not be used is named
with its row. The same row, options and seed ask the same questions, so that a run after a kill
finds its replies and comes to the same end.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from storytui_train.data.documents import Refusal
from storytui_train.data.examples import Row, Teacher
from storytui_train.data.teacher.access import address_of, check_teacher, refuse_private
from storytui_train.data.teacher.checks import (
    Fault,
    bare,
    figures,
    guidance_faults,
    plan_faults,
)
from storytui_train.data.teacher.costs import NOTHING, Usage, added, usage_of
from storytui_train.data.teacher.prompts import (
    GUIDANCE_WORDS,
    SHORTEST_GUIDANCE,
    Message,
    angle_of,
    asked_words,
    guidance_messages,
    plan_messages,
    prompt_hash,
)
from storytui_train.errors import RecipeError
from storytui_train.recipe import TeacherOptions

if TYPE_CHECKING:
    from storytui_train.data.teacher.running import TeacherRunner

STAGE = "reason"
HINTS = "storytui"
"""Where a request to the local engine says how long its reply should be."""
LOCAL_TOKENS_A_WORD = 2
LOCAL_SPARE_TOKENS = 64
OWN_TOKENS = "api.openai.com"
"""Names the length of a reply differently from everybody who followed it."""


class Reply(Protocol):
    """What comes back from the teacher; datatrove's `InferenceResult` is one."""

    text: str
    finish_reason: str
    usage: dict[str, Any]


Generate = Callable[[dict[str, Any]], Awaitable[Reply]]


class NoAnswer(Exception):
    """A request that was not answered, and may be another time."""


class NotAnswering(Exception):
    """A request that the teacher will never answer; the message says why."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan that can be used."""

    text: str
    angle: str
    attempt: int
    """Which attempt it was, from 1."""
    leak: float
    """Share of its runs of `leak_words` words that stand in the continuation only."""
    retold: float
    """Share of its runs of eight words that stand in the context."""


class Planned(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A row and what the teacher made of it: one line of the plans' files."""

    row: Row
    plans: tuple[Plan, ...] = ()
    guidance: str = ""
    teacher: Teacher | None = None
    """None: the teacher was not asked; the row has a reasoning of its own, or is refused."""
    refusals: tuple[Refusal, ...] = ()
    """Why the row, its source or its guidance line is left out."""
    faults: dict[str, int] = {}
    """How often replies to it had which fault."""
    unanswered: tuple[str, ...] = ()
    """What came instead of an answer, of each request that had none in the end."""


class _Part(msgspec.Struct, kw_only=True):
    """One plan's, or the guidance line's, way through its attempts."""

    plan: Plan | None = None
    text: str = ""
    usage: Usage = NOTHING
    faults: list[str] = []
    reasons: list[str] = []
    unanswered: str = ""


async def plan_row(row: Row, generate: Generate, options: TeacherOptions, seed: int) -> Planned:
    """Ask the teacher for a row's plans and guidance line.

    Args:
        row: one with a reasoning of its own is not asked for.
        generate: sends a request and gives its reply; raises `NoAnswer`, `NotAnswering`, or what
            ends the whole run.
        options: the recipe's.
        seed: the recipe's.
    """
    private = refuse_private(row, options)
    if private is not None:
        return Planned(row=row, refusals=(private,))
    if row.reasoning:
        return Planned(row=row)
    asked = [_plan(row, number, generate, options, seed) for number in range(options.plans)]
    if options.guidance:
        asked.append(_guidance(row, generate, options, seed))
    parts = await _all(asked)
    plans = tuple(part.plan for part in parts if part.plan is not None)
    line = parts[-1] if options.guidance else _Part()
    unanswered = tuple(part.unanswered for part in parts if part.unanswered)
    total = added(part.usage for part in parts)
    return Planned(
        row=row,
        plans=plans,
        guidance=line.text,
        teacher=Teacher(
            model=options.model or "built-in",
            prompt=prompt_hash(options),
            prompt_tokens=total.prompt_tokens,
            completion_tokens=total.completion_tokens,
            cost=round(total.cost(options), 9),
            requests=total.replies,
        ),
        refusals=_refusals(row, plans, parts[: options.plans], line, options),
        faults=dict(sorted(Counter(name for part in parts for name in part.faults).items())),
        unanswered=unanswered,
    )


def payload_of(
    options: TeacherOptions,
    messages: Sequence[Message],
    seed: int,
    what: str,
    words: tuple[int, int],
) -> dict[str, Any]:
    """A whole request: everything that its reply depends on.

    Args:
        options: the recipe's.
        messages: what is said.
        seed: the recipe's.
        what: names the row, the plan and the attempt; goes into the request's own seed.
        words: how many the reply should have, at least and at most; the local engine, which
            writes no thoughts of its own, is held to them.
    """
    digest = sha256(f"{seed}:{what}".encode("utf-8", "surrogatepass")).digest()
    openai = options.kind in ("endpoint", "batch") and address_of(options).host == OWN_TOKENS
    return {
        "model": options.model,
        "messages": list(messages),
        "temperature": options.temperature,
        "max_completion_tokens" if openai else "max_tokens": options.max_tokens,
        "seed": int.from_bytes(digest[:4], "big") >> 1,
        **(_local_hints(options, words) if options.kind == "local" else {}),
        **options.extra,
    }


def _local_hints(options: TeacherOptions, words: tuple[int, int]) -> dict[str, Any]:
    return {
        "max_tokens": min(options.max_tokens, LOCAL_TOKENS_A_WORD * words[1] + LOCAL_SPARE_TOKENS),
        HINTS: {"words": sum(words) // 2, "min_words": words[0]},
    }


def rows_for(rows: Iterable[Row], options: TeacherOptions, seed: int) -> set[str] | None:
    """Ids of the rows that the teacher is given where the recipe limits them; None: all.

    They are spread by chance over all rows, always the same for one seed, and a higher limit
    takes more in addition.
    """
    if not options.rows:
        return None
    drawn = sorted((sha256(f"{seed}:{row.id}".encode()).digest(), row.id) for row in rows)
    return {name for _, name in drawn[: options.rows]}


def tasks_for(options: TeacherOptions, tasks: int) -> int:
    """How many tasks the stage is best cut into.

    One, where an endpoint is waited for: it has as many requests on their way as are allowed, and
    one purse. As many as asked for vLLM, which datatrove starts once for each task.
    """
    return tasks if options.kind == "vllm" else 1


def reason_block(
    options: TeacherOptions,
    folder: Path,
    seed: int,
    *,
    output: Path | None = None,
    local: Callable[[Any, int], Any] | None = None,
) -> "TeacherRunner":
    """The block that gives rows to the teacher; it comes last in its pipeline.

    It takes datatrove documents with a row under `row` in their metadata, in builtins, and writes
    a file of `Planned` lines for each task, in the order of the rows.

    Args:
        options: the recipe's.
        folder: the stage's; replies are kept in `replies` below it, for good.
        seed: the recipe's.
        output: where the files go, named by the task's number; default: `plans` below `folder`.
        local: makes the server for `kind = "local"` from datatrove's configuration and the rank.

    Raises:
        RecipeError: the options contradict each other, or name no teacher.
    """
    from storytui_train.data.teacher.batch import BatchRunner
    from storytui_train.data.teacher.running import TeacherRunner

    check_teacher(options)
    if options.kind == "none":
        raise RecipeError("The recipe has no teacher: set teacher.kind.")
    kind = BatchRunner if options.kind == "batch" else TeacherRunner
    return kind(options, folder, seed, output=output or folder / "plans", local=local)


async def _plan(
    row: Row, number: int, generate: Generate, options: TeacherOptions, seed: int
) -> _Part:
    angle = angle_of(number)

    def ask(faults: Sequence[str]) -> list[Message]:
        return plan_messages(row, options, angle, faults)

    def find(text: str, finish: str) -> list[Fault]:
        return plan_faults(text, row, options, finish)

    words = asked_words(options)
    part = await _attempts(f"{row.id}:plan:{number}", ask, find, generate, options, seed, words)
    if part.text:
        measured = figures(part.text, row, options)
        part.plan = Plan(
            text=part.text,
            angle=angle.name,
            attempt=len(part.reasons) + 1,
            leak=round(measured.leak, 6),
            retold=round(measured.retold, 6),
        )
    return part


async def _guidance(row: Row, generate: Generate, options: TeacherOptions, seed: int) -> _Part:
    def ask(faults: Sequence[str]) -> list[Message]:
        return guidance_messages(row, faults)

    def find(text: str, finish: str) -> list[Fault]:
        return guidance_faults(text, row, options, finish)

    words = (SHORTEST_GUIDANCE, GUIDANCE_WORDS)
    return await _attempts(f"{row.id}:guidance", ask, find, generate, options, seed, words)


async def _attempts(
    what: str,
    ask: Callable[[Sequence[str]], list[Message]],
    find: Callable[[str, str], list[Fault]],
    generate: Generate,
    options: TeacherOptions,
    seed: int,
    words: tuple[int, int],
) -> _Part:
    """Ask until a reply has no fault; what was wrong with one is told to the next."""
    part = _Part(faults=[], reasons=[])
    told: list[str] = []
    for attempt in range(options.attempts):
        payload = payload_of(options, ask(told), seed, f"{what}:{attempt}", words)
        try:
            reply = await generate(payload)
        except NotAnswering as error:
            part.faults.append("turned away")
            part.reasons.append(f"turned away ({error})")
            told = []
            continue
        except NoAnswer as error:
            part.unanswered = str(error)
            return part
        part.usage = added((part.usage, usage_of(reply.usage or {})))
        text = bare(reply.text)
        faults = find(text, reply.finish_reason or "")
        if not faults:
            part.text = text
            return part
        part.faults += [fault.name for fault in faults]
        part.reasons.append(", ".join(fault.name for fault in faults))
        told = [fault.told for fault in faults]
    return part


def _refusals(
    row: Row,
    plans: Sequence[Plan],
    parts: Sequence[_Part],
    line: _Part,
    options: TeacherOptions,
) -> tuple[Refusal, ...]:
    found: list[Refusal] = []
    missing = [part.unanswered for part in parts if part.unanswered]
    title = row.source.title
    if not plans and missing:
        detail = f"The teacher did not answer: {missing[0]}. Run the stage again to ask anew."
        found.append(
            Refusal(stage=STAGE, id=row.id, title=title, reason="no answer", detail=detail)
        )
    elif not plans:
        tries = "; ".join(dict.fromkeys(reason for part in parts for reason in part.reasons))
        detail = f"None of {options.plans} plans, asked for {options.attempts} times each, could be"
        detail += f" used: {tries}."
        found.append(Refusal(stage=STAGE, id=row.id, title=title, reason="no plan", detail=detail))
    if options.guidance and plans and not line.text:
        why = line.unanswered or "; ".join(dict.fromkeys(line.reasons))
        detail = f"The row is kept without a guidance line: {why}."
        found.append(
            Refusal(stage=STAGE, id=row.id, title=title, reason="no guidance", detail=detail)
        )
    return tuple(found)


async def _all(parts: Iterable[Awaitable[_Part]]) -> list[_Part]:
    """All of them; what ends the run is raised when none is on its way any more.

    What is on its way when the run ends early has been paid for, and is waited for and kept.
    """
    done = await asyncio.gather(*parts, return_exceptions=True)
    for each in done:
        if isinstance(each, BaseException):
            raise each
    return [each for each in done if isinstance(each, _Part)]
