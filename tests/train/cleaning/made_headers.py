"""What the archives put round a book: forms of four decades, each as a front and a back."""

from made_books import AUTHOR, TITLE

T, A = TITLE, AUTHOR
U = T.upper()

FREE = """This eBook is for the use of anyone anywhere at no cost and with
almost no restrictions whatsoever.  You may copy it, give it away or
re-use it under the terms of the Project Gutenberg License included
with this eBook or online at www.gutenberg.org
"""
FREE_NOW = """This ebook is for the use of anyone anywhere in the United States and
most other parts of the world at no cost and with almost no restrictions
whatsoever. You may copy it, give it away or re-use it under the terms
of the Project Gutenberg License included with this ebook or online
at www.gutenberg.org. If you are not located in the United States,
you will have to check the laws of the country where you are located
before using this eBook.
"""
ABOUT = f"""
Title: {T}

Author: {A}

Release Date: March 11, 2006 [EBook #18976]
Last Updated: March 15, 2018

Language: English

Character set encoding: UTF-8

"""
ABOUT_NOW = f"""
Title: {T}

Author: {A}

Release date: October 1, 2019 [eBook #60427]
                Most recently updated: December 2, 2022

Language: English

Credits: Anna Whitehead and the Online Distributed Proofreading Team at https://www.pgdp.net

"""
LICENCE = """Updated editions will replace the previous one--the old editions
will be renamed.

Creating the works from public domain print editions means that no
one owns a United States copyright in these works, so the Foundation
(and you!) can copy and distribute it in the United States without
permission and without paying copyright royalties.  Special rules,
set forth in the General Terms of Use part of this license, apply to
copying and distributing Project Gutenberg-tm electronic works to
protect the PROJECT GUTENBERG-tm concept and trademark.

*** START: FULL LICENSE ***

THE FULL PROJECT GUTENBERG LICENSE
PLEASE READ THIS BEFORE YOU DISTRIBUTE OR USE THIS WORK

Section 1.  General Terms of Use and Redistributing Project Gutenberg-tm
electronic works

1.A.  By reading or using any part of this Project Gutenberg-tm
electronic work, you indicate that you have read, understand, agree to
and accept all the terms of this license and intellectual property
(trademark/copyright) agreement.

- You provide a full refund of any money paid by a user who notifies
     you in writing (or by e-mail) within 30 days of receipt that s/he
     does not agree to the terms of the full Project Gutenberg-tm
     License.

Most people start at our Web site which has the main PG search facility:

     http://www.gutenberg.org
"""
NAMED = """***** This file should be named 18976-0.txt or 18976-0.zip *****
This and all associated files of various formats will be found in:
        http://www.gutenberg.org/1/8/9/7/18976/

Produced by Judith Boss and David Widger

"""
BANNER = """Please take a look at the important information in this header.
We encourage you to keep this file on your own disk, keeping an
electronic path open for the next readers.  Do not remove this.


**Welcome To The World of Free Plain Vanilla Electronic Texts**

**Etexts Readable By Both Humans and By Computers, Since 1971**

*These Etexts Prepared By Hundreds of Volunteers and Donations*

Information on contacting Project Gutenberg to get Etexts, and
further information is included below.  We need your donations.

"""
DATED = f"""
{T}, by {A}

February 1995  [Etext #1215]

"""
MONEY = """Information about Project Gutenberg (one page)

We produce about two million dollars for each hour we work.  The
fifty hours is one conservative estimate for how long it we take
to get any etext selected, entered, proofread, edited, copyright
searched and analyzed, the copyright letters written, etc.

All donations should be made to "Project Gutenberg/IBC", and are
tax deductible to the extent allowable by law.

Project Gutenberg
P. O. Box  2782
Champaign, IL 61825

When all other email fails try our Michael S. Hart, Executive Director:
hart@vmd.cso.uiuc.edu (internet)   hart@uiucvmd   (bitnet)

******
If you have an FTP program (or emulator), please
FTP directly to the Project Gutenberg archives:
[Mac users, do NOT point and click. . .type]

ftp mrcnext.cso.uiuc.edu
login:  anonymous
password:  your@login
cd etext/etext91
get INDEX100.GUT
for a list of books

"""
SMALL = """Why is this "Small Print!" statement here?  You know: lawyers.
They tell us you might sue us if there is something wrong with
your copy of this etext, even if you got it for free from
someone other than us, and even if what's wrong is not our
fault.  So, among other things, this "Small Print!" statement
disclaims most of our liability to you.

*BEFORE!* YOU USE OR READ THIS ETEXT
By using or reading any part of this PROJECT GUTENBERG-tm
etext, you indicate that you understand, agree to and accept
this "Small Print!" statement.

LIMITED WARRANTY; DISCLAIMER OF DAMAGES
But for the "Right of Replacement or Refund" described below,
[1] the Project (and any other party you may receive this
etext from as a PROJECT GUTENBERG-tm etext) disclaims all
liability to you for damages, costs and expenses, including
legal fees, and [2] YOU HAVE NO REMEDIES FOR NEGLIGENCE OR
UNDER STRICT LIABILITY.

INDEMNITY
You will indemnify and hold the Project, its directors,
officers, members and agents harmless from all liability.

[3]  Pay a trademark license fee to the Project of 20% of the
     net profits you derive calculated using the method you
     already use to calculate your applicable taxes.

WHAT IF YOU *WANT* TO SEND MONEY EVEN IF YOU DON'T HAVE TO?
The Project gratefully accepts contributions in money, time,
scanning machines, OCR software, public domain etexts, royalty
free copyright licenses, and whatever else you can think of.

"""


