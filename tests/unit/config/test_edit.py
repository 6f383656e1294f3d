"""A value changed in a configuration's text; every other character stays."""

from pathlib import Path
from typing import Any

import pytest

from zaiond.config.edit import EditError, change, is_shared
from zaiond.config.schema import declaration
from zaiond.config.yaml import read

EXAMPLE = Path(__file__).parents[3] / "etc" / "zaiond.yaml"


def changed(text: str, key: str, value: Any) -> str:
    written = declaration(key).kind.write(value)
    return change("zaiond.yaml", text, {key: written})


BLOCK = """\
# a comment
mail_server:   # ours
  host:   old.example   # keep me
  port: 25
  # before auth

  auth:
    mechanism: none
# about admins
admins: a@b
"""


@pytest.mark.parametrize(
    ("before", "key", "value", "after"),
    [
        ("a: 1\nsender: old # x\n", "sender", "new", "a: 1\nsender: new # x\n"),
        ("sender: old", "sender", "new", "sender: new"),
        ("sender:\n", "sender", "new", "sender: new\n"),
        ("sender:   # none\nx: 1\n", "sender", "new", "sender: new   # none\nx: 1\n"),
        ("sender: null\n", "sender", "new", "sender: new\n"),
        ("sender: 'old'\n", "sender", "it's", "sender: 'it''s'\n"),
        ('sender: "old"\n', "sender", "new", 'sender: "new"\n'),
        ("sender: >-\n  old\n  er\nx: 1\n", "sender", "new", "sender: new\nx: 1\n"),
        ('"sender" :  old\n', "sender", "new", '"sender" :  new\n'),
        ("sender: old\r\nx: 1\r\n", "sender", "new", "sender: new\r\nx: 1\r\n"),
        ("\ufeffsender: old\n", "sender", "new", "\ufeffsender: new\n"),
        ("# 𠮷 日本語\nsender: 旧\n", "sender", "新 <a@b>", '# 𠮷 日本語\nsender: "新 <a@b>"\n'),
        ("---\nsender: old\n...\n", "sender", "new", "---\nsender: new\n...\n"),
        # what looks like something else is put into quotes
        ("sender: x\n", "sender", "yes", 'sender: "yes"\n'),
        ("sender: x\n", "sender", "0123", 'sender: "0123"\n'),
        ("sender: x\n", "sender", "a: b", 'sender: "a: b"\n'),
        ("sender: x\n", "sender", " a", 'sender: " a"\n'),
        ("sender: x\n", "sender", '"N, M" <a@b>', 'sender: "\\"N, M\\" <a@b>"\n'),
        ("sender: x\n", "sender", "-", 'sender: "-"\n'),
        ("sender: x\n", "sender", "a\ufeff", 'sender: "a\\ufeff"\n'),
        # into flow mappings
        ("{sender: x}\n", "sender", "a, b", '{sender: "a, b"}\n'),
        (
            "mail_server: {host: h}\n",
            "mail_server.port",
            587,
            "mail_server: {host: h, port: 587}\n",
        ),
        (
            "mail_server: {host: h, auth: null}\n",
            "mail_server.auth.mechanism",
            "basic",
            "mail_server: {host: h, auth: {mechanism: basic}}\n",
        ),
        ("mail_server: {}\n", "mail_server.host", "h", "mail_server: {host: h}\n"),
        (
            "mail_server: {host: h}\n",
            "mail_server.auth.username",
            "u",
            "mail_server: {host: h, auth: {username: u}}\n",
        ),
        (
            "mail_server: {\n  host: h, # x\n  port: 25,\n}\n",
            "mail_server.auth.username",
            "u",
            "mail_server: {\n  host: h, # x\n  port: 25, auth: {username: u},\n}\n",
        ),
        # what is not there yet
        ("", "sender", "new", "sender: new\n"),
        ("# only comments", "sender", "new", "# only comments\nsender: new\n"),
        ("", "mail_server.host", "h", "mail_server:\n  host: h\n"),
        ("admins: a@b\nlanguage: en\n", "sender", "x", "admins: a@b\nlanguage: en\nsender: x\n"),
        (
            BLOCK,
            "mail_server.host",
            "new.example",
            BLOCK.replace("old.example", "new.example"),
        ),
        (BLOCK, "sender", "x", BLOCK.replace("# about", "sender: x\n# about")),
        (
            BLOCK,
            "mail_server.auth.username",
            "u",
            BLOCK.replace("mechanism: none\n", "mechanism: none\n    username: u\n"),
        ),
        (
            BLOCK,
            "mail_server.security",
            "tls",
            BLOCK.replace("port: 25\n", "port: 25\n  security: tls\n"),
        ),
        (
            BLOCK,
            "mail_server.pop_before_smtp.enabled",
            True,
            BLOCK.replace(
                "mechanism: none\n", "mechanism: none\n  pop_before_smtp:\n    enabled: true\n"
            ),
        ),
        (
            "mail_server:\n    host: h\n    auth:\nsender: x\n",
            "mail_server.auth.mechanism",
            "basic",
            "mail_server:\n    host: h\n    auth:\n      mechanism: basic\nsender: x\n",
        ),
        (
            "mail_server:\n  auth: null # how\n",
            "mail_server.auth.mechanism",
            "basic",
            "mail_server:\n  auth:\n    mechanism: basic # how\n",
        ),
        (
            "mail_server:\n  host: h",
            "mail_server.port",
            26,
            "mail_server:\n  host: h\n  port: 26\n",
        ),
        (
            "mail_server:\n  host: |-\n    h\n\n# x\nadmins: a@b\n",
            "mail_server.port",
            26,
            "mail_server:\n  host: |-\n    h\n  port: 26\n\n# x\nadmins: a@b\n",
        ),
        # comments that are indented deeper belong to what is before
        (
            "mail_server:\n  host: h\n\n  # in it\n  # too\n# not\nadmins: a@b\n",
            "sender",
            "x",
            "mail_server:\n  host: h\n\n  # in it\n  # too\nsender: x\n# not\nadmins: a@b\n",
        ),
        (
            "mail_server:\n  auth: {}\n  # of the server\n",
            "mail_server.pop_before_smtp.enabled",
            True,
            "mail_server:\n  auth: {}\n  pop_before_smtp:\n    enabled: true\n  # of the server\n",
        ),
        # lists of addresses
        ("admins: a@b, c@d # x\n", "admins", ("a@b", "e@f"), "admins: a@b, e@f # x\n"),
        ("admins: [a@b, c@d]\n", "admins", ("c@d", "N <e@f>"), 'admins: [c@d, "N <e@f>"]\n'),
        ("admins: []\n", "admins", ("a@b",), "admins: [a@b]\n"),
        ("admins: [ # none\n]\n", "admins", ("a@b",), "admins: [a@b]\n"),
        (
            "admins: [ # all\n  a@b,  # Alice\n  # second\n  'c@d' # Carol\n ]\n",
            "admins",
            ("c@d", "e@f", "a@b"),
            "admins: [ # all\n  c@d, # Carol\n  e@f,\n  a@b  # Alice\n ]\n",
        ),
        (
            "admins: [a@b,\r\n  # second\r\n  c@d] # all\r\n",
            "admins",
            ("a@b", "e@f", "c@d"),
            "admins: [a@b, e@f,\r\n  # second\r\n  c@d] # all\r\n",
        ),
        ("admins: [a@b, c@d # Carol\n ]\n", "admins", ("c@d",), "admins: [c@d # Carol\n ]\n"),
        ("admins: [a@b, c@d # Carol\n , e@f]\n", "admins", ("a@b",), "admins: [a@b]\n"),
        ('admins: ["a#b@c", c@d]\n', "admins", ("c@d",), "admins: [c@d]\n"),
        ("admins: [a@b]\n", "admins", ('"N, M" <e@f>',), 'admins: ["\\"N, M\\" <e@f>"]\n'),
        (
            "admins:\n# first\n- a@b   # Alice\n# second\n- 'c@d'  # Carol\nx: 1\n",
            "admins",
            ("c@d", "e@f"),
            "admins:\n# first\n# second\n- 'c@d'  # Carol\n- e@f\nx: 1\n",
        ),
        (
            "admins:\n  - a@b\n  - c@d",
            "admins",
            ("c@d", "a@b", "e@f"),
            "admins:\n  - c@d\n  - a@b\n  - e@f\n",
        ),
    ],
)
def test_only_the_value_is_changed(before: str, key: str, value: Any, after: str) -> None:
    assert changed(before, key, value) == after


