"""Markdown as writers and their programs write it."""

import pytest

from storytui_train.data.sources.blocks import compose
from storytui_train.data.sources.markdown import read_markdown


def text_of(source: str) -> str:
    return compose(read_markdown(source.encode(), "story.md").blocks).text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("One\ntwo.\n\nThree.", "One two.\n\nThree.\n"),
        ("One.  \nTwo.\n\nThree.", "One.\nTwo.\n\nThree.\n"),
        ("One.\\\nTwo.\n\nThree.", "One.\nTwo.\n\nThree.\n"),
        ("# I\n\nOne.\n\n# II #\n\nTwo.", "I\n\nOne.\n\nII\n\nTwo.\n"),
        ("One\n===\n\nA.\n\nTwo\n---\n\nB.", "One\n\nA.\n\nTwo\n\nB.\n"),
        ("He went.\n---\n\nShe stayed.", "He went.\n\n* * *\n\nShe stayed.\n"),
        (
            "One.\n\n***\n\nTwo.\n\n\\* \\* \\*\n\nThree.",
            "One.\n\n* * *\n\nTwo.\n\n* * *\n\nThree.\n",
        ),
        ("One.\n\n#\n\nTwo.", "One.\n\n* * *\n\nTwo.\n"),
        ("_One_ __two__ ***three***.", "*One* **two** ***three***.\n"),
        ("A snake_case_name.", "A snake_case_name.\n"),
        ("One <!-- not\nthis --> two.", "One two.\n"),
        ("One %%not this%% two.", "One two.\n"),
        ("One {--bad --}{++good ++}{>>why?<<}{~~old~>new~~} {==word==}.", "One good new word.\n"),
        ("One[^1] two^[no].\n\n[^1]: A note.\n    More of it.\n\nThree.", "One two.\n\nThree.\n"),
        (
            "See [[People/Tom|Tom]] and [[Ada]].\n\n![[map.png]]\n\nOne.",
            "See Tom and Ada.\n\nOne.\n",
        ),
        ("#draft #chapter\n\nOne.", "One.\n"),
        ("- Hello.\n\n- Goodbye.", "- Hello.\n\n- Goodbye.\n"),
        ("She had:\n\n* a rope\n* a lamp\n\nThen.", "She had:\n\n- a rope\n- a lamp\n\nThen.\n"),
        ("1984\\. A year.\n\n1985. Another.", "1984. A year.\n\n1985. Another.\n"),
        ("> Dear Tom,\n>\n> come.", "Dear Tom,\n\ncome.\n"),
        ("    One.\n\n    Two.", "One.\n\nTwo.\n"),
        ("One <i>two</i> <b>three</b><br>four.", "One *two* **three**\nfour.\n"),
        ("One.\n\n<p align=center>* * *</p>\n\nTwo.", "One.\n\n* * *\n\nTwo.\n"),
        ("One &amp; two &mdash; three.", "One & two — three.\n"),
        ("A [link](http://x.y) and ![a picture](x.png).", "A link and .\n"),
        ("# *The* Rope\n\nOne.\n\n# Two\n\nTwo.", "The Rope\n\nOne.\n\nTwo\n\nTwo.\n"),
        ("`Yes,' he said. `No,' said she.", "`Yes,' he said. `No,' said she.\n"),
        ("She smiled <grin> at him.", "She smiled <grin> at him.\n"),
        ("<grin> he said.\n\nTwo.", "<grin> he said.\n\nTwo.\n"),
        ("[Tom]: hello\n\n[1]: http://x.y/z", "[Tom]: hello\n"),
        ("One[^n].\n\n[^n]: A note\nand more.\n\n    And more.\n\nTwo.", "One.\n\nTwo.\n"),
        ("\ufeffOne.\r\n\r\nTwo.", "One.\n\nTwo.\n"),
    ],
)
def test_what_becomes_of_markdown(source: str, text: str) -> None:
    assert text_of(source) == text


def test_one_line_a_paragraph_without_blank_lines_gives_paragraphs() -> None:
    assert text_of("It began.\nShe went.\nHe came.\n\nIt ended.\nAll slept.\nThe rope held.") == (
        "It began.\n\nShe went.\n\nHe came.\n\nIt ended.\n\nAll slept.\n\nThe rope held.\n"
    )


def test_hard_wrapped_lines_are_joined() -> None:
    source = "The rope had been wet\nfor eleven days. Nobody\nnoticed it.\n\nThen they\ndid."

    assert text_of(source) == (
        "The rope had been wet for eleven days. Nobody noticed it.\n\nThen they did.\n"
    )


@pytest.mark.parametrize(
    "front",
    [
        "---\ntitle: The Rope\nauthor: Ada Keeper\ntags: [a, b]\n---\n",
        "---\ntitle: 'The Rope'\nauthor:\n  - Ada Keeper\n  - Tom\nnested:\n  x: 1\n...\n",
        '+++\ntitle = "The Rope"\nauthors = ["Ada Keeper", "Tom"]\n[extra]\nx = 1\n+++\n',
    ],
)
def test_front_matter_is_no_story_and_says_who_wrote_it(front: str) -> None:
    read = read_markdown(f"{front}\nIt began.\n".encode(), "story.md")

    assert compose(read.blocks).text == "It began.\n"
    assert (read.title, read.author) == ("The Rope", "Ada Keeper")


def test_a_scene_break_at_the_beginning_is_no_front_matter() -> None:
    assert text_of("---\n\nIt began, he said: now.\n\n---\n\nIt ended.") == (
        "It began, he said: now.\n\n* * *\n\nIt ended.\n"
    )


def test_a_heading_over_all_others_is_the_title() -> None:
    read = read_markdown(b"# The Lamp\n\n## One\n\nA.\n\n## Two\n\nB.\n", "lamp.md")
    assert read.title == "The Lamp"
    assert compose(read.blocks, title=read.title).text == "One\n\nA.\n\nTwo\n\nB.\n"


def test_the_front_matter_knows_the_title_better() -> None:
    text = b"---\ntitle: The Lamp, revised\n---\n# The Lamp\n\n## One\n\nA.\n\n## Two\n\nB.\n"
    assert read_markdown(text, "lamp.md").title == "The Lamp, revised"


def test_chapters_of_one_level_are_no_title() -> None:
    assert read_markdown(b"# One\n\nA.\n\n# Two\n\nB.\n", "lamp.md").title == ""
