"""The steps that can be undone; typing within one step is one edit.

Textual keeps an edit for every keystroke. Ten thousand steps of those would be hundreds of
megabytes after a long day.
"""

from textual.document._edit import Edit
from textual.document._history import EditHistory

from storytui.app.widgets.tracked_edit import TrackedEdit


class UndoSteps(EditHistory):
    """Textual's history of edits, in less room."""

    def record(self, edit: Edit) -> None:
        """Keep an edit that was just made."""
        super().record(edit)
        step = self._undo_stack[-1] if self._undo_stack else []
        if len(step) < 2 or step[-1] is not edit:
            return
        before = step[-2]
        if (
            isinstance(before, TrackedEdit)
            and isinstance(edit, TrackedEdit)
            and before.absorb(edit)
        ):
            step.pop()
