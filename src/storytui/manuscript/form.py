"""How a version's file was written down, so that it can be written so again from outside."""

import msgspec

from storytui.manuscript.file import StoryFile


class _Written(msgspec.Struct, frozen=True, kw_only=True):
    encoding: str = "utf-8"
    bom: bool = False
    newline: str = "\n"


def form_of(story_file: StoryFile) -> str:
    """How a story is written in its file; for `History.add`, and for `in_form`."""
    written = _Written(encoding=story_file.encoding, bom=story_file.bom, newline=story_file.newline)
    return msgspec.json.encode(written).decode()


def in_form(story_file: StoryFile, form: str) -> StoryFile:
    """The same file, to be saved as a version's form says; a form that says nothing changes none.

    Of a file that mixes line breaks, lines that stay keep theirs. What the file on disk is has to
    be looked at before: this one knows only its text.
    """
    try:
        written = msgspec.json.decode(form, type=_Written)
    except msgspec.MsgspecError:
        return story_file
    found = StoryFile(
        story_file.path,
        story_file.text,
        newline=written.newline,
        breaks=story_file.breaks,
        bom=written.bom,
        encoding=written.encoding,
        exists=story_file.exists,
        read_only=story_file.read_only,
    )
    found.spare = story_file.spare
    return found
