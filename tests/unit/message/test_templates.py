"""Mails by templates: what they see, what they can't do, and what a reader gets."""

import re
import time
from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.mail_readers import READERS
from tests.unit.message.test_compose import EVENTS, FINISHED, NINE, mail, read
from tests.unit.message.test_together import event as one_of_many
from tests.unit.message.test_together import mail as mail_of_several
from tests.unit.message.test_together import together
from zaiond.message.custom import (
    MOST_BYTES,
    MOST_SECONDS,
    Look,
    TemplateError,
    TemplateFiles,
    in_built_in_words,
)
from zaiond.model import Event, Message, Routing, Standing

PROBLEM = EVENTS["problem"]


def template(
    subject: str = "{{ event.title }}",
    text: str = "{{ event.message }}",
    html: str | None = None,
    **others: str,
) -> TemplateFiles:
    texts = {"t.subject.j2": subject, "t.txt.j2": text}
    if html is not None:
        texts["t.html.j2"] = html
    texts |= {f"{name}.j2": others[name] for name in others}
    return TemplateFiles("t", "/etc/zaiond/templates", tuple(texts.items()))


def made(of: TemplateFiles, event: Event = PROBLEM, **more: Any) -> Message:
    return mail(event, look=Look(of), **more)


def text(said: str, event: Event = PROBLEM, **more: Any) -> str:
    message = read(made(template(text=said), event, **more))
    content: str = message.get_content()
    return content.replace("\r\n", "\n").removesuffix("\n")


def failed(said: str, event: Event = PROBLEM, **others: str) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        made(template(text=said, **others), event)
    assert caught.value.text.ja != caught.value.text.en
    return caught.value


# -- what it sees


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("{{ event.id }} {{ event.type }} {{ event.source }}",
         "01J0123456789ABCDEFGHJKMNP disk.smart.failed smartd.service"),
        ("{{ event.severity }} {{ severity_words[event.severity] }}", "crit 重大"),
        ("{{ event.key }} {{ event.status }} {{ event.job }}", "disk:sda problem smart"),
        ("{{ event.uid }} {{ event.user }}", "1000 backup"),
        ("{{ event.subject }}", "sda が故障しそうです"),
        ("{{ event.title }}", "【障害発生・重大】sda が故障しそうです"),
        ("{{ local_time(event.time) }}", "2013/05/25(土) 09:00:00 +0900"),
        ("{{ event.accepted - event.time }} {{ duration(event.accepted - event.time) }}",
         "5400.0 1時間30分"),
        ("{{ data.device }} {{ event.data.attributes.reallocated }}", "/dev/sda 512"),
        ("{{ data['attributes']['history'][1] }}", "512"),
        ("{{ data.attributes }}",
         '{"reallocated": 512, "history": [10, 512], "healthy": false}'),
        ("{{ data.attributes.healthy }}", "false"),
        ("{{ event.extensions.traceparent }}", "00-1-2"),
        ("{% for n, v in data.items() %}{{ n }} {% endfor %}", "device attributes output"),
        ("{{ host }} {{ fqdn }} {{ language }}", "fileserver01 fileserver01.example.co.jp ja"),
        ("{{ total }} {{ events|length }} {{ severities }}", '1 1 {"crit": 1}'),
        ("{{ route }}/{{ kind }}/{{ reason }}/{{ labels }}/{{ standing }}", "/event//{}/"),
        ("{% if standing %}x{% else %}none{% endif %}", "none"),
    ],
)  # fmt: skip
def test_a_template_sees_everything(said: str, seen: str) -> None:
    assert text(said, user="backup") == seen


def test_a_template_sees_how_a_problem_stands_and_how_its_mail_came_to_be() -> None:
    standing = Standing(NINE - 60, None, 3, reminder=True)
    routing = Routing(route="disks", labels=(("type", "x"),), standing=standing)
    said = (
        "{{ route }} {{ labels.type }} {{ standing.count }} {{ standing.reminder }}"
        " {{ duration(standing.lasted) }}"
    )
    assert text(said, routing=routing, standing=standing) == "disks x 3 true 1分"


