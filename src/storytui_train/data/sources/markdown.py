"""Markdown as writers write it: CommonMark by markdown-it-py, and what Obsidian and critics add."""

import re
from typing import Any

from storytui.story.sentences import blank_lines_separate
from storytui_train.data.sources.blocks import BREAK, Block, Read, Run, inline, title_over
from storytui_train.data.sources.front_matter import without_front_matter
from storytui_train.data.sources.html_rules import MARKUP
from storytui_train.data.sources.plain import decoded
from storytui_train.data.sources.reading import RefusedError

_HIDDEN = (
    re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL),
    re.compile(r"%%.*?%%", re.DOTALL),
    re.compile(r"\{--.*?--\}", re.DOTALL),  # CriticMarkup: deleted
    re.compile(r"\{>>.*?<<\}", re.DOTALL),  # a comment
    re.compile(r"!\[\[[^\]\n]*\]\]"),  # something of Obsidian's shown in the text
    re.compile(
        r"^ {0,3}\[[^\]\n]+\]:[ \t]+<?(?:https?:|mailto:|[./#])\S*.*$", re.MULTILINE
    ),  # links
    re.compile(r"\[\^[^\]\s]+\]"),
    re.compile(r"\^\[[^\]\n]*\]"),
    re.compile(r"^[ \t]*(?:#[\w/-]*[^\W\d][\w/-]*[ \t]*)+$", re.MULTILINE),  # tags
)
_KEPT = (
    (re.compile(r"\{\+\+(.*?)\+\+\}", re.DOTALL), r"\1"),
    (re.compile(r"\{~~.*?~>(.*?)~~\}", re.DOTALL), r"\1"),
    (re.compile(r"\{==(.*?)==\}", re.DOTALL), r"\1"),
    (re.compile(r"==(?=\S)([^=\n]+?)(?<=\S)=="), r"\1"),
    (re.compile(r"\[\[(?:[^\]|\n]*\|)?([^\]|\n]+)\]\]"), r"\1"),
)
_INDENTED = re.compile(r"(?<=[^\n])\n(?=(?:\t|[ ]{2,}|[\u3000\u2003])[ \t]*[^\s>*+#-])")
_USUAL_INDENT = 0.3
_SENTENCE_END = re.compile(r"[.!?…,;:][\"”’»')\]*_]*$")
_LONGEST_HEADING = 100
_NOTE = re.compile(r" {0,3}\[\^[^\]\n]+\]:")
_TAG = re.compile(r"\s*<[/!?]?([A-Za-z][\w-]*|--)?")
_HTML_LINE = re.compile(r"<br\s*/?>", re.IGNORECASE)
_HTML_STYLES = re.compile(r"<(/?)(i|em|cite|b|strong)\b[^>]*>", re.IGNORECASE)
_DELETED = re.compile(r"<(/?)(?:del|sup)\b[^>]*>", re.IGNORECASE)


def read_markdown(data: bytes, shown: str) -> Read:
    """A file of Markdown as blocks.

    Args:
        data: the file's bytes.
        shown: what messages call it.

    Raises:
        RefusedError: it is no text, or empty.
    """
    text, encoding = decoded(data, shown)
    if not text.strip():
        raise RefusedError("empty", f"{shown} is empty.")
    text, front = without_front_matter(text.replace("\r\n", "\n").replace("\r", "\n"))
    blocks = blocks_of_markdown(text)
    over = title_over(blocks)
    return Read(
        blocks=blocks,
        title=front.get("title", "") or (over.text if over else ""),
        author=front.get("author", ""),
        language=front.get("language", ""),
        encoding=encoding,
    )


