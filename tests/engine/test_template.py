"""Chat templates are strangers' programs."""

import pytest

from storytui.engine.template import Frame, TemplateError, render_frame

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
        "nothing of the message",
        "{{ messages[0].content }}{{ messages[0].content }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}{{ messages[0].content }}",
        "{{ messages.append(1) }}{{ messages[0].content }}",
        "{{ 1 // 0 }}{{ messages[0].content }}",
        "{{ messages[7].content.x.y }}{{ messages[0].content }}",
    ],
)
def test_a_template_that_fails_or_reaches_out_is_refused(template: str) -> None:
    with pytest.raises(TemplateError):
        render_frame(template)
