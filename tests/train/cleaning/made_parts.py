"""What stands in a book's text beside its paragraphs, in every form met with."""

from collections.abc import Callable

from made_books import AUTHOR, ROMAN, TITLE, Heading, MadeBook, Piece, wrapped

NUMBERS = ["One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight"]
ORDINALS = ["First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth"]


def _same(printed: Callable[[int, str], str]) -> Callable[[int, str], Heading]:
    """A heading of which all words are the title."""
    return lambda n, t: Heading(printed(n, t), " ".join(printed(n, t).split()))


def _part(n: int, name: str, chapter: str) -> Heading:
    """Two chapters a part."""
    part = f"{name} {ROMAN[n // 2]}"
    printed = f"{part}\n\n\n\n{chapter}" if n % 2 == 0 else chapter
    return Heading(printed, f"{part} {chapter}")


def _anew(n: int, t: str) -> Heading:
    """Numbers that begin anew in each of two books."""
    part = f"BOOK THE {ORDINALS[n // 2].upper()}"
    chapter = f"CHAPTER {ROMAN[n % 2]}.\n\n{t.upper()}"
    printed = f"{part}\n\n\n\n{chapter}" if n % 2 == 0 else chapter
    return Heading(printed, f"{part} {chapter}")


HEADINGS: dict[str, Callable[[int, str], Heading]] = {
    "CHAPTER I": _same(lambda n, t: f"CHAPTER {ROMAN[n]}"),
    "CHAPTER I.": _same(lambda n, t: f"CHAPTER {ROMAN[n]}."),
    "CHAPTER I. Title": _same(lambda n, t: f"CHAPTER {ROMAN[n]}. {t}"),
    "CHAPTER I--TITLE": _same(lambda n, t: f"CHAPTER {ROMAN[n]}--{t.upper()}"),
    "CHAPTER I, blank line, TITLE": _same(lambda n, t: f"CHAPTER {ROMAN[n]}\n\n{t.upper()}"),
    "CHAPTER I., two blank lines, Title": _same(lambda n, t: f"CHAPTER {ROMAN[n]}.\n\n\n{t}"),
    "CHAPTER I over Title": _same(lambda n, t: f"CHAPTER {ROMAN[n]}\n{t}"),
    "Chapter 1: Title": _same(lambda n, t: f"Chapter {n + 1}: {t}"),
    "Chapter 1": _same(lambda n, t: f"Chapter {n + 1}"),
    "CHAPTER ONE": _same(lambda n, t: f"CHAPTER {NUMBERS[n].upper()}"),
    "Chapter One, blank line, Title": _same(lambda n, t: f"Chapter {NUMBERS[n]}\n\n{t}"),
    "CHAPTER THE FIRST.": _same(lambda n, t: f"CHAPTER THE {ORDINALS[n].upper()}."),
    "Chapter the First": _same(lambda n, t: f"Chapter the {ORDINALS[n]}"),
    "THE FIRST CHAPTER": _same(lambda n, t: f"THE {ORDINALS[n].upper()} CHAPTER"),
    "CHAP. I.": _same(lambda n, t: f"CHAP. {ROMAN[n]}."),
    "I": _same(lambda n, t: ROMAN[n]),
    "I.": _same(lambda n, t: f"{ROMAN[n]}."),
    "1": _same(lambda n, t: str(n + 1)),
    "1.": _same(lambda n, t: f"{n + 1}."),
    "- I -": _same(lambda n, t: f"- {ROMAN[n]} -"),
    "§ 1": _same(lambda n, t: f"§ {n + 1}"),
    "I. TITLE": _same(lambda n, t: f"{ROMAN[n]}. {t.upper()}"),
    "1. Title": _same(lambda n, t: f"{n + 1}. {t}"),
    "I, blank line, TITLE": _same(lambda n, t: f"{ROMAN[n]}\n\n{t.upper()}"),
    "1, blank line, Title": _same(lambda n, t: f"{n + 1}\n\n{t}"),
    "TITLE": _same(lambda n, t: t.upper()),
    "TITLE over two lines": _same(lambda n, t: f"{t.upper()}; OR, HOW IT CAME\nTO PASS AT LAST"),
    "CHAPTER I, TITLE over two lines": _same(
        lambda n, t: f"CHAPTER {ROMAN[n]}\n\n{t.upper()}, AND WHAT CAME OF IT\nIN THE END"
    ),
    "centred CHAPTER I": _same(lambda n, t: f"CHAPTER {ROMAN[n]}".center(70).rstrip()),
    "centred I": _same(lambda n, t: ROMAN[n].center(70).rstrip()),
    "centred CHAPTER I, centred Title": _same(
        lambda n, t: f"{f'CHAPTER {ROMAN[n]}'.center(70).rstrip()}\n\n{t.center(70).rstrip()}"
    ),
    "_Chapter I_": lambda n, t: Heading(f"_Chapter {ROMAN[n]}_", f"Chapter {ROMAN[n]}"),
    "CHAPTER I, _Title_": lambda n, t: Heading(
        f"CHAPTER {ROMAN[n]}\n\n_{t}_", f"CHAPTER {ROMAN[n]} {t}"
    ),
    "=CHAPTER I.=": lambda n, t: Heading(f"=CHAPTER {ROMAN[n]}.=", f"CHAPTER {ROMAN[n]}."),
    "BOOK I, CHAPTER I": lambda n, t: _part(n, "BOOK", f"CHAPTER {ROMAN[n]}"),
    "PART I, I": lambda n, t: _part(n, "PART", ROMAN[n]),
    "VOLUME I, CHAPTER I": lambda n, t: _part(n, "VOLUME", f"CHAPTER {ROMAN[n]}."),
    "BOOK THE FIRST, CHAPTER I., TITLE, anew": _anew,
    "STAVE I: Title": _same(lambda n, t: f"STAVE {ROMAN[n]}: {t.upper()}"),
    "LETTER I": _same(lambda n, t: f"LETTER {ROMAN[n]}"),
    "PROLOGUE": _same(lambda n, t: "PROLOGUE" if n == 0 else f"CHAPTER {ROMAN[n - 1]}"),
    "EPILOGUE": _same(lambda n, t: "EPILOGUE" if n == 3 else f"CHAPTER {ROMAN[n]}"),
}

