"""Comparing two texts on the screen: what is seen, and what a key does."""

import pytest
from textual.widgets import Button

from storytui.app.screens.compare import CompareScreen
from storytui.app.screens.confirm import Choice

STORY = (
    "# The Lamp\n\nThe lamp had been out for eleven minutes before anyone in the village noticed."
    "\n\n“You knew,” he said.\n"
)
EDITED = STORY.replace("eleven", "twelve").replace("he said", "she said")
HOSTILE = (
    "[b]x[/b] [@click=app.bell]press[/] \x1b]52;c;aGk=\x07 \x9b2J \u202eback \udc80 \u2028 \x00"
)
KEEP, FILE = Choice("keep", "k", "Keep what was recovered"), Choice("file", "f", "Go back")
SIZES = [(80, 24), (120, 40)]


def comparison(
    before=STORY, after=EDITED, *, title="The file changed on disk.", choices=(KEEP, FILE)
):
    return CompareScreen(
        title, before, after, before_name="the file", after_name="the editor", choices=choices
    )


async def compared(shown):
    await shown.until(lambda: shown.counts != "Comparing…")


@pytest.mark.parametrize(
    ("pressed", "answer"),
    [
        (["k"], "keep"),
        (["f"], "file"),
        (["escape"], None),
        (["enter"], "keep"),
        (["right", "enter"], "file"),
        (["tab", "tab", "enter"], None),
        (["n", "p", "down", "pagedown", "f"], "file"),
    ],
)
async def test_a_key_chooses(on_stage, pressed, answer):
    async with on_stage(comparison()) as shown:
        await compared(shown)
        await shown.press(*pressed)
        assert shown.answers == [answer]


async def test_a_choice_is_made_before_the_comparison_is(on_stage):
    async with on_stage(comparison()) as shown:
        await shown.press("k")
        assert shown.answers == ["keep"]


async def test_a_letter_chooses_even_where_it_would_move(on_stage):
    async with on_stage(comparison(choices=[Choice("no", "n", "No")])) as shown:
        await compared(shown)
        await shown.press("n")
        assert shown.answers == ["no"]


async def test_what_differs_is_counted_and_named(on_stage):
    async with on_stage(comparison()) as shown:
        await compared(shown)
        assert shown.counts == "2 changes · 2 words only in the file · 2 words only in the editor"


async def test_the_changes_are_shown_with_what_stands_round_them(on_stage):
    async with on_stage(comparison()) as shown:
        await compared(shown)
        assert shown.differences == (
            "1 to 2 of 2 · line 3\n# The Lamp\n\nThe lamp had been out for eleventwelve minutes "
            "before anyone in the village noticed.\n\n“You knew,” heshe said."
        )


async def test_removed_is_struck_and_added_is_underlined(on_stage):
    async with on_stage(comparison("the old lamp", "the new lamp")) as shown:
        await compared(shown)
        looks = {
            segment.text: segment.style
            for strip in shown.screen._compositor.render_strips()
            for segment in strip
            if segment.text in ("old", "new")
        }
        assert looks["old"].strike
        assert looks["new"].underline
        assert looks["old"].color != looks["new"].color


@pytest.mark.parametrize("size", SIZES)
async def test_every_part_has_its_place_on_the_screen(on_stage, size):
    title = "What was not saved of lighthouse.md was recovered after the editor ended. " * 3
    async with on_stage(comparison(title=title), size=size) as shown:
        await compared(shown)
        for widget in shown.screen.query("#compare-title, .compare-counts, CompareView, Button"):
            assert shown.screen.region.contains_region(widget.region)
            assert widget.region.area
        assert shown.view.size.height >= 6


async def test_the_same_text_twice_has_no_difference(on_stage):
    async with on_stage(comparison(STORY, STORY)) as shown:
        await compared(shown)
        assert shown.counts == "No difference."
        assert shown.differences == "The two are the same, character for character."
        await shown.press("n", "p", "k")
        assert shown.answers == ["keep"]


