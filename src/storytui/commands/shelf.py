"""Where the editor's models come from: this machine and the Hugging Face Hub."""

import contextlib
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from msgspec import structs

from storytui import folders
from storytui.commands.choices import adapters_that_can_be, library_for, model_chosen, start_engine
from storytui.commands.hub_fetch import HubFetch
from storytui.commands.left_off import forget_download, note_download
from storytui.commands.models_hub import place_of_hub
from storytui.commands.trained_facts import about_trained, shown_licence
from storytui.engine.adapting import adapter_name
from storytui.engine.api import ModelError
from storytui.engine.asking import ask_devices
from storytui.engine.devices import DeviceReport
from storytui.models.catalog import CatalogueModel, entry_for
from storytui.models.checking import examine
from storytui.models.choosing import Chosen, as_setting, chosen
from storytui.models.fit import Machine, plan
from storytui.models.gguf_choice import whole_models
from storytui.models.graphics import advice
from storytui.models.graphics_here import look_around
from storytui.models.hub.asking import (
    bytes_here,
    repository,
    search,
    shape_on_hub,
    unfinished,
)
from storytui.models.hub.errors import HubError
from storytui.models.hub.place import HubPlace
from storytui.models.hub.records import HubFile, HubRepository, total
from storytui.models.hub.talks import Talks
from storytui.models.library import Library
from storytui.models.library_model import LibraryModel
from storytui.models.offers import Fetch, Offer, Offers, Used
from storytui.models.shape_of_file import shape_in
from storytui.models.starting import machine_of
from storytui.models.trained import in_short
from storytui.models.verdicts import Verdict, best_of, in_order, verdicts_of
from storytui.settings import Settings, SettingsError
from storytui.settings_writing import set_in_settings
from storytui.story.visible import visible

_GIB = 1 << 30
_KIND = re.compile(r"(?:^|[-_.])((?:I?Q\d[A-Z0-9_]*|B?F16|F32|MXFP4))(?=[-_.]|$)", re.IGNORECASE)
_MEASURED = ("q4_k_m", "q5_k_m", "q4_k_s", "q6_k", "iq4_xs", "q8_0", "q3_k_m", "q4_0")
"""Files of a repository whose headers are read for a verdict, the first of them first."""
_MOST_MEASURED = 4


