"""What the model would see, template and all."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from storytui.engine.api import Prompt
from storytui.story.visible import visible


class PromptScreen(ModalScreen[None]):
    """The prompt, control tokens marked; scrolls, and goes on escape."""

    CSS_PATH = "prompt_view.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f12,q", "dismiss", "Close", show=False),
    ]

    def __init__(self, prompt: Prompt) -> None:
        """Show a prompt.

        Args:
            prompt: the prompt as the engine rendered it.
        """
        super().__init__()
        self._prompt = prompt

    def compose(self) -> ComposeResult:
        """Compose a title and the prompt under it."""
        with Vertical(id="prompt-box"):
            yield Static(
                f"What the model sees · {self._prompt.tokens:,} tokens",
                id="prompt-title",
                markup=False,
            )
            with VerticalScroll(id="prompt-scroll"):
                yield Static(
                    Content.assemble(
                        *(
                            (visible(part.text), "$accent" if part.control else "")
                            for part in self._prompt.parts
                        )
                    ),
                    markup=False,
                )

    def on_mount(self) -> None:
        """Begin at the end: there stands what she last wrote."""
        scroll = self.query_one("#prompt-scroll", VerticalScroll)
        scroll.focus()
        scroll.scroll_end(animate=False)
