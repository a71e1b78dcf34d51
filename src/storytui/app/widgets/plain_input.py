"""A field of one line that shows what stands in it, whatever that is."""

from rich.cells import cell_len, get_character_cell_size
from rich.text import Text
from textual.widgets import Input

from storytui.app.widgets.markdown_look import shown

_ONE_LINE = str.maketrans("\n\t", "␊␉")


class PlainInput(Input):
    """Textual's field; its value keeps every character, and what is drawn has a picture of each.

    Text comes into a field from the manuscript, a file's name or the command line as well as from
    the keys, and Textual draws a value as it is.
    """

    @property
    def _shown(self) -> str:
        """The value as it is drawn, character for character."""
        return shown(self.value).translate(_ONE_LINE)

    @property
    def _value(self) -> Text:
        return Text(self._shown, no_wrap=True, overflow="ignore", end="")

    def _position_to_cell(self, position: int) -> int:
        return cell_len(self._shown[:position])

    def _cell_offset_to_index(self, offset: int) -> int:
        offset += self.scroll_offset.x
        for index, character in enumerate(self._shown):
            offset -= get_character_cell_size(character)
            if offset < 0:
                return index
        return len(self.value)
