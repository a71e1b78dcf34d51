"""The command lines of `storytui models use|info|verify|add|remove`; it imports next to nothing."""

import argparse

from storytui.commands.arguments import Parser, add_json_option


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
    add = verbs.add_parser("add", help="add a model that lies outside the usual places")
    add.add_argument("what", metavar="WHAT", help="a GGUF file, a folder, or ollama:NAME")
    remove = verbs.add_parser(
        "remove", help="forget a model that was added, or delete one that was downloaded"
    )
    remove.add_argument("model", metavar="MODEL", help="a name that list shows, or what was added")
    remove.add_argument("--yes", action="store_true", help="do not ask first")
