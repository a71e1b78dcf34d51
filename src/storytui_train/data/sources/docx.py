"""Word documents as a story: mammoth makes HTML of them, once what it cannot know was written in.

Left out are what was deleted with changes tracked, comments, notes, headers and footers, hidden
text and tables of contents; what was inserted stays. Headings are known by style or by outline
level, in any language.
"""

import io
import re
import zipfile
from typing import Any

from lxml import etree

from storytui_train.data.sources.blocks import Read
from storytui_train.data.sources.html import blocks_of, language_of, parsed
from storytui_train.data.sources.reading import Archive, RefusedError

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_DOCUMENT = "word/document.xml"
_BODY_TEXT = 9
"""The outline level of what is no heading."""
_HEADING_NAME = re.compile(r"heading (\d)", re.IGNORECASE)
_CONTENTS_NAME = re.compile(r"toc( heading| ?\d)?|table of figures", re.IGNORECASE)
_TITLE_NAMES = ("title", "subtitle")
_STYLE_MAP = "\n".join(
    [f"p.StorytuiHeading{level} => h{level}:fresh" for level in range(1, 7)]
    + ["p.StorytuiTitle => p.storytui-title:fresh", "br[type='page'] => hr"]
)


def read_docx(data: bytes, shown: str) -> Read:
    """A Word document as blocks.

    Args:
        data: the file's bytes.
        shown: what messages call it.

    Raises:
        RefusedError: it is damaged, locked, too big, or no Word document.
    """
    import mammoth

    archive = Archive(data, shown)
    document = _parsed(archive.read(_DOCUMENT), shown)
    styles = _Styles(_parsed(archive.read("word/styles.xml") or b"<none/>", shown))
    _write_in(document, styles)
    try:
        html = mammoth.convert_to_html(
            io.BytesIO(_rewritten(archive, document, shown)),
            style_map=_STYLE_MAP,
            ignore_empty_paragraphs=False,
            include_embedded_style_map=False,
            convert_image=mammoth.images.img_element(lambda image: {}),
        ).value
    except (KeyError, ValueError, AttributeError, TypeError, IndexError, OSError) as error:
        raise _damaged(shown) from error
    root = parsed(html, shown)
    core = _parsed(archive.read("docProps/core.xml") or b"<none/>", shown)
    blocks = blocks_of(root) if root is not None else ()
    title = next((each.text for each in blocks if each.kind == "title"), "")
    return Read(
        blocks=blocks,
        title=title or _said(core, "title"),
        author=_said(core, "creator"),
        language=language_of(_said(core, "language")),
    )


def _damaged(shown: str) -> RefusedError:
    return RefusedError(
        "unreadable", f"{shown} is damaged, or no Word document. Open it and save it again."
    )


def _parsed(data: bytes, shown: str) -> Any:
    # No program writes a document type into these parts; what it declares is not read.
    if not data or b"<!DOCTYPE" in data[:10_000] or b"<!ENTITY" in data[:10_000]:
        raise _damaged(shown)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise _damaged(shown) from error


def _said(core: Any, name: str) -> str:
    found = core.find(f"{_DC}{name}")
    text = " ".join((found.text or "").split()) if found is not None else ""
    # What python-docx and Word put there by themselves.
    return "" if text.lower() in ("python-docx", "word document", "microsoft office user") else text


