"""The command lines of `storytui models use|info|verify|search|add|remove`."""

import argparse

from storytui.commands.arguments import Parser, add_json_option, positive


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