SCENES = {
    "five stars": "       *       *       *       *       *",
    "three stars": "* * *",
    "stars together": "***",
    "stars in the middle": "                             * * *",
    "three rows of stars": "  *    *    *    *\n\n    *    *    *\n\n  *    *    *    *",
    "one star": "*",
    "two rows": "*     *     *     *     *\n   *     *     *     *",
    "hyphens": "--------------------",
    "hyphens in the middle": "                         -----",
    "long dashes": "——————",
    "underscores": "                    ________",
    "number sign": "#",
    "number signs": "# # #",
    "asterism": "⁂",
    "tilde": "                             ~",
    "tildes": "~~~~~",
    "thought break": "<tb>",
    "o0o": "                           --o0o--",
    "dots": ".       .       .       .       .",
    "plus signs": "+ + + + +",
    "equals": "=======",
}

PICTURES = {
    "bare": "[Illustration]",
    "with a caption": "[Illustration: He came down to see the place]",
    "over lines": "[Illustration:\n\n“He came down to see the place”\n\n[_Copyright 1894._]]",
    "over lines, wrapped": "[Illustration: THE GREAT HALL OF THE CASTLE, WITH THE STAIRCASE BY\n"
    "WHICH THEY CAME DOWN.--_Page 214._]",
    "centred": "                            [Illustration]",
    "centred, over lines": "                             [Illustration:\n\n"
    "                                  THE\n                                  END\n"
    "                                    ]",
    "picture": "                   [Picture: Neptune drinking a toast]",
    "frontispiece": "[Frontispiece: With my back against a golden throne, I fought once\nagain]",
    "numbered": "[Illustration: Fig. 12.]",
    "with a bracket inside": "[Illustration: The house [from a sketch] in winter]",
    "in lower case": "[illustration: the house]",
    "with html": "[Illustration: See larger image (images/i_012.jpg)]",
    "drop capital": "[Illustration: Drop Cap T]",
}

PAGES = {
    "[Pg 12]": "[Pg 12]", "{12}": "{12}", "[12]": "[12]", "[Page 12]": "[Page 12]",
    "[p. 12]": "[p. 12]", "{p. 12}": "{p. 12}", "[pg 12]": "[pg 12]", "{pg 12}": "{pg 12}",
    "[Pg 012]": "[Pg 012]", "[Pg xii]": "[Pg xii]",
}  # fmt: skip
PAGE_LINES = {
    "number alone": "{n}", "number in the middle": "                              {n}",
    "- 12 -": "- {n} -", "Page 12": "Page {n}", "[Pg 12]": "[Pg {n}]",
    "running head": "{n}        THE WANDERERS OF THE NORTHERN SHORE",
    "running head, number behind": "        THE WANDERERS OF THE NORTHERN SHORE        {n}",
}  # fmt: skip

