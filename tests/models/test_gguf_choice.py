"""Which of a repository's files is chosen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui.engine.api import ModelError
from storytui.models.catalog import model_of
from storytui.models.gguf_choice import choose_files, part_of

Q4 = ("*q4_k_m*.gguf", "*q4*.gguf")

# As the repositories had them: Hugging Face, anthracite-org/magnum-v4-12b-gguf, before and after
# its files were renamed; ggml-org/gemma-3-4b-it-GGUF; the parts as in magnum-v4-72b-gguf.
MAGNUM = [
    ".gitattributes",
    "README.md",
    *(f"magnum-v4-12b-{each}.gguf" for each in ("Q3_K_L", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0")),
]
MAGNUM_BEFORE = [
    each.replace("magnum-v4-12b-", "anthracite-core_magnum-v4-12b-r2-") for each in MAGNUM
]
GEMMA = [
    "README.md",
    *(f"gemma-3-4b-it-{each}.gguf" for each in ("Q4_K_M", "Q8_0", "f16")),
    "mmproj-model-f16.gguf",
]


def choose(names: list[str], *patterns: str) -> tuple[str, ...]:
    return choose_files(names, patterns or Q4, "who/what-GGUF")


def test_the_file_that_is_wanted_is_chosen() -> None:
    files = model_of("magnum-v4-12b").files

    assert choose(MAGNUM, *files) == ("magnum-v4-12b-Q4_K_M.gguf",)


def test_a_file_that_was_renamed_is_still_found() -> None:
    files = model_of("magnum-v4-12b").files

    assert choose(MAGNUM_BEFORE, *files) == ("anthracite-core_magnum-v4-12b-r2-Q4_K_M.gguf",)


def test_the_case_of_letters_does_not_matter() -> None:
    assert choose(["a-Q4_k_M.GGUF"]) == ("a-Q4_k_M.GGUF",)


def test_the_half_that_sees_is_never_chosen() -> None:
    assert choose(GEMMA, "*f16.gguf") == ("gemma-3-4b-it-f16.gguf",)
    assert choose(GEMMA, "*.gguf") == ("gemma-3-4b-it-f16.gguf",)


def test_patterns_stand_in_order_of_preference() -> None:
    assert choose(["a-q4_0.gguf", "a-q4_k_m.gguf"]) == ("a-q4_k_m.gguf",)
    assert choose(["a-q4_0.gguf", "a-q8_0.gguf"]) == ("a-q4_0.gguf",)


def test_the_plain_name_comes_before_one_that_says_more() -> None:
    assert choose(["a.i1-Q4_K_M.gguf", "a.Q4_K_M.gguf"]) == ("a.Q4_K_M.gguf",)


def test_all_parts_of_a_divided_file_are_chosen_in_their_order() -> None:
    names = [f"q4/m-Q4_K_M-0000{number}-of-00003.gguf" for number in (2, 3, 1)]

    assert choose(names) == tuple(sorted(names))


def test_a_pattern_for_the_whole_file_fits_its_parts() -> None:
    names = ["m-Q4_K_M-00001-of-00002.gguf", "m-Q4_K_M-00002-of-00002.gguf"]

    assert choose(names, "m-Q4_K_M.gguf") == tuple(names)


def test_a_pattern_may_name_a_folder() -> None:
    assert choose(["q4/m.gguf", "q8/m.gguf"], "q8/*.gguf") == ("q8/m.gguf",)


def test_a_part_that_is_missing_is_said() -> None:
    with pytest.raises(ModelError, match="of the 3 parts of m-q4_0, part 2 is missing"):
        choose(["m-q4_0-00001-of-00003.gguf", "m-q4_0-00003-of-00003.gguf"])


def test_where_parts_are_missing_a_whole_file_is_taken() -> None:
    names = ["m-q4_k_m-00001-of-00002.gguf", "m-q4_0.gguf"]

    assert choose(names) == ("m-q4_0.gguf",)


def test_where_none_fits_the_message_names_what_there_is() -> None:
    with pytest.raises(ModelError) as caught:
        choose(["README.md", "a-Q8_0.gguf", "mmproj-a.gguf"])

    assert str(caught.value) == (
        "who/what-GGUF holds no file like *q4_k_m*.gguf or *q4*.gguf. There is: a-Q8_0.gguf. "
        "Name one of them after a colon."
    )


def test_of_many_files_some_are_named_and_the_rest_counted() -> None:
    with pytest.raises(ModelError, match=r"a0\.gguf, .*a7\.gguf and 2 more\."):
        choose([f"a{number}.gguf" for number in range(10)])


def test_a_repository_without_gguf_files_is_said_to_be_one() -> None:
    with pytest.raises(ModelError, match=r"holds no GGUF model\. Look for one"):
        choose(["model.safetensors", "mmproj-a.gguf", "a.gguf.part1of2"])


def test_names_cannot_speak_to_the_terminal() -> None:
    with pytest.raises(ModelError) as caught:
        choose(["a\x1b[2J.gguf"])

    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("m-00002-of-00003.gguf", ("m", 2, 3)),
        ("m-00000-of-00003.gguf", None),
        ("m-00004-of-00003.gguf", None),
        ("m-2-of-3.gguf", None),
        ("m-00001-of-99999.gguf", None),
        ("m.gguf", None),
    ],
)
def test_parts_are_known_by_their_names(name: str, part: tuple[str, int, int] | None) -> None:
    assert part_of(name) == part


@given(
    st.lists(st.sampled_from([*MAGNUM, *GEMMA, "a-00001-of-00002.gguf", "a-00002-of-00002.gguf"])),
    st.sampled_from((*Q4, "*.gguf", "*00002*")),
)
def test_what_is_chosen_was_there_whatever_the_order(names: list[str], pattern: str) -> None:
    try:
        chosen = choose(names, pattern)
    except ModelError:
        with pytest.raises(ModelError):
            choose(names[::-1], pattern)
        return
    assert set(chosen) <= set(names)
    assert chosen == choose(names[::-1], pattern)
