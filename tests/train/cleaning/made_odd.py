"""Forms that no book of the folder has: odd markers, signs, numbers, notes and letters."""

from made_books import ROMAN, VERSES, Heading, Layout, Piece
from made_headers import U
from made_parts import NUMBERS
from made_verse import BEHIND, LEAD, LETTER_TEXT, lines

E = "OF THE PROJECT GUTENBERG EBOOK"
MARKERS = {
    name: tuple(form.replace("BOTH", each) for each in ("START", "END"))
    for name, form in {
        "a number": f"*** BOTH {E} 12345 ***",
        "brackets": f"[BOTH {E}]",
        "hyphens": f"-----BOTH {E}-----",
        "no stars": f"BOTH {E} {U}",
        "misspelt": f"*** BOTH OF THE PROJECT GUTENBURG EBOOK {U} ***",
        "of Project Gutenberg's": f"*** BOTH OF PROJECT GUTENBERG'S {U} ***",
        "two stars": f"** BOTH OF THE PROJECT GUTENBERG E-TEXT OF {U} **",
        "three lines": f"*** BOTH {E}\n{U}\nBY A. HARTWELL ***",
        "HTML comments": f"&lt;!-- BOTH {E} {U} --&gt;",
    }.items()
} | {
    "a start only": (f"*** START {E} {U} ***", ""),
    "an end only": ("", f"*** END {E} {U} ***"),
}
HEADINGS = {
    "--I--": lambda n, t: Heading(f"--{ROMAN[n]}--", ROMAN[n]),
    "[I]": lambda n, t: Heading(f"[{ROMAN[n]}]", ROMAN[n]),
    "(I)": lambda n, t: Heading(f"({ROMAN[n]})", ROMAN[n]),
    "I to the right": lambda n, t: Heading(f"{ROMAN[n]:>60}", ROMAN[n]),
    "I, ruled under": lambda n, t: Heading(f"{ROMAN[n]}\n---", ROMAN[n]),
    "from XII on": lambda n, t: Heading(*[["XII", "XIII", "XIV", "XV"][n]] * 2),
    "Ch. 1": lambda n, t: Heading(*[f"Ch. {n + 1}"] * 2),
    "C H A P T E R  I": lambda n, t: Heading(*[f"C H A P T E R  {ROMAN[n]}"] * 2),
    "CHAPTER i.": lambda n, t: Heading(*[f"CHAPTER {ROMAN[n].lower()}."] * 2),
    "CHAPTER I, ruled under": lambda n, t: Heading(
        f"CHAPTER {ROMAN[n]}\n=========", f"CHAPTER {ROMAN[n]}"
    ),
    "rules round it": lambda n, t: Heading(
        f"------\n\nCHAPTER {ROMAN[n]}\n\n------", f"CHAPTER {ROMAN[n]}"
    ),
    "ONE": lambda n, t: Heading(*[NUMBERS[n].upper()] * 2),
}
SCENES = [
    "*     *", ". . . . .", "....", "* *", "-- -- --", "~ * ~", "-o-", "oOo", "•••", "⸻", "=*=*=*=",
    "— — —", "x x x", "[* * *]", "(* * *)", "****\n****", "*\n\n*\n\n*", "_ _ _", "/////", "::::",
    "☆ ☆ ☆", "◇", "§ § §", "\\* \\* \\*", "*     " * 11 + "*", ". " * 30 + ".", "-" * 70,
]  # fmt: skip
PAGES = [
    "[Page: 12]", "[-12-]", "[Pg. 12]", "[Seite 12]", "[S. 12]", "[Pg 12-13]", "{Page 12}", "{xii}",
    "<pb 12>", "<Page 12>", "[12] ",
]  # fmt: skip
PAGE_LINES = [
    "[{n}]", "({n})", "p. {n}", "~ {n} ~", "Page | {n}", "{n}.", "* {n} *", "{{{n}}}", "<{n}>",
    "[ {n} ]", "—{n}—",
]  # fmt: skip
NOTES = {
    "(1)": ("(1)", "(1) Of this nothing was known till later."),
    "[FN#1]": ("[FN#1]", "[FN#1] Of this nothing was known till later."),
    "[1: ]": ("[1]", "[1: Of this nothing was known till later.]"),
    "Footnote 1:": ("[1]", "Footnote 1: Of this nothing was known till later."),
    "a dagger": ("†", "† Of this nothing was known till later."),
    "a raised figure": ("¹", "¹ Of this nothing was known till later."),
    "^1": ("^1", "^1 Of this nothing was known till later."),
    "^{1}": ("^{1}", "^{1} Of this nothing was known till later."),
    "under a rule": ("[1]", "-----\n[1] Of this nothing was known till later."),
}
MAKERS = {
    "without brackets": "Transcriber's Note: The following page was torn in the copy used.",
    "round brackets": "(Transcriber's note: a line is missing here in the copy that was used.)",
    "paragraphs": "[Transcriber's Note: a page is missing.\n\nIt was taken from another edition.]",
    "transcription": "[Transcription note: a line is missing here.]",
    "editor": "[E-book editor's note: a line is missing here.]",
    "from PG editor": "[Note from PG editor: the spelling was kept.]",
    "stars": "***Transcriber's note: the spelling was kept.***",
    "set in": "     [Transcriber's Note:  The spelling of this name\n     was kept as it is.]",
}
LETTERS = {
    "your obedient servant": [
        LEAD,
        Piece("Sir,"),
        Piece(LETTER_TEXT),
        Piece(
            "I have the honour to be, Sir,\nYour most obedient servant,\nJAMES HARTWELL.",
            "lines",
            printed=f"{'':14}I have the honour to be, Sir,\n{'':21}Your most obedient servant,\n"
            f"{'':28}JAMES HARTWELL.",
        ),
        BEHIND,
    ],
    "in quotation marks": [
        LEAD,
        *map(Piece, ('"DEAR SIR,', f'"{LETTER_TEXT}', '"Yours, &c.,', '"J. HARTWELL."')),
        BEHIND,
    ],
    "with a postscript": [
        LEAD,
        Piece("My dear Jack,"),
        Piece(LETTER_TEXT),
        Piece("Ever yours,\nTom", "lines", printed=f"{'':10}Ever yours,\n{'':19}Tom"),
        Piece("P.S.--Bring the dog, and do not forget the other matter of which I spoke to you."),
        BEHIND,
    ],
    "not set in": [
        LEAD,
        lines("Mr. J. Hartwell,\n12 Fleet Street,\nLondon, E.C.", 0),
        Piece("Dear Sir:"),
        Piece(LETTER_TEXT),
        lines("Yours truly,\nHenry Baker.", 0),
        BEHIND,
    ],
}
POEMS = {
    "blank verse, not set in": [
        LEAD,
        lines(
            "To be, or not to be, that is the question:\n"
            "Whether 'tis nobler in the mind to suffer\n"
            "The slings and arrows of outrageous fortune,\n"
            "Or to take arms against a sea of troubles",
            0,
        ),
        BEHIND,
    ],
    "stanzas with numbers": [
        LEAD,
        Piece("1", printed=f"{'':10}1"),
        lines("\n".join(VERSES[0])),
        Piece("2", printed=f"{'':10}2"),
        lines("\n".join(VERSES[1])),
        BEHIND,
    ],
    "in small letters": [
        LEAD,
        lines("the wind in the grass,\nthe rain on the roof,\nand nobody there\nto hear"),
        BEHIND,
    ],
    "with a poet's name": [
        LEAD,
        Piece(
            "\n".join([*VERSES[0], "--CARROLL."]),
            "lines",
            printed="\n".join([*(f"    {each}" for each in VERSES[0]), f"{'':24}--CARROLL."]),
        ),
        BEHIND,
    ],
    "a couplet, not set in": [
        LEAD,
        lines("Fee, fi, fo, fum,\nI smell the blood of an Englishman.", 0),
        BEHIND,
    ],
}
WIDTHS = {
    f"{width} columns, {name}": Layout(width=width, **more)
    for width in (36, 40, 48, 90, 110)
    for name, more in {
        "flush": {},
        "indented": {"indent": 2},
        "indented, no blank lines": {"indent": 3, "blank": 0},
        "two blank lines": {"blank": 2},
    }.items()
}