def test_a_template_of_several_events_sees_all_that_are_shown() -> None:
    of = together(one_of_many(2, "crit"), one_of_many(1), total=200)
    look = Look(
        template(
            "{{ total }}: {{ event.title }}",
            "{% for event in events %}{{ loop.index }} {{ event.message }}\n{% endfor %}"
            "{% for name, n in severities.items() %}{{ severity_words[name] }} {{ n }}\n"
            "{% endfor %}{{ labels['data.host'] }}",
        )
    )
    message = read(mail_of_several(of, look=look, labels=(("data.host", "web1"),)))
    assert message["Subject"] == "[Zaionnex] 200: 【重大】disk.full: 残り 2%"
    assert message.get_content().splitlines() == [
        "1 残り 2%", "2 残り 1%", "重大 1", "情報 199", "web1",
    ]  # fmt: skip
    assert len(message.get_all("Zaiond-Event") or ()) == 200
    assert message["Importance"] == "high"


def test_what_was_held_back_is_listed_in_the_built_in_words() -> None:
    of = together(one_of_many(1), one_of_many(2))
    by_template = mail_of_several(of, "suppressed", look=Look(template("x", "y")))
    assert by_template.content == mail_of_several(of, "suppressed").content


def test_a_field_that_an_event_lacks_is_empty() -> None:
    assert (
        text("[{{ data.no }}{{ data.no.such.field }}{{ data['x'] }}{{ data.device.x }}]", FINISHED)
        == "[]"
    )
    assert text("{{ data.no | default('none') }} {{ data.no is defined }}") == "none false"
    assert text("{% for each in data.no %}x{% endfor %}{% if not data.no %}y{% endif %}") == "y"


def test_a_field_of_data_is_meant_before_a_method_of_that_name() -> None:
    named = replace(PROBLEM, data={"items": 3, "keys": [1], "x": "y"})
    assert text("{{ data.items }} {{ data.keys }} {{ data.x.upper() }}", named) == "3 [1] Y"


@pytest.mark.parametrize(
    ("said", "line", "why"),
    [
        ("a\n{{ evnt.id }}", 2, "evnt"),
        ("a\n\n{{ event.typ }}", 3, "typ"),
        ("{{ standing.until }}", 1, "until"),
        ("x\n{{ 1 / 0 }}", 2, "ZeroDivisionError"),
        ("{{ data.no + 1 }}", 1, "no"),
        ("x\n{% if %}", 2, "Jinja2"),
        ("\n\n{{ x | nosuch }}", 3, "nosuch"),
        ("\n{{ event.message | safe }}", 2, "safe"),
        ("{% include 'nosuch.j2' %}", 1, "nosuch.j2"),
        ("{% include '../secret' %}", 1, "../secret"),
        ("{% include '/etc/passwd' %}", 1, "/etc/passwd"),
    ],
)
def test_an_error_names_the_file_and_the_line(said: str, line: int, why: str) -> None:
    error = failed(said)
    assert (error.path, error.line) == ("/etc/zaiond/templates/t.txt.j2", line)
    assert why in error.why.ja
    assert str(error).startswith(f"/etc/zaiond/templates/t.txt.j2:{line}: ")


def test_an_error_in_what_is_included_names_that_file() -> None:
    error = failed("{% include 'part.j2' %}", part="x\n{{ nosuch }}")
    assert (error.path, error.line) == ("/etc/zaiond/templates/part.j2", 2)


