"""PURE. What a teacher costs: estimated before, capped while it works, counted afterwards.

Prices are US dollars for a million tokens. Where the recipe names none, the cost is what the
endpoint reports with each reply (`usage.cost`), and the estimate goes by the replies so far.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from storytui_train.data.examples import Row
from storytui_train.data.teacher.prompts import (
    ANGLES,
    asked_words,
    guidance_messages,
    plan_messages,
)
from storytui_train.errors import TeacherError
from storytui_train.recipe import TeacherOptions

CHARACTERS_A_TOKEN = 4.0
"""English prose in the vocabularies of today: 4.2 to 4.6; rounded down to be on the safe side."""
TOKENS_A_WORD = 1.4
GUIDANCE_TOKENS = 40
MESSAGE_TOKENS = 8
"""What a chat template adds to each message, about."""


class Usage(NamedTuple):
    """What replies took."""

    replies: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reported: float = 0.0
    """US dollars, as the endpoint reported them."""

    def cost(self, options: TeacherOptions) -> float:
        """US dollars: by the recipe's prices, or as reported where it names none."""
        if has_prices(options):
            return (
                self.prompt_tokens * options.prompt_price
                + self.completion_tokens * options.completion_price
            ) / 1e6
        return self.reported


NOTHING = Usage()


class Estimate(NamedTuple):
    """What rows will take, at one attempt for each plan and line."""

    rows: int
    requests: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    """US dollars; None where neither the recipe names prices nor a reply has told any yet."""
    free: bool = False
    """Whether the teacher takes no money: it runs on this machine."""

    def told(self) -> str:
        """The estimate as a sentence for the user."""
        if self.free:
            cost = "nothing to pay, the teacher is on this machine"
        elif self.cost is None:
            cost = "the endpoint's prices are not known before its first reply"
        else:
            cost = f"about {self.cost:.2f} US dollars"
        return (
            f"{self.rows:,} rows need about {self.requests:,} requests, {self.prompt_tokens:,} "
            f"tokens to read and {self.completion_tokens:,} to write: {cost}."
        )


def has_prices(options: TeacherOptions) -> bool:
    """Whether the recipe names what tokens cost."""
    return options.prompt_price > 0 or options.completion_price > 0


def usage_of(usage: Mapping[str, Any]) -> Usage:
    """What one reply took, from the endpoint's `usage`."""
    return Usage(
        1,
        int(usage.get("prompt_tokens") or 0),
        int(usage.get("completion_tokens") or 0),
        float(usage.get("cost") or 0.0),
    )


def added(usages: Iterable[Usage]) -> Usage:
    """The sum of usages."""
    replies = prompt = completion = 0
    reported = 0.0
    for each in usages:
        replies += each.replies
        prompt += each.prompt_tokens
        completion += each.completion_tokens
        reported += each.reported
    return Usage(replies, prompt, completion, reported)


def tokens_of(messages: Iterable[Mapping[str, Any]]) -> int:
    """About how many tokens the messages of a request are."""
    lengths = [len(str(each.get("content", ""))) for each in messages]
    return round(sum(lengths) / CHARACTERS_A_TOKEN) + MESSAGE_TOKENS * len(lengths)


def estimate(
    rows: Iterable[Row],
    options: TeacherOptions,
    so_far: Usage = NOTHING,
    kept: Mapping[str, int] | None = None,
) -> Estimate:
    """What rows will still take.

    Args:
        rows: that will be given to the teacher; those with a reasoning of their own are not.
        options: the teacher's.
        so_far: what the replies took that are kept; they tell how long replies get, and what
            they cost where the recipe names no prices.
        kept: how many replies are kept of each row, by its id.
    """
    count = requests = prompt = completion = 0
    kept = kept or {}
    words = sum(asked_words(options)) / 2
    by_reply = so_far.completion_tokens / so_far.replies if so_far.replies else 0.0
    for row in rows:
        if row.reasoning:
            continue
        wanted = options.plans + options.guidance
        left = max(wanted - kept.get(row.id, 0), 0)
        if not left:
            continue
        count += 1
        requests += left
        read = options.plans * tokens_of(plan_messages(row, options, ANGLES[0]))
        written = options.plans * (by_reply or words * TOKENS_A_WORD)
        if options.guidance:
            read += tokens_of(guidance_messages(row))
            written += by_reply or GUIDANCE_TOKENS
        prompt += round(read * left / wanted)
        completion += round(written * left / wanted)
    free = options.kind in ("local", "vllm")
    cost = 0.0 if free else _cost(prompt, completion, options, so_far)
    return Estimate(count, requests, prompt, completion, cost, free)


