"""HTML and XHTML as a story: headings, paragraphs, scene breaks, verse, emphasis.

Read with lxml, whose parsers are told to expand no entity and to fetch nothing.
"""

import html.entities
import re
from collections.abc import Iterable
from typing import Any

from lxml import etree

from storytui_train.data.sources.blocks import BREAK, GAP, Block, Read, Run, inline
from storytui_train.data.sources.html_rules import BLOCKS, Marked, Styles, styles_of
from storytui_train.data.sources.plain import decoded
from storytui_train.data.sources.reading import RefusedError

_EPUB_TYPE = ("{http://www.idpf.org/2007/ops}type", "epub:type", "role")
_CHARSET = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]+)|<\?xml[^>]{0,200}?encoding=[\"']([\w.:-]+)",
    re.IGNORECASE,
)
_DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.IGNORECASE | re.DOTALL)
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31});")
_XML_ENTITIES = frozenset(("amp", "lt", "gt", "quot", "apos"))
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_MARKER = re.compile(r"\**\s*(START|END) OF (?:THE|THIS) PROJECT GUTENBERG", re.IGNORECASE)
_SMALLEST_CONTENTS = 3
_CONTENTS_SHARE = 0.7
_NOTE_MARK = re.compile(r"[\[(]?(?:\d{1,3}|[*†‡§¶]{1,3}|[a-z])[\])]?")


def read_html(data: bytes, shown: str) -> Read:
    """A page of HTML as blocks.

    Args:
        data: the file's bytes.
        shown: what messages call it.

    Raises:
        RefusedError: it is no text, or no story is in it.
    """
    said = _CHARSET.search(data[:4096])
    declared = (said[1] or said[2]).decode("ascii", "ignore") if said else ""
    text, encoding = decoded(data, shown, declared or "none")
    root = parsed(text, shown)
    if root is None:
        raise RefusedError("empty", f"{shown} is empty.")
    read = blocks_of(root, styles=_own_styles(root))
    named = {
        str(each.get("name", "")).lower(): str(each.get("content", ""))
        for each in _all(root, "meta")
    }
    title = " ".join("".join(each.itertext()) for each in _all(root, "title"))
    title = re.sub(
        r"(?i)^the project gutenberg e-?book of |, by [^,]+$", "", " ".join(title.split())
    )
    return Read(
        blocks=_without_gutenberg(read),
        title=named.get("dc.title") or title,
        author=named.get("author") or named.get("dc.creator") or "",
        language=language_of(root.get("lang") or root.get(_XML_LANGUAGE) or ""),
        encoding=encoding,
    )


_XML_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def language_of(tag: str) -> str:
    """The two letters of ISO 639-1 in a tag such as `en-GB`; empty where there are none."""
    first = re.split("[-_]", tag.strip())[0].lower()
    return first if len(first) == 2 and first.isalpha() else ""


def parsed(text: str, shown: str) -> Any | None:
    """The root element of a page; None where there is none.

    XHTML is read as XML, which alone knows `<title/>`; what is not well formed as HTML. No entity
    that a page declares for itself is ever expanded.
    """
    text = _NO_XML.sub("", text)
    if text.lstrip()[:5] == "<?xml" or "http://www.w3.org/1999/xhtml" in text[:2000]:
        bare = _DOCTYPE.sub("", _DECLARATION.sub("", text, count=1), count=1)
        parser = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=True,
            encoding="utf-8",
        )
        try:
            return etree.fromstring(_ENTITY.sub(_character, bare).encode("utf-8"), parser)
        except (etree.XMLSyntaxError, ValueError):
            text = bare
    forgiving = etree.HTMLParser(encoding="utf-8", huge_tree=True, no_network=True)
    try:
        root = etree.fromstring(text.encode("utf-8"), forgiving)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if any("depth" in error.message for error in forgiving.error_log.filter_from_fatals()):
        raise RefusedError(
            "unreadable",
            f"{shown} is nested too deep: some of it would be lost. Save it as plain HTML again.",
        )
    return root