class _Styles:
    """What styles say of paragraphs and runs, by their id."""

    def __init__(self, root: Any) -> None:
        self._levels: dict[str, int] = {}
        self._names: dict[str, str] = {}
        self._bases: dict[str, str] = {}
        self._looks: dict[str, dict[str, bool]] = {}
        for style in root.iter(f"{_W}style"):
            id = style.get(f"{_W}styleId", "")
            self._names[id] = _value(style.find(f"{_W}name")).strip()
            self._bases[id] = _value(style.find(f"{_W}basedOn"))
            level = _number(style.find(f"{_W}pPr/{_W}outlineLvl"))
            named = _HEADING_NAME.fullmatch(self._names[id])
            if level is None and named:
                level = int(named[1]) - 1
            if level is not None:
                self._levels[id] = level
            self._looks[id] = {
                look: _is_on(found)
                for look in ("i", "b", "vanish")
                if (found := style.find(f"{_W}rPr/{_W}{look}")) is not None
            }

    def _chain(self, id: str) -> list[str]:
        chain: list[str] = []
        while id and id not in chain:
            chain.append(id)
            id = self._bases.get(id, "")
        return chain

    def level(self, id: str) -> int:
        """The outline level of a paragraph's style, from 0."""
        return next((self._levels[each] for each in self._chain(id) if each in self._levels), 9)

    def is_named(self, id: str, names: re.Pattern[str] | tuple[str, ...]) -> bool:
        """Whether a style, or one that it is based on, has such a name."""
        found = [self._names.get(each, each).lower() for each in self._chain(id)]
        if isinstance(names, tuple):
            return any(each in names for each in found)
        return any(names.fullmatch(each) for each in found)

    def looks(self, id: str, look: str) -> bool:
        """Whether a run of the style is italic, bold or hidden."""
        return next(
            (
                self._looks[each][look]
                for each in self._chain(id)
                if look in self._looks.get(each, ())
            ),
            False,
        )


def _value(element: Any) -> str:
    return str(element.get(f"{_W}val", "")) if element is not None else ""


def _number(element: Any) -> int | None:
    value = _value(element)
    return int(value) if value.isdecimal() else None


def _is_on(element: Any) -> bool:
    return element is not None and _value(element) not in ("0", "false", "off", "none")


def _write_in(document: Any, styles: _Styles) -> None:
    """Make plain what mammoth would have to know of styles, and take out what is not shown."""
    for gallery in list(document.iter(f"{_W}docPartGallery")):
        if "contents" in _value(gallery).lower():
            _remove(next(gallery.iterancestors(f"{_W}sdt"), None))
    for paragraph in list(document.iter(f"{_W}p")):
        properties = paragraph.find(f"{_W}pPr")
        if properties is None:
            continue
        style = properties.find(f"{_W}pStyle")
        id = _value(style)
        if styles.is_named(id, _CONTENTS_NAME):
            _remove(paragraph)
            continue
        level = _number(properties.find(f"{_W}outlineLvl"))
        level = styles.level(id) if level is None else level
        name = f"StorytuiHeading{min(level + 1, 6)}" if level < _BODY_TEXT else ""
        if styles.is_named(id, _TITLE_NAMES):
            name = "StorytuiTitle"
        if name:
            if style is None:
                style = etree.SubElement(properties, f"{_W}pStyle")
            style.set(f"{_W}val", name)
            # A numbered heading is no item of a list.
            _remove(properties.find(f"{_W}numPr"))
        if properties.find(f"{_W}pageBreakBefore") is not None and not name:
            _break_before(paragraph)
    for run in list(document.iter(f"{_W}r")):
        _write_in_run(run, styles)


def _break_before(paragraph: Any) -> None:
    run = etree.Element(f"{_W}r")
    etree.SubElement(run, f"{_W}br").set(f"{_W}type", "page")
    paragraph.insert(1, run)


def _write_in_run(run: Any, styles: _Styles) -> None:
    properties = run.find(f"{_W}rPr")
    if properties is None:
        return
    id = _value(properties.find(f"{_W}rStyle"))
    hidden = properties.find(f"{_W}vanish")
    if _is_on(hidden) or (hidden is None and styles.looks(id, "vanish")):
        _remove(run)
        return
    for look in ("i", "b"):
        if properties.find(f"{_W}{look}") is None and styles.looks(id, look):
            etree.SubElement(properties, f"{_W}{look}")


def _remove(element: Any) -> None:
    if element is None:
        return
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _rewritten(archive: Archive, document: Any, shown: str) -> bytes:
    """The archive with the document in its new form, without pictures."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as rewritten:
        for name in archive.names:
            if name == _DOCUMENT:
                rewritten.writestr(name, etree.tostring(document))
            elif name.endswith((".xml", ".rels")):
                part = archive.read(name)
                if name.startswith("word/") and part:
                    _parsed(part, shown)
                rewritten.writestr(name, part)
    return out.getvalue()
