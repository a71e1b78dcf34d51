"""Brings files into a repository of the Hub. Only for the process that talks to the Hub.

Large files go first, one after the other, into the Hub's storage, which knows them by their hash:
what an earlier try brought there is not sent again (by Xet, not even parts of it). One commit at
the end puts all into the repository, so that nobody sees half of it.
"""

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

import httpx2
from huggingface_hub import (
    CommitOperationAdd,
    DatasetCard,
    HfApi,
    ModelCard,
    constants,
    errors,
    get_token,
)

from storytui.models.hub.faults import (
    FaultError,
    asked_to_wait,
    explained,
    is_passing,
    of_disk,
    shown,
    troubles,
)
from storytui.models.hub.messages import Answer, SentFile, Upload, Uploaded
from storytui.models.hub.meter import Meter
from storytui.models.hub.records import is_safe_name
from storytui.models.hub.session import CONNECT_SECONDS, api, as_from_the_hub, session
from storytui.models.hub.stream import MOST_WAIT

CARD = "README.md"
ANSWER_SECONDS = 180.0
"""A commit of many files is answered when it is made."""
_MOST_SAID = 300
_Got = TypeVar("_Got")


def upload(order: Upload, say: Callable[[Answer], None]) -> Uploaded:
    """Bring the files there.

    Raises:
        FaultError: they did not all come; the sentence says what stands.
        httpx2.HTTPError: the Hub cannot be reached or refuses.
    """
    if get_token() is None:
        raise FaultError(
            f"Nothing can be uploaded without a token. Make one with the right to write at "
            f"{shown(_tokens())}, and set HF_TOKEN to it.",
            "refused",
            _tokens(),
        )
    return _Upload(order, say).run()


class _Upload:
    """One order's files."""

    def __init__(self, order: Upload, say: Callable[[Answer], None]) -> None:
        self._order = order
        self._api: HfApi = api()
        session().timeout = httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        self._operations = [_operation(each) for each in order.files]
        self._meter = Meter(say, sum(each.upload_info.size for each in self._operations))
        self._done = 0
        """Bytes of the files that are there."""
        self._sent = 0
        self._began = False
        """Whether the repository was reached."""

    def run(self) -> Uploaded:
        self._meter.at("asking", 0, "")
        self._patiently(self._check_card, CARD)
        private = self._patiently(self._repository, "")
        self._began = True
        for operation in self._operations:
            self._patiently(partial(self._store, operation), _name(operation))
            self._done += operation.upload_info.size
        commit = self._patiently(self._commit, "")
        self._meter.at("sending", self._done, "")
        return Uploaded(address=self._page(), commit=commit, sent=self._sent, private=private)

    def _check_card(self) -> None:
        """Have the Hub look at the card before anything is sent.

        Raises:
            ValueError: it is not right.
        """
        for operation in self._operations:
            if operation.path_in_repo == CARD:
                with operation.as_file() as file:
                    text = file.read().decode("utf-8", "replace")
                kind = DatasetCard if self._order.kind == "dataset" else ModelCard
                kind(text).validate()

    def _repository(self) -> bool:
        """Make the repository where there is none; whether it is private.

        Raises:
            FaultError: it is there, and open where it is to be private.
        """
        name, kind, wanted = self._order.repository, self._order.kind, self._order.private
        with as_from_the_hub():
            self._api.create_repo(name, repo_type=kind, private=wanted, exist_ok=True)
            private = bool(self._api.repo_info(name, repo_type=kind).private)
        if wanted and not private:
            raise FaultError(
                f"{shown(name)} is there and open to everybody, and this is to be private. Make "
                f"it private in its settings ({shown(self._page())}/settings), name another "
                "repository, or say --public.",
                "refused",
                f"{self._page()}/settings",
            )
        return private

    def _store(self, operation: "_Operation") -> None:
        """Bring one file into the storage, where it is a large one."""

        def told(place: int, count: int) -> None:
            self._sent += count
            self._meter.at("sending", self._done + place, _name(operation))

        operation.told = told
        self._meter.at("sending", self._done, _name(operation))
        self._api.preupload_lfs_files(
            self._order.repository,
            [operation],
            repo_type=self._order.kind,
            free_memory=False,
            num_threads=1,
        )
        operation.told = None
        if operation._should_ignore:
            # The library would leave it out of the commit without a word.
            raise FaultError(
                f"{_name(operation)} would not be taken: .gitignore in "
                f"{shown(self._order.repository)} names it. Take the line away there, or rename "
                "the file.",
                "refused",
                self._page(),
            )

    def _commit(self) -> str:
        """Put all into the repository; the commit."""
        done = self._api.create_commit(
            self._order.repository,
            self._operations,
            commit_message=self._order.message,
            repo_type=self._order.kind,
            num_threads=1,
        )
        return done.oid

    # --- patience ---------------------------------------------------------------------------------

    def _patiently(self, do: Callable[[], _Got], file: str) -> _Got:
        """Try again while that may help.

        Raises:
            FaultError: it does not.
        """
        # What it wraps others in, and what it says of cards and answers, is among them.
        expected: tuple[type[Exception], ...] = (*troubles(), RuntimeError, ValueError)
        for wait in (*self._order.patience, None):
            try:
                return do()
            except expected as error:
                cause = _cause(error)
                asked = asked_to_wait(cause)
                passing = (
                    (is_passing(cause) or _has_expired(cause))
                    and self._began
                    and asked <= MOST_WAIT
                )
                if wait is None or not passing:
                    raise self._fault(cause, file) from None
                note = "the Hub asks to wait" if asked else "the connection broke off"
                self._meter.at("waiting", self._done, file, note)
                time.sleep(max(wait, asked))
        raise AssertionError("the last try has no wait")

    def _fault(self, error: Exception, file: str) -> FaultError:
        stands = (
            " What was brought there stays, and the next try goes on from there."
            if self._done
            else ""
        )
        if isinstance(error, FaultError):
            return FaultError(
                error.fault.sentence + stands, error.fault.trouble, error.fault.address
            )
        name = shown(self._order.repository)
        status = error.response.status_code if isinstance(error, errors.HfHubHTTPError) else 0
        if status in (401, 403) and not _of_storage(error):
            return FaultError(
                f"The Hub does not let this token write to {name}. Give it the right to write at "
                f"{shown(_tokens())}, and see that the owner's name is right.",
                "refused",
                _tokens(),
            )
        if status in (402, 413) or (status in (400, 403) and file):
            said = shown(_said(error)[:_MOST_SAID])
            return FaultError(
                f"The Hub does not take {file or 'this'} for {name}: {said or status}.{stands}",
                "refused",
            )
        if isinstance(error, ValueError):
            # Of the library, about the card's head or what the storage answers.
            said = shown(" ".join(str(error).split())[:_MOST_SAID])
            return FaultError(f"The Hub does not take this for {name}: {said}{stands}", "refused")
        if isinstance(error, OSError) and not isinstance(error, httpx2.HTTPError):
            fault = of_disk(error, file)
        elif isinstance(error, troubles()):
            fault = explained(error, self._order.repository, file)
        else:
            kind = type(error).__name__
            return FaultError(
                f"{file or name} could not be sent ({kind}). Try again.{stands}", "failed"
            )
        return FaultError(fault.sentence + stands, fault.trouble, fault.address)

    def _page(self) -> str:
        folder = "datasets/" if self._order.kind == "dataset" else ""
        return f"{constants.ENDPOINT}/{folder}{self._order.repository}"


