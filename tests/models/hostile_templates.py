"""Chat templates as an enemy would write them, by what they are after."""

MESSAGE = "{{ messages[0].content }}"

_GROWING = "{% set ns = namespace(x='a') %}{% for i in range(99) %}{% set ns.x = "

SEEN_COMING = {
    "repeat a text": "{{ 'a' * 10**10 }}",
    "repeat from the left": "{{ 10**10 * 'a' }}",
    "repeat a list": "{{ [0] * 10**9 }}",
    "repeat a tuple": "{{ (1,) * 10**9 }}",
    "a huge number": "{{ 10**9999 }}",
    "a huger number": "{{ 9**(9**9) }}",
    "a number growing by squares": "{% set ns = namespace(x=99) %}{% for i in range(99) %}"
    "{% set ns.x = ns.x * ns.x %}{% endfor %}",
    "a text growing by sums": _GROWING + "ns.x + ns.x %}{% endfor %}",
    "center": "{{ 'a'|center(10**9) }}",
    "indent": "{{ 'a\nb'|indent(10**9) }}",
    "indent by name": "{{ 'a\nb'|indent(width=10**9) }}",
    "batch": "{{ 'a'|batch(10**9, 'x')|list }}",
    "slice": "{{ [1]|slice(10**9)|list }}",
    "tojson": "{{ {'a': 1}|tojson(indent=10**9) }}",
    "ljust": "{{ ''.ljust(10**9) }}",
    "zfill": "{{ '1'.zfill(10**9) }}",
    "expandtabs": "{{ '\t'.expandtabs(10**9) }}",
    "replace": "{{ ('a' * 99999).replace('a', 'b' * 99999) }}",
    "replace everywhere": "{{ ('a' * 99999)|replace('', 'b' * 99999) }}",
    "a wide field": "{{ '%1000000000d'|format(1) }}",
    "a field as wide as an argument": "{{ '%*d' % (10**9, 1) }}",
    "a wide field in braces": "{{ '{:1000000000}'.format(1) }}",
    "a field in a field": "{{ '{:{}}'.format(1, 1000000000) }}",
    "a field by name": "{{ '{0:{w}}'.format_map({'w': 1000000000}) }}",
    "a wide date": "{{ strftime_now('%1000000000Y') }}",
    "a range": "{% for i in range(10**9) %}{% endfor %}",
    "endless words": "{{ lipsum(n=10**9) }}",
    "endless output": "{% for i in range(99999) %}{{ 'a' * 99999 }}{% endfor %}",
    "a macro that calls itself": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "a loop in itself": "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "deep brackets": "{{ " + "(" * 9000 + "1" + ")" * 9000 + " }}",
    "deep lists": "{{ " + "[" * 9000 + "]" * 9000 + " }}",
    "a long sum": "{{ 1" + "+1" * 9000 + " }}",
    "a long source": "a" * 300_000,
}
"""Greedy in ways that are refused while they are rendered."""

UNSEEN = {
    "doubling a text": _GROWING + "ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
    "doubling a list": _GROWING + "[ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
    "joining": "{{ (['a' * 200000] * 200000)|join }}",
    "collecting": "{% set x %}{% for i in range(99999) %}{{ 'a' * 99999 }}{% endfor %}{% endset %}",
    "mapping": "{{ ('a' * 200000)|list|map('center', 200000)|join }}",
    "summing lists": "{{ ([[1] * 99999] * 9999)|sum(start=[])|length }}",
    "loops in loops": "{% for i in range(99999) %}" * 3 + "{% endfor %}" * 3,
    "a macro twice in itself": "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}"
    "{% endmacro %}{{ f(99) }}",
}
"""Greedy in ways that only the limits of the checking process stop."""

REACHING = {
    "class": "{{ ''.__class__.__mro__ }}",
    "subclasses": "{{ ''.__class__.__base__.__subclasses__() }}",
    "class by name": "{{ ''['__class__'] }}",
    "class by filter": "{{ ''|attr('__class__')|attr('__mro__') }}",
    "class by joined name": "{{ ''[['__cl', 'ass__']|join] }}",
    "class by format": "{{ '{0.__class__.__mro__}'.format('') }}",
    "class by format_map": "{{ '{a.__class__}'.format_map({'a': ''}) }}",
    "format passed on": "{{ ['{0.__class__}']|map('format', '')|list }}",
    "format by filter": "{{ ('{0.__class__.__init__}'|attr('format'))('') }}",
    "globals of cycler": "{{ cycler.__init__.__globals__ }}",
    "system by joiner": "{{ joiner.__init__.__globals__.os.system('id') }}",
    "globals of namespace": "{{ namespace.__init__.__globals__ }}",
    "globals of a function": "{{ raise_exception.__globals__ }}",
    "code of a function": "{{ strftime_now.__code__.co_consts }}",
    "the template itself": "{{ self._TemplateReference__context }}",
    "the environment": "{{ self.environment }}",
    "the loop": "{% for i in [1] %}{{ loop.__init__.__globals__ }}{% endfor %}",
    "a generator's frame": "{{ (messages|map('upper')).gi_frame.f_globals }}",
    "a macro's closure": "{% macro f() %}{% endmacro %}{{ f._func.__globals__ }}",
    "including": "{% include '/etc/passwd' %}",
    "importing": "{% import 'os' as os %}{{ os }}",
    "importing from": "{% from 'os' import system %}{{ system('id') }}",
    "extending": "{% extends 'base' %}",
    "changing the messages": "{{ messages.append(1) }}",
    "changing a message": "{{ messages[0].update({'content': 'x'}) }}",
    "clearing the message": "{{ messages[0].clear() }}",
    "import by name": "{{ __import__('os').system('id') }}",
    "open": "{{ open('/etc/passwd').read() }}",
    "a long refusal": "{{ raise_exception('x' * 99999) }}",
    "a refusal that is no text": "{{ raise_exception(messages) }}",
    "deep blocks": "{% if 1 %}" * 300 + "{% endif %}" * 300,
    "deep loops": "{% for a in [1] %}" * 60 + "{% endfor %}" * 60,
    "half a tag": "{% if",
    "not Jinja": "{{ lambda x: x }}",
}
"""Reaching for what is not theirs, or failing in odd ways."""

WITHOUT_THE_MESSAGE = {
    "nothing of it": "Write.",
    "nothing at all": "",
    "twice": MESSAGE + MESSAGE,
    "cut": "{{ messages[0].content[:9] }}",
    "in capitals": "{{ messages[0].content|upper }}",
    "backwards": "{{ messages[0].content|reverse }}",
    "letter by letter": "{{ messages[0].content|list|join(' ') }}",
    "as its length": "{{ messages[0].content|length }}",
}
"""In which the story would be lost, changed, or told twice."""
