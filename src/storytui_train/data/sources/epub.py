"""E-books (EPUB 2 and 3) as a story: their pages in reading order, without what is round it.

Read page by page from the archive, and only the pages: a missing picture or a broken table of
contents keeps no book from being read.
"""

import posixpath
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from lxml import etree

from storytui.story.words import count_words
from storytui_train.data.sources.blocks import Block, Read
from storytui_train.data.sources.html import blocks_of, language_of, marked, parsed
from storytui_train.data.sources.html_rules import FRONT_AND_BACK, Styles, styles_of
from storytui_train.data.sources.plain import decoded
from storytui_train.data.sources.reading import Archive, RefusedError

_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
"""Ways to garble fonts, which say nothing of the text."""
_LOCKED = ("META-INF/rights.xml", "META-INF/license.lcpl")
_MOST_WORDS_ROUND = 1000
"""Words of a page that its name alone makes front or back matter: chapters have such names too."""
_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")
_STORY_TYPES = re.compile(
    r"bodymatter|(doc-)?(chapter|part|prologue|epilogue|preface|introduction|afterword)|volume"
    r"|division|z3998:fiction"
)


@dataclass
class _Package:
    """What an e-book's package file says."""

    spine: list[str] = field(default_factory=list)
    """The names of its pages in the archive, in reading order."""
    passed_over: set[str] = field(default_factory=set)
    """Pages that it calls something other than story."""
    listing: set[str] = field(default_factory=set)
    """Those of them that are a table of contents for programs."""
    sheets: list[str] = field(default_factory=list)
    contents: str = ""
    """The page or file that holds the table of contents."""
    title: str = ""
    author: str = ""
    language: str = ""


def read_epub(data: bytes, shown: str) -> Read:
    """An e-book as blocks.

    Args:
        data: the file's bytes.
        shown: what messages call it.

    Raises:
        RefusedError: it is damaged, locked, too big, or no e-book.
    """
    archive = Archive(data, shown)
    _refuse_locked(archive, shown)
    package = _package(archive, shown)
    labels = _labels(archive, package)
    styles = Styles()
    for name in package.sheets:
        styles |= styles_of(archive.read(name).decode("utf-8", "replace"))
    blocks: list[Block] = []
    pages = [each for each in package.spine if each not in package.passed_over]
    # A book of nothing else has unlucky names.
    for name in pages or [each for each in package.spine if each not in package.listing]:
        page = archive.read(name)
        if page.strip():
            blocks += _page(page, name, labels.get(name, ""), styles, shown)
    if not blocks:
        raise RefusedError("empty", f"{shown} holds no text that is part of a story.")
    return Read(
        blocks=tuple(blocks),
        title=package.title,
        author=package.author,
        language=package.language,
    )


def _refuse_locked(archive: Archive, shown: str) -> None:
    """Refuse a book whose pages are encrypted.

    Raises:
        RefusedError: they are.
    """
    names = set(archive.names)
    encryption = _xml(archive.read("META-INF/encryption.xml"))
    methods = [
        str(each.get("Algorithm", ""))
        for each in _all(encryption, "EncryptionMethod")
        if _name(each.getparent()) == "EncryptedData"
    ]
    if not names.isdisjoint(_LOCKED) or any(each not in _FONTS for each in methods):
        raise RefusedError(
            "password",
            f"{shown} is locked by its shop (DRM), so it cannot be read. Use a copy without.",
        )