class _Operation(CommitOperationAdd):
    """A file, whose bytes are counted while they are sent over plain HTTP."""

    told: Callable[[int, int], None] | None = None

    @contextmanager
    def as_file(self, with_tqdm: bool = False) -> Iterator[BinaryIO]:
        if with_tqdm and self.told is not None and isinstance(self.path_or_fileobj, str):
            with _Counted(self.path_or_fileobj, self.told) as file:
                yield file
        else:
            with super().as_file() as file:
                yield file


class _Counted(io.BufferedReader):
    """A file that says where it is read, and how much of it."""

    def __init__(self, path: str, told: Callable[[int, int], None]) -> None:
        super().__init__(io.FileIO(path))
        self._told = told

    def read(self, size: int | None = -1, /) -> bytes:
        """Bytes from where it stands."""
        block = super().read(size)
        self._told(self.tell(), len(block))
        return block


def _operation(file: SentFile) -> _Operation:
    """What the library is given for a file.

    Raises:
        FaultError: it is not there, or its name leads out of the repository.
    """
    if not is_safe_name(file.name):
        raise FaultError(f"{shown(file.name)} is no name of a file in a repository.", "unusable")
    if not file.path:
        return _Operation(file.name, file.text.encode())
    try:
        # It is opened first: the library says less of what is wrong.
        with Path(file.path).open("rb"):
            return _Operation(file.name, file.path)
    except OSError as error:
        fault = of_disk(error, file.path)
        raise FaultError(fault.sentence, fault.trouble) from None


def _cause(error: Exception) -> Exception:
    """What lies behind what the library wraps it in."""
    while isinstance(error, RuntimeError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    return error


def _of_storage(error: Exception) -> bool:
    """Whether it is not the Hub itself that answers, but where large files are put."""
    if not isinstance(error, errors.HfHubHTTPError):
        return False
    return error.response.request.url.origin != httpx2.URL(constants.ENDPOINT).origin


def _has_expired(error: Exception) -> bool:
    """Whether an address that was signed holds no longer: the next try asks for another."""
    return (
        isinstance(error, errors.HfHubHTTPError)
        and error.response.status_code == 403
        and _of_storage(error)
    )


def _said(error: Exception) -> str:
    if not isinstance(error, errors.HfHubHTTPError):
        return ""
    return error.server_message or ""


def _name(operation: CommitOperationAdd) -> str:
    return shown(operation.path_in_repo)


def _tokens() -> str:
    return f"{constants.ENDPOINT}/settings/tokens"
