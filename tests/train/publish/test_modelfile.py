"""Modelfiles: taken by Ollama's grammar, and their templates give what the model's own gives."""

import pytest
from modelfile_grammar import GrammarError, read, rendered

from storytui.engine.template import PLAIN_FRAME, render_frame
from storytui.models.starter import starter_model
from storytui_train.errors import PublishError
from storytui_train.publish.found import template_of
from storytui_train.publish.modelfile import modelfile
from storytui_train.publish.ollama_template import ollama_template

QWEN = (
    "{%- if messages[0]['role'] == 'system' %}"
    "{{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}{%- else %}"
    "{{- '<|im_start|>system\\nYou are Qwen, created by Alibaba Cloud. You are a helpful "
    "assistant.<|im_end|>\\n' }}{%- endif %}{%- for message in messages %}"
    "{%- if message.role == 'user' or (message.role == 'system' and not loop.first) %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}"
    "{%- elif message.role == 'assistant' %}"
    "{{- '<|im_start|>assistant\\n' + message.content + '<|im_end|>\\n' }}"
    "{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
THINKING = QWEN[: QWEN.rindex("{%- if add")] + (
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n<think>\\n\\n</think>\\n\\n' }}"
    "{%- endif %}"
)
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA = (
    "{{- bos_token }}{%- for message in messages %}{{- '<|start_header_id|>' + message['role'] + "
    "'<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}{%- endfor %}"
    "{%- if add_generation_prompt %}"
    "{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}"
)
GEMMA = (
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'assistant') %}"
    "{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}"
    "{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\\n'}}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}"
    "{{ message['content'] + eos_token }}{% endif %}{% endfor %}"
)
ALPACA = "### Instruction:\n{{ messages[0].content }}\n\n### Response: {{ '{{' }}\n"
TEMPLATES = {
    "qwen": ("chatml", QWEN, ""),
    "thinking": ("chatml", THINKING, ""),
    "chatml": ("chatml", CHATML, ""),
    "llama": ("llama3", LLAMA, "<|begin_of_text|>"),
    "gemma": ("gemma", GEMMA, "<bos>"),
    "mistral": ("mistral", MISTRAL, "<s>"),
    "alpaca": ("other", ALPACA, ""),
}
STORY = "### Context:\nThe lamp {{ .System }} was out.\n“Who’s there?”"


def jinja(template: str, messages: list[tuple[str, str]], bos: str) -> str:
    import jinja2

    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        messages=[{"role": role, "content": content} for role, content in messages],
        add_generation_prompt=True,
        bos_token=bos,
        eos_token="</s>",
    )


@pytest.mark.parametrize("name", TEMPLATES)
def test_one_message_is_rendered_as_the_models_own_template_does(name: str) -> None:
    family, template, bos = TEMPLATES[name]
    made = ollama_template(render_frame(template, bos=bos, eos="</s>"), bos=bos)
    assert made.family == family
    own = jinja(template, [("user", STORY)], bos)
    # The token that begins a sequence comes by itself.
    assert bos + rendered(made.text, [("user", STORY)]) == own


@pytest.mark.parametrize("name", [each for each in TEMPLATES if each not in ("alpaca", "thinking")])
def test_a_conversation_is_rendered_as_the_models_own_template_does(name: str) -> None:
    _, template, bos = TEMPLATES[name]
    made = ollama_template(render_frame(template, bos=bos, eos="</s>"), bos=bos)
    said = [("user", "One."), ("assistant", "Two."), ("user", "Three.")]
    assert bos + rendered(made.text, said) == jinja(template, said, bos)


def test_a_system_message_takes_the_place_of_the_one_that_nobody_asked_for() -> None:
    made = ollama_template(render_frame(QWEN))
    with_system = rendered(made.text, [("user", "One.")], system="Be brief.")
    assert with_system == jinja(QWEN, [("system", "Be brief."), ("user", "One.")], "")
    assert "Qwen" in rendered(made.text, [("user", "One.")])