@dataclass(slots=True)
class MachineShelf:
    """The models of this machine, of the catalogue, and of the Hub."""

    settings: Settings
    _report: DeviceReport | None = None
    _entries: dict[str, Verdict] = field(default_factory=dict)
    """What the offers of the catalogue stand for."""
    _talks: Talks = field(default_factory=Talks)
    """What is asked of the Hub."""

    def offers(self) -> Offers:
        """What is here and what could be; asks the machine, not the network.

        Raises:
            EngineError: the machine could not be asked.
        """
        machine = self._machine()
        library = library_for(self.settings)
        here = list(self._here(library, machine))
        names = {model.entry for model in library.models if model.entry}
        verdicts = verdicts_of(machine)
        self._entries = {each.entry.id: each for each in verdicts}
        # Those that are here are offered as they are.
        others = [each for each in in_order(verdicts) if each.entry.id not in names]
        begun = Counter[str]()
        for left in unfinished(self._hub()):
            begun[left.repository.casefold()] += left.size
        offers = (*here, *(_of_catalogue(each, begun) for each in others))
        report = self._report or DeviceReport()
        warnings = (*self._server(), *advice(look_around(), report), *library.troubles[:2])
        return Offers(_shown(report), offers, self._best(offers, library, verdicts), warnings)

    def search(self, query: str) -> tuple[Offer, ...]:
        """Repositories of the Hub; see `Shelf`."""
        found = search(self._hub(), query)
        return tuple(
            Offer(
                id=each.repository,
                name=each.repository,
                group="repository",
                good_at=f"{each.downloads:,} downloads a month",
                licence=each.licence,
                verdict="its terms are to be accepted first" if each.gated else "",
                details=(f"Last changed {each.updated}.",) if each.updated else (),
            )
            for each in found
        )

    def files(self, name: str) -> tuple[Offer, ...]:
        """The models of a repository; see `Shelf`."""
        place = self._hub()
        record = repository(place, name)
        by_name = {each.name: each for each in record.files}
        groups = [tuple(by_name[part] for part in group) for group in whole_models(by_name)]
        if not groups:
            raise ModelError(f"{name} holds no GGUF model. Look for one whose name ends in -GGUF.")
        machine = self._machine()
        groups.sort(key=lambda group: (_rank(group[0].name), total(group)))
        verdicts = dict(zip(groups, _measured(place, record, groups, machine), strict=False))
        return tuple(_of_repository(place, record, each, verdicts.get(each)) for each in groups)

    def fetch(self, offer: Offer) -> Fetch:
        """What fetches an offer; see `Shelf`."""
        place = place_of_hub(self.settings)
        if offer.group == "catalogue":
            verdict = self._entries[offer.id]
            return HubFetch(place, verdict.entry.repository, patterns=verdict.files)
        name, _, file = offer.id.partition(":")
        return HubFetch(place, name, patterns=(file,))

    def use(self, path: Path, called: str = "") -> Used:
        """Remember a model as the chosen one; see `Shelf`."""
        library = library_for(self.settings)
        model = library.model(called) if called else library.model_at(path)
        its = Chosen(path) if model is None or model.trained is None else chosen(model)
        examine(its.path, folders.models_checked())
        value = str(path) if model is None else as_setting(model)
        changes: dict[tuple[str, str], str | None] = {("model", "path"): value or None}
        model_settings = structs.replace(self.settings.model, path=value)
        in_use = self._in_use()
        if in_use is None or not _same(in_use.path, its.path):
            # An adapter belongs to the model that it was made for.
            changes["model", "adapter"] = None
            model_settings = structs.replace(model_settings, adapter="")
        new_settings = structs.replace(self.settings, model=model_settings)
        adapters = adapters_that_can_be(new_settings, its)
        if self.settings.remote.address:
            # A server would go before the model.
            changes["remote", "address"] = None
        only_now = ""
        try:
            set_in_settings(folders.settings_file(), changes)
        except SettingsError as error:
            only_now = f"It was not kept for the next start: {str(error).rstrip('.')}."
        remote = structs.replace(self.settings.remote, address="")
        self.settings = structs.replace(new_settings, remote=remote)
        return Used(partial(start_engine, self.settings), only_now, adapters)

    def fetching(self, offer: Offer | None) -> None:
        """Note which offer is fetched now; see `Shelf`."""
        if offer is None:
            forget_download()
        else:
            note_download(offer.name)

    def close(self) -> None:
        """End what is asked of the Hub; see `Shelf`."""
        self._talks.end()

    def _hub(self) -> HubPlace:
        return replace(place_of_hub(self.settings), talks=self._talks)

    # --- this machine -----------------------------------------------------------------------------

    def _machine(self) -> Machine:
        if self._report is None:
            self._report = ask_devices()
        return machine_of(self._report)

    def _here(self, library: Library, machine: Machine) -> Iterator[Offer]:
        in_use = self._in_use()
        for model in library.models:
            its_machine = replace(machine, beside=model.size_bytes) if _lays(model) else machine
            verdict, fits = _verdict_here(model, its_machine)
            kind = _kind(model.path.name) or _kind(model.name)
            name = re.sub(rf"[-_.]{re.escape(kind)}$", "", model.name, flags=re.IGNORECASE)
            yield Offer(
                id=f"here:{model.name}",
                name=f"{name} (built in)" if model.source == "built in" else name,
                group="here",
                kind=kind,
                size=model.size_bytes,
                verdict=verdict,
                fits=fits,
                good_at=_good_at(model),
                licence="" if model.trained is None else shown_licence(model.trained),
                path=model.path,
                called=model.name if _lays(model) else "",
                in_use=in_use is not None and _is(in_use, model),
                details=tuple(_details(model, self.settings)),
            )

    def _server(self) -> Iterator[str]:
        if address := self.settings.remote.address:
            yield f"Replies come from {address} now, and from no model here."

    def _in_use(self) -> Chosen | None:
        if self.settings.remote.address:
            return None
        try:
            return model_chosen(self.settings)
        except ModelError:
            return None

    def _best(self, offers: Sequence[Offer], library: Library, verdicts: Sequence[Verdict]) -> str:
        """What is in use, else what is here in part, else a model that is here and fits, else the
        best of the catalogue."""
        here = [each for each in offers if each.group == "here"]
        chosen = next((each for each in here if each.in_use), None)
        if chosen is not None and self.settings.model.path:
            return chosen.id
        begun = next((each for each in offers if each.begun and each.fits), None)
        if begun is not None:
            return begun.id
        fitting = {each.id for each in here if each.fits}
        of_catalogue = [
            model
            for model in library.models
            if model.entry and model.source != "built in" and f"here:{model.name}" in fitting
        ]
        if of_catalogue:
            entries = {model.entry for model in of_catalogue}
            best = best_of([each for each in verdicts if each.entry.id in entries])
            wanted = best.entry.id if best else of_catalogue[0].entry
            return next(f"here:{each.name}" for each in of_catalogue if each.entry == wanted)
        best = best_of(verdicts)
        if best is not None:
            return best.entry.id
        return here[0].id if here else ""


# --- offers -------------------------------------------------------------------------------------


def _of_catalogue(verdict: Verdict, begun: Mapping[str, int]) -> Offer:
    entry = verdict.entry
    there = begun.get(entry.repository.casefold(), 0)
    return Offer(
        id=entry.id,
        name=entry.name,
        group="catalogue",
        kind=verdict.mixture,
        size=verdict.size_bytes,
        verdict=verdict.sentence,
        fits=verdict.fits,
        good_at=entry.good_at,
        licence=entry.licence,
        begun=there if there < verdict.size_bytes else 0,  # more is of another of its files
        details=tuple(_about(entry, verdict)),
    )