def test_several_changes_are_made_one_after_another() -> None:
    text = change(
        "zaiond.yaml",
        "admins: a@b\n",
        {
            "mail_server.host": "h",
            "mail_server.auth.mechanism": "basic",
            "mail_server.auth.username": "u",
            "admins": "c@d",
        },
    )
    assert text == (
        "admins: c@d\nmail_server:\n  host: h\n  auth:\n    mechanism: basic\n    username: u\n"
    )


def test_in_the_documented_example_only_that_line_changes() -> None:
    before = EXAMPLE.read_text(encoding="utf-8").splitlines()
    for key, value in {
        "mail_server.host": "mx",
        "mail_server.port": 587,
        "mail_server.auth.mechanism": "basic",
        "mail_server.auth.username": "u",
        "mail_server.auth.password_file": "smtp-password",
        "mail_server.pop_before_smtp.enabled": True,
        "sender": "a@b.example",
        "admins": ("a@b.example", "c@d.example"),
    }.items():
        after = changed("\n".join(before), key, value).splitlines()
        assert len(after) == len(before)
        different = [n for n, line in enumerate(before) if after[n] != line]
        assert len(different) == 1, key


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("mail_server: text\n", "mail_server.port", 26),
        ("mail_server: [1]\n", "mail_server.port", 26),
        ("sender: &x old\nsubject_prefix: *x\n", "sender", "new"),
        ("a: &a {host: h}\nmail_server: *a\n", "mail_server.host", "new"),
        ("mail_server: &a\n  host: h\nb: *a\n", "mail_server.host", "new"),
    ],
)
def test_what_would_change_more_than_that_is_left_to_a_person(
    text: str, key: str, value: Any
) -> None:
    with pytest.raises(EditError) as caught:
        changed(text, key, value)
    for sentence in caught.value.text:
        assert key in sentence
        assert str(value) in sentence


@pytest.mark.parametrize(
    ("text", "key", "shared"),
    [
        ("sender: x\n", "sender", False),
        ("sender: x\n", "mail_server.host", False),
        ("a: &x y\nsender: *x\n", "sender", True),
        ("a: &x y\nsender: *x\n", "a", True),
        ("mail_server: &m {host: h}\nb: *m\n", "mail_server.host", True),
        ("mail_server: &m {host: h}\nb: *m\n", "b.host", True),
        ("mail_server:\n  auth: &a {username: u}\n  b: *a\n", "mail_server.host", False),
    ],
)
def test_what_has_a_name_in_yaml_is_shared(text: str, key: str, shared: bool) -> None:
    assert is_shared(read("", text)[0], key) is shared