def test_a_token_that_does_not_come_by_itself_stays_in_the_template() -> None:
    frame = render_frame(LLAMA, bos="<|begin_of_text|>")
    assert (
        "<|begin_of_text|>" in ollama_template(frame, bos="<|begin_of_text|>", adds_bos=False).text
    )
    assert "<|begin_of_text|>" not in ollama_template(frame, bos="<|begin_of_text|>").text


def test_the_built_in_models_template_is_known() -> None:
    path = starter_model()
    assert path is not None
    made, context = template_of(path)
    assert (made.family, context) == ("chatml", 8192)
    assert "named SmolLM" in rendered(made.text, [("user", "x")])


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("adapter", ["", "./adapter.gguf"])
def test_a_modelfile_is_taken_by_the_grammar(name: str, adapter: str) -> None:
    _, template, bos = TEMPLATES[name]
    made = ollama_template(render_frame(template, bos=bos, eos="</s>"), bos=bos)
    text = modelfile(
        model="./merged-Q4_K_M.gguf",
        template=made,
        context=32_768,
        adapter=adapter,
        licence="apache-2.0",
        about=("Tales, for Ollama",),
    )
    said = read(text)
    assert said.one("FROM") == "./merged-Q4_K_M.gguf"
    assert said.all("ADAPTER") == ([adapter] if adapter else [])
    assert said.one("TEMPLATE") == made.text
    assert said.all("SYSTEM") == []
    assert said.one("LICENSE") == "apache-2.0"
    assert ("num_ctx", "16384") in said.parameters
    assert [value for key, value in said.parameters if key == "stop"] == list(made.stops)
    # As trained, even through the file.
    assert bos + rendered(said.one("TEMPLATE"), [("user", STORY)]) == jinja(
        template, [("user", STORY)], bos
    )


def test_a_short_context_is_not_made_longer() -> None:
    text = modelfile(model="x", template=ollama_template(PLAIN_FRAME), context=512)
    assert ("num_ctx", "512") in read(text).parameters
    assert rendered(read(text).one("TEMPLATE"), [("user", "Tell.")]) == "Tell.\n\n"


@pytest.mark.parametrize("model", ["", "a\nFROM b", 'a"b', "a\x1b[2J"])
def test_a_name_that_would_be_another_instruction_is_refused(model: str) -> None:
    with pytest.raises(PublishError):
        modelfile(model=model, template=ollama_template(PLAIN_FRAME), context=0)


def test_a_template_with_three_quotation_marks_is_refused() -> None:
    made = ollama_template(render_frame('"""{{ messages[0].content }}'))
    with pytest.raises(PublishError, match="quotation marks"):
        modelfile(model="x", template=made, context=0)


@pytest.mark.parametrize(
    "text",
    [
        "TEMPLATE x\n",
        "FROM a\nFROM b\n",
        "FROM\n",
        'FROM a\nTEMPLATE """x\n',
        "FROM a\nBAKE bread\n",
        "FROM a\nPARAMETER warmth 3\n",
        "FROM a\nPARAMETER num_ctx much\n",
        'FROM a\nTEMPLATE """x""" y\n',
    ],
)
def test_the_grammar_refuses_what_ollama_refuses(text: str) -> None:
    with pytest.raises((GrammarError, ValueError)):
        read(text)


def test_a_name_with_quotation_marks_stands_in_a_comment() -> None:
    template = ollama_template(PLAIN_FRAME, bos="", adds_bos=False)
    text = modelfile(
        model="./a.gguf", template=template, context=0, about=('The "Old" House, for Ollama',)
    )
    assert text.startswith("# The 'Old' House, for Ollama\n")
    assert read(text).one("FROM") == "./a.gguf"
    with pytest.raises(PublishError, match="quotation mark"):
        modelfile(model='./"a".gguf', template=template, context=0)
