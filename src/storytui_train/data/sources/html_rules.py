"""PURE. What the tags, classes and types of markup mean for a story."""

import re
from dataclasses import dataclass


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


BLOCKS = _words(
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu "
    "ol optgroup p pre section summary table tbody td tfoot th thead tr ul"
)
"""Elements that begin and end paragraphs."""
LEFT_OUT = _words(
    "audio button canvas del embed figure figcaption form head iframe input map math nav noscript "
    "object option rp rt script select style svg template textarea title video"
)
"""Elements that hold no word of the story."""
HEADINGS = {f"h{level}": level for level in range(1, 7)}
EMPHASIS = _words("i em cite dfn var")
STRONG = _words("b strong")
MARKUP = (
    BLOCKS
    | LEFT_OUT
    | EMPHASIS
    | STRONG
    | _words(
        "-- a abbr acronym area base basefont bdi bdo big br code col colgroup data font frame "
        "html img ins kbd label link mark meta meter param q rb rtc ruby s samp small source span "
        "strike sub sup time track tt u wbr xml doctype"
    )
)
"""All that HTML knows; anything else between angle brackets is text."""

_LEFT_OUT_CLASSES = re.compile(
    r"page-?(num(ber)?s?|no)|pagebreak|foot-?notes?|end-?notes?|fn-?anchor|note-?ref|fn-?ref|toc"
    r"|contents|tnotes?|trans(criber)?s?-?notes?|caption|illust?r?|figure|fig(left|right|center)"
    r"|pg-?(header|footer|boilerplate|machine-header|start-separator|end-separator)"
    r"|comments?|hidden|annotation|side-?notes?",
    re.IGNORECASE,
)
_LEFT_OUT_IDS = re.compile(
    r"pg-?(header|footer|machine-header|start-separator|end-separator)|toc|footnotes|endnotes",
    re.IGNORECASE,
)
_LEFT_OUT_TYPES = _words(
    "acknowledgments bibliography colophon contributors copyright-page cover dedication endnote "
    "endnotes footnote footnotes halftitlepage imprint imprimatur index landmarks list loa loi lot "
    "lov note noteref other-credits pagebreak page-list rearnote rearnotes titlepage toc "
    "toc-brief backlink doc-acknowledgments doc-bibliography doc-colophon doc-cover "
    "doc-credit doc-credits doc-dedication doc-endnote doc-endnotes doc-footnote doc-index "
    "doc-noteref doc-pagebreak doc-pagelist doc-toc doc-backlink"
)
_NOTES = re.compile(r"(?:.*-)?(?:footnote|endnote)-?\d+", re.IGNORECASE)
_BREAK_CLASSES = re.compile(
    r"(scene|section|space|text|thought|para|context|time)[-_]?(break|brk|gap|separator|divider)"
    r"|(after|post)[-_]?(break|space)|break[-_]?(after|before)|sb|tb|asterism|ornaments?"
    r"|dinkus|separator|divider|transition",
    re.IGNORECASE,
)
_POEM_CLASSES = re.compile(
    r"poem|poetry|poetry-container|verse-?(block|group|container)|stanza|line-?group|lg|canto",
    re.IGNORECASE,
)
_LINE_CLASSES = re.compile(r"verse|line|l|vl?|i\d+|indent-?\d*|in\d+", re.IGNORECASE)
_HEADING_CLASSES = re.compile(
    r"(chapter|chap|part|section)[-_]?(title|head(ing)?|num(ber)?|no|name)|ch[-_]?(title|head|num)"
    r"|heading[-_]?\d?|h[1-3]",
    re.IGNORECASE,
)
_TITLE_CLASSES = re.compile(r"storytui-title|book-?title", re.IGNORECASE)
_INVISIBLE = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_ITALIC = re.compile(r"font-style\s*:\s*(?:italic|oblique)", re.IGNORECASE)
_BOLD = re.compile(r"font-weight\s*:\s*(?:bold|bolder|[6-9]00)", re.IGNORECASE)
_ITALIC_CLASSES = re.compile(r"italics?|ital|em|emphasis|it", re.IGNORECASE)
_BOLD_CLASSES = re.compile(r"bold|strong|b", re.IGNORECASE)
_RULE = re.compile(r"([^{}]{1,2000})\{([^{}]{0,4000})\}")
_CLASS_SELECTOR = re.compile(r"(?:span|p|div)?\.([\w-]+)")

