"""Each form that the archives' headers and footers take, by name."""

from made_headers import (
    ABOUT,
    ABOUT_NOW,
    AUSTRALIA_TERMS,
    BANNER,
    BOXED,
    CANADA_TERMS,
    DATED,
    END_EBOOK,
    END_ETEXT,
    END_THIS,
    ENDED,
    FREE,
    FREE_NOW,
    LICENCE,
    MONEY,
    NAMED,
    NOTE,
    PUBLIC,
    SMALL,
    STARS,
    THIS,
    A,
    T,
    U,
    old,
    start,
)  # fmt: skip

WRAPPINGS: dict[str, tuple[str, str]] = {
    "2022": (
        f"The Project Gutenberg eBook of {T}\n    \n{FREE_NOW}{ABOUT_NOW}\n{STARS} {U} ***\n\n\n",
        END_EBOOK,
    ),
    "2022, end line indented": (
        f"The Project Gutenberg eBook of {T}\n    \n{FREE_NOW}{ABOUT_NOW}\n{STARS} {U} ***\n\n\n",
        " " * 12 + END_EBOOK,
    ),
    "2008, THIS": (start(f"{THIS} {U} ***", "\n\nProduced by Judith Boss\n\n\n\n"), END_THIS),
    "no space after the stars": (
        start(f"***START OF THE PROJECT GUTENBERG EBOOK {U}***"),
        f"***END OF THE PROJECT GUTENBERG EBOOK {U}***\n\n\n{NAMED}{LICENCE}",
    ),
    "2004, comma, small print behind": (
        f"The Project Gutenberg EBook of {T}, by {A}\n\nCopyright laws are changing all over the "
        "world. Be sure to check the\ncopyright laws for your country before downloading or "
        "redistributing\nthis or any other Project Gutenberg eBook.\n\nThis header should be the "
        "first thing seen when viewing this Project\nGutenberg file.  Please do not remove it.\n"
        f"\n\n{BANNER}{ABOUT}\nEdition: 11\n\n*** START OF THE PROJECT GUTENBERG EBOOK, {U} ***\n",
        f"*** END OF THE PROJECT GUTENBERG EBOOK, {U} ***\n\nThis file should be named "
        f"wandr11.txt or wandr11.zip\n{MONEY}\n**The Legal Small Print**\n\n\n(Three Pages)\n\n"
        "***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN EBOOKS**START***\n"
        f"{SMALL}\n*END THE SMALL PRINT! FOR PUBLIC DOMAIN EBOOKS*Ver.02/11/02*END*\n",
    ),
    "1993, small print in front": (old(PUBLIC, ENDED), END_ETEXT),
    "1995, one star fewer": (
        old(PUBLIC, "*END THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.07.02.92*END*"),
        f"End of Project Gutenberg's {T}, by {A}\n",
    ),
    "1996, end line in capitals": (old(PUBLIC, ENDED), f"END OF PROJECT GUTENBERG ETEXT OF {U}\n"),
    "1994, this is the end": (
        old(PUBLIC, ENDED),
        f'"This is the end of the Project Gutenberg Edition of {T[:20]}\n{T[20:]}"\n',
    ),
    "1997, no footer": (old(PUBLIC, ENDED), ""),
    "1996, copyrighted": (
        f"***The Project Gutenberg Etext of {T}, by {A}***\n#2 in our series by {A}\n\nThis is a "
        "COPYRIGHTED Project Gutenberg Etext, Details Below\n\n"
        f"{BANNER}{DATED}{MONEY}\n***START** SMALL PRINT! for COPYRIGHT PROTECTED ETEXTS ***\n"
        "TITLE AND COPYRIGHT NOTICE:\n\n"
        f"{SMALL}*SMALL PRINT! Ver.03.17.96 FOR COPYRIGHT PROTECTED ETEXTS*END*\n\n\n\n",
        f"End of this COPYRIGHTED Project Gutenberg Etext of {T}\n",
    ),
    "2005, copyrighted": (
        start(f"*** START OF THE COPYRIGHTED PROJECT GUTENBERG EBOOK, {U} ***"),
        f"*** END OF THE COPYRIGHTED PROJECT GUTENBERG EBOOK, {U} ***\n\n{LICENCE}",
    ),
    "1992, small print in brackets": (
        f"****The Project Gutenberg Etext of {T}****\n\n{DATED}\n{SMALL}"
        '["Small Print" V.12.08.93]\n\n\n\n',
        f"End of the Project Gutenberg Etext of {T}\n",
    ),
    "1991, a title line alone": (
        f"*The Project Gutenberg Etext of {T}*\n\n{T}\nby {A}\n\nThis etext was prepared by "
        "Gregory Whitlock, Champaign, Illinois.\n\n",
        f"The end of the Project Gutenberg Etext of {T}\n",
    ),
    "only an end line": ("", f"End of Project Gutenberg's {T}, by {A}\n"),
    "end line over two lines": (
        start(f"{THIS} {U} ***"),
        f"End of the Project Gutenberg EBook of {T}, by \n{A}\n\n"
        f"*** END OF THIS PROJECT GUTENBERG EBOOK {U} ***\n\n{NAMED}\n{LICENCE}",
    ),
    "end of this": (start(f"{THIS} {U} ***"), f"End of this Project Gutenberg Etext of {T}\n"),
    "nothing at all": ("", ""),
    "markers with many spaces": (
        start(f"***  START  OF  THE   PROJECT  GUTENBERG   EBOOK   {U}   ***"),
        f"***   END   OF   THE  PROJECT  GUTENBERG   EBOOK   {U} ***\n\n{LICENCE}",
    ),
    "markers indented": (
        start(f"        {STARS} {U} ***"),
        f"        *** END OF THE PROJECT GUTENBERG EBOOK {U} ***\n\n\n{LICENCE}",
    ),
    "markers in lower case": (
        start(f"*** Start of this Project Gutenberg eBook {T} ***"),
        f"*** end of this project gutenberg ebook {T.lower()} ***\n\n{LICENCE}",
    ),
    "markers with underscores": (
        start(f"{STARS} _{U}_ ***"),
        f"*** END OF THE PROJECT GUTENBERG EBOOK _{U}_ ***\n\n{LICENCE}",
    ),
    "start line over two lines": (
        start(f"{THIS}\n{U} ***"),
        f"*** END OF THIS PROJECT GUTENBERG EBOOK\n{U} ***\n\n{NAMED}{LICENCE}",
    ),
    "start line without a title": (
        start("*** START OF THIS PROJECT GUTENBERG EBOOK ***"),
        f"*** END OF THIS PROJECT GUTENBERG EBOOK ***\n\n{LICENCE}",
    ),
    "etext in the markers": (
        start(f"*** START OF THE PROJECT GUTENBERG ETEXT {U} ***"),
        f"*** END OF THE PROJECT GUTENBERG ETEXT {U} ***\n\n{LICENCE}",
    ),
    "two start lines": (
        f"The Project Gutenberg eBook of {T}\n\n{FREE_NOW}{ABOUT_NOW}\n{STARS} {U} ***\n\n\n\n"
        + start(f"{THIS} {U} ***", "\n\nProduced by David Widger\n\n\n"),
        f"End of Project Gutenberg's {T}, by {A}\n\n*** END OF THIS PROJECT GUTENBERG EBOOK "
        f"{U} ***\n\n{NAMED}\n*** END OF THE PROJECT GUTENBERG EBOOK {U} ***\n\n{LICENCE}",
    ),
    "licence in front and behind": (
        f"The Project Gutenberg EBook of {T}, by {A}\n\n{FREE}\n{LICENCE}\n{ABOUT}\n"
        f"{THIS} {U} ***\n\n\n",
        END_THIS,
    ),
    "licence without an end line": (
        start(f"{THIS} {U} ***"),
        f"*** START: FULL LICENSE ***\n\n{LICENCE.split('*** START: FULL LICENSE ***')[1]}",
    ),
    "produced by four lines": (
        start(
            f"{THIS} {U} ***",
            "\n\n\nProduced by Chuck Greif and the Online Distributed\nProofreading Team at "
            "http://www.pgdp.net (This file was\nproduced from images generously made available "
            "by The\nInternet Archive)\n\n\n\n\n",
        ),
        END_THIS,
    ),
    "e-text prepared by, with notes": (
        start(
            f"***START OF THE PROJECT GUTENBERG EBOOK {U}***",
            "\n\nE-text prepared by Suzanne Shell, Mary Meehan,\nand the Project Gutenberg Online "
            f"Distributed Proofreading Team\n(http://www.pgdp.net)\n\n\n\n{NOTE}\n\n",
        ),
        f"***END OF THE PROJECT GUTENBERG EBOOK {U}***\n\n\n{NAMED}{LICENCE}",
    ),
    "boxed transcriber's note": (
        start(f"{THIS} {U} ***", f"\n\nProduced by Al Haines\n\n\n{BOXED}\n\n"),
        END_THIS,
    ),
    "transcribed from an edition": (
        start(
            f"***START OF THE PROJECT GUTENBERG EBOOK {U}***",
            "\n\nTranscribed from the 1889 J. W. Arrowsmith edition by David Price, email\n"
            "ccx074@pglaf.org  Second proof by Margaret Price.\n\n\n\n",
        ),
        f"***END OF THE PROJECT GUTENBERG EBOOK {U}***\n\n\n{NAMED}{LICENCE}",
    ),
    "TEI": (
        start(
            f"***START OF THE PROJECT GUTENBERG EBOOK {U}***",
            f"\n\n\n\n\n{T}\n\n\nby {A}\n\n\n\n\n\nEdition 1, (September 14, 2006)\n\n\n\n",
        ),
        f"***END OF THE PROJECT GUTENBERG EBOOK {U}***\n\n\n\n\n\nCREDITS\n\n\nSeptember 14, 2006"
        "\n\n            Project Gutenberg TEI edition 1\n            Joshua Hutchinson\n\n\n\n"
        f"A WORD FROM PROJECT GUTENBERG\n\n\n{NAMED}{LICENCE}",
    ),
    "Australia, 2010": (
        f"Project Gutenberg Australia\n\n\n\nTitle: {T}\nAuthor: {A}\n* A Project Gutenberg of "
        "Australia eBook *\neBook No.: 0602221.txt\nLanguage: English\nDate first posted: June "
        "2006\nDate most recently updated: June 2006\n\nThis eBook was produced by: Richard Scott"
        f"\n\n{AUSTRALIA_TERMS}\n\n",
        "THE END\n\n\n\nThis site is full of FREE ebooks - Project Gutenberg Australia\n",
    ),
    "Australia, 2002": (
        f"A Project Gutenberg of Australia eBook\n\nTitle: {T}\nAuthor: {A} (1900-1949)\neBook "
        "No.:  0200161.txt\nEdition:    1\nLanguage:   English\nCharacter set encoding:     "
        "ASCII--7 bit\nDate first posted: February 2002\n\nThis eBook was produced by: Don "
        f"Lainson dlainson@sympatico.ca\n\n{AUSTRALIA_TERMS}\n\nTitle:      {T}\nAuthor:     {A} "
        "(1900-1949)\n\n\n\n",
        f"End of the Project Gutenberg Australia eBook\n{T} by {A}\n",
    ),
    "Canada": (
        f"* A Project Gutenberg Canada Ebook *\n\n{CANADA_TERMS}\nTitle: {T}\nAuthor: {A}\n"
        "Date of first publication: 1921\nEdition used as base for this ebook:\n   London: "
        "Methuen, 1921\nDate first posted: 3 May 2010\nDate last updated: 3 May 2010\nProject "
        "Gutenberg Canada ebook #529\n\nThis ebook was produced by: Iona Vaughan, Mark Akrigg\n"
        "& the Online Distributed Proofreading Canada Team\nat http://www.pgdpcanada.net\n\n\n\n",
        f"[End of _{T}_ by {A}]\n",
    ),
    "Faded Page": (
        f"* A Distributed Proofreaders Canada eBook *\n\n{CANADA_TERMS}\nTitle: {T}\nDate of "
        f"first publication: 1929\nAuthor: {A}\nDate first posted: June 8, 2014\nDate last "
        "updated: June 8, 2014\nFaded Page eBook #20140610\n\nThis ebook was produced by: Marcia "
        "Brooks, Alex White\n& the online Distributed Proofreaders Canada team at\n"
        "http://www.pgdpcanada.net\n\n\n\n",
        f"TRANSCRIBER NOTES:\n\nMisspelled words and printer errors have been corrected.\n\n\n"
        f"[The end of _{T}_ by {A}]\n",
    ),
    "Germany": (
        "Projekt Gutenberg-DE\n\nThis book content was graciously contributed by the Gutenberg "
        "Projekt-DE.\nThat project is reachable at the web site http://gutenberg.spiegel.de/.\n\n"
        'Dieses Buch wurde uns freundlicherweise vom "Gutenberg Projekt-DE"\nzur Verfügung '
        "gestellt. Das Projekt ist unter der Internet-Adresse\nhttp://gutenberg.spiegel.de/ "
        "erreichbar.\n\n\n",
        f"Ende dieses Projekt Gutenberg Etextes {T}, von {A}.\n",
    ),
    "France": (
        start(f"{THIS} {U} ***", "\n\nProduced by Carlo Traverso and www.ebooksgratuits.com\n\n"),
        f"Fin de Project Gutenberg's {T}, by {A}\n\n*** END OF THIS PROJECT GUTENBERG EBOOK "
        f"{U} ***\n\n{NAMED}{LICENCE}",
    ),
    "Wiretap": (
        f"The Internet Wiretap Edition of\n\n{U}\n\nby {A}\n\nFrom the Writings of {A}, Volume "
        "XX,\nCopyright 1903, Harper and Brothers.\n\nThis text is placed in the Public Domain, "
        "April 1993.\n\n\n",
        "[End of Wiretap edition.]\n",
    ),
    "prepared by, 1999": (
        old(PUBLIC, ENDED) + "This etext was prepared by Les Bowler, St. Ives, Dorset.\n\n\n\n\n",
        END_ETEXT,
    ),
    "proofing note of early files": (
        start(f"{STARS} {U} ***")
        + "\nTHIS EBOOK WAS ONE OF PROJECT GUTENBERG'S EARLY FILES PRODUCED AT A\nTIME WHEN "
        "PROOFING METHODS AND TOOLS WERE NOT WELL DEVELOPED. THERE IS\nAN IMPROVED EDITION OF "
        "THIS TITLE WHICH MAY BE VIEWED AS EBOOK\n(#36) at https://www.gutenberg.org/ebooks/36\n"
        "\n\n",
        END_EBOOK,
    ),
}
"""The archive's front and back, by the form's name."""