NOTES = {
    "[1] and [1]": ("[1]", "[1] Of this nothing was known to the faithful party till later."),
    "[Footnote 1: ]": (
        "[1]",
        "[Footnote 1: Of this nothing was known to the faithful party till much later,\n"
        "as will be told.]",
    ),
    "[A] and [Footnote A: ]": ("[A]", "[Footnote A: Of this nothing was known till later.]"),
    "* and *": (" *", "*Of this nothing was known to the faithful party till later."),
    "[*] and [*]": ("[*]", "[*] Of this nothing was known to the faithful party till later."),
    "{1} and {1}": (" {1}", "{1}  Of this nothing was known to the faithful party."),
    "(1) indented": (
        "[1]",
        "    [1] Of this nothing was known to the faithful party\n    till later.",
    ),
    "two paragraphs": (
        "[1]",
        "[Footnote 1: Of this nothing was known.\n\nNor was it asked at the time.]",
    ),
    "[Footnote: ]": ("[1]", "[Footnote: Of this nothing was known till later.]"),
}

MAKERS = {
    "[Transcriber's Note: ]": "[Transcriber's Note: The following pages are missing in the copy.]",
    "[Transcriber’s note: ] over lines": "[Transcriber’s note: The spelling of the name varies\n"
    "in the printed book, and was left.]",
    "[Transcribers' Note]": "[Transcribers' Note: two lines are lost here.]",
    "[TN: ]": "[TN: A line is missing here.]",
    "[Blank Page]": "[Blank Page]",
    "boxed": "+-------------------------------------------+\n"
    "|Transcriber's Note:                        |\n"
    "|                                           |\n"
    "|The map on the facing page was left out.   |\n"
    "+-------------------------------------------+",
    "[Redactor's note: ]": "[Redactor's note: the map was left out.]",
}
ENDS = {
    "transcriber's notes": "TRANSCRIBER'S NOTES\n\n\nErrors of punctuation were corrected.\n\n"
    "Page 12: 'teh' changed to 'the' (the house)\n\nPage 97: added missing quotation mark",
    "Transcriber's Note:": "       *       *       *       *       *\n\nTranscriber's Note:\n\n"
    "Spelling and hyphenation were left as they are printed. The following\nwere changed:\n\n"
    "  Page 12  teh => the\n  Page 97  was was => was",
    "boxed": "+------------------------------------------------------------+\n"
    "| Transcriber's Notes:                                       |\n"
    "|                                                            |\n"
    "| Page 12: teh changed to the                                |\n"
    "+------------------------------------------------------------+",
    "[Transcriber's Notes: ]": "[Transcriber's Notes:\n\nPunctuation was corrected.\n\n"
    "Page 12, teh changed to the.]",
    "typographical errors": "Typographical errors corrected by the etext transcriber:\n\n"
    "in a very simply way=> in a very simple way {pg 68}\n\nfrom md sight=> from my sight {pg 184}",
    "footnotes": "FOOTNOTES:\n\n[1] Of this nothing was known to the faithful party.\n\n"
    "[2] The name is found in no map.",
    "advertisements": "       *       *       *       *       *\n\nBY THE SAME AUTHOR\n\n"
    "THE LIGHT BEYOND THE BAR. Crown 8vo. 6s.\n\nA WINTER'S CROSSING. Second Edition. 3s. 6d.\n\n"
    "METHUEN & CO., 36 ESSEX STREET, LONDON, W.C.",
    "the end, printers": "THE END\n\n\n\n\nPRINTED BY WILLIAM CLOWES AND SONS, LIMITED,\n"
    "LONDON AND BECCLES.",
    "the end": "THE END",
    "finis": "                          FINIS",
    "errata": "ERRATA\n\nPage 12, line 3, for _teh_ read _the_.\n\nPage 97, for _was_ read _were_.",
    "index": "INDEX\n\n\nAbbey, the, 12, 45\n\nBay, Northern, 3, 97-99\n\nCastle, the old, 120",
}  # fmt: skip


def titles(made: MadeBook) -> list[str]:
    return [" ".join(heading.printed.split()) for heading, _ in made.chapters]


def _lines(made: MadeBook, form: Callable[[int, str], str]) -> str:
    return "\n".join(form(number, each) for number, each in enumerate(titles(made)))


