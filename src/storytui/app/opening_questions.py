"""What the writer is asked when a story was opened: who else has it, what a crash left behind."""

from datetime import datetime

from storytui.app.keys import key_of
from storytui.app.saving import SavedScreen
from storytui.app.screens.confirm import Choice, ConfirmScreen
from storytui.manuscript.file import ManuscriptError
from storytui.manuscript.journal import Recovered
from storytui.manuscript.leftovers import Leftover
from storytui.manuscript.lock import Holder
from storytui.manuscript.opening import Opened, take_over


def anything_to_ask(opened: Opened) -> bool:
    """Whether there is anything to ask or to put away."""
    return bool(opened.holder or opened.recovered or opened.older or opened.leftovers)


async def ask_first(screen: SavedScreen, opened: Opened) -> None:
    """Ask one thing after the other; whatever is answered, no text is lost."""
    if opened.holder is not None:
        await _ask_about_the_holder(screen, opened, opened.holder)
    for each in opened.older:
        screen.safekeeping.put_away(each)
    if opened.recovered is not None and screen.area.changed:
        await _ask_about_the_recovered(screen, opened.recovered)
    for leftover in opened.leftovers:
        await _ask_about_a_leftover(screen, leftover)


async def _ask_about_the_holder(screen: SavedScreen, opened: Opened, holder: Holder) -> None:
    choice = await screen.app.push_screen_wait(
        ConfirmScreen(
            f"{screen.story_file.name} is open in another storytui ({holder.described}). "
            "There it may have changes that are not saved. Here it can be read, or taken over.",
            (Choice("over", "t", "Take over"),),
            stay="Read only",
        )
    )
    if choice == "over":
        try:
            take_over(opened)
        except ManuscriptError as error:
            screen.complain(str(error))
    else:
        screen.say(f"{screen.story_file.name} is open for reading.")


async def _ask_about_the_recovered(screen: SavedScreen, recovered: Recovered) -> None:
    from storytui.app.screens.compare import CompareScreen

    story_file = screen.story_file
    screen.safekeeping.other_version(recovered.text, "recovered")
    meanwhile = (
        " Another program has changed the file since."
        if story_file.exists and recovered.sha256 not in ("", story_file.sha256)
        else ""
    )
    choice = await screen.app.push_screen_wait(
        CompareScreen(
            f"{story_file.name} was not closed properly. What was written up to "
            f"{_clock(datetime.fromtimestamp(recovered.when))} and not saved is here again."
            f"{meanwhile}",
            story_file.text,
            recovered.text,
            before_name="the file",
            after_name="what was recovered",
            choices=(
                Choice("keep", "k", "Keep what was recovered"),
                Choice("file", "f", "Go back to the file"),
            ),
            stay="Keep",
        )
    )
    if choice == "file":
        screen.become(story_file.text, story_file.breaks)
        screen.area.mark_saved()
        screen.show_file()
        screen.say(f"{key_of('undo', screen.keys)} brings what was recovered back.")


async def _ask_about_a_leftover(screen: SavedScreen, leftover: Leftover) -> None:
    from storytui.app.screens.compare import CompareScreen

    try:
        text = leftover.text(screen.story_file.encoding if screen.story_file.exists else None)
    except ManuscriptError as error:
        screen.complain(str(error))
        return
    choice = await screen.app.push_screen_wait(
        CompareScreen(
            f"A save of {screen.story_file.name} was interrupted at {_clock(leftover.when)}. "
            f"What it was writing is {'whole' if leftover.whole else 'not whole'}.",
            screen.area.text,
            text,
            before_name="the page",
            after_name="the interrupted save",
            choices=(
                Choice("use", "u", "Use it"),
                Choice("history", "h", "Put it into the history"),
            ),
        )
    )
    if choice is None:
        return
    if choice == "use":
        screen.become(text, screen.area.document.breaks)

    def gone() -> None:
        try:
            leftover.remove()
        except ManuscriptError as error:
            screen.complain(str(error))

    screen.safekeeping.keep_then(text, "interrupted save", gone)


def _clock(when: datetime) -> str:
    return f"{when.astimezone():%H:%M on %d %B}"
