"""The commands: reads the command line, builds things and hands them to each other.

What answers at once (`--help`, `parse`) must import next to nothing, so every other import is
made by the command that needs it.
"""

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence

from storytui import __version__
from storytui.commands.adapter_arguments import add_adapter_verbs
from storytui.commands.arguments import (
    Parser,
    add_candidates_option,
    add_continue_options,
    add_encoding_option,
    add_json_option,
    add_model_options,
    add_notes_option,
    add_remote_options,
    add_story_options,
    add_verbs,
    name_of_a_take,
    natural,
    positive,
)
from storytui.commands.ending import FAILURE, INTERRUPTED, fail
from storytui.commands.models_arguments import add_fit_verb, add_library_verbs, add_list_verbs

COMMANDS = {
    "continue": "print what comes next at a place in a story",
    "prompt": "print exactly what the model would see",
    "parse": "take a model's raw reply apart: standard input to JSON",
    "history": "list, show and restore the versions of a story",
    "takes": "list and show the replies that a story was offered",
    "forget": "remove everything that is kept about a story, but not the story",
    "models": "list, choose, add, check and remove models; say what fits",
    "remote": "allow a server to be sent story text, take that back, list the allowed ones",
    "doctor": "look at everything that the editor needs; say what is wrong and what helps",
    "bench": "measure this machine: start, keystroke, first token, decoding",
    "config": "show the settings, or write a settings file with every key explained",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit status: 0, 1 for a failure, 2 for wrong usage."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        try:
            return _dispatch(arguments)
        finally:
            # Here, not at exit: a reader that has gone is only noticed when writing to it.
            sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more when it exits; give it something that takes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        # A folder of the program's own that cannot be used; a story's file has its own words.
        if error.filename is None:
            raise
        reason = (error.strerror or str(error)).lower()
        return fail(
            f"{error.filename} cannot be used: {reason}. Make it a folder that you may write to; "
            "storytui doctor says which are needed."
        )


def _dispatch(arguments: list[str]) -> int:
    command = arguments[0] if arguments else ""
    run = _RUN.get(command)
    if run is not None:
        return run(arguments[1:])
    return _edit(arguments)


# --- the editor --------------------------------------------------------------------------------


def _edit(arguments: list[str]) -> int:
    commands = "\n".join(f"  {name:9} {what}" for name, what in COMMANDS.items())
    parser = Parser(
        prog="storytui",
        usage="storytui [OPTIONS] [FILE]\n       storytui COMMAND …",
        description="A terminal editor for fiction, with a local model beside the manuscript.",
        epilog=f"commands (storytui COMMAND --help tells more; a file of that name is ./COMMAND):\n"
        f"{commands}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", nargs="?", metavar="FILE", help="the story to open")
    parser.add_argument("--version", action="version", version=f"storytui {__version__}")
    parser.add_argument("--sample", action="store_true", help="open the sample story")
    add_encoding_option(parser)
    add_model_options(parser)
    add_remote_options(parser)
    add_continue_options(parser)
    add_candidates_option(parser)
    options = parser.parse_args(arguments)
    if options.sample and options.file is not None:
        parser.error("--sample opens its own file, so no FILE goes with it")
    # Almost nothing that a start makes is garbage, and looking for it takes a tenth of the time;
    # the writing screen turns the collector on again when the page was painted.
    gc.disable()
    try:
        from storytui.commands.edit import run_editor

        return run_editor(options)
    finally:
        gc.enable()


# --- the headless commands ---------------------------------------------------------------------


def _continue(arguments: list[str]) -> int:
    parser = Parser(
        prog="storytui continue",
        description="Continue a story and print the answer on standard output.",
    )
    add_story_options(parser)
    add_model_options(parser)
    add_remote_options(parser)
    add_continue_options(parser)
    add_candidates_option(parser)
    add_notes_option(parser)
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object; a list of them for several candidates",
    )
    parser.add_argument(
        "--stream", action="store_true", help="print sentences as they are finished"
    )
    parser.add_argument(
        "--show-reasoning", action="store_true", help="print the reasoning on standard error"
    )
    options = parser.parse_args(arguments)
    if options.json and options.stream:
        parser.error("--json prints one object at the end, so --stream does not go with it")
    if options.stream and (options.candidates or 1) > 1:
        parser.error("candidates are written side by side, so --stream does not go with them")
    from storytui.commands.headless import run_continue

    return run_continue(options)