CONTENTS: dict[str, Callable[[MadeBook], str]] = {
    "as the headings": lambda made: "CONTENTS\n\n" + _lines(made, lambda n, t: t),
    "blank lines between": lambda made: (
        "Contents\n\n\n" + _lines(made, lambda n, t: f"{t}\n").strip("\n")
    ),
    "indented": lambda made: "CONTENTS\n\n" + _lines(made, lambda n, t: f"     {t}"),
    "dotted leaders": lambda made: (
        "     CONTENTS\n\n"
        + _lines(made, lambda n, t: f"     {t} " + ". " * ((56 - len(t)) // 2) + f"{n * 17 + 11}")
    ),
    "dots together": lambda made: (
        "TABLE OF CONTENTS\n\n"
        + _lines(made, lambda n, t: t + "." * (60 - len(t)) + f"{n * 17 + 11}")
    ),
    "page numbers": lambda made: (
        "CONTENTS\n\n\nCHAPTER"
        + "PAGE".rjust(60)
        + "\n\n"
        + _lines(made, lambda n, t: t.ljust(64) + f"{n * 17 + 1}".rjust(3))
    ),
    "page numbers, blank lines": lambda made: (
        "CONTENTS\n\n\n"
        + "PAGE".rjust(67)
        + "\n\n"
        + _lines(made, lambda n, t: t.ljust(64) + f"{n * 17 + 1}".rjust(3) + "\n").rstrip()
    ),
    "number and name": lambda made: (
        "CONTENTS.\n\n"
        + _lines(made, lambda n, t: f"{ROMAN[n]}.".rjust(6) + f"  The Matter of {t.title()}")
    ),
    "with summaries": lambda made: (
        "CONTENTS\n\n"
        + _lines(
            made,
            lambda n, t: (
                f"{t}\n\n    The hall--A stranger comes--The lamp goes out--What was\n"
                f"    found in the morning      {n * 17 + 1}\n"
            ),
        ).rstrip()
    ),
    "underlined": lambda made: "_CONTENTS_\n\n" + _lines(made, lambda n, t: f"  _{t}_"),
    "with illustrations": lambda made: (
        CONTENTS["page numbers"](made)
        + "\n\n\n\nLIST OF ILLUSTRATIONS\n\n"
        + "PAGE".rjust(67)
        + "\n\n"
        + "\n".join(
            each.ljust(64) + f"{at * 31 + 9}".rjust(3)
            for at, each in enumerate(["The old house", "“Who goes there?”", "On the shore"])
        )
    ),
    "illustrations facing": lambda made: (
        "ILLUSTRATIONS\n\n\n"
        "“Who goes there?”                                _Frontispiece_\n\n"
        "                                                    FACING PAGE\n\n"
        "The old house, from a drawing by the author                  12\n\n"
        "On the shore at evening . . . . . . . . . . . . . . . . . .  97"
    ),
}

FRONTS = {
    "nothing": "",
    "title": f"{TITLE.upper()}\n\n\nby\n\n{AUTHOR.upper()}\n",
    "title page": f"{TITLE.upper().center(70).rstrip()}\n\n{'BY'.center(70).rstrip()}\n\n"
    f"{AUTHOR.upper().center(70).rstrip()}\n\n{'AUTHOR OF “THE LIGHT BEYOND THE BAR,” ETC.':^70}\n"
    f"\n\n\n{'LONDON'.center(70).rstrip()}\n{'METHUEN & CO.'.center(70).rstrip()}\n"
    f"{'1903'.center(70).rstrip()}\n\n\n\n_All rights reserved_\n",
    "copyright page": f"{TITLE.upper()}\n\nBY {AUTHOR.upper()}\n\n\nCopyright, 1903, by\n"
    "HARPER & BROTHERS.\n\nPublished September, 1903.\n\nPrinted in the United States of "
    "America.\n",
    "dedication": f"{TITLE.upper()}\n\nby {AUTHOR}\n\n\n\n\nTO\n\nMY DEAR FRIEND\n\nJ. T. B.\n",
}


def page_inside(mark: str) -> Callable[[int, Piece], Piece]:
    """A mark in the middle of each third paragraph."""

    def change(count: int, piece: Piece) -> Piece:
        words = piece.text.split(" ")
        if count % 3 or len(words) < 20:
            return piece
        numbered = mark.replace("12", str(12 + count // 3))
        put = " ".join([*words[:9], f"{numbered}{words[9]}", *words[10:]])
        return Piece(piece.text, wrapped=put)

    return change


def line_inside(line: str, made: MadeBook, blank: bool) -> Callable[[int, Piece], Piece]:
    """A line of its own between the lines of each third paragraph, as at a page's end."""
    import random

    def change(count: int, piece: Piece) -> Piece:
        lines = wrapped(piece.text, made.layout, random.Random(0)).split("\n")
        if count % 3 or len(lines) < 4:
            return piece
        gap = "\n\n" if blank else "\n"
        put = gap.join(["\n".join(lines[:2]), line.format(n=12 + count // 3), "\n".join(lines[2:])])
        return Piece(piece.text, printed=put)

    return change


def noted(mark: str, text: str) -> Callable[[int, Piece], list[Piece]]:
    """A footnote to each sixth paragraph: its mark, and its text behind the paragraph."""

    def change(count: int, piece: Piece) -> list[Piece]:
        if count % 6 or len(piece.text.split()) < 20:
            return [piece]
        number = str(count // 6 + 1)
        own = text.replace("1", number)
        sign = mark.replace("1", number)
        return [Piece(piece.text, wrapped=piece.text + sign), Piece(own, "nothing", printed=own)]

    return change