def test_what_only_an_event_lacks_is_told_from_what_is_wrong() -> None:
    assert not failed("{{ data.free < 3 }}").is_certain
    assert failed("{{ event.free < 3 }}").is_certain


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("{{ nosuch }}", "nosuch"),
        ("{{ nosuch.x }}", "nosuch"),
        ("{{ event.titel }}", "titel"),
        ("{{ event['titel'] }}", "titel"),
        ("{{ events.titel }}", "titel"),
        ("{{ data.free < 3 }}", "free"),
        ("{{ data.free.x + 1 }}", "free"),
    ],
)
def test_a_name_that_there_is_not_is_told_and_nothing_of_how_jinja_works(
    said: str, name: str
) -> None:
    error = failed(said).text
    assert f"（{name}）" in error.ja
    assert name in error.en
    assert "object" not in error.en


# -- what it can't do


@pytest.mark.parametrize(
    "said",
    [
        "{{ ''.__class__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ event.items.__globals__ }}",
        "{{ local_time.func.__globals__ }}",
        "{{ duration.keywords['words'].__init__.__globals__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ ''['__class__'] }}",
        "{{ '%s' | attr('__class__') }}",
        "{{ '{0.__class__}'.format('') }}",
        "{{ joiner.__init__.__globals__ }}",
        "{{ namespace.__init__.__globals__ }}",
        "{{ config }}{{ request }}",
        "{% do data.clear() %}",
        "{{ data.update({'x': 1}) }}",
        "{{ events.append(1) }}",
        "{{ events.clear() }}",
        "{% import 'os' as os %}",
    ],
)
def test_a_template_gets_at_nothing_else(said: str) -> None:
    try:
        shown = text(said)
    except TemplateError:
        return
    assert "class" not in shown
    assert "module" not in shown
    assert shown == ""


LONG = {
    "wrapping": "{{ event.message | wordwrap(1, true, 'x' * 100000) }}",
    "loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "a macro that calls itself": "{% macro m(n) %}{{ m(n) }}{% endmacro %}{{ m(1) }}",
    "a power": "{{ 10 ** 10 ** 10 }}",
    "powers": "{{ (9 ** 99) ** 99 ** 9 }}",
    "a product": "{{ 'x' * 10 ** 12 }}",
    "a product of a list": "{{ [1] * 10 ** 12 }}",
    "a range": "{{ range(10 ** 12) | list }}",
    "doubling": "{% set n = namespace(x='xxxxxxxx') %}{% for i in range(60) %}"
    "{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}",
    "adding": "{% set n = namespace(x='xxxxxxxx') %}{% for i in range(60) %}"
    "{% set n.x = n.x + n.x %}{% endfor %}{{ n.x }}",
    "adding lists": "{% set n = namespace(x=[1]) %}{% for i in range(60) %}"
    "{% set n.x = n.x + n.x %}{% endfor %}{{ n.x }}",
    "squares": "{% set n = namespace(x=99) %}{% for i in range(60) %}"
    "{% set n.x = n.x * n.x %}{% endfor %}{{ n.x }}",
    "a set block": "{% set x %}{% for i in range(90000) %}{{ event.message }}{% endfor %}"
    "{% endset %}{{ x }}",
    "much text": "{% for i in range(99999) %}{{ event.message }}{% endfor %}",
    "padding": "{{ 'x' | center(1000000000) }}",
    "a padding method": "{{ 'x'.ljust(1000000000) }}",
    "formats": "{{ '%1000000000d' % 1 }}",
    "a format": "{{ '{:1000000000}'.format(1) }}",
    "a format in a format": "{{ '{:{}}'.format(1, '1000000000') }}",
    "a format by a filter": "{{ '%*d' | format(1000000000, 1) }}",
    "indenting": "{{ event.message | indent(1000000000) }}",
    "indenting by a text": "{{ ('a\n' * 1000) | indent('x' * 100000) }}",
    "replacing": "{{ ('x' * 100000) | replace('x', 'y' * 100000) }}",
    "a replacing method": "{{ ('x' * 100000).replace('x', 'y' * 100000) }}",
    "replacing nothing": "{{ ('x' * 100000).replace('', 'y' * 100000) }}",
    "joining": "{{ range(90000) | join('x' * 100000) }}",
    "a joining method": "{{ ('x' * 100000).join(range(90000) | map('string')) }}",
    "translating": "{{ ('x' * 100000).translate({120: 'y' * 100000}) }}",
    "wrapping a long word": "{{ ('x' * 250000) | wordwrap(1) }}",
    "wrapping blanks": "{{ (' ' * 250000) | wordwrap(5) }}",
    "batches": "{{ [1] | batch(1000000000, 0) | list }}",
    "slices": "{{ [1] | slice(1000000000) | list }}",
    "rounding": "{{ 1.5 | round(1000000000, 'ceil') }}",
    "octets of a number": "{{ (1).to_bytes(1000000000, 'big') }}",
    "tabs": "{{ 'a\tb'.expandtabs(1000000000) }}",
    "indented JSON": "{{ [1] | tojson(1000000000) }}",
    "a sum of lists": "{{ ([[1] * 1000] * 1000) | sum(start=[]) }}",
    "many texts": "{{ range(90000) | map('string') | map('replace', '1', 'x' * 9999) | list }}",
    "many copies": "{% set a = 'x' * 200000 %}{{ [a] * 90000 }}",
    "one more product": "{% set a = 'x' * 200000 %}{% set b = [a] * 90000 %}{{ b | join }}",
}


