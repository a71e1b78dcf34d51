"""Figures of the bench as lines for a terminal, and as Markdown tables."""

from collections.abc import Iterator
from typing import Any

_NAMES = {
    "cold": "cold",
    "unchanged": "unchanged",
    "appended": "20 tokens appended",
    "slid": "a third dropped from the head",
    "edited": "words edited in the middle",
    "edited_one_token": "one token edited in the middle",
}
_WHENS = {"at_once": "at once", "idle": "after the idle time"}


def lines(name: str, figures: Any) -> list[str]:
    """A measure's figures for a reader."""
    if name == "commands":
        return [
            f"{'storytui ' + command:28}{each['storytui_ms']:8.1f} ms   "
            f"{each['ratio']:.2f} × import argparse ({each['argparse_ms']:.1f} ms)"
            for command, each in figures.items()
        ]
    if name == "start":
        return [
            f"{'start to first paint':28}{figures['storytui_ms']:8.1f} ms   "
            f"{figures['ratio']:.2f} × an empty app ({figures['empty_app_ms']:.1f} ms)"
        ]
    if name == "keystroke":
        return [
            f"{'key to paint, ' + format(each['words'], ',') + ' words':28}"
            f"{each['median_ms']:8.1f} ms   99 % within {each['p99_ms']:.1f} ms; "
            f"{each['kept_ratio']:.2f} × without journal and history "
            f"({each['not_kept_median_ms']:.1f} ms)"
            for each in figures
        ]
    if name == "loading":
        return [
            f"{'loading the model':28}{figures['child_ms']:8.1f} ms   "
            f"{figures['ratio']:.2f} × a bare load ({figures['bare_ms']:.1f} ms)"
        ]
    if name == "decoding":
        return [
            f"{'decoding':28}{figures['storytui_tokens_per_second']:8.1f} tok/s  "
            f"{figures['ratio']:.3f} × the bare loop "
            f"({figures['bare_tokens_per_second']:.1f} tok/s), "
            f"{figures['ratio_plain']:.3f} × one without penalties"
        ]
    if name == "first-token":
        return list(_first_token_lines(figures))
    if name == "candidates":
        return [
            f"{str(each['candidates']) + ' candidates at once':28}{each['at_once_ms']:8.0f} ms   "
            f"{each['ratio']:.2f} × in turn ({each['in_turn_ms']:.0f} ms); "
            f"{each['at_once_evaluated_tokens']:,} tokens of the prompt evaluated"
            for each in figures
        ]
    if name == "reopen":
        return [
            f"{'first token, reopened':28}{figures['reopened_ms']:8.1f} ms   "
            f"{figures['share_of_cold']:.3f} × cold ({figures['cold_ms']:.0f} ms); "
            f"{figures['reopened_evaluated_tokens']:,} of {figures['prompt_tokens']:,} "
            "tokens evaluated"
        ]
    if name == "session":
        return [
            f"{'session of ' + str(figures['rounds']) + ' rounds':28}"
            f"{figures['evaluated_waiting_by_new']:8.2f} × the new tokens evaluated while she "
            f"waits, {figures['evaluated_by_new']:.2f} × with healing; "
            f"the window moved {figures['moves']} times"
        ]
    if name == "thinking":
        return [
            f"{'first token of the answer':28}{figures['first_answer_token_ms']:8.1f} ms   "
            f"{figures['steps']:.2f} decoding steps, thought ahead"
        ]
    if name == "typing":
        return [
            f"{'key to paint, ' + state:28}{figures[state]['median_ms']:8.1f} ms   "
            f"99 % within {figures[state]['p99_ms']:.1f} ms"
            for state in ("idle", "reading", "writing")
        ]
    return [f"{name}: {figures}"]


def _first_token_lines(figures: dict[str, Any]) -> Iterator[str]:
    yield f"{'one decoding step':28}{figures['step_ms']:8.1f} ms"
    for row in figures["cases"]:
        approximate = ", approximate" if row["approximate"] else ""
        yield (
            f"{row['engine']:17}{_NAMES[row['case']]:32}{_WHENS[row['when']]:20}"
            f"{row['first_token_ms']:9.1f} ms   {row['evaluated_tokens']:,} of "
            f"{row['prompt_tokens']:,} tokens evaluated{approximate}"
        )
    for name in figures["measured"]["missing"]:
        yield f"{name} was not measured: pip install 'storytui[bench]' brings it"


def markdown(found: dict[str, Any]) -> str:
    """The figures as Markdown, the machine and the model named."""
    machine, model = found["machine"], found.get("model", {})
    parts = [
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}; "
        f"{model.get('name', 'no model')} on {model.get('backend', '-')}."
    ]
    if found.get("cases"):
        parts.append(_first_token_table(found))
    others = [
        line
        for name in ("loading", "decoding", "thinking", "session", "reopen", "candidates", "typing")
        if found.get(name)
        for line in lines(name, found[name])
    ]
    if others:
        parts.append("\n".join(f"- {' '.join(each.split())}" for each in others))
    return "\n\n".join(parts)


def _first_token_table(found: dict[str, Any]) -> str:
    """Milliseconds to the first token, a column an engine; tokens evaluated in brackets."""
    rows = found["cases"]
    engines = list(dict.fromkeys(each["engine"] for each in rows))
    engines.sort(key=lambda name: name != "storytui")
    cells = {(each["case"], each["when"], each["engine"]): each for each in rows}
    prompt = max(each["prompt_tokens"] for each in rows)
    table = [
        f"First token behind a prompt of {prompt:,} tokens, in milliseconds; in brackets the "
        f"tokens evaluated meanwhile; ≈ where tokens are used that were read after other words. "
        f"One decoding step: {found['step_ms']:.1f} ms. Medians of "
        f"{found['measured']['rounds']}, seed {found['measured']['seed']}.",
        "",
        f"| case | when | {' | '.join(engines)} |",
        f"|---|---|{'---:|' * len(engines)}",
    ]
    for case, when in dict.fromkeys((each["case"], each["when"]) for each in rows):
        written = [_cell(cells.get((case, when, engine))) for engine in engines]
        table.append(f"| {_NAMES[case]} | {_WHENS[when]} | {' | '.join(written)} |")
    return "\n".join(table)


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    mark = "≈ " if row["approximate"] else ""
    milliseconds = row["first_token_ms"]
    shown = f"{milliseconds:,.0f}" if milliseconds >= 100 else f"{milliseconds:.1f}"
    return f"{mark}{shown} ({row['evaluated_tokens']:,})"