FRONT_AND_BACK = re.compile(
    r"(front[-_ ]?|back[-_ ]?)?cover([-_ ]?(page|image))?|copy-?right([-_ ]?(page|notice))?"
    r"|half[-_ ]?title([-_ ]?page)?|title[-_ ]?page|(table[-_ ]of[-_ ])?contents|toc|nav(igation)?"
    r"|colophon|imprint|uncopyright|legal([-_ ]notice)?|dedication"
    r"|acknowledge?ments?|about[-_ ]?(the[-_ ]?)?(author|publisher|book)s?|author[-_ ]?bio(graphy)?"
    r"|also[-_ ]?by.*|other[-_ ]?(books|works|titles)([-_ ]by.*)?|by[-_ ]the[-_ ]same[-_ ]author"
    r"|(foot|end)?-?notes|index|bibliography|newsletter|praise([-_ ]for.*)?|ad[-_ ]?card|loi"
    r"|(list[-_ ]of[-_ ])?illustrations|transcriber.?s?[-_ ]notes?|(pg-?)?(header|footer)"
    r"|wrap\d*|advertisements?|promo|back[-_ ]?matter|front[-_ ]?matter",
    re.IGNORECASE,
)
"""Names of a book's parts that are no story: of files, ids, and headings."""


@dataclass(frozen=True)
class Styles:
    """Classes that a style sheet gives a look."""

    italic: frozenset[str] = frozenset()
    bold: frozenset[str] = frozenset()
    invisible: frozenset[str] = frozenset()

    def __or__(self, other: "Styles") -> "Styles":
        """Both together."""
        return Styles(
            self.italic | other.italic, self.bold | other.bold, self.invisible | other.invisible
        )


def styles_of(sheet: str) -> Styles:
    """The classes that a style sheet makes italic, bold, or does not show."""
    found: dict[re.Pattern[str], set[str]] = {_ITALIC: set(), _BOLD: set(), _INVISIBLE: set()}
    for selectors, body in _RULE.findall(re.sub(r"(?s)/\*.*?\*/", "", sheet)):
        for selector in selectors.split(","):
            name = _CLASS_SELECTOR.fullmatch(selector.strip())
            for look, names in found.items():
                if name and look.search(body):
                    names.add(name[1])
    return Styles(*(frozenset(names) for names in found.values()))


@dataclass(frozen=True)
class Marked:
    """What an element says of itself."""

    tag: str
    classes: tuple[str, ...] = ()
    id: str = ""
    types: tuple[str, ...] = ()
    """Its epub:type and role."""
    style: str = ""
    hidden: bool = False

    def is_left_out(self, styles: Styles) -> bool:
        """Whether nothing in it belongs to the story."""
        return (
            self.tag in LEFT_OUT
            or self.hidden
            or bool(_INVISIBLE.search(self.style))
            or not styles.invisible.isdisjoint(self.classes)
            or not _LEFT_OUT_TYPES.isdisjoint(self.types)
            or (self.tag not in ("body", "html") and self._is_left_out_by_name())
        )

    def _is_left_out_by_name(self) -> bool:
        if self.tag == "li" and _NOTES.fullmatch(self.id):
            return True
        # A wrapper of a whole text that is called "contents" is no table of contents.
        names = [each for each in self.classes if _LEFT_OUT_CLASSES.fullmatch(each)]
        if self.tag in ("main", "article") or (names == ["contents"] and self.tag == "div"):
            return False
        return bool(names) or _LEFT_OUT_IDS.fullmatch(self.id) is not None

    def is_break(self) -> bool:
        """Whether it stands for, or begins behind, a scene break."""
        return self.tag == "hr" or (self.tag in ("p", "div") and _any(_BREAK_CLASSES, self.classes))

    def is_poem(self) -> bool:
        """Whether it holds the lines of a poem."""
        return self.tag in ("div", "section", "blockquote", "p") and _any(
            _POEM_CLASSES, self.classes
        )

    def is_line(self) -> bool:
        """Whether, inside a poem, it is a line."""
        return self.tag in ("div", "p", "span", "li") and _any(_LINE_CLASSES, self.classes)

    def heading_level(self) -> int:
        """Of the heading that it is; 0 where it is none."""
        if self.tag == "p" and _any(_HEADING_CLASSES, self.classes):
            return 2
        return HEADINGS.get(self.tag, 0)

    def is_title(self) -> bool:
        """Whether it is the title of all."""
        return self.tag in ("p", "div") and _any(_TITLE_CLASSES, self.classes)

    def is_emphasis(self, styles: Styles) -> bool:
        """Whether it is set in italics, inside a paragraph."""
        return self.tag in EMPHASIS or self._looks(_ITALIC, _ITALIC_CLASSES, styles.italic)

    def is_strong(self, styles: Styles) -> bool:
        """Whether it is set in bold, inside a paragraph."""
        return self.tag in STRONG or self._looks(_BOLD, _BOLD_CLASSES, styles.bold)

    def _looks(self, style: re.Pattern[str], named: re.Pattern[str], known: frozenset[str]) -> bool:
        if self.tag not in ("span", "font", "tt"):
            return False
        return bool(
            style.search(self.style)
            or not known.isdisjoint(self.classes)
            or _any(named, self.classes)
        )


def _any(pattern: re.Pattern[str], names: tuple[str, ...]) -> bool:
    return any(pattern.fullmatch(each) for each in names)
