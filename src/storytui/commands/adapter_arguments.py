"""The command lines of `storytui models adapter`; it imports next to nothing."""

import argparse

from storytui.commands.arguments import Parser, add_json_option, scale


def add_adapter_verbs(verbs: "argparse._SubParsersAction[Parser]") -> None:
    """What is done with LoRA adapters."""
    parser = verbs.add_parser(
        "adapter", help="list the LoRA adapters that are here; use one with the model, or none"
    )
    what = parser.add_subparsers(
        dest="adapter_verb", title="verbs", required=True, metavar="list|info|use|off"
    )
    add_json_option(what.add_parser("list", help="list them, and whether they go with the model"))
    info = what.add_parser(
        "info", help="say what an adapter is, and whether it goes with the model"
    )
    info.add_argument("adapter", metavar="ADAPTER", help="a name that list shows, or a GGUF file")
    add_json_option(info)
    use = what.add_parser("use", help="lay an adapter over the model, kept in the settings")
    use.add_argument("adapter", metavar="ADAPTER", help="a name that list shows, or a GGUF file")
    use.add_argument(
        "--scale", type=scale, metavar="X", help="how strongly it works, from -10 to 10; default: 1"
    )
    what.add_parser("off", help="use the model without an adapter")
