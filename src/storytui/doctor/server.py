"""The server that the settings name: whose it is, whether it may be asked, and with a key or not.

Neither its name nor its address is told, unless it is a service that everybody knows.
"""

from collections.abc import Callable

from storytui.doctor.finding import Finding, ok, problem, warning
from storytui.engine.api import EngineError
from storytui.engine.remote import (
    Address,
    RemoteConfig,
    is_her_own,
    parse_address,
    read_key,
    usual_variable,
)
from storytui.settings import RemoteSettings

_HERE = ("localhost", "127.0.0.1", "::1")


def check_server(
    settings: RemoteSettings, agreed: Callable[[str], bool]
) -> tuple[Address | None, Finding]:
    """See whether the server may be asked, by the settings alone; nothing is sent.

    Args:
        settings: with an address.
        agreed: whether she agreed that story text goes to a host.

    Returns its address, None where it is not to be asked; and what was found.
    """
    edit = "Edit [remote] in the settings; without an address the model runs on this machine."
    try:
        address = parse_address(settings.address)
    except EngineError:
        # Its words may hold what nobody is to read.
        return None, problem("Server", "the address under [remote] is none that can be used", edit)
    where = where_it_is(address)
    if not is_her_own(address.host) and not agreed(address.host):
        return None, warning(
            "Server",
            f"the model is on {where}, and you have not agreed to story text being sent there, so "
            "nothing was",
            "The editor asks you when you go on with a story; or: storytui remote allow HOST",
        )
    variable = settings.key_variable or usual_variable(address.host)
    config = RemoteConfig(settings.address, key_variable=variable, keyring=settings.keyring)
    try:
        key = read_key(config, address.host)
    except EngineError as error:
        return None, problem("Server", f"the model is on {where}: {unnamed(error, address)}", edit)
    with_key = "with a key" if key.present else "without a key"
    return address, ok("Server", f"the model is on {where}, which is asked {with_key}")


def where_it_is(address: Address) -> str:
    """Where a server is, without its name: `this machine`, `a server in your own network`, …"""
    if address.host in _HERE:
        return f"this machine, at port {address.port}"
    if is_her_own(address.host):
        return f"a server in your own network, at port {address.port}"
    known = f" ({address.host})" if usual_variable(address.host) else ""
    return f"a server that is not in your own network{known}"


def unnamed(error: EngineError, address: Address) -> str:
    """An error's words without the server's name."""
    text = str(error)
    for each in (address.shown, address.host):
        text = text.replace(f"The server {each}", "The server").replace(each, "the server")
    return text
