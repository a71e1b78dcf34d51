"""Whether story text may be sent to a server that is not hers: asked once, before any is."""

from collections.abc import Callable

from storytui import folders
from storytui.app.condition import Condition
from storytui.app.screens.confirm import Choice, ConfirmScreen
from storytui.app.screens.story import StoryScreen
from storytui.consent import agree


async def ask_to_send(screen: StoryScreen, condition: Condition, go_on: Callable[[], None]) -> None:
    """Ask, since she pressed a key that would send it.

    A yes is remembered for good; a no only until she presses such a key again.

    Args:
        screen: shows the question.
        condition: knows the server, and hears the answer.
        go_on: what the key does when she agreed.
    """
    host = condition.unagreed
    choice = await screen.app.push_screen_wait(
        ConfirmScreen(
            f"Story text would be sent to {host}, which is not a machine of your own. Parts of "
            "the story and your notes go there with each request, and its owner may keep them.",
            (Choice("send", "y", "Send it from now on"),),
            stay="Send nothing",
            # She writes on after pressing the key; no word of hers is to be a yes.
            unasked=True,
        )
    )
    if choice != "send":
        condition.declined()
        screen.say(f"Nothing is sent to {host}.")
        return
    try:
        agree(folders.state_folder(), host)
    except OSError as error:
        screen.complain(f"Your answer cannot be kept ({error.strerror}), so nothing is sent.")
        return
    condition.agreed()
    go_on()