def _character(found: re.Match[str]) -> str:
    name = found[1]
    if name in _XML_ENTITIES:
        return found[0]
    return html.entities.html5.get(f"{name};", found[0])


def _all(root: Any, name: str) -> Iterable[Any]:
    return (each for each in root.iter() if _tag(each) == name)


def _tag(element: Any) -> str:
    """Its name without a namespace; empty for comments and the like."""
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def _own_styles(root: Any) -> Styles:
    return styles_of("\n".join("".join(each.itertext()) for each in _all(root, "style")))


def marked(element: Any) -> Marked:
    """What an element says of itself."""
    get = element.get
    types = " ".join(str(get(each, "")) for each in _EPUB_TYPE)
    return Marked(
        tag=_tag(element),
        classes=tuple(str(get("class", "")).split()),
        id=str(get("id", "")),
        types=tuple(types.split()),
        style=str(get("style", "")),
        hidden=get("hidden") is not None or get("aria-hidden") == "true",
    )


def blocks_of(root: Any, *, styles: Styles = Styles()) -> tuple[Block, ...]:  # noqa: B008
    """The blocks of a tree of elements.

    Args:
        root: the element that holds all.
        styles: what its style sheets say of classes.
    """
    walk = _Walk(styles)
    # A stack of our own: markup may be nested deeper than Python calls itself.
    stack: list[tuple[Any, Marked | None]] = [(root, None)]
    while stack:
        element, entered = stack.pop()
        if entered is not None:
            walk.leave(entered)
        elif not isinstance(element.tag, str):
            if element.tag is etree.Entity:
                walk.text(element.text or "")
        else:
            mark = marked(element)
            if not mark.is_left_out(styles) and not _is_contents(element, mark.tag):
                walk.enter(mark, element)
                stack.append((element, mark))
                walk.text(element.text or "")
                stack += [(each, None) for each in reversed(element)]
                continue
            walk.pass_over(mark)
        if element is not root:
            walk.text(element.tail or "")
    walk.flush()
    return tuple(walk.blocks)


def _is_contents(element: Any, tag: str) -> bool:
    """Whether it is a list of links into the same book, or a note's mark."""
    if tag in ("table", "ul", "ol", "dl"):
        links = [each for each in element.iter() if _tag(each) == "a" and _is_inner(each)]
        if len(links) < _SMALLEST_CONTENTS:
            return False
        linked = sum(len("".join(each.itertext()).strip()) for each in links)
        return linked >= _CONTENTS_SHARE * len("".join("".join(element.itertext()).split()))
    if tag in ("sup", "a"):
        links = [each for each in element.iter() if _tag(each) == "a" and each.get("href")]
        text = "".join(element.itertext()).strip()
        raised = tag == "sup" or any(_tag(each) == "sup" for each in element) or text[:1] in "[*†"
        return bool(links and text and raised and _NOTE_MARK.fullmatch(text))
    return False


def _is_inner(link: Any) -> bool:
    href = str(link.get("href", ""))
    return bool(href) and not re.match(r"[a-z]+:", href, re.IGNORECASE)


class _List:
    """A list that is open."""

    def __init__(self, numbered: bool, number: int) -> None:
        self._numbered = numbered
        self._number = number
        self.mark = ""
        """What the next paragraph begins with."""
        self.close = True
        """Whether its items follow each other as lines do."""

    def begin_item(self, *, close: bool) -> None:
        self.mark = f"{self._number}. " if self._numbered else "- "
        self._number += 1
        self.close = close