def _package(archive: Archive, shown: str) -> _Package:
    container = _xml(archive.read("META-INF/container.xml"))
    names = [str(each.get("full-path", "")) for each in _all(container, "rootfile")]
    name = next((each for each in names if each), "")
    name = name or next((each for each in archive.names if each.endswith(".opf")), "")
    root = _xml(archive.read(name))
    if root is None:
        raise RefusedError("unreadable", f"{shown} is damaged, or no e-book: it lists no pages.")
    folder = posixpath.dirname(name)
    package = _Package()
    items: dict[str, tuple[str, str, str]] = {}
    for item in _all(root, "item"):
        where = _path(folder, str(item.get("href", "")))
        kind, properties = str(item.get("media-type", "")), str(item.get("properties", ""))
        items[str(item.get("id", ""))] = where, kind, properties
        if kind == "text/css":
            package.sheets.append(where)
        if "nav" in properties.split() or kind == "application/x-dtbncx+xml":
            # A page of contents says more than the file that older readers use.
            if not package.contents or kind != "application/x-dtbncx+xml":
                package.contents = where
            package.passed_over.add(where)
            package.listing.add(where)
        if FRONT_AND_BACK.fullmatch(_stem(where)) or FRONT_AND_BACK.fullmatch(
            str(item.get("id", "")).removesuffix(".xhtml").removesuffix(".html")
        ):
            package.passed_over.add(where)
    for each in _all(root, "reference"):
        if FRONT_AND_BACK.fullmatch(str(each.get("type", ""))):
            package.passed_over.add(_path(folder, str(each.get("href", ""))))
    for each in _all(root, "itemref"):
        where, kind, _ = items.get(str(each.get("idref", "")), ("", "", ""))
        if kind in _PAGES and str(each.get("linear", "yes")) != "no":
            package.spine.append(where)
    package.title = _said(root, "title")
    package.author = _author(root)
    package.language = language_of(_said(root, "language"))
    return package


def _stem(name: str) -> str:
    return posixpath.splitext(posixpath.basename(name))[0]


def _path(folder: str, href: str) -> str:
    """Where in the archive a link of the package leads."""
    return posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0])))


def _xml(data: bytes) -> Any | None:
    """The root of a part that programs read; None where it is none. Entities stay unexpanded."""
    if not data.strip():
        return None
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True)
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _name(element: Any) -> str:
    tag = element.tag if element is not None else ""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _all(root: Any | None, name: str) -> list[Any]:
    return [] if root is None else [each for each in root.iter() if _name(each) == name]


def _said(root: Any, name: str) -> str:
    texts = [" ".join("".join(each.itertext()).split()) for each in _all(root, name)]
    return next((each for each in texts if each), "")


def _author(root: Any) -> str:
    for each in _all(root, "creator"):
        role = next((str(value) for key, value in each.items() if key.endswith("role")), "aut")
        if role == "aut":
            return " ".join("".join(each.itertext()).split())
    return ""


def _labels(archive: Archive, package: _Package) -> dict[str, str]:
    """What the table of contents calls each page, by the page's name."""
    data = archive.read(package.contents) if package.contents else b""
    if not data:
        return {}
    folder = posixpath.dirname(package.contents)
    labels: dict[str, str] = {}
    if package.contents.endswith(".ncx"):
        for point in _all(_xml(data), "navPoint"):
            content, label = _all(point, "content"), _all(point, "navLabel")
            if content and label:
                href = str(content[0].get("src", ""))
                labels.setdefault(_path(folder, href), _words(label[0]))
        return labels
    try:
        root = parsed(data.decode("utf-8", "replace"), package.contents)
    except RefusedError:
        return {}
    for nav in _all(root, "nav"):
        if "toc" in marked(nav).types or len(_all(root, "nav")) == 1:
            for link in _all(nav, "a"):
                labels.setdefault(_path(folder, str(link.get("href", ""))), _words(link))
    return labels


def _words(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())


def _page(data: bytes, name: str, label: str, styles: Styles, shown: str) -> list[Block]:
    """The blocks of one page; none where it is no part of the story."""
    called = f"{name} in {shown}"
    root = parsed(decoded(data, called, "none")[0], called)
    if root is None:
        return []
    body = next(iter(_all(root, "body")), root)
    kinds = {
        kind for each in [body, *body] if isinstance(each.tag, str) for kind in marked(each).types
    }
    own = styles_of("\n".join("".join(each.itertext()) for each in _all(root, "style")))
    blocks = list(blocks_of(body, styles=styles | own))
    texts = [each for each in blocks if each.kind in ("heading", "paragraph", "item")]
    if not texts:
        return []
    story = any(_STORY_TYPES.fullmatch(each) for each in kinds)
    names = [label] + [each.text for each in texts[:1] if each.kind == "heading"]
    if not story and any(FRONT_AND_BACK.fullmatch(each) for each in names) and _is_short(texts):
        return []
    # A chapter whose heading is a picture is called as the table of contents calls it.
    if label and all(each.kind != "heading" for each in texts[:3]):
        blocks.insert(0, Block("heading", label, 1))
    return blocks


def _is_short(blocks: list[Block]) -> bool:
    """Whether a page is no longer than what stands before and behind stories."""
    return sum(count_words(each.text) for each in blocks) <= _MOST_WORDS_ROUND
