"""Which cached tokens are kept."""

from hypothesis import given
from hypothesis import strategies as st

from storytui.engine.kv import common_prefix, tokens_to_keep

TOKENS = st.lists(st.integers(0, 2), max_size=40)


@given(TOKENS, TOKENS)
def test_the_common_prefix_is_common_and_longest(one: list[int], other: list[int]) -> None:
    length = common_prefix(one, other)
    assert one[:length] == other[:length]
    assert length == min(len(one), len(other)) or one[length] != other[length]


@given(TOKENS, TOKENS.filter(bool))
def test_the_last_token_is_always_evaluated(cached: list[int], wanted: list[int]) -> None:
    keep = tokens_to_keep(cached, wanted)
    assert keep < len(wanted)
    assert cached[:keep] == wanted[:keep]


def test_an_unchanged_prompt_costs_one_token() -> None:
    assert tokens_to_keep([1, 2, 3], [1, 2, 3]) == 2
