"""PURE. Words by which a text's frame is known: licences, small print, credits, notes.

The forms are those of Project Gutenberg from 1991 on, of its sisters in Australia and Canada, and
of Distributed Proofreaders, as public cleaning tools list them and as the files show them.
"""

import re

_PG = r"(?:the\s+|this\s+|a\s+)?(?:copyrighted\s+)?pro[jg]e[ck]t\s+gutenb[eu]rg"
_THING = r"(?:e-?text|e-?book|edition|file|text)"

START = re.compile(
    r"^\W{0,12}(?:"
    rf"start\s+(?:of\s+)?{_PG}"
    r"|start\s+of\s+the\s+copyrighted"
    rf"|(?:beginning|begin)\s+of\s+{_PG}"
    r"|end\s*\*?\s*(?:of\s+)?the\s+small\s+print"
    r")",
    re.IGNORECASE,
)
"""A line after which the text begins."""

END = re.compile(
    r"^\W{0,12}(?:"
    rf"(?:this\s+is\s+)?(?:the\s+)?end\s+of\s+(?:this\s+)?{_PG}"
    rf"|end\s+of\s+(?:the|this)\s+{_THING}\s+of\b.*gutenberg"
    r"|end\s+of\s+(?:this\s+is\s+)?(?:the\s+)?copyrighted"
    r"|(?:ende?|fin)\s+(?:de|diese[rs]?|des)\s+(?:(?:ce|cette|la|l['’])\s*)?pro[jg]e[ck]t\s+gutenb[eu]rg"
    r"|ende\s+dieses\s+etextes"
    rf"|fin\s+(?:de|del)\s+{_PG}"
    r"|this\s+file\s+should\s+be\s+named\s+\S+\.(?:txt|zip|htm)"
    r"|this\s+site\s+is\s+full\s+of\s+free\s+ebooks"
    r"|end\s+of\s+(?:the\s+)?(?:internet\s+)?wiretap\s+edition"
    r"|more\s+information\s+about\s+this\s+book\s+is\s+at\s+the\s+top"
    r")",
    re.IGNORECASE,
)
"""A line before which the text ends."""

LICENCE = re.compile(
    r"^\W{0,12}(?:start:?\s+)?(?:the\s+)?full\s+(?:project\s+gutenberg(?:-tm|™)?\s+)?licen[sc]e\W*$",
    re.IGNORECASE,
)
"""The licence's own title; it may stand before the text, too."""

CLOSED_BY = re.compile(
    r"^\W{0,3}\[?\s*(?:the\s+)?end\s+of\s+[_*\"“'‘]?\S.*\bby\s+\S.*\]\s*$", re.I | re.S
)
"""`[End of The Book, by A Writer]`, as Canadian files close."""

_STRONG = (
    r"project\s+gutenb[eu]rg|updated\s+editions\s+will\s+replace|gutenberg(?:-tm|™|\.org|\.net|\.ca|\s+literary|\s+of\s+australia)"
    r"|small\s+print|\be-?texts?\b|\bebook\s*(?:no\b|#|\[)|plain\s+vanilla|michael\s+(?:s\.\s+)?hart"
    r"|distributed\s+proofread|faded\s?page|pgdp\.net|promo\.net|ibiblio|archive\.org"
    r"|release\s+date\s*:|posting\s+date\s*:|character\s+set\s+encoding|last\s+updated\s*:"
    r"|date\s+(?:first\s+posted|most\s+recently)|first\s+posted\s*:|most\s+recently\s+updated"
    r"|public\s+domain|copyright\s+(?:laws|status|research)|licensed\s+works|limited\s+warranty"
    r"|carnegie[\s-]mellon|benedictine\s+university|tax[\s-]deductible|disclaimer\s+of\s+damages"
    r"|indemnif|machine[\s-]readable\s+form|computer\s+virus|electronic\s+(?:path|version\s+of|works?)\b"
    r"|internet\s+wiretap|electronic\s+path|(?:doing|does)\s+without\s+written\s+permission|ascii"
    r"|donations?\b.{0,60}\b(?:accepted|needed|welcome|made|gutenberg|foundation)"
    r"|this\s+header\s+should\s+be|keep\s+this\s+(?:file|header)|edition\s+is\s+being\s+officially"
    r"|etext\d\d\b|gutindex|(?:txt|zip)\s+(?:file|or\s+\S+\.zip)|e-?book\s+(?:is\s+for|was\s+pro)"
    r"|this\s+e-?book\b|freely\s+available\s+world"
)
STRONG = re.compile(_STRONG, re.IGNORECASE | re.DOTALL)
"""What no story says: a block with it is part of the frame, where a frame can be."""