def start(text: str, more: str = "") -> str:
    return f"The Project Gutenberg EBook of {T}, by {A}\n\n{FREE}\n{ABOUT}\n{text}\n\n{more}"


def old(start_line: str, end_line: str) -> str:
    etext = f"***The Project Gutenberg Etext of {T}, by {A}***\n"
    return f"{etext}{BANNER}{DATED}{etext}\n{MONEY}\n{start_line}\n{SMALL}{end_line}\n\n\n"


AUSTRALIA_TERMS = """Project Gutenberg of Australia eBooks are created from printed editions
which are in the public domain in Australia, unless a copyright notice
is included. We do NOT keep any eBooks in compliance with a particular
paper edition.

Copyright laws are changing all over the world. Be sure to check the
copyright laws for your country before downloading or redistributing this
file.

This eBook is made available at no cost and with almost no restrictions
whatsoever. You may copy it, give it away or re-use it under the terms
of the Project Gutenberg of Australia License which may be viewed online at
http://gutenberg.net.au/licence.html

To contact Project Gutenberg of Australia go to http://gutenberg.net.au
"""
CANADA_TERMS = """This ebook is made available at no cost and with very few
restrictions. These restrictions apply only if (1) you make
a change in the ebook (other than alteration for different
display devices), or (2) you are making commercial use of
the ebook. If either of these conditions applies, please
check gutenberg.ca/links/licence.html before proceeding.

This work is in the Canadian public domain, but may be under
copyright in some countries. If you live outside Canada, check your
country's copyright laws. IF THE BOOK IS UNDER COPYRIGHT
IN YOUR COUNTRY, DO NOT DOWNLOAD OR REDISTRIBUTE THIS FILE.
"""
NOTE = """Note: Project Gutenberg also has an HTML version of this
      file which includes the original illustrations.
      See 18976-h.htm or 18976-h.zip:
      (http://www.gutenberg.net/dirs/1/8/9/7/18976/18976-h.zip)


      Images of the original pages are available through
      Internet Archive. See
      https://archive.org/details/wanderersofnorth00hart


Transcriber's note:

      Text enclosed by underscores is in italics (_italics_).

      Minor typographical errors have been corrected without note.

"""
BOXED = """+--------------------------------------------------------------------+
|                                                                    |
| Transcriber's Note:                                                |
|                                                                    |
| Obvious typographical errors have been corrected in this text.     |
| For a complete list, please see the bottom of this document.       |
|                                                                    |
+--------------------------------------------------------------------+

"""
END_EBOOK = f"*** END OF THE PROJECT GUTENBERG EBOOK {U} ***\n\n\n{LICENCE}"
END_THIS = (
    f"End of the Project Gutenberg EBook of {T}, by {A}\n\n"
    f"*** END OF THIS PROJECT GUTENBERG EBOOK {U} ***\n\n{NAMED}\n{LICENCE}"
)
END_ETEXT = f"End of The Project Gutenberg Etext of {T}, by {A}\n"
STARS = "*** START OF THE PROJECT GUTENBERG EBOOK"
THIS = "*** START OF THIS PROJECT GUTENBERG EBOOK"
PUBLIC = "***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***"
ENDED = "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*"