class _Walk:
    """Makes blocks on the way through a tree."""

    def __init__(self, styles: Styles) -> None:
        self.blocks: list[Block] = []
        self._styles = styles
        self._runs: list[Run] = []
        self._emphasis = self._strong = self._pre = self._poem = 0
        self._level = 0
        self._title = False
        self._lists: list[_List] = []

    def text(self, text: str) -> None:
        """Text stands here."""
        if not text:
            return
        if not self._pre:
            text = re.sub(r"[ \t\r\n\f]+", " ", text)
        self._runs.append(Run(text, self._emphasis > 0, self._strong > 0))

    def enter(self, mark: Marked, element: Any) -> None:
        """An element begins."""
        tag = mark.tag
        if tag == "br":
            self._line()
        elif tag == "img":
            self._picture(mark, element)
        elif self._poem and mark.is_line():
            self._line(once=True)
        elif tag in BLOCKS and tag not in ("td", "th"):
            if tag != "tr":
                self.flush()
            else:
                self._line(once=True)
        self._emphasis += mark.is_emphasis(self._styles)
        self._strong += mark.is_strong(self._styles)
        self._poem += mark.is_poem()
        self._pre += tag in ("pre", "listing")
        if mark.is_break():
            self.blocks.append(BREAK)
        if level := mark.heading_level():
            self._level = level
        if mark.is_title():
            self._title = True
        if tag in ("ul", "ol", "menu"):
            start = str(element.get("start", "1"))
            self._lists.append(_List(tag == "ol", int(start) if start.isdecimal() else 1))
        if tag == "li" and self._lists:
            self._lists[-1].begin_item(close=not any(_tag(each) == "p" for each in element))

    def leave(self, mark: Marked) -> None:
        """An element ends."""
        tag = mark.tag
        if self._poem and mark.is_line() and not mark.is_poem():
            self._line(once=True)
        elif tag in ("td", "th"):
            self._runs.append(Run(" "))
        elif tag in BLOCKS and tag != "tr":
            empty = self.flush()
            if empty and tag == "p":
                self.blocks.append(GAP)
        if mark.heading_level():
            self._level = 0
        if mark.is_title():
            self._title = False
        self._emphasis -= mark.is_emphasis(self._styles)
        self._strong -= mark.is_strong(self._styles)
        self._poem -= mark.is_poem()
        self._pre -= tag in ("pre", "listing")
        if tag in ("ul", "ol", "menu") and self._lists:
            self._lists.pop()

    def pass_over(self, mark: Marked) -> None:
        """An element is left out; what stands round it is parted where it was a block."""
        if mark.tag in BLOCKS:
            self.flush()

    def flush(self) -> bool:
        """A paragraph ends here; whether there was nothing in it."""
        runs, self._runs = self._runs, []
        if self._level:
            runs = [Run(each.text) for each in runs]
        text = inline(runs)
        if not text.strip():
            return not self._level
        if self._level:
            self.blocks.append(Block("heading", text, self._level))
        elif self._title:
            self.blocks.append(Block("title", text))
        elif self._lists:
            inmost = self._lists[-1]
            self.blocks.append(Block("item" if inmost.close else "paragraph", inmost.mark + text))
            inmost.mark = ""
        else:
            self.blocks.append(Block("paragraph", text))
        return False

    def _line(self, *, once: bool = False) -> None:
        """A line ends here; `once`: unless one ended just before."""
        if once:
            written = "".join(each.text for each in self._runs).rstrip(" ")
            if not written.strip() or written.endswith("\n"):
                return
        self._runs.append(Run("\n", self._emphasis > 0, self._strong > 0))

    def _picture(self, mark: Marked, element: Any) -> None:
        """A picture of a chapter's first letter is that letter."""
        letter = str(element.get("alt", "")).strip(" “\"‘'")
        if len(letter) == 1 and letter.isalpha() and any("drop" in each for each in mark.classes):
            self.text(str(element.get("alt")).strip())


def _without_gutenberg(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """What stands between Project Gutenberg's own lines, where they are there."""
    start, end = 0, len(blocks)
    for at, block in enumerate(blocks):
        found = _MARKER.search(block.text[:300]) if block.text else None
        if found and found[1].upper() == "START" and at < len(blocks) / 2:
            start = at + 1
        elif found and found[1].upper() == "END" and at >= start:
            end = at
            break
    return blocks[start:end]