def blocks_of_markdown(text: str) -> tuple[Block, ...]:
    """The blocks of Markdown; lines end with `\\n`, and there is no front matter.

    Where single line breaks part the paragraphs (by the rule that the editor reads by), each line
    is a paragraph; elsewhere they were set by hand or by a program, and are blanks.
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").disable(["code", "backticks", "reference"])
    return tuple(_Walk().blocks_of(parser.parse(_prepared(text))))


def _prepared(text: str) -> str:
    """The text without what is no part of the story, its paragraphs parted by blank lines."""
    text = _without_notes(text)
    for pattern in _HIDDEN:
        text = pattern.sub("", text)
    for pattern, kept in _KEPT:
        text = pattern.sub(kept, text)
    breaks = text.count("\n")
    if not blank_lines_separate(text):
        return re.sub(r"(?<=[^\n])\n(?=[^\n])", "\n\n", text)
    if breaks and len(_INDENTED.findall(text)) > _USUAL_INDENT * breaks / 3:
        return _INDENTED.sub("\n\n", text)
    return text


def _without_notes(text: str) -> str:
    """The text without the texts of footnotes, which go on in indented lines."""
    if "[^" not in text:
        return text
    kept: list[str] = []
    in_note = kept_open = False
    """Whether a line is of a note, and whether its paragraph may go on without being indented."""
    lines = text.split("\n")
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if _NOTE.match(line):
            in_note = True
        elif in_note and line.strip():
            in_note = line.startswith(("    ", "\t")) or kept_open
        elif in_note:
            in_note = after.startswith(("    ", "\t"))
        kept_open = in_note and bool(line.strip())
        if not in_note:
            kept.append(line)
    return "\n".join(kept)


class _Walk:
    """Makes blocks of markdown-it's tokens."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._level = 0
        self._underlined = ""
        self._items: list[str] = []
        self._numbers: list[int | None] = []

    def blocks_of(self, tokens: list[Any]) -> list[Block]:
        for token in tokens:
            match token.type:
                case "heading_open":
                    self._level = int(token.tag[1:])
                    self._underlined = token.markup if token.markup in ("-", "=") else ""
                case "heading_close":
                    self._level, self._underlined = 0, ""
                case "hr":
                    self._blocks.append(BREAK)
                case "ordered_list_open":
                    self._numbers.append(int(token.attrGet("start") or 1))
                case "bullet_list_open":
                    self._numbers.append(None)
                case "ordered_list_close" | "bullet_list_close":
                    self._numbers.pop()
                case "list_item_open":
                    number = self._numbers[-1]
                    self._items.append("- " if number is None else f"{token.info or number}. ")
                case "list_item_close":
                    self._items.pop()
                case "inline":
                    self._inline(token, close=self._hidden)
                case "fence" | "code_block":
                    self._blocks.append(Block("paragraph", token.content.rstrip("\n")))
                case "html_block":
                    self._html(token.content)
                case "paragraph_open":
                    self._hidden = token.hidden
        return self._blocks

    _hidden = False

    def _inline(self, token: Any, *, close: bool) -> None:
        text = inline(_runs(token.children or []))
        if self._level:
            if not text:
                # A lone number sign.
                self._blocks.append(BREAK)
                return
            prose = len(text) > _LONGEST_HEADING or "\n" in text or _SENTENCE_END.search(text)
            if self._underlined and prose:
                # Prose with a line of dashes right under it.
                self._blocks += (Block("paragraph", text), BREAK)
            else:
                plain = inline(
                    run._replace(emphasis=False, strong=False)
                    for run in _runs(token.children or [])
                )
                self._blocks.append(Block("heading", plain, self._level))
            return
        if not self._items:
            self._blocks.append(Block("paragraph", text))
            return
        mark, self._items[-1] = self._items[-1], ""
        self._blocks.append(Block("item" if close else "paragraph", mark + text))

    def _html(self, content: str) -> None:
        if not _is_markup(content):
            self._blocks.append(Block("paragraph", " ".join(content.split())))
            return
        from storytui_train.data.sources.html import blocks_of, parsed

        root = parsed(content, "HTML in Markdown")
        if root is not None:
            self._blocks += blocks_of(root)


def _is_markup(text: str) -> bool:
    """Whether what begins with `<` is HTML, and not what somebody wrote so: `<grin>`."""
    tag = _TAG.match(text)
    return tag is not None and (tag[1] or "--").lower() in MARKUP


def _runs(tokens: list[Any]) -> list[Run]:
    """The text of a paragraph's tokens, and how it is set."""
    runs: list[Run] = []
    emphasis = strong = hidden = 0

    def write(text: str) -> None:
        if not hidden:
            runs.append(Run(text, emphasis > 0, strong > 0))

    for token in tokens:
        match token.type:
            case "text" | "text_special" | "code_inline":
                write(token.content)
            case "softbreak":
                write(" ")
            case "hardbreak":
                write("\n")
            case "em_open" | "em_close":
                emphasis += token.nesting
            case "strong_open" | "strong_close":
                strong += token.nesting
            case "html_inline":
                if _HTML_LINE.fullmatch(token.content):
                    write("\n")
                elif styled := _HTML_STYLES.fullmatch(token.content):
                    change = -1 if styled[1] else 1
                    if styled[2].lower() in ("b", "strong"):
                        strong = max(strong + change, 0)
                    else:
                        emphasis = max(emphasis + change, 0)
                elif not _is_markup(token.content):
                    write(token.content)
                elif deleted := _DELETED.fullmatch(token.content):
                    hidden = max(hidden + (-1 if deleted[1] else 1), 0)
    return runs
