"""PURE. Which other row's plans a row's plans are compared with."""

from collections.abc import Mapping, Sequence
from hashlib import sha256


def shuffled(groups: Mapping[str, str], seed: int) -> dict[str, str]:
    """For each row another one, whose plans are its control; no two have the same.

    It is a row of the same group where that has another, which is the harder comparison: a plan
    that only knows the people and the manner of a book helps with any row of that book. The same
    rows, groups and seed give the same, in whichever order they come.

    Args:
        groups: each row's id, and its group: its book's id, or the same for all.
        seed: of the order.

    Returns:
        Nothing where there is only one row; of a group of one, rows of others.
    """
    members: dict[str, list[str]] = {}
    for name, group in groups.items():
        members.setdefault(group, []).append(name)
    alone = [names[0] for names in members.values() if len(names) == 1]
    rounds = [names for names in members.values() if len(names) > 1]
    if len(alone) == 1 and rounds:
        # It takes a place in the round of the first other group.
        first = min(rounds, key=min)
        first.append(alone[0])
    elif len(alone) > 1:
        rounds.append(alone)
    found: dict[str, str] = {}
    for names in rounds:
        names.sort(key=lambda name: (sha256(f"{seed}:{name}".encode()).digest(), name))
        found |= {name: names[place - 1] for place, name in enumerate(names)}
    return found


def control_plans(
    plans: Mapping[str, Sequence[str]], groups: Mapping[str, str], seed: int
) -> dict[str, tuple[str, ...]]:
    """For each row as many plans of another one as it has itself, so that both have as much choice.

    Where the other row has fewer, the one that is its control gives the rest, and so on.

    Args:
        plans: each row's, by its id; of rows without plans too.
        groups: as for `shuffled`, of the same rows.
        seed: of the order.

    Returns:
        Fewer than its own where all other rows of its round together have fewer.
    """
    others = shuffled({name: groups[name] for name in plans}, seed)
    found: dict[str, tuple[str, ...]] = {}
    for name, own in plans.items():
        taken: list[str] = []
        other = others.get(name, name)
        while other != name and len(taken) < len(own):
            taken += plans[other][: len(own) - len(taken)]
            other = others[other]
        found[name] = tuple(taken)
    return found
