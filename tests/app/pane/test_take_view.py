"""How a take is shown while it grows and while it is taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.style import Style
from textual.widgets import Static

from storytui.app.widgets.take_view import settled, styled
from storytui.engine.api import SegmentStarted, Text
from storytui.engine.scripted import Wait, reply
from storytui.story.visible import visible

LONG = "\n\n".join(f"Paragraph {number} went by and said nothing." for number in range(60))


@pytest.mark.parametrize(
    ("text", "shown"),
    [("She sho", "She"), ("She ", "She"), ("Sh", ""), ("said.\nThe", "said."), ("", "")],
)
def test_the_word_that_is_being_written_waits(text, shown):
    assert settled(text, growing=True) == shown


def test_a_text_that_is_finished_is_shown_whole():
    assert settled("She sho", growing=False) == "She sho"


@given(st.text(), st.text())
def test_what_has_been_shown_stays_when_more_comes(text, more):
    assert settled(text + more, growing=True).startswith(settled(text, growing=True))


@given(
    st.text(max_size=40),
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=4),
)
def test_styles_change_no_character(text, spans):
    styles = [(min(span), max(span), Style(bold=True)) for span in spans]
    assert styled(text, 0, styles).plain == visible(text)


async def test_the_next_sentence_is_marked_and_what_was_taken_is_dim(start):
    async with start() as editor:
        await editor.go_on()
        view, answer = editor.flow.pane.take_view, editor.screen.query_one("#answer")
        accent = view.get_visual_style("take--upcoming", partial=True)
        dim = view.get_visual_style("take--taken", partial=True)

        def marked(style: Style) -> str:
            content = answer.content
            return "".join(
                content.plain[span.start : span.end]
                for span in content.spans
                if span.style == style
            )

        assert marked(accent) == '"I knew," she said.'
        assert marked(dim) == ""
        await editor.press("tab")
        assert marked(dim).strip() == '"I knew," she said.'
        assert marked(accent).strip().startswith("He looked past her")


async def test_the_pane_follows_what_is_written(start):
    script = (SegmentStarted("answer"), Text("answer", LONG), Wait(), Text("answer", "\n\nEnd. "))
    async with start([script]) as editor:
        view = editor.flow.pane.take_view
        await editor.press("ctrl+g")
        await editor.until(lambda: view.max_scroll_y > 20 and view.scroll_y == view.max_scroll_y)
        editor.engine.go_on()
        await editor.until(lambda: not editor.flow.room.busy)
        await editor.until(lambda: view.scroll_y == view.max_scroll_y)


async def test_who_scrolled_up_stays_where_she_reads(start):
    script = (SegmentStarted("answer"), Text("answer", LONG), Wait(), Text("answer", "\n\nEnd. "))
    async with start([script]) as editor:
        view = editor.flow.pane.take_view
        await editor.press("ctrl+g")
        await editor.until(lambda: view.max_scroll_y > 20 and view.scroll_y == view.max_scroll_y)
        view.scroll_to(y=5, animate=False, immediate=True)
        await editor.pilot.pause()
        editor.engine.go_on()
        await editor.until(lambda: not editor.flow.room.busy)
        assert view.scroll_y == 5


async def test_what_can_be_taken_next_is_in_sight(start):
    async with start([reply("Short.", LONG)]) as editor:
        view, answer = editor.flow.pane.take_view, editor.screen.query_one("#answer")
        await editor.go_on()
        for _ in range(20):
            await editor.press("tab")
        begin, end = editor.desk.upcoming
        rows = answer.content.plain.split("\n")
        assert editor.desk.take.answer[begin:end].strip() in rows
        row = answer.virtual_region.y + rows.index(editor.desk.take.answer[begin:end].strip())
        assert view.scroll_y <= row < view.scroll_y + view.size.height


async def test_a_length_that_makes_no_sense_is_put_right(start):
    async with start() as editor:
        words = editor.screen.query_one("#words")
        words.focus()
        words.value = "0"
        await editor.press("ctrl+l")
        await editor.until(lambda: words.value == "120")
        assert editor.flow.pane.direction.words == 120


async def test_what_did_not_change_is_not_drawn_again_at_a_key(start, monkeypatch):
    async with start() as editor:
        await editor.go_on()
        drawn: list[str | None] = []
        update = Static.update

        def count(it, content="", **more):
            drawn.append(it.id)
            update(it, content, **more)

        monkeypatch.setattr(Static, "update", count)
        # Far from the take: it is out of reach until she comes back, and says so once.
        await editor.press("ctrl+home")
        assert "hints" in drawn
        drawn.clear()
        await editor.press("a", "b", "c")
        assert drawn == []


async def test_other_colours_reach_what_is_shown(start):
    async with start() as editor:
        await editor.go_on()
        answer = editor.screen.query_one("#answer", Static)
        before = answer.content
        editor.app.theme = "storytui-light"
        await editor.until(lambda: answer.content.spans != before.spans)
        assert answer.content.plain == before.plain