@pytest.mark.parametrize("said", LONG.values(), ids=LONG)
def test_whatever_a_template_does_it_ends_soon_and_makes_no_more_than_a_mail_holds(
    said: str,
) -> None:
    before = time.thread_time()
    try:
        assert len(text(said)) <= MOST_BYTES
    except TemplateError as error:
        assert error.is_certain  # noqa: PT017
    assert time.thread_time() - before < 4 * MOST_SECONDS


def test_the_largest_event_does_not_stop_a_template_that_shows_it() -> None:
    log = "line\n" * (200 * 1024 // 5)
    large = replace(PROBLEM, message=log, data={"n": [{"a": n} for n in range(3000)]})
    assert text("{{ event.message | replace('line', 'row') }}", large).count("row") == 40960
    assert text("{% for each in data.n %}{{ each.a }},{% endfor %}", large).count(",") == 3000


# -- what a reader gets


def test_the_subject_is_one_clean_line_and_never_empty() -> None:
    hostile = replace(PROBLEM, message="a\r\nBcc: victim@example.com\n\x1b[1mb\u202e", subject=None)
    message = read(made(template("{{ event.message }}\nx"), hostile))
    assert message["Subject"] == r"[Zaionnex] a Bcc: victim@example.com b\u202e x"
    assert message["Bcc"] is None
    blank = read(made(template(" \n\t ")))
    assert blank["Subject"] == "[Zaionnex] 【障害発生・重大】sda が故障しそうです（fileserver01）"


def test_html_goes_beside_the_text_which_comes_first() -> None:
    page = "<html><body><h1>{{ event.subject }}</h1></body></html>"
    message = read(made(template(html=page)))
    assert message.get_content_type() == "multipart/alternative"
    plain, html = message.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert html.get_content() == "<html><body><h1>sda が故障しそうです</h1></body></html>\r\n"
    assert message.get_body(("html",)) is not None


@pytest.mark.parametrize(
    "said",
    [
        "{{ event.message }}",
        "{{ event.message ~ '' }}",
        "{{ [event.message] | join }}",
        "{{ event.message | replace('x', 'y') }}",
        "{% set x %}{{ event.message }}{% endset %}{{ x }}",
        "{% set x = event.message %}{{ x }}",
        "{{ data }}",
        "{{ data.html }}",
        "{{ event.title }}",
        "{{ '%s' | format(event.message) }}",
        "{{ '{}'.format(event.message) }}",
        "{% filter upper %}{{ event.message }}{% endfilter %}",
        "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(event.message) }}",
        "{% include 'part.j2' %}",
        "{{ data | tojson }}",
        "{{ data | xmlattr }}",
        "{{ event.message | indent }}",
        "{{ event.message | wordwrap(5) }}",
        "{{ event.message | truncate(5) }}",
        "<p title='{{ event.message }}'>",
    ],
)
def test_what_an_event_says_is_escaped_in_html(said: str) -> None:
    attack = "<script>alert('x')</script><img src=x onerror=\"alert(1)\">"
    hostile = replace(PROBLEM, message=attack, subject=None, data={"html": attack})
    message = read(made(template(html=said, part="{{ event.message }}"), hostile))
    html = message.get_body(("html",))
    assert html is not None
    content = html.get_content().lower()
    assert "<script" not in content
    assert "<img" not in content


@pytest.mark.parametrize("sign", ["\b", "\b\b\b", "\r", "\x1b]x", "\x9b", "\u202e", "\0"])
def test_nothing_in_an_event_takes_away_what_the_template_says(sign: str) -> None:
    attack = f"{sign} onclick=alert(1) {sign}"
    hostile = replace(PROBLEM, message=attack, data={attack: attack, "a": [attack]}, subject=None)
    page = (
        "<p title='{{ event.message }}'>{% for n, v in data.items() %}<i lang='{{ n }}'>{{ v }}</i>"
        "{% endfor %}<b{{ {'title': event.message} | xmlattr }}></b></p>"
    )
    message = read(made(template("S {{ event.message }}", "T {{ event.message }}", page), hostile))
    assert message["Subject"].startswith("[Zaionnex] S ")
    plain, html = (part.get_content() for part in message.iter_parts())
    assert plain.startswith("T ")
    assert re.fullmatch(
        r"<p title='[^'<>]*'>(<i lang='[^'<>]*'>[^<>]*</i>){2}<b title=\"[^\"<>]*\"></b></p>\r\n",
        html,
    )


def test_no_template_turns_escaping_off() -> None:
    for said in ("{% autoescape false %}x{% endautoescape %}", "{{ event.message | safe }}"):
        with pytest.raises(TemplateError):
            made(template(html=said))


def test_a_drill_and_what_poses_as_a_notice_are_marked_whatever_the_template_says() -> None:
    drill = replace(PROBLEM, extensions={"drill": True}, type="zaiond.x")
    message = read(made(template("x", "y", "<b>z</b>"), drill, user="<b>"))
    assert message["Subject"] == "[Zaionnex] 【訓練】x"
    plain, html = (part.get_content() for part in message.iter_parts())
    for part in (plain, html):
        assert "このメールは動作確認のための訓練です" in part
        assert "zaiond 自身の通知ではありません" in part
    assert "ユーザー &lt;b&gt; が" in html


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_mail_programs_read_it_in_each_charset(reader: Any) -> None:
    of = template(html="<p>{{ event.subject }}</p>")
    for charset in ("utf-8", "iso-2022-jp"):
        seen = reader(made(of, charset=charset, sender="zaionnex@example.co.jp").content)
        assert not seen.defects
        assert len(seen.texts) == 2
        assert "sda が故障しそうです" in seen.texts[1]


def test_a_template_that_fails_is_told_of_in_the_history_of_the_built_in_mail() -> None:
    error = failed("{{ nosuch }}")
    fallback = mail(PROBLEM, look=in_built_in_words(Look(template()), error))
    assert fallback.content == mail(PROBLEM).content
    assert fallback.remark is not None
    assert "t.txt.j2:1" in fallback.remark.ja
    assert "nosuch" in fallback.remark.en
    odd = replace(PROBLEM, message="①")
    both = mail(odd, look=in_built_in_words(Look(), error), charset="iso-2022-jp").remark
    assert both is not None
    assert "t.txt.j2:1" in both.en
    assert "U+2460" in both.en
