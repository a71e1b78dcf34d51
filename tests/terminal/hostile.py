"""Strings that try to command a terminal, to hide, or to run an action; each has a marker in it."""

import random
import re
from base64 import b64encode

ESC, BEL, ST = "\x1b", "\x07", "\x1b\\"
_STOLEN = b64encode(b"stolen").decode()

COMMANDS = (
    f"{ESC}]52;c;{_STOLEN}{BEL}",
    f"{ESC}]52;p;{_STOLEN}{ST}",
    f"{ESC}]52;c;?{BEL}",
    f"{ESC}]0;title{BEL}",
    f"{ESC}]2;title{ST}",
    f"{ESC}]1;icon{BEL}",
    f"{ESC}]8;;file:///etc/passwd{ST}",
    f"{ESC}]9;note{BEL}",
    f"{ESC}]10;?{BEL}",
    f"{ESC}]4;1;?{BEL}",
    f"{ESC}]22;wait{BEL}",
    f"{ESC}]777;notify;a;b{BEL}",
    f"{ESC}]1337;File=inline=1:AAAA{BEL}",
    f"{ESC}[2J",
    f"{ESC}[1;1f",
    f"{ESC}[6n",
    f"{ESC}[5n",
    f"{ESC}[c",
    f"{ESC}[>c",
    f"{ESC}[21t",
    f"{ESC}[?1047l",
    f"{ESC}[?12h",
    f"{ESC}[?5h",
    f"{ESC}[38:5:1m",
    f"{ESC}[4:3;8m",
    f"{ESC}[1000b",
    f"{ESC}[!p",
    f"{ESC}[4i",
    f"{ESC}[=1u",
    f"{ESC}[200~",
    f"{ESC}c",
    f"{ESC}#8",
    f"{ESC}(0",
    f"{ESC}N{ESC}O",
    f"{ESC}P+q544e{ST}",
    f"{ESC}P$qm{ST}",
    f"{ESC}P0;0;0q#0;2;0;0;0#0~~{ST}",
    f"{ESC}_Ga=T,f=100;AAAA{ST}",
    f"{ESC}^private{ST}",
    f"{ESC}Xstring{ST}",
    f"{ESC}]",
    f"{ESC}P",
    f"{ESC}[",
    ESC,
    "\x9b2J",
    "\x9b6n",
    f"\x9d52;c;{_STOLEN}\x9c",
    "\x9d0;title\x9c",
    "\x90+q544e\x9c",
    "\x9fGa=T;AAAA\x9c",
    "\x9eprivate\x9c",
    "\x98string\x9c",
    "\x84\x85\x8d\x8e\x8f",
    "\x05\x07\x08\x08\x08",
    "\r",
    "\x0b\x0c",
    "\x0e\x0f",
    "\x11\x13\x1a",
    "\x7f\x7f",
    "\x00\x00",
)
DISGUISES = (
    "\u202egnp.exe\u202c",
    "\u2066a\u2069\u2067b\u2069\u2068c\u2069",
    "\u202a\u202b\u202d\u200e\u200f\u061c",
    "\u200b\u2060\ufeff\u2063",
    "a\u200db\u200cc",
    "👩\u200da",
    "\u2028\u2029\x85",
    "".join(chr(0xE0000 + ord(sign)) for sign in "hidden"),
    "".join(chr(0xFE00 + number) for number in range(16)),
    "".join(chr(0xE0100 + number) for number in range(40)),
    "\ufff9a\ufffab\ufffb",
    "\xad\xad\u034f\u3164\u115f",
    "\ud800\udfff",
    "\ufffe\uffff\ufdd0",
    "e" + "\u0301\u0489\u20dd" * 60,
    "\udc9b2J",
    "\udcff\udcfe",
    "\udcf0\udc9f",
    "\udcc2",
    "␛[2J␇",
    "⟨U+001B⟩",
    "👩\u200d👩\u200d👧❤\ufe0f",
    "می\u200cخواهم",
)
MARKUP = (
    "[@click=app.trace]press[/]",
    "[@click=screen.trace]press[/]",
    "[@click=trace()]press",
    "[@click='app.trace()']press[/@click]",
    "[@mouse.down=app.trace]press[/]",
    "[link=file:///etc/passwd]press[/link]",
    "[bold red on blue]press[/]",
    "[/]",
    "[/bold]",
    "]]",
    "[[",
    "[bold",
    "\\[bold]",
    "[$error]x[/$error]",
    "[not a tag]",
    "[@click=app.quit][@click=app.trace]x",
    "{m}%s%n$(touch x)`touch x`",
)


def hostile_strings(count: int, *, seed: int = 4) -> list[str]:
    """As many different strings; each begins with a marker of its own, `m0000#`, and ends in it."""
    draw = random.Random(seed)
    parts = [*COMMANDS, *DISGUISES, *MARKUP]
    strings = []
    for number in range(count):
        marker = f"m{number:04}#"
        chosen = [parts[number % len(parts)], *draw.choices(parts, k=draw.randrange(4))]
        if number % 97 == 96:
            chosen.append("overlong " * 300 + ESC)
        draw.shuffle(chosen)
        strings.append(marker + draw.choice(("", " ")).join(chosen) + marker)
    return strings


def in_one_line(text: str) -> str:
    """`text` as a name or a value of one line could hold it: no line feed, no NUL, no slash."""
    return re.sub("[\n\x00/]", "", text)


def as_name(text: str) -> str:
    """The name of a file that begins as `text` does, in no more bytes than a name may have."""
    return as_bytes(in_one_line(text))[:200].decode("utf-8", "surrogateescape")


def as_bytes(text: str) -> bytes:
    """`text` as bytes of a file: broken where it is broken."""
    return b"".join(
        sign.encode("utf-8", "surrogateescape" if "\udc80" <= sign <= "\udcff" else "surrogatepass")
        for sign in text
    )
