"""What moved tokens cost in quality: moved, healed and cold caches on the same text.

Runs in a process of its own: `python -m storytui.bench.quality`, with one JSON object on standard
input (`model`, `text`, `tokens`, `threads`, `seed`), and prints one.

Every figure is read off next-token distributions, each evaluated alone behind the cache that is
looked at. The *noise floor* is how much two cold caches differ whose tokens were evaluated alone
and in batches: llama.cpp's kernels round differently then.
"""

import json
import math
import random
import re
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storytui.engine.cells import Cells
from storytui.engine.kv import Block, Places, Plan, common_prefix, plan_exactly, plan_moves
from storytui.engine.llama import LlamaModel
from storytui.engine.messages import ModelConfig

POSITIONS = 50
"""Places whose next-token distributions are compared."""
NAMED = 20
"""Places at which the probability of a name is looked at."""
CONTINUED = 120
"""Tokens of the true continuation whose likelihood is measured."""
DROPPED = 1 / 3
"""Share of the window that is dropped when it moves on."""
ROUNDS = 3
"""Places in the text that each figure is the middle of."""
SESSION = 100
"""Rounds of a writing session."""
SESSION_TOKENS = 4096
"""Tokens of its window."""
GROWTH = 80
"""Tokens that each of them brings: an answer and a sentence."""
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][a-z]{2,}")
_ANY = 1_000_000

Distribution = NDArray[np.float64]
"""Logarithms of the probabilities of all tokens."""


class Looker:
    """A cache of one model, filled and looked at."""

    def __init__(self, model: LlamaModel) -> None:
        self.model = model
        self.cells = Cells(model)

    def tokens(self, text: str) -> list[int]:
        """Tokens of a story."""
        return self.model.vocabulary.tokenize(text)

    def cold(self, tokens: list[int], batch: int = 0) -> None:
        """Have the cache hold these tokens, read so many at once; 0: as many as can be."""
        self.cells.forget()
        self.go(tokens, plan_exactly([], 0, tokens), batch)

    def changed(self, before: list[int], after: list[int], *, slid: bool = False) -> int:
        """Have it read `before`, then turn that into `after` by moving; returns tokens moved."""
        self.cold(before)
        prefix = common_prefix(before, after)
        story = prefix if slid else 0
        plan = plan_moves(
            before, after, Places(0, story, slid), most_dropped=_ANY, most_changes=_ANY
        )
        self.go(after, plan)
        return plan.moved

    def extend(self, tokens: list[int]) -> None:
        """Have it read more tokens, behind those that it holds."""
        self.go(tokens, Plan((Block(0, 0, len(self.cells.tokens)),), len(tokens)))

    def heal(self) -> None:
        """Read again what was moved, as the child does."""
        for _ in self.cells.heal(self.model.ahead_batch):
            pass

    def go(self, tokens: list[int], plan: Plan, batch: int = 0) -> None:
        """Have it hold these tokens, by a plan."""
        for _ in self.cells.go_to(tokens, plan, batch=batch):
            pass

    def behind(self, length: int) -> Distribution:
        """The distribution of the token behind the first `length`."""
        return distribution(self.cells.logits_behind(length))


def distribution(logits: NDArray[np.float32]) -> Distribution:
    """Logarithms of the probabilities that logits stand for."""
    shifted = logits.astype(np.float64) - float(logits.max())
    return shifted - math.log(float(np.exp(shifted).sum()))


def divergence(true: Distribution, other: Distribution) -> float:
    """The Kullback-Leibler divergence of `other` from `true`, in nats."""
    return float(np.sum(np.exp(true) * (true - other)))