CREDITS = re.compile(
    r"^[\W_]{0,8}(?:this\s+|the\s+|an?\s+|our\s+|original\s+)?(?:\S+\s+){0,3}?"
    r"(?:produced|prepared|transcribed|scanned|typed|digiti[sz]ed|proofed|proof-?read|converted|"
    r"keyed|compiled|formatted|corrected|converted|html\s+version|re-?formatted|updated|posted|"
    r"entered|submitted|contributed|created|provided|made\s+available|derived|ocr(?:'?e?d)?)\s+"
    r"(?:\S+\s+){0,4}?(?:by|from|at|for|with)\b"
    r"|^[\W_]{0,4}(?:e-?text|e-?book)\s+(?:prepared|produced|by|scanned)"
    r"|^[\W_]{0,4}(?:credits?|produced\s+by|producer|special\s+thanks|with\s+thanks|many\s+thanks)\b"
    r"|\be-?mail\b|\bproofread(?:er|ing)|\btranscribed\s+from\b|https?://|\bwww\.\w"
    r"|(?<![\w.])[\w.]{1,64}@[\w-]{1,64}\.\w|\bfile\s+was\s+produced\b|images?\s+(?:generously|made|courtesy|available)"
    r"|internet\s+archive|google\s+(?:books|print)|hathi\s?trust",
    re.IGNORECASE,
)
"""Who typed, scanned and corrected."""

METADATA = re.compile(
    r"^\s*\[?(?:title|author|editor|translator|illustrator|release\s+date|posting\s+date|language|"
    r"character\s+set|edition|date\s+\w|credits|original\s+publication|subtitle|series|"
    r"ebook\s+no|e-?text\s+no|file\s+name|first\s+posted|last\s+updated?|contributor|annotator|"
    r"most\s+recently|updated|note|dates?|editors|authors|illustrators|translators|subject)\b[^:\n]{0,20}:",
    re.IGNORECASE,
)
"""`Title: …` and its companions at a file's head."""

TRANSCRIBER = re.compile(
    r"^[\W_]{0,6}(?:the\s+)?(?:(?:e-?text\s+|e-?book\s+|html\s+)?(?:transcri(?:b|pt)[eo]?r|producer|"
    r"typist|proof-?reader|digiti[sz]er)(?:['’]?s['’]?)?\s*(?:end-?)?\s*(?:\(s\)\s*)?(?:notes?|comments?|remarks?|"
    r"corrections?|amendments?|list|annotations?|changes)"
    r"|notes?\s+(?:by|from|of)\s+(?:the\s+)?transcriber|transcriber\s*:|note\s+on\s+(?:the\s+)?(?:this\s+)?e-?text"
    r"|transcription\s+notes?|notes?\s+(?:to|on|about)\s+(?:the\s+|this\s+)(?:e-?text|transcription|electronic|e-?book|digital)"
    r"|anmerkungen?\s+zur\s+transkription|notes?\s+(?:du|de\s+la)\s+transcri)",
    re.IGNORECASE,
)
"""How a note by whoever typed the text begins."""

THE_END = re.compile(
    r"^[\W_]*(?:the\s+end|tableau|finis|end|fin|ende|(?:the\s+)?end\s+of\s+(?:the\s+)?"
    r"(?:(?:first|second|third|fourth|fifth|sixth|last)\s+)?(?:vol(?:ume)?|book|part|story|tale|novel|series)"
    r"\b.{0,30}|(?:end|finis)\s+of\s+vol\b.{0,20})[\W_]*$",
    re.IGNORECASE,
)
"""`THE END` and the like."""

ADVERTISEMENT = re.compile(
    r"\bby\s+the\s+same\s+author|\bworks\s+by\b|\bbooks\s+by\b|\bnovels?\s+by\b|\bstories\s+by\b|crown\s+8vo|\b(?:post|demy|fcap\.?)\s*8vo"
    r"|\b(?:12mo|16mo|8vo)\b|\bnet\b\s*\$|\bcloth\b.{0,30}\b(?:\d|gilt|extra|boards)|price\s+(?:one|two|\$|\d|£)|postpaid"
    r"|\bpublishers?\b|publishing\s+co|new\s+books|new\s+novels|standard\s+novels|popular\s+(?:novels|copyright)"
    r"|ask\s+for\b.{0,40}\blist|more\s+stories\s+of\s+the\s+sort|there['’]s\s+more\s+to\s+follow|wrapper"
    r"|(?:grosset|scribner|harper|macmillan|heinemann|houghton|a\.\s*l\.\s*burt|appleton|dodd,?\s+mead|smith,\s+elder)"
    r"|catalog(?:ue)?\b|uniform\s+with|press\s+notices|opinions\s+of\s+the\s+press|may\s+be\s+had\b",
    re.IGNORECASE,
)
"""What publishers print behind a story."""
