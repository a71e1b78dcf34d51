"""The status line says the most important things in the width there is."""

import pytest


def fill(status):
    status.file = "lighthouse.md"
    status.words = 18402
    status.words_today = 312
    status.model = "CRA-v1-7B · GPU"
    status.engine = "ready"


def line(app):
    return app.status.render().plain


async def test_all_of_it_stands_there_where_there_is_space(host):
    app = host()
    async with app.run_test(size=(120, 24)):
        fill(app.status)
        app.status.speed = 41.2
        app.status.selected_words = 7
        app.status.changed = True
        assert " ".join(line(app).split()) == (
            "lighthouse.md · changed · 18,402 words, 312 today · 7 selected "
            "CRA-v1-7B · GPU · ready · 41 tok/s"
        )


@pytest.mark.parametrize("width", [100, 80, 60, 50, 40, 36])
async def test_file_words_and_state_stay_as_it_gets_narrow(host, width):
    app = host()
    async with app.run_test(size=(width, 24)):
        fill(app.status)
        app.status.speed = 41.2
        text = line(app)
        assert text.startswith("lighth")
        assert "18,402 words" in text
        assert "ready" in text
        assert len(text) <= width - 2


@pytest.mark.parametrize(
    ("width", "gone"),
    [(100, []), (70, ["tok/s"]), (62, ["today"]), (44, ["CRA"]), (38, ["saved"])],
)
async def test_parts_go_in_the_order_of_their_importance(host, width, gone):
    app = host()
    async with app.run_test(size=(width, 24)):
        fill(app.status)
        app.status.speed = 41.2
        for part in gone:
            assert part not in line(app)


async def test_names_are_neither_markup_nor_control(host):
    app = host()
    async with app.run_test(size=(120, 24)) as pilot:
        app.status.file = "[red]a[/red]\x1b]52;c;eA==\x07\u202egnp"
        app.status.engine = "[@click=app.quit]ready[/]"
        await pilot.pause()
        assert "[red]a[/red]␛]52;c;eA==␇" in line(app)
        assert "[@click=app.quit]ready[/]" in line(app)
        assert "\x1b" not in line(app)
        assert "\u202e" not in line(app)


async def test_a_message_stands_in_front_until_it_is_taken_away(host):
    app = host()
    async with app.run_test(size=(80, 24)) as pilot:
        fill(app.status)
        app.status.say("The story was saved [1].\nTwice", seconds=None)
        await pilot.pause()
        assert line(app).startswith("The story was saved [1].␊Twice")
        assert "ready" in line(app)
        app.status.say("")
        assert line(app).startswith("lighthouse.md")


async def test_a_message_goes_by_itself(host):
    app = host()
    async with app.run_test(size=(80, 24)) as pilot:
        fill(app.status)
        app.status.say("For a moment.", severity="warning", seconds=0.01)
        assert line(app).startswith("For a moment.")
        await pilot.pause(0.1)
        assert line(app).startswith("lighthouse.md")


async def test_a_message_longer_than_the_line_gets_more_lines(host):
    app = host()
    async with app.run_test(size=(40, 24)) as pilot:
        fill(app.status)
        said = "It has terms to accept first. Accept them on its page, and set HF_TOKEN."
        app.status.say(said, severity="error", seconds=None)
        await pilot.pause()
        assert line(app).split() == said.split()
        assert all(len(each) <= 38 for each in line(app).splitlines())
        assert app.status.size.height == 2
        app.status.say("")
        await pilot.pause()
        assert app.status.size.height == 1


async def test_a_message_longer_than_six_lines_is_cut(host):
    app = host()
    async with app.run_test(size=(40, 24)) as pilot:
        app.status.say("word " * 80)
        await pilot.pause()
        assert app.status.size.height == 6
        assert len(line(app).splitlines()) == 6
        assert line(app).endswith("…")


async def test_a_story_without_a_file_says_so(host):
    app = host()
    async with app.run_test(size=(80, 24)):
        app.status.words = 1
        assert line(app).startswith("not saved yet · 1 word ")
