"""Chat templates are strangers' programs."""

import pytest
from hostile_templates import MESSAGE, REACHING, SEEN_COMING, WITHOUT_THE_MESSAGE

from storytui.engine.template import (
    MOST_OUTPUT,
    Frame,
    GreedyTemplateError,
    TemplateError,
    render_frame,
)

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def test_a_template_is_cut_where_the_message_stands() -> None:
    assert render_frame(CHATML) == Frame(
        "<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n"
    )


def test_bos_and_eos_are_given() -> None:
    frame = render_frame(
        "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}", bos="B", eos="E"
    )
    assert frame == Frame("B", "E")


@pytest.mark.parametrize(
    "template",
    [
        "{{ messages[0].content",
        "{{ raise_exception('only with tools') }}",
        "{{ 1 // 0 }}{{ messages[0].content }}",
        "{{ messages[7].content.x.y }}{{ messages[0].content }}",
    ],
)
def test_a_template_that_fails_is_refused(template: str) -> None:
    with pytest.raises(TemplateError):
        render_frame(template)


@pytest.mark.parametrize("template", SEEN_COMING.values(), ids=SEEN_COMING)
def test_a_template_that_asks_for_too_much_is_refused_before_it_has_it(template: str) -> None:
    with pytest.raises(GreedyTemplateError):
        render_frame(template + MESSAGE)


def got(template: str) -> Frame | str:
    """What comes of a template, or of its failing."""
    try:
        return render_frame(template + MESSAGE)
    except TemplateError as error:
        return str(error)


@pytest.mark.parametrize("template", REACHING.values(), ids=REACHING)
def test_a_template_that_reaches_out_gets_nothing(template: str) -> None:
    # jinja2 renders what it does not give as nothing, or fails.
    said = got(template)

    assert said == Frame("", "") or (isinstance(said, str) and len(said) < 300)


@pytest.mark.parametrize("template", WITHOUT_THE_MESSAGE.values(), ids=WITHOUT_THE_MESSAGE)
def test_a_template_that_does_not_hold_the_message_once_is_refused(template: str) -> None:
    with pytest.raises(TemplateError, match="exactly once"):
        render_frame(template)


@pytest.mark.parametrize(
    ("template", "before"),
    [
        ("{{ 'ab' * 3 }}", "ababab"),
        ("{{ 2 ** 10 + 1 }}", "1025"),
        ("{{ -2 ** 3 }}", "-8"),
        ("{{ 1.5 * 2 }}", "3.0"),
        ("{{ [1] + [2] }}", "[1, 2]"),
        ("{{ 7 % 4 }}", "3"),
        ("{{ '%05.2f' % 1.5 }}", "01.50"),
        ("{{ '%s-%s'|format('a', 'b') }}", "a-b"),
        ("{{ '{}: {:>4}'.format('a', 'b') }}", "a:    b"),
        ("{{ '{{{}}}'.format('a') }}", "{a}"),
        ("{{ 'a.b'.replace('.', ', ') }}{{ 'a.b'|replace('.', ' ') }}", "a, ba b"),
        ("{{ 'a\nb'|indent(2) }}", "a\n  b"),
        ("{{ {'a': [1]}|tojson(indent=None) }}", '{"a": [1]}'),
        ("{% for i in range(3) %}{{ i }}{% endfor %}", "012"),
        ("{% set ns = namespace(n=0) %}{% set ns.n = ns.n + 1 %}{{ ns.n }}", "1"),
    ],
)
def test_what_ordinary_templates_do_comes_out_as_ever(template: str, before: str) -> None:
    assert render_frame(template + MESSAGE) == Frame(before, "")


@pytest.mark.parametrize("call", ["lipsum()", "[1, 2]|random"])
def test_a_template_cannot_throw_dice(call: str) -> None:
    with pytest.raises(TemplateError):
        render_frame("{{ " + call + " }}" + MESSAGE)


def test_control_tokens_in_a_template_are_its_own_text() -> None:
    frame = render_frame("<|im_end|></s><eos>" + MESSAGE + "<|im_start|>")

    assert frame == Frame("<|im_end|></s><eos>", "<|im_start|>")


def test_output_up_to_the_limit_is_taken() -> None:
    frame = render_frame("a" * 200_000 + MESSAGE + "b" * 50_000)

    assert len(frame.before) + len(frame.after) == 250_000 < MOST_OUTPUT
