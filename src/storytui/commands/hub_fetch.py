"""A model's download out of a repository of the Hub, as the editor's screen wants it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from storytui.engine.api import EngineError
from storytui.models.hub.asking import repository
from storytui.models.hub.download import Download
from storytui.models.hub.place import HubPlace
from storytui.models.offers import FetchCancelledError, Fetched, FetchEndedError


@dataclass(slots=True)
class HubFetch:
    """A download out of a repository, whose file is found by pattern when it begins."""

    place: HubPlace
    """With talks of its own: to cancel it ends them all."""
    repository: str
    patterns: Sequence[str]
    _cancelled: bool = False

    def run(self, told: Callable[[Fetched], None]) -> Path:
        """Fetch it; see `Fetch`."""
        try:
            record = repository(self.place, self.repository)
            files = record.chosen(self.patterns)
            download = Download(self.place, self.repository, [each.name for each in files])
            for each in download:
                told(
                    Fetched(
                        each.done,
                        each.total,
                        each.bytes_per_second,
                        each.seconds_left,
                        checking=each.phase == "checking",
                        note=each.note,
                    )
                )
            return download.path
        except EngineError as error:
            cancelled = self._cancelled or getattr(error, "trouble", "") == "cancelled"
            raise (FetchCancelledError if cancelled else FetchEndedError)(str(error)) from error

    def cancel(self) -> None:
        """End it soon."""
        self._cancelled = True
        self.place.talks.end()
