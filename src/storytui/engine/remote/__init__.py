"""Somebody else's engine, over HTTP: any server that speaks OpenAI's chat or completions."""

from storytui.engine.api import ConsentNeededError
from storytui.engine.remote.address import Address, is_her_own, parse_address
from storytui.engine.remote.connection import TimeOuts
from storytui.engine.remote.engine import RemoteEngine
from storytui.engine.remote.errors import ReplyBrokeOffError
from storytui.engine.remote.key import read_key, usual_variable
from storytui.engine.remote.request import RemoteConfig

__all__ = [
    "Address",
    "ConsentNeededError",
    "RemoteConfig",
    "RemoteEngine",
    "ReplyBrokeOffError",
    "TimeOuts",
    "is_her_own",
    "parse_address",
    "read_key",
    "usual_variable",
]
