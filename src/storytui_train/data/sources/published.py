"""Rows in the published prompt and response form (molbal/reasoning-story-completion)."""

import hashlib
from collections.abc import Iterator
from typing import Any

from storytui.folders import as_typed
from storytui.story.reply import parse_reply
from storytui_train.data.documents import Gathered, Refusal, Source
from storytui_train.data.sources.datasets import dataset_name, refusal, require_column, said
from storytui_train.data.sources.finished import Finished, write_rows
from storytui_train.data.sources.place import Place
from storytui_train.data.sources.prompts import continuation, parse
from storytui_train.data.sources.reading import RefusedError
from storytui_train.data.sources.tables import Line, lines_of
from storytui_train.recipe import PublishedSource


def gather_published(options: PublishedSource, place: Place) -> Iterator[Gathered | Refusal]:
    """The rows of a published data set, written to one file below `place.folder / "texts"`.

    A row is taken where its prompt is one of the known formats character for character, and its
    response has a reasoning and an answer; all others come as refusals with their number.

    Args:
        options: the source.
        place: where the recipe and its working folder are.
    """
    path = place.recipe_folder / as_typed(options.path)
    id = f"published-{dataset_name(options.path)}"
    columns = (options.prompt, options.response, "title", "author")
    rows: list[Finished] = []
    file = ""
    try:
        for found in lines_of(path, options.path, options.split, columns):
            if options.limit and len(rows) >= options.limit:
                break
            if isinstance(found, RefusedError):
                yield refusal(id, found)
                continue
            require_column(found, options.prompt, "prompt")
            require_column(found, options.response, "response")
            file = file or found.file
            try:
                rows.append(_row(found, options))
            except RefusedError as error:
                yield refusal(f"{id}:0-0~{found.number}", error)
        if not rows:
            raise RefusedError("empty", f"No row of {options.path} can be used.")
        below = write_rows(place.folder, id, rows, private=False)
    except RefusedError as error:
        yield refusal(id, error)
        return
    yield Gathered(
        source=Source(
            id=id,
            kind="published",
            file=file,
            url=f"https://huggingface.co/datasets/{file}" if file == options.path else "",
            sha256=hashlib.sha256((place.folder / below).read_bytes()).hexdigest(),
            encoding="utf-8",
            title=dataset_name(options.path),
            licence=options.licence,
        ),
        path=below,
        form="jsonl",
        rows=True,
    )


def _row(line: Line, options: PublishedSource) -> Finished:
    prompt = _message(line.values.get(options.prompt), "user")
    response = _message(line.values.get(options.response), "assistant")
    if prompt is None or response is None:
        raise RefusedError("empty", f"In {line.where} there is no prompt or no response.")
    asked = parse(prompt.replace("\r\n", "\n"))
    if asked is None or not asked.context.strip():
        raise RefusedError(
            "form",
            f"The prompt in {line.where} is in none of the known formats, or has no context.",
        )
    reply = parse_reply(response)
    if not reply.reasoning.strip() or not reply.answer.strip():
        missing = "reasoning" if not reply.reasoning.strip() else "answer"
        raise RefusedError("form", f"The response in {line.where} has no {missing}.")
    context, text = continuation(asked, reply.answer, as_it_is=True)
    return Finished(
        number=line.number,
        context=context,
        continuation=text,
        reasoning=reply.reasoning.strip(),
        guidance=asked.direction,
        title=said(line, "title"),
        author=said(line, "author"),
    )


def _message(value: Any, role: str) -> str | None:
    """A column's text, or that of the one message of that role in a column of messages."""
    if isinstance(value, list):
        texts = [
            each.get("content")
            for each in value
            if isinstance(each, dict) and each.get("role") == role
        ]
        value = texts[0] if len(texts) == 1 else None
    return value if isinstance(value, str) and value.strip() else None