def _about(entry: CatalogueModel, verdict: Verdict) -> Iterator[str]:
    trained = "trained on it" if entry.trained else "not trained on it, but led into it"
    yield (
        f"{entry.repository} on Hugging Face, made from {entry.base}. Prompt format "
        f"{entry.prompt_format}, {trained}."
    )
    if entry.restrictions:
        yield entry.restrictions
    if verdict.origin == "published":
        yield "The verdict is reckoned from what is published; its own file has the last word."


def _of_repository(
    place: HubPlace,
    record: HubRepository,
    files: tuple[HubFile, ...],
    verdict: tuple[str, bool] | None,
) -> Offer:
    says, fits = verdict or ("", True)
    name = files[0].name
    return Offer(
        id=f"{record.repository}:{name}",
        name=name.removesuffix(".gguf"),
        group="hub",
        kind=_kind(name),
        size=total(files),
        verdict=says,
        fits=fits,
        licence=record.licence,
        begun=bytes_here(place, record, files),
        details=(
            *((f"In {len(files)} parts.",) if len(files) > 1 else ()),
            *(("Its terms are to be accepted on Hugging Face first.",) if record.gated else ()),
        ),
    )


def _measured(
    place: HubPlace,
    record: HubRepository,
    groups: Sequence[tuple[HubFile, ...]],
    machine: Machine,
) -> list[tuple[str, bool] | None]:
    """Verdicts of the first few, by their headers; None where one could not be read."""

    def measure(group: tuple[HubFile, ...]) -> tuple[str, bool] | None:
        with contextlib.suppress(HubError, ModelError):
            fit = plan(shape_on_hub(place, record, group), machine)
            return fit.reason, fit.fits
        return None

    with ThreadPoolExecutor(_MOST_MEASURED) as pool:
        return list(pool.map(measure, groups[:_MOST_MEASURED]))


def _verdict_here(model: LibraryModel, machine: Machine) -> tuple[str, bool]:
    try:
        fit = plan(shape_in(model.path), machine)
    except ModelError as error:
        return str(error).rstrip("."), False
    return fit.reason, fit.fits


def _details(model: LibraryModel, settings: Settings) -> Iterator[str]:
    if model.trained is not None:
        yield from about_trained(model.trained)
        return
    where = "" if model.source in ("added", "folder", "built in") else f"Of {model.source}. "
    yield f"{where}{model.path}"
    if model.source == "built in" and not settings.model.adapter:
        for each in adapters_that_can_be(settings, Chosen(model.path)):
            name = visible(adapter_name(each.path), newlines=False)
            yield f"With the adapter {name}, which was trained for it, over it."
    if model.adapters:
        yield "Ollama lays an adapter over it, which is not done here by itself."


def _good_at(model: LibraryModel) -> str:
    if model.trained is not None:
        return in_short(model.trained)
    if model.source == "built in":
        return "Shows how the program works; too small to write well."
    entry = entry_for(repository=model.repository, file_name=model.path.name)
    return "" if entry is None else entry.good_at


def _lays(model: LibraryModel) -> bool:
    """Whether it is an adapter over another model's file."""
    return model.trained is not None and bool(model.trained.adapter)


def _is(in_use: Chosen, model: LibraryModel) -> bool:
    """Whether a model is the one in use."""
    return (in_use.laid is not None) == _lays(model) and _same(
        model.path if in_use.laid is None else model.own, in_use.laid or in_use.path
    )


def _same(one: Path, other: Path) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samefile(one, other)
    return one == other


def _kind(name: str) -> str:
    """The quantisation that a file's name says."""
    found = _KIND.findall(name.removesuffix(".gguf"))
    return str(found[-1]).upper() if found else ""


def _rank(name: str) -> int:
    plain = name.lower()
    return next((at for at, each in enumerate(_MEASURED) if each in plain), len(_MEASURED))


def _shown(report: DeviceReport) -> str:
    """What models run on, with its memory, and the room on the disk."""
    parts = []
    for each in report.gpus:
        free = f", {each.free / _GIB:.1f} free" if each.free else ""
        parts.append(f"{each.description} · {each.total / _GIB:.1f} GiB{free}")
    if not parts:
        cpu = report.cpu
        memory = f" · {cpu.total / _GIB:.0f} GiB of memory" if cpu and cpu.total else ""
        parts.append(f"{cpu.description if cpu else 'CPU'}{memory}")
    with contextlib.suppress(OSError):
        parts.append(f"{shutil.disk_usage(Path.home()).free / _GIB:.0f} GiB free on the disk")
    return visible(" · ".join(parts), newlines=False)
