"""Several takes for one place."""


async def test_trying_again_keeps_the_earlier_take(start):
    async with start() as editor:
        await editor.go_on()
        await editor.press("ctrl+t")
        await editor.until(lambda: not editor.flow.room.busy)
        assert editor.desk.shelf.number == "2/2"
        assert editor.answer.startswith("She shook her head.")
        assert [each.sampling.seed for each in editor.engine.requests] == [7, 8]
        await editor.press("ctrl+b")
        assert editor.answer.startswith('"I knew,"')
        assert str(editor.screen.query_one("#which").content) == "1/2  ← →"
        await editor.press("ctrl+n")
        assert editor.answer.startswith("She shook her head.")


async def test_left_and_right_in_the_pane_go_between_takes(start):
    async with start() as editor:
        await editor.go_on()
        await editor.press("ctrl+t")
        await editor.until(lambda: not editor.flow.room.busy)
        await editor.press("ctrl+backslash", "left")
        assert editor.desk.shelf.number == "1/2"
        await editor.press("right", "escape")
        assert editor.desk.shelf.number == "2/2"
        assert editor.screen.area.has_focus


async def test_what_was_taken_of_an_earlier_take_stays(start):
    async with start() as editor:
        before = editor.text
        await editor.go_on()
        await editor.press("tab", "ctrl+t")
        await editor.until(lambda: not editor.flow.room.busy)
        assert editor.text == before + '\n\n"I knew," she said.'
        await editor.press("tab")
        assert editor.text == before + '\n\n"I knew," she said.\n\nShe shook her head.'
        await editor.press("ctrl+b", "shift+tab")
        assert editor.text == before + "\n\nShe shook her head."


async def test_going_on_beside_an_unfinished_take_keeps_it_reachable(start):
    async with start() as editor:
        await editor.go_on()
        await editor.go_on()
        assert editor.desk.shelf.number == "2/2"


async def test_going_on_after_everything_was_taken_begins_a_new_place(start):
    async with start() as editor:
        await editor.go_on()
        await editor.press("f7")
        await editor.go_on()
        assert editor.desk.shelf.number == "1/1"
        assert editor.desk.place == len(editor.text)
        assert "leaned" in editor.engine.requests[1].message


async def test_going_on_elsewhere_begins_a_new_place(start):
    async with start() as editor:
        await editor.go_on()
        editor.cursor_to(editor.text.index('\n\n"You'))
        await editor.go_on()
        assert editor.desk.shelf.number == "1/1"
        assert editor.desk.here


async def test_trying_again_from_elsewhere_is_for_the_place_of_the_take(start):
    async with start() as editor:
        await editor.go_on()
        editor.cursor_to(3)
        await editor.press("ctrl+t")
        await editor.until(lambda: not editor.flow.room.busy)
        assert editor.desk.here
        assert editor.screen.area.offset == len(editor.text)
        assert editor.desk.shelf.number == "2/2"


async def test_a_dismissed_take_leaves_the_pane_and_comes_back_when_asked(start):
    async with start() as editor:
        await editor.go_on()
        await editor.press("escape")
        assert editor.desk.take is None
        assert not editor.screen.query_one("#side").has_class("-filled")
        await editor.press("ctrl+b")
        assert editor.answer.startswith('"I knew,"')
