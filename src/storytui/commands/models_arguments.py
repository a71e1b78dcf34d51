"""The command lines of `storytui models`; it imports next to nothing."""

import argparse

from storytui.commands.arguments import Parser, add_json_option, memory, positive


def add_library_verbs(verbs: "argparse._SubParsersAction[Parser]") -> None:
    """What is done with a model that is here, or is to come here."""
    use = verbs.add_parser("use", help="make a model the chosen one, kept in the settings")
    which = use.add_mutually_exclusive_group(required=True)
    which.add_argument("model", nargs="?", metavar="MODEL", help="a name, or a GGUF file")
    which.add_argument("--default", action="store_true", help="back to the built-in model")
    for verb, what in {
        "info": "say what a model is: size, context, prompt format, licence",
        "verify": "check a model's files; the exit status is 1 where one is not what it was",
    }.items():
        about = verbs.add_parser(verb, help=what)
        about.add_argument("model", metavar="MODEL", help="a name that list shows, or a GGUF file")
        add_json_option(about)
    search = verbs.add_parser("search", help="look for models on the Hugging Face Hub")
    search.add_argument("query", nargs="+", metavar="WORD", help="words of a repository's name")
    search.add_argument(
        "--limit", type=positive, default=20, metavar="N", help="at most so many (default: 20)"
    )
    add_json_option(search)
    add = verbs.add_parser("add", help="fetch a model, or add one outside the usual places")
    add.add_argument(
        "what",
        metavar="WHAT",
        help="a name in the catalogue, OWNER/NAME[:FILE] on the Hugging Face Hub, a GGUF file, a "
        "folder, or ollama:NAME",
    )
    remove = verbs.add_parser(
        "remove", help="forget a model that was added, or delete one that was downloaded"
    )
    remove.add_argument("model", metavar="MODEL", help="a name that list shows, or what was added")
    remove.add_argument("--yes", action="store_true", help="do not ask first")


def add_list_verbs(verbs: "argparse._SubParsersAction[Parser]") -> None:
    """What there is, and what it would be on a card."""
    listing = verbs.add_parser("list", help="list the models; nothing is copied")
    listing.add_argument(
        "--vram",
        type=memory,
        metavar="SIZE",
        help="say whether they fit on a card of this memory, like 8GiB, not on this machine",
    )
    add_json_option(listing)
    table = verbs.add_parser(
        "table", help="print what fits on cards of several sizes, of the models for fiction"
    )
    table.add_argument(
        "--vram",
        type=memory,
        metavar="SIZE",
        action="append",
        help="a card's memory, like 8GiB; may be given more than once (default: 6 to 24 GiB)",
    )
    table.add_argument("--markdown", action="store_true", help="print a Markdown table")
    add_json_option(table)


def add_fit_verb(verbs: "argparse._SubParsersAction[Parser]") -> None:
    """Whether one model fits."""
    fit = verbs.add_parser(
        "fit", help="say whether a model fits, part by part; the exit status is 1 where it does not"
    )
    fit.add_argument("model", metavar="MODEL", help="a GGUF file, or a name that list shows")
    fit.add_argument(
        "--vram",
        type=memory,
        metavar="SIZE",
        help="a card's memory, like 8GiB; without it, the plan is for this machine",
    )
    fit.add_argument("--context", type=positive, metavar="N", help="tokens that must be had")
    fit.add_argument("--kv-type", choices=("f16", "q8_0"), help="how keys and values are kept")
    fit.add_argument(
        "--allow-partial", action="store_true", help="put some layers on the GPU, if not all fit"
    )
    add_json_option(fit)