class Purse:
    """What may still be spent: asked before each request, told after it."""

    def __init__(
        self,
        options: TeacherOptions,
        *,
        here: bool,
        own: Usage = NOTHING,
        others: Callable[[], Usage] = Usage,
        tasks: int = 1,
    ) -> None:
        """Begin with what was spent.

        Args:
            options: hold the budget and the prices.
            here: whether the teacher is on this machine; it costs nothing then.
            own: what the replies took that this task has committed.
            others: asked for what those of other tasks took, each time anew.
            tasks: how many may be spending at once; each keeps room for as much in the others'
                flight as there is in its own.
        """
        self._options = options
        self._free = here or options.budget <= 0
        self._own = own
        self._others = others
        self._tasks = tasks
        self._reserved = 0.0
        self._dearest = 0.0
        self._has_prices = has_prices(options)
        self._priced = True

    def spent(self) -> float:
        """US dollars spent so far, by all tasks."""
        return added((self._own, self._others())).cost(self._options)

    def reserve(self, payload: Mapping[str, Any]) -> float:
        """Set aside what a request can cost at the most, and say how much that is.

        Raises:
            TeacherError: the budget could be passed, or nobody says what a reply costs.
        """
        if self._free:
            return 0.0
        if not self._priced:
            raise TeacherError(
                "The endpoint does not say what a reply costs, so that the budget cannot be kept. "
                "Set teacher.prompt_price and teacher.completion_price, in US dollars for a "
                "million tokens."
            )
        needed = self._most(payload)
        spent = self.spent()
        if spent + (self._reserved + needed) * self._tasks > self._options.budget:
            raise TeacherError(
                f"The teacher has cost {spent:.4f} US dollars so far, and the next request, with "
                f"those on their way, could pass the budget of {self._options.budget:g}: it was "
                "not sent. Everything that was paid for is kept; to go on, raise teacher.budget."
            )
        self._reserved += needed
        return needed

    def give_back(self, reserved: float) -> None:
        """A request was not answered: what was set aside is free again."""
        self._reserved = max(0.0, self._reserved - reserved)

    def settle(self, reserved: float, usage: Mapping[str, Any]) -> None:
        """A request was answered; what it says of its costs is remembered for the next ones."""
        self.give_back(reserved)
        reply = usage_of(usage)
        self._own = added((self._own, reply))
        self._dearest = max(self._dearest, _by_token(reply))
        self._priced = self._priced and ("cost" in usage or self._has_prices)

    def _most(self, payload: Mapping[str, Any]) -> float:
        longest = payload.get("max_tokens") or payload.get("max_completion_tokens") or 0
        prompt = tokens_of(payload.get("messages", ()))
        if self._has_prices:
            return Usage(1, prompt, int(longest)).cost(self._options)
        return (prompt + int(longest)) * max(self._dearest, _by_token(self._own))


def _by_token(usage: Usage) -> float:
    tokens = usage.prompt_tokens + usage.completion_tokens
    return usage.reported / tokens if tokens else 0.0


def _cost(prompt: int, completion: int, options: TeacherOptions, so_far: Usage) -> float | None:
    if has_prices(options):
        return Usage(0, prompt, completion).cost(options)
    if so_far.replies and so_far.reported:
        return (prompt + completion) * _by_token(so_far)
    return None
