"""The server that settings and command line ask for, in place of a model on this machine."""

import argparse

import msgspec

from storytui import folders
from storytui.commands.ending import WrongUseError
from storytui.consent import agreed
from storytui.engine.api import Engine, EngineError
from storytui.settings import RemoteSettings

_OF_THIS_MACHINE = ("model", "gpu_layers", "threads", "kv_type")
"""Options about a model that runs here."""


def server_settings(kept: RemoteSettings, options: argparse.Namespace) -> RemoteSettings:
    """The server in force; without an address the model runs on this machine.

    `--remote` names a server for once. What the settings say of their own server, its key above
    all, is not taken along to another. `--model`, an empty `--remote`, and commands that know no
    `--remote` mean this machine.

    Raises:
        WrongUseError: options do not go together.
    """
    address: str | None = getattr(options, "remote", None)
    model: str | None = getattr(options, "remote_model", None)
    if address:
        for name in _OF_THIS_MACHINE:
            if getattr(options, name) is not None:
                raise WrongUseError(
                    f"--{name.replace('_', '-')} is about a model on this machine, so it does not "
                    "go with --remote; a model there is named by --remote-model."
                )
        server = kept if _same_server(kept.address, address) else RemoteSettings()
        server = msgspec.structs.replace(server, address=address)
    elif address == "" or options.model is not None or not hasattr(options, "remote"):
        server = RemoteSettings()
    else:
        server = kept
    if model is not None:
        if not server.address:
            raise WrongUseError(
                "--remote-model names a model on a server, and no server is chosen. Name one with "
                "--remote, or in the settings."
            )
        server = msgspec.structs.replace(server, model=model)
    if server.address and options.context is not None:
        server = msgspec.structs.replace(server, context=options.context)
    return server


def _same_server(one: str, other: str) -> bool:
    from storytui.engine.remote.address import parse_address

    try:
        first, second = parse_address(one), parse_address(other)
    except EngineError:
        return False
    return (first.scheme, first.host, first.port) == (second.scheme, second.host, second.port)


def server_engine(settings: RemoteSettings) -> Engine:
    """The engine that asks a server; nothing is sent before its first call.

    Args:
        settings: with an address.

    Raises:
        EngineError: the address is none.
    """
    from storytui.engine.remote import RemoteConfig, RemoteEngine, parse_address, usual_variable

    try:
        host = parse_address(settings.address).host
    except EngineError as error:
        raise EngineError(f"settings.toml: [remote] address: {error}") from None
    config = RemoteConfig(
        settings.address,
        model=settings.model,
        mode="completion" if settings.api == "completion" else "chat",
        key_variable=settings.key_variable or usual_variable(host),
        keyring=settings.keyring,
        context=settings.context,
        thinking_tokens=settings.thinking_tokens,
    )
    return RemoteEngine(config, consented=lambda: may_be_sent_to(host))


def may_be_sent_to(host: str) -> bool:
    """Whether she agreed that story text is sent to a host."""
    try:
        return agreed(folders.state_folder(), host)
    except OSError:
        return False