@pytest.mark.parametrize(
    ("before", "after", "seen"),
    [
        ("", "", "The two are the same"),
        ("", "new", "new"),
        ("old", "", "old"),
        ("one\n", "one", "¶"),
        ("one  two", "one two", "··"),
        ("one\ttwo", "one two", "→"),
        ("a x", "a \u0301x", "◌\u0301x"),
    ],
)
async def test_a_small_difference_can_be_seen(on_stage, before, after, seen):
    async with on_stage(comparison(before, after)) as shown:
        await compared(shown)
        assert seen in shown.differences


async def test_n_and_p_go_from_change_to_change_and_stop_at_the_ends(on_stage):
    async with on_stage(comparison()) as shown:
        await compared(shown)
        places = []
        for key in "pnnnpp":
            await shown.press(key)
            places.append(shown.view.current)
        assert places == [0, 1, 1, 1, 0, 0]


async def test_the_current_change_is_in_sight_wherever_it_stands(on_stage):
    lines = [f"Line {at} of the old story, which is a little longer.\n" for at in range(3_000)]
    after = [line.replace("old", "new") if at % 5 == 0 else line for at, line in enumerate(lines)]
    async with on_stage(comparison("".join(lines), "".join(after))) as shown:
        await compared(shown)
        for step in (1, 1, 5, 400, -1, 200, -300, -600):
            shown.view.move(step)
            await shown.pilot.pause()
            await shown.pilot.pause()
            assert shown.current_is_in_sight()


async def test_of_many_changes_only_some_are_laid_out(on_stage):
    lines = [f"Line {at} of the old story.\n" + "Filler. " * 80 + "\n" for at in range(600)]
    before = "".join(lines)
    async with on_stage(comparison(before, before.replace("old", "new"))) as shown:
        await compared(shown)
        assert "600 changes" in shown.counts
        assert len(shown.differences) < 30_000
        assert "after these" in shown.differences
        shown.view.move(599)
        await shown.pilot.pause()
        assert "600 of 600" in shown.differences
        assert "before these" in shown.differences


async def test_two_books_with_nothing_in_common_are_shown_in_part(on_stage):
    before = "".join(f"Alpha beta {at} gamma.\n" for at in range(20_000))
    after = "".join(f"One two -x{at} three!\n" for at in range(20_000))
    async with on_stage(comparison(before, after)) as shown:
        await compared(shown)
        assert len(shown.differences) < 30_000
        assert "words …" in shown.differences


async def test_hostile_text_is_shown_and_does_nothing(on_stage):
    screen = comparison(
        f"before {HOSTILE} end",
        f"after {HOSTILE} {HOSTILE} end",
        title=f"Title {HOSTILE}",
        choices=[Choice("k", "k", "[b]Keep[/b]\x1b[2J")],
    )
    async with on_stage(screen) as shown:
        await compared(shown)
        rows = "\n".join(shown.rows())
        assert "[@click=app.bell]press[/]" in rows
        assert "␛]52;c;aGk=␇" in rows
        assert "[b]Keep[/b]␛[2J (k)" in rows
        assert all(sign == "\n" or sign.isprintable() for sign in rows)
        # Every place is clicked, and no action is hidden in one.
        for segment in (
            each for strip in shown.screen._compositor.render_strips() for each in strip
        ):
            assert segment.style is None or not segment.style.meta.get("@click")


async def test_arrows_scroll_while_an_answer_keeps_the_focus(on_stage):
    before = "".join(f"Line {at}.\n" for at in range(200))
    async with on_stage(comparison("", before)) as shown:
        await compared(shown)
        await shown.press("down", "down")
        assert shown.view.scroll_y == 2
        await shown.press("pagedown")
        assert shown.view.scroll_y > 5
        await shown.press("home")
        assert shown.view.scroll_y == 0
        assert isinstance(shown.screen.focused, Button)