def measure(model: LlamaModel, text: str, size: int, seed: int) -> dict[str, Any]:
    """All figures for windows of `size` tokens, at places drawn from the seed."""
    look = Looker(model)
    draw = random.Random(seed)
    characters = size * 5
    places = [draw.randrange(characters, len(text) // 2 - characters) for _ in range(ROUNDS)]
    slides = [_slide(look, text[at - characters : at + characters], size) for at in places]
    edits = [_edit(look, text[at - characters : at], size, draw) for at in places]
    return {
        "tokens": size,
        "positions": POSITIONS,
        "slid": _middle(slides),
        "edited": _middle(edits),
        "renamed": _middle([_rename(look, text[at - characters : at], size) for at in places]),
        "session": _rounded(_session(look, text[places[0] - characters :], SESSION_TOKENS)),
        "deleted": _middle([_delete(look, text[at - characters : at], size) for at in places]),
    }


def _rounded(found: dict[str, float]) -> dict[str, float]:
    return {key: float(f"{each:.3g}") for key, each in found.items()}


def _middle(found: Sequence[dict[str, float]]) -> dict[str, float]:
    """The median of each figure."""
    return {key: float(f"{statistics.median(each[key] for each in found):.3g}") for key in found[0]}


def _at(tokens: Sequence[int], first: int, count: int) -> list[int]:
    """Lengths spread evenly from `first` to the end."""
    room = len(tokens) - first
    return [first + -(-room * (n + 1) // count) for n in range(count)]


def _compare(
    look: Looker, after: list[int], first: int, make: Callable[[], int]
) -> dict[str, float]:
    """Mean divergence from a cold cache: noise floor, moved, healed."""
    lengths = _at(after, first, POSITIONS)
    look.cold(after, batch=1)
    alone = [look.behind(length) for length in lengths]
    look.cold(after)
    cold = [look.behind(length) for length in lengths]
    moved = make()
    stale = [look.behind(length) for length in lengths]
    look.heal()
    healed = [look.behind(length) for length in lengths]
    return {
        "moved_tokens": float(moved),
        "floor_kl": statistics.fmean(map(divergence, cold, alone)),
        "moved_kl": statistics.fmean(map(divergence, cold, stale)),
        "healed_kl": statistics.fmean(map(divergence, cold, healed)),
    }


def _session(look: Looker, text: str, size: int) -> dict[str, float]:
    """Many rounds of writing in a window that moves on again and again, healed after each.

    The text is a book's; nothing is sampled, so that the same is read each time. The last round
    moves the window, so that the cache is looked at before and after its healing.
    """
    tokens = look.tokens(text)
    head, start, end = 8, 8, size
    look.cold(tokens[:size])
    evaluated, new, slides = look.cells.evaluated, 0, 0
    window = tokens[:size]
    for number in range(SESSION):
        look.heal()
        end, new = end + GROWTH, new + GROWTH
        if head + end - start > size or number == SESSION - 1:
            start += size // 4
            slides += 1
        window = tokens[:head] + tokens[start:end]
        look.go(window, plan_moves(look.cells.tokens, window, Places(head, head, moved_on=True)))
    lengths = _at(window, head + 8, POSITIONS)
    stale = [look.behind(length) for length in lengths]
    look.heal()
    evaluated = look.cells.evaluated - evaluated
    healed = [look.behind(length) for length in lengths]
    look.cold(window, batch=1)
    alone = [look.behind(length) for length in lengths]
    look.cold(window)
    cold = [look.behind(length) for length in lengths]
    return {
        "tokens": float(size),
        "rounds": float(SESSION),
        "slides": float(slides),
        "new_tokens": float(new),
        "evaluated_by_new": evaluated / new,
        "floor_kl": statistics.fmean(map(divergence, cold, alone)),
        "moved_kl": statistics.fmean(map(divergence, cold, stale)),
        "healed_kl": statistics.fmean(map(divergence, cold, healed)),
    }


def _slide(look: Looker, text: str, size: int) -> dict[str, float]:
    """A window that moves on: divergences, and the likelihood of the story's true continuation."""
    half = len(text) // 2
    whole = look.tokens(text[:half])[-size:]
    truth = look.tokens(" " + text[half:].lstrip())[:CONTINUED]
    head = whole[:8]
    dropped = round(size * DROPPED)
    after = head + whole[8 + dropped :]
    found = _compare(look, after, len(head) + 8, lambda: look.changed(whole, after, slid=True))
    continued = after + truth
    likelihood: dict[str, float] = {}
    for name in ("cold", "moved", "healed"):
        if name == "cold":
            look.cold(after)
        else:
            look.changed(whole, after, slid=True)
        if name == "healed":
            look.heal()
        look.extend(continued)
        likelihood[f"{name}_ll"] = _likelihood(look, continued, len(after))
    return found | likelihood


def _likelihood(look: Looker, tokens: Sequence[int], first: int) -> float:
    """Mean log-likelihood of the tokens from `first` on, in nats a token."""
    return statistics.fmean(float(look.behind(at)[tokens[at]]) for at in range(first, len(tokens)))


def _edit(look: Looker, text: str, size: int, draw: random.Random) -> dict[str, float]:
    """A word changed in the middle of the window."""
    text = text[-size * 4 :]
    words = list(re.finditer(r"(?<= )[a-z]{4,9}(?= )", text))
    third = len(words) // 3
    word = words[draw.randrange(third, 2 * third)]
    other = words[draw.randrange(len(words))].group()
    before = look.tokens(text)
    after = look.tokens(text[: word.start()] + other + " " + other + text[word.end() :])
    first = common_prefix(before, after) + 4
    return _compare(look, after, first, lambda: look.changed(before, after))


def _rename(look: Looker, text: str, size: int) -> dict[str, float]:
    """A character renamed: the probability of the old name where the new one stands."""
    text = text[-size * 4 :]
    names = Counter(found.group() for found in _NAME.finditer(text)).most_common(3)
    old = names[0][0] if names else "he"
    new = "Zebulon"
    before = look.tokens(text)
    renamed = re.sub(rf"\b{old}\b", new, text)
    after = look.tokens(renamed)
    first = look.tokens(" " + old)[0]
    places = _places_of(look, after, " " + new)[-NAMED:]
    return _probabilities(look, before, after, first, places)


def _delete(look: Looker, text: str, size: int) -> dict[str, float]:
    """A paragraph deleted that named somebody new: how likely that name is afterwards."""
    text = text[-size * 4 :]
    at = text.find("\n\n", len(text) // 3) + 2
    paragraph = (
        "Zebulon Quarles came in then, and nobody spoke. Zebulon looked round the room, and "
        "Zebulon Quarles laughed at them all, as only Zebulon could.\n\n"
    )
    before = look.tokens(text[:at] + paragraph + text[at:])
    after = look.tokens(text)
    first = look.tokens(" Zebulon")[0]
    start = common_prefix(before, after)
    return _probabilities(look, before, after, first, _at(after, start + 8, NAMED))


def _places_of(look: Looker, tokens: Sequence[int], word: str) -> list[int]:
    """Positions in front of which a word begins."""
    wanted = look.tokens(word)
    return [
        n
        for n in range(1, len(tokens) - len(wanted))
        if list(tokens[n : n + len(wanted)]) == wanted
    ]


def _probabilities(
    look: Looker, before: list[int], after: list[int], token: int, places: Sequence[int]
) -> dict[str, float]:
    """The mean probability of a token at some places: stale, healed, cold."""

    def mean() -> float:
        return statistics.fmean(math.exp(float(look.behind(at)[token])) for at in places)

    look.changed(before, after)
    stale = mean()
    look.heal()
    healed = mean()
    look.cold(after)
    cold = mean()
    return {
        "stale_p": stale,
        "healed_p": healed,
        "cold_p": cold,
        "stale_to_cold": stale / cold,
        "healed_to_cold": healed / cold,
    }


def main() -> None:
    """Measure, and print the figures."""
    asked = json.load(sys.stdin)
    context = max(asked["tokens"] * 2, SESSION_TOKENS + 2 * GROWTH)
    config = ModelConfig(path=asked["model"], context=context, threads=asked["threads"])
    model = LlamaModel(config, lambda _fraction: None)
    print(json.dumps(measure(model, asked["text"], asked["tokens"], asked["seed"])))


if __name__ == "__main__":
    main()
