"""What a report says: figures, differences to the base, verdicts, text that cannot do harm."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from msgspec import structs
from scripted_models import ANSWER, PLAN, contestant, rows

from storytui_train.evaluate.asking import Asked
from storytui_train.evaluate.figures import FIGURES
from storytui_train.evaluate.intervals import Interval, bootstrap, bootstrap_ratio
from storytui_train.evaluate.likelihood import Gain, Likelihood
from storytui_train.evaluate.plots import draw
from storytui_train.evaluate.report import Report, build, judge
from storytui_train.evaluate.running import Measured
from storytui_train.evaluate.samples import samples
from storytui_train.evaluate.takes import Free, Take
from storytui_train.evaluate.writing import markdown

ROWS = rows(24, books=6)
ASKED = Asked(words=15)
RIGHT = f"<reasoning>{PLAN}</reasoning><answer>{ANSWER}</answer>"


def measured(
    name: str,
    *,
    bits: float = 1.0,
    plain: float = 1.1,
    free: str = RIGHT,
    answer: str = ANSWER,
    gain: float = 1.0,
    spread: float = 0.05,
) -> Measured:
    found = Measured(contestant(name))
    for number, row in enumerate(ROWS):
        # Harder and easier books, for every model alike.
        hard = 1 + spread * (number % 6)
        found.likelihoods[row.id] = Likelihood(
            prompt=100 * bits * hard, plain=100 * plain * hard, bytes=100, tokens=30, cut=number < 2
        )
        if number < 12:
            found.takes[row.id] = Take(reasoning=PLAN, answer=answer, why="closed", tokens=40)
            found.free[row.id] = Free(raw=free, ended=True)
            found.gains[row.id] = Gain(
                own=gain, control=0.5, unmasked=gain + 1, masked=0.1, after=98 * bits * hard
            )
    return found


def report(*models: Measured, base: str = "base") -> Report:
    return build(models, ROWS, ASKED, takes=12, base=base)


def test_figures_are_means_with_intervals_by_book() -> None:
    found = report(measured("base"), base="")
    (model,) = found.models
    assert found.rows == 24
    assert found.takes == 12
    bits = model.figures["bits_prompt"]
    assert bits.mean == pytest.approx(1.125)
    assert (bits.rows, bits.books) == (24, 6)
    assert bits.low < 1.1 < 1.15 < bits.high
    assert model.figures["gain_difference"].mean == pytest.approx(0.5)
    assert model.figures["plan_saves"].mean == pytest.approx(2)
    assert model.figures["form_right"].mean == 100
    assert model.figures["closed"].mean == 100
    assert model.cut == 2
    assert model.verdict is None
    assert set(model.figures) <= set(FIGURES)
    assert model.by_book["book-5"] == pytest.approx(1.25)
    assert found.of_books["paragraphs"].rows == 12


def test_a_model_is_held_against_what_its_base_is_better_at() -> None:
    found = report(measured("base", bits=1.2, plain=1.0), measured("new", bits=1.1))
    assert found.base_reading == "plain"
    new = found.models[1]
    assert new.bits_change is not None
    assert new.bits_change.mean == pytest.approx(10)
    assert new.to_base["bits_prompt"].mean == pytest.approx(-0.1125)
    assert new.verdict is not None
    assert new.verdict.worse
    assert found.worse == ("new",)


def test_differences_by_row_are_surer_than_the_figures() -> None:
    found = report(measured("base"), measured("new", bits=0.96))
    new = found.models[1]
    assert new.figures["bits_prompt"].high > found.models[0].figures["bits_prompt"].low
    assert new.to_base["bits_prompt"].high < 0
    assert new.verdict is not None
    assert new.verdict.better
    assert not new.verdict.worse
    assert new.verdict.sentence == (
        "new is better than base: the true text takes 4.0 % fewer bits a byte (-4.0 to -4.0), the "
        "mean of 24 rows of 6 books."
    )
    assert found.worse == ()


def test_a_lost_form_makes_a_model_worse_though_its_bits_are_fewer() -> None:
    found = report(measured("base"), measured("new", bits=0.9, free=RIGHT[:-9]))
    new = found.models[1]
    assert new.figures["form_right"].mean == 0
    assert new.verdict is not None
    assert new.verdict.worse
    assert "right form without help is rarer by 100 points" in new.verdict.sentence


def interval(low: float, mean: float, high: float) -> Interval:
    return Interval(mean=mean, low=low, high=high, rows=9, books=3)


@pytest.mark.parametrize(
    ("bits", "form", "worse", "better"),
    [
        (interval(0.1, 1, 2), None, True, False),
        (interval(-0.1, 1, 2), None, False, False),
        (interval(-3, -2, -1), None, False, True),
        (interval(-3, -2, 0.1), None, False, False),
        (interval(-3, -2, -1), interval(-9, -5, -1), True, False),
        (interval(-3, -2, -1), interval(-9, -5, 0), False, True),
        (interval(-3, -2, -1), interval(5, 50, 90), False, True),
        (interval(0, 0, 0), interval(0, 0, 0), False, False),
    ],
)
def test_worse_is_what_is_clear_of_no_difference(
    bits: Interval, form: Interval | None, worse: bool, better: bool
) -> None:
    verdict = judge("new", "base", bits, form)
    assert (verdict.worse, verdict.better) == (worse, better)
    assert verdict.sentence.startswith("new is ")


def test_nothing_is_claimed_of_a_single_row() -> None:
    one = Interval(mean=-9, low=-9, high=-9, rows=1, books=1)
    verdict = judge("new", "base", one, None)
    assert not verdict.better
    assert verdict.sentence == (
        "new is not clearly other than base on the one book that was measured: the true text takes "
        "9.0 % fewer bits a byte, the mean of 1 row."
    )
    assert not judge("new", "base", structs.replace(one, mean=9, low=9, high=9), None).worse


def test_a_verdict_on_one_book_claims_nothing_of_others() -> None:
    one = Interval(mean=-9, low=-12, high=-6, rows=40, books=1)
    verdict = judge("new", "base", one, None)
    assert verdict.better
    assert verdict.sentence == (
        "new is better than base on the one book that was measured: the true text takes 9.0 % "
        "fewer bits a byte (-12.0 to -6.0), the mean of 40 rows."
    )


@pytest.mark.parametrize(("replies", "worse"), [(1, False), (5, False), (6, True)])
def test_few_replies_that_lost_their_form_may_be_chance(replies: int, worse: bool) -> None:
    form = Interval(mean=-100, low=-100, high=-100, rows=replies, books=min(replies, 3))
    assert judge("new", "base", interval(-3, -2, -1), form).worse == worse


def test_two_books_that_agree_by_chance_make_no_verdict() -> None:
    rows = ROWS[:2]
    models = [measured("base"), measured("new")]
    for bits, row in zip((99, 97), rows, strict=True):
        models[1].likelihoods[row.id] = structs.replace(models[0].likelihoods[row.id], prompt=bits)
    found = build(models, rows, ASKED, takes=0, base="base").models[1]
    assert found.bits_change is not None
    assert found.bits_change.books == 2
    assert found.bits_change.mean < 0 < found.bits_change.high
    assert found.verdict is not None
    assert not found.verdict.better


def test_intervals_end_where_their_figures_do() -> None:
    model = measured("new", gain=99)
    for number, row in enumerate(ROWS[:12]):
        if number % 6 == 0:
            model.free[row.id] = Free(raw="No.", ended=True)
            model.gains[row.id] = structs.replace(model.gains[row.id], own=20.0)
    found = report(measured("base"), model).models[1]
    assert (found.figures["form_right"].mean, found.figures["form_right"].high) == (
        pytest.approx(100 * 10 / 12),
        100,
    )
    assert found.figures["gain_own"].high == 100
    assert found.figures["gain_difference"].high > 100
    for name, interval in found.figures.items():
        least, most = FIGURES[name].span
        assert least <= interval.low <= interval.mean <= interval.high <= most
    assert found.to_base["form_right"].low >= -100


def test_the_format_that_a_model_was_trained_on_is_told() -> None:
    own, other = measured("own"), measured("other")
    other = replace(other, contestant=replace(other.contestant, learnt="cra-v1"))
    none = replace(measured("none"), contestant=contestant("none", trained=False))
    text = markdown(build([own, other, none], ROWS, ASKED, takes=0))
    assert "- own: asked in storytui-1, was trained on it" in text
    assert "- other: asked in storytui-1, was trained on cra-v1" in text
    assert "- none: asked in storytui-1, was trained on none" in text


def test_takes_are_held_against_the_books() -> None:
    found = report(measured("base"), measured("new", answer=" ".join(ANSWER.split())))
    base, new = found.models
    assert new.to_books["paragraphs"].mean == pytest.approx(base.to_books["paragraphs"].mean)
    two = "\n\nThe bell rang.\n\n“Go,” she said. It was cold, and nobody came to the door."
    more = report(measured("base", answer=two), measured("new")).models
    assert more[0].to_books["paragraphs"].mean > 1.5 * more[1].to_books["paragraphs"].mean


def test_the_text_has_every_part_and_the_same_each_time(tmp_path: Path) -> None:
    found = report(measured("base"), measured("new", bits=0.97, gain=3))
    text = markdown(found, [each.name for each in draw(found, tmp_path)])
    for part in ("likely", "Against the base", "plans", "writes", "By book", "figures are"):
        assert part in text
    assert "24 rows of 6 books, from the split test; takes of 15 words for 12 of them" in text
    assert "Of so few books intervals are wide" in text
    assert "![likelihood](likelihood.png)" in text
    assert "**new is better than base: the true text takes 3.0 % fewer bits" in text
    assert "| Book 3, Carroll, Lewis | 1.1500 | 1.1155 |" in text
    assert text == markdown(found, ["likelihood.png", "books.png", "takes.png"])
    again = msgspec.json.decode(msgspec.json.encode(found), type=Report)
    assert again == found
    pictures = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    assert {each[:4] for each in pictures.values()} == {b"\x89PNG"}
    draw(found, tmp_path)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == pictures


def test_one_book_is_said_to_say_nothing_of_others() -> None:
    found = build(
        [measured("base")],
        [structs.replace(each, source=ROWS[0].source) for each in ROWS],
        ASKED,
        takes=0,
    )
    assert "one book only" in markdown(found)
    assert found.models[0].figures["bits_prompt"].books == 1


EVIL = "\x1b]52;c;eA==\x07 <script>alert(1)</script> | [x](javascript:y) `z` ‮"


def test_no_text_of_a_book_or_a_model_has_marks_of_its_own() -> None:
    evil = [
        structs.replace(
            each,
            context=f"{EVIL}\n\n{each.context}",
            continuation=f"{EVIL}{each.continuation}",
            source=structs.replace(each.source, title=EVIL, author=EVIL),
        )
        for each in ROWS
    ]
    one = measured("base", answer=EVIL, free=EVIL)
    text = samples([one], evil, 15) + markdown(build([one], evil, ASKED, takes=12))
    assert "\x1b" not in text
    assert "‮" not in text
    assert "\x07" not in text
    assert "<script>" not in text.replace("\\<script", "")
    assert "[x](" not in text.replace("\\[x\\](", "")
    cells = {
        line.replace("\\|", "").count("|")
        for line in text.splitlines()
        if line.startswith("| text")
    }
    assert cells == {4}


def test_samples_have_what_was_asked_for_side_by_side() -> None:
    text = samples([measured("one"), measured("two", answer="\n\nNo.\n\nYes.")], ROWS, 15)
    assert text.count("## ") == 8
    assert "|  | the author | one | two |" in text
    assert "No.<br><br>Yes." in text
    assert "\\<reasoning\\>She waits" in text


# --- ratios ---------------------------------------------------------------------------------------


def test_a_ratio_is_of_sums_and_as_sure_as_books_agree_on_it() -> None:
    alike = [(f"{n % 5}", 2.0 * (n % 5 + 1), float(n % 5 + 1)) for n in range(50)]
    found = bootstrap_ratio(alike)
    assert (found.mean, found.low, found.high) == (2, 2, 2)
    mixed = [(book, top + (int(book) % 2), bottom) for book, top, bottom in alike]
    assert bootstrap_ratio(mixed).high - bootstrap_ratio(mixed).low > 0.05
    assert bootstrap_ratio([(b, t, 1.0) for b, t, _ in alike]) == bootstrap(
        [(b, t) for b, t, _ in alike]
    )


def test_what_nothing_divides_has_no_ratio() -> None:
    with pytest.raises(ValueError, match="needs values"):
        bootstrap_ratio([("a", 1.0, 0.0)])
