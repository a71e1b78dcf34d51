"""`storytui [FILE]`: opens the editor."""

import argparse
import sys
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from storytui import folders
from storytui.app.app import build_app
from storytui.app.keys import KeysError
from storytui.app.screens.story import StoryScreen
from storytui.app.themes import UnknownThemeError, check_theme
from storytui.commands.choices import settings_in_force, start_engine
from storytui.commands.ending import FAILURE, USAGE_ERROR, WrongUseError, fail
from storytui.daily_words import keep_written_today, written_today
from storytui.manuscript.file import ManuscriptError, StoryFile
from storytui.manuscript.opening import open_manuscript
from storytui.settings import Settings, SettingsError
from storytui.story.prompt import UnknownFormatError

if TYPE_CHECKING:  # not needed to paint a page
    from storytui.models.offers import Shelf


def run_editor(options: argparse.Namespace) -> int:
    """Open the story, or an empty one without a name; returns when the writer quits."""
    try:
        settings = settings_in_force(options)
        check_theme(settings.editor.theme)
        opened = open_manuscript(
            folders.manuscripts_folder(), _path(options), encoding=options.encoding
        )
        first_start, left_off = _first_start(), _left_off()
        # A download that was left off brings the list of models back.
        choose_model = bool(first_start or left_off) and _none_chosen(settings, options)
        app = build_app(
            settings=settings,
            opened=opened,
            engine_factory=partial(start_engine, settings),
            make_shelf=partial(_make_shelf, settings),
            choose_model=choose_model,
            first_start=first_start,
            left_off=left_off,
            words_today=_words_before(opened.story_file),
            direction=options.guidance or "",
        )
    except (UnknownFormatError, WrongUseError) as error:
        return fail(error, USAGE_ERROR)
    except UnknownThemeError as error:
        return fail(f"settings.toml: [editor] theme: {error}", FAILURE)
    except KeysError as error:
        return fail(f"settings.toml: {error}", FAILURE)
    except (SettingsError, ManuscriptError) as error:
        return fail(error, FAILURE)
    app.run()
    _keep_words(app.writing)
    return app.return_code or 0


def _path(options: argparse.Namespace) -> Path | None:
    """The story's file; None for a story without a name."""
    if options.sample:
        from storytui.samples import writable_sample

        try:
            return writable_sample(folders.data_folder())
        except OSError as error:
            raise ManuscriptError(
                f"The sample story cannot be put into {error.filename}. Name a file of your own."
            ) from error
    return None if options.file is None else Path(options.file)


def _make_shelf(settings: Settings) -> "Shelf":
    from storytui.commands.shelf import MachineShelf

    return MachineShelf(settings)


def _none_chosen(settings: Settings, options: argparse.Namespace) -> bool:
    """Whether nobody has said which model it is to be; the sample story goes with the built-in."""
    return not (settings.model.path or settings.remote.address or options.sample)


def _first_start() -> bool:
    """Whether the editor was never opened before; remembers that it now was."""
    try:
        (folders.state_folder() / "opened-before").touch(exist_ok=False)
    except FileExistsError:
        return False
    except OSError:
        # Where nothing can be remembered, a welcome on every start would be worse than none.
        return False
    return True


def _left_off() -> str:
    """The model whose download an earlier editor left off; empty: there is none."""
    try:
        if not (folders.state_folder() / "download.json").exists():
            return ""
    except OSError:
        return ""
    from storytui.commands.left_off import take_left_off

    return take_left_off()


def _words_before(story_file: StoryFile) -> int:
    """Words written in this story today, before this session."""
    try:
        return written_today(folders.state_folder(), story_file.path, date.today())
    except OSError:
        return 0


def _keep_words(story: StoryScreen) -> None:
    """Remember how many words were written today."""
    try:
        keep_written_today(
            folders.state_folder(), story.story_file.path, date.today(), story.words_today
        )
    except OSError as error:
        print(f"storytui: the count of today's words was not kept: {error}", file=sys.stderr)