def _prompt(arguments: list[str]) -> int:
    parser = Parser(
        prog="storytui prompt",
        description="Print exactly what the model would see, template included. "
        "Control tokens stand between ⟦ and ⟧.",
    )
    add_story_options(parser)
    add_model_options(parser)
    add_remote_options(parser)
    add_continue_options(parser)
    add_notes_option(parser)
    options = parser.parse_args(arguments)
    from storytui.commands.headless import run_prompt

    return run_prompt(options)


def _parse(arguments: list[str]) -> int:
    parser = Parser(
        prog="storytui parse",
        description="Read a model's raw reply on standard input and print it as JSON: "
        "reasoning, answer, complete, problems.",
    )
    parser.parse_args(arguments)
    import json

    from storytui.commands.printing import write
    from storytui.story.reply import parse_reply

    reply = parse_reply(sys.stdin.buffer.read().decode("utf-8", "replace"))
    found = {
        "reasoning": reply.reasoning,
        "answer": reply.answer,
        "complete": reply.complete,
        "problems": list(reply.problems),
    }
    write(sys.stdout, json.dumps(found, ensure_ascii=False) + "\n")
    return 0


def _history(arguments: list[str]) -> int:
    parser = Parser(
        prog="storytui history",
        usage="storytui history FILE [list|show N|restore N] [OPTIONS]",
        description="The versions of a story: one for each save, each acceptance and every few "
        "minutes of work.",
    )
    verbs = add_verbs(parser)
    add_json_option(verbs.add_parser("list", help="list the versions, newest first; the default"))
    show = verbs.add_parser("show", help="print the text of a version")
    show.add_argument("number", type=positive, metavar="N", help="the version's number")
    show.add_argument(
        "--diff", action="store_true", help="print what became of it in FILE: [-gone-]{+new+}"
    )
    add_encoding_option(show)
    add_json_option(show)
    restore = verbs.add_parser("restore", help="give FILE the text of a version")
    restore.add_argument("number", type=positive, metavar="N", help="the version's number")
    add_encoding_option(restore)
    options = parser.parse_args(arguments)
    if options.verb == "show" and options.json and options.diff:
        parser.error("--json prints the whole text, so --diff does not go with it")
    if options.verb == "restore" and options.json:
        parser.error("restore prints a sentence, so --json does not go with it")
    from storytui.commands.history import run_history

    return run_history(options)


def _takes(arguments: list[str]) -> int:
    parser = Parser(
        prog="storytui takes",
        usage="storytui takes FILE [list|show ID] [OPTIONS]",
        description="The replies that a story was offered, and what became of them.",
    )
    verbs = add_verbs(parser)
    add_json_option(verbs.add_parser("list", help="list the takes, newest first; the default"))
    show = verbs.add_parser("show", help="print a take: reasoning, answer, what it was asked for")
    show.add_argument(
        "take", type=name_of_a_take, metavar="ID", help="its number, or how its id begins"
    )
    show.add_argument("--prompt", action="store_true", help="print only what the model was sent")
    add_json_option(show)
    options = parser.parse_args(arguments)
    if options.verb == "show" and options.json and options.prompt:
        parser.error("--json prints the prompt too, so --prompt does not go with it")
    from storytui.commands.takes import run_takes

    return run_takes(options)


def _forget(arguments: list[str]) -> int:
    parser = Parser(
        prog="storytui forget",
        description="Remove everything that is kept about a story (versions, takes, journal, what "
        "interrupted saves left), but not the story.",
    )
    parser.add_argument("file", metavar="FILE", help="the story; it need not exist any more")
    parser.add_argument("--yes", action="store_true", help="do not ask first")
    options = parser.parse_args(arguments)
    from storytui.commands.forget import run_forget

    return run_forget(options)


