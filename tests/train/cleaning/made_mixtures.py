"""A book of forms drawn together: header, headings, layout, signs, pictures, verse, contents."""

import random

from made_books import Layout, MadeBook, Piece, book, with_each, with_pieces
from made_parts import CONTENTS, FRONTS, HEADINGS, PAGES, PICTURES, SCENES, page_inside
from made_verse import KEPT, LETTERS
from made_wrappings import WRAPPINGS

from storytui_train.data.documents import SCENE_BREAK

ALONE = {
    "verse not set in",
    "long verse not set in",
    "a stanza set in by one",
    "TITLE over two lines",
}
"""Hard enough by themselves: each is a statement of its own, and not mixed with others."""


def mixture(seed: int) -> tuple[MadeBook, list[str]]:
    """A book, and the names of the forms in it; the same for the same seed."""
    chance = random.Random(seed)

    def draw(forms: dict) -> str:
        return chance.choice([each for each in forms if each not in ALONE])

    names = [draw(each) for each in (WRAPPINGS, HEADINGS, SCENES, PICTURES, FRONTS)]
    wrapping, heading, sign, picture, title = names
    layout = Layout(
        width=chance.randint(55, 80),
        indent=chance.choice([0, 0, 2, 4]),
        blank=chance.choice([1, 1, 1, 2]),
        before=chance.randint(3, 5),
        after=chance.randint(2, 3),
        line_break=chance.choice(["\n", "\r\n"]),
        trailing=chance.random() < 0.3,
    )
    front, back = WRAPPINGS[wrapping]
    made = book(seed=seed, chapters=4, heading=HEADINGS[heading], layout=layout, back=back)
    if chance.random() < 0.5:
        page = chance.choice(["[Pg 12]", "{12}", "[Page 12]"])
        names.append(page)
        made = with_each(made, page_inside(PAGES[page]))
    made = with_pieces(made, Piece(SCENE_BREAK, "break", printed=SCENES[sign]), every=2, at=5)
    made = with_pieces(made, Piece("", "nothing", printed=PICTURES[picture]), every=2, at=4)
    kept = draw({**KEPT, **LETTERS})
    made = with_pieces(made, *{**KEPT, **LETTERS}[kept], every=3, at=2)
    parts = [front, FRONTS[title]]
    if chance.random() < 0.7:
        contents = draw(CONTENTS)
        names.append(f"contents {contents}")
        parts.append(CONTENTS[contents](made))
    return made.but(front="\n\n\n".join(parts) + "\n"), [*names, kept, repr(layout)]
