"""Pieces whose lines stay: verse, letters, signs, plays; and prose beside them that does not."""

from made_books import VERSES, Piece

STANZA = Piece("\n".join(VERSES[0]), "lines")


def set_in(text: str, by: int) -> str:
    return "\n".join(" " * by + line for line in text.split("\n"))


def lines(text: str, by: int = 4) -> Piece:
    return Piece(text, "lines", printed=set_in(text, by))


LEAD = Piece("She stopped before the gate, and read in a low voice what was written there:--")
BEHIND = Piece("She turned away without a word, and we went on along the wall until it was dark.")
POEM = "\n".join(VERSES[1])
KEPT: dict[str, list[Piece]] = {
    "a stanza": [LEAD, lines(POEM, 4), BEHIND],
    "a stanza set in by two": [LEAD, lines(POEM, 2), BEHIND],
    "a stanza set in by one": [LEAD, lines(POEM, 1), BEHIND],
    "a stanza set in far": [LEAD, lines(POEM, 20), BEHIND],
    "stanzas": [LEAD, lines("\n".join(VERSES[0])), lines("\n".join(VERSES[2])), BEHIND],
    "a couplet": [
        LEAD,
        lines("Long foretold, long last;\nShort notice, soon past."),
        BEHIND,
    ],
    "a line of a song": [LEAD, lines("“I care not for the rain, not I!”"), BEHIND],
    "verse with a title": [
        LEAD,
        Piece("DUCKS' DITTY.", printed=" " * 12 + "DUCKS' DITTY."),
        lines("\n".join(VERSES[4]), 10),
        BEHIND,
    ],
    "verse not set in": [LEAD, lines(POEM, 0), BEHIND],
    "long verse not set in": [
        LEAD,
        lines(
            "Then none was for a party,\nThen all were for the state;\n"
            "Then the great man helped the poor,\nAnd the poor man loved the great;\n"
            "Then lands were fairly portioned,\nThen spoils were fairly sold:\n"
            "The Romans were like brothers\nIn the brave days of old.",
            0,
        ),
        BEHIND,
    ],
    "verse in italics": [
        LEAD,
        Piece(
            "*How doth the little crocodile*\n*Improve his shining tail,*",
            "lines",
            printed="    _How doth the little crocodile_\n      _Improve his shining tail,_",
        ),
        BEHIND,
    ],
    "a sign": [LEAD, lines("MUNICIPAL ELECTIONS\nROYAL EXCHANGE WARD", 6), BEHIND],
    "a tomb": [
        LEAD,
        lines("HERE LIES\nJOHN WILLIAM PARR\nBORN 1804, DIED 1861", 20),
        BEHIND,
    ],
    "an address": [
        LEAD,
        lines("ALICE'S RIGHT FOOT, ESQ.\n  HEARTHRUG,\n    NEAR THE FENDER,\n      (WITH LOVE)."),
        BEHIND,
    ],
    "a list": [
        LEAD,
        lines("1 lb. beefsteak\n1 pt. bitter beer\n1 ten-mile walk\n1 bed at 11"),
        BEHIND,
    ],
}

LETTER_TEXT = (
    "As I do not know whether you are at the hall or still in London, I send this in double to "
    "both places. The ship is bought and fitted, and she lies at anchor, ready for sea."
)
LETTER_LINES = (
    "As I do not know whether you are at the\nhall or still in London, I send this in\n"
    "double to both places. The ship is bought\nand fitted, and she lies at anchor, ready\nfor sea."
)
LETTERS: dict[str, list[Piece]] = {
    "date, address, text, name": [
        LEAD,
        Piece(
            "Old Anchor Inn, Bristol, March 1, 1761",
            printed=" " * 5 + "Old Anchor Inn, Bristol, March 1, 1761",
        ),
        Piece("Dear Livesey,--", printed=" " * 5 + "Dear Livesey,--"),
        Piece(LETTER_TEXT, printed=set_in(LETTER_LINES, 5)),
        Piece("John Trelawney.", printed=" " * 30 + "John Trelawney."),
        BEHIND,
    ],
    "name on a line of its own": [
        LEAD,
        Piece(
            f"{LETTER_TEXT}\nJohn Trelawney.",
            "lines",
            printed=set_in(f"{LETTER_LINES}\nJohn Trelawney.", 5),
        ),
        BEHIND,
    ],
    "closing lines to the right": [
        LEAD,
        Piece(LETTER_TEXT),
        Piece(
            "Very truly yours,\nIRENE NORTON.",
            "lines",
            printed=" " * 38 + "Very truly yours,\n" + " " * 42 + "IRENE NORTON.",
        ),
        BEHIND,
    ],
    "date to the right, over two lines": [
        LEAD,
        Piece(
            "The Copper Beeches, near Winchester,\n4th April.",
            "lines",
            printed=" " * 30 + "The Copper Beeches, near Winchester,\n" + " " * 50 + "4th April.",
        ),
        Piece("My dear Miss Hunter,"),
        Piece(LETTER_TEXT),
        BEHIND,
    ],
    "address of three lines": [
        LEAD,
        lines("Messrs. Carter and Paterson,\n12, Fleet Street,\nLondon.", 5),
        Piece(LETTER_TEXT),
        BEHIND,
    ],
    "set in, without anything else": [
        LEAD,
        Piece(LETTER_TEXT, printed=set_in(LETTER_LINES, 8)),
        BEHIND,
    ],
    "a telegram in capitals": [
        LEAD,
        Piece(
            "COME AT ONCE. ALL IS DISCOVERED. BRING THE PAPERS AND TELL NOBODY.",
            printed="     COME AT ONCE. ALL IS DISCOVERED. BRING THE PAPERS\n     AND TELL NOBODY.",
        ),
        BEHIND,
    ],
}

PLAYS = {
    "Name. speech": (
        "Algernon.  Did you hear what I was playing, Lane?",
        "Lane.  I didn't think it polite to listen, sir.",
        "Algernon.  I'm sorry for that, for your sake.  I don't play accurately--any one can play "
        "accurately--but I play with wonderful expression.",
        "[Enter Jack.]",
        "Lane.  Yes, sir.  [Hands them on a salver.]",
    ),
    "NAME. speech": (
        "HIGGINS. Have you no morals, man?",
        "DOOLITTLE. Can't afford them, Governor. Neither could you if you was as poor as me. Not "
        "that I mean any harm, you know.",
        "HIGGINS. I don't know what to do.",
        "[*He goes to the window.*]",
        "DOOLITTLE. Don't say that, Governor.",
    ),
    "NAME (direction): speech": (
        "NORA (*at the door*): I have something to tell you.",
        "HELMER: Not now, my dear; to-morrow will be soon enough for it.",
        "NORA: It must be now, for I am going away tonight and shall not be here any more in the "
        "morning when you rise.",
        "(*She puts down the lamp.*)",
        "HELMER: You are out of your mind!",
    ),
}