def _models(arguments: list[str]) -> int:
    parser = Parser(
        prog="storytui models",
        description="The models on this machine, wherever other programs put them, those that "
        "suit fiction, and what fits on a card.",
    )
    verbs = parser.add_subparsers(
        dest="verb",
        title="verbs",
        required=True,
        metavar="list|use|info|verify|search|add|remove|adapter|fit|table",
    )
    add_list_verbs(verbs)
    add_library_verbs(verbs)
    add_adapter_verbs(verbs)
    add_fit_verb(verbs)
    options = parser.parse_args(arguments)
    options.json = getattr(options, "json", False)
    if options.verb == "adapter":
        from storytui.commands.adapters import run_adapter

        return run_adapter(options)
    from storytui.commands.models import run_models

    return run_models(options)


def _remote(arguments: list[str]) -> int:
    parser = Parser(
        prog="storytui remote",
        description="The servers that story text may be sent to. Machines of your own, in this "
        "network, need no permission.",
    )
    verbs = parser.add_subparsers(
        dest="verb", title="verbs", required=True, metavar="allow|revoke|list"
    )
    allow = verbs.add_parser("allow", help="let story text be sent to a server")
    allow.add_argument("host", metavar="HOST", help="its name, or its whole address")
    revoke = verbs.add_parser("revoke", help="take that back")
    revoke.add_argument("host", metavar="HOST", help="its name, or its whole address")
    add_json_option(verbs.add_parser("list", help="list the servers that are allowed"))
    options = parser.parse_args(arguments)
    options.json = getattr(options, "json", False)
    from storytui.commands.remote import run_remote

    return run_remote(options)


def _doctor(arguments: list[str]) -> int:
    parser = Parser(
        prog="storytui doctor",
        description="Look at everything that the editor needs: Python, llama.cpp and its devices, "
        "the settings, folders, terminal and model; then write a few words with it. The exit "
        "status is 1 where something does not work. What it prints is safe to paste in public.",
    )
    add_json_option(parser)
    parser.add_argument(
        "--no-continuation", action="store_true", help="do not load the model and write with it"
    )
    options = parser.parse_args(arguments)
    options.json = getattr(options, "json", False)
    from storytui.commands.doctor import run_doctor

    return run_doctor(options)


def _bench(arguments: list[str]) -> int:
    parser = Parser(prog="storytui bench", description="Measure this machine.")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print one JSON object")
    output.add_argument("--markdown", action="store_true", help="print Markdown tables")
    parser.add_argument("--plot", metavar="FILE", help="draw the first tokens (SVG, PNG)")
    parser.add_argument(
        "--figures", metavar="FILE", help="show what --json printed; measure nothing"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=(
            *("commands", "start", "keystroke", "loading", "first-token", "decoding"),
            *("thinking", "session", "reopen", "candidates", "typing", "quality"),
        ),
        help="measure only this; may be given more than once",
    )
    parser.add_argument("--rounds", type=positive, metavar="N", help="repeat each measure N times")
    parser.add_argument("--book", metavar="FILE", help="a long text to write in")
    parser.add_argument(
        "--seed", type=natural, metavar="N", help="same seed, same places and edits"
    )
    parser.add_argument(
        "--prompt-tokens", type=positive, metavar="N", help="tokens of the prompts (default: 1200)"
    )
    add_model_options(parser)
    options = parser.parse_args(arguments)
    from storytui.commands.bench import run_bench

    return run_bench(options)


def _config(arguments: list[str]) -> int:
    parser = Parser(prog="storytui config", description="The settings file.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="path|show|init")
    actions.add_parser("path", help="print where the settings file is")
    actions.add_parser("show", help="print the settings in force")
    init = actions.add_parser("init", help="write a settings file with every key explained")
    init.add_argument("--force", action="store_true", help="replace the file that is there")
    options = parser.parse_args(arguments)
    from storytui.commands.config import run_config

    return run_config(options)


_RUN: dict[str, Callable[[list[str]], int]] = {
    "continue": _continue,
    "prompt": _prompt,
    "parse": _parse,
    "history": _history,
    "takes": _takes,
    "forget": _forget,
    "models": _models,
    "remote": _remote,
    "doctor": _doctor,
    "bench": _bench,
    "config": _config,
}


if __name__ == "__main__":
    sys.exit(main())
