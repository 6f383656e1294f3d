"""What the settings mean, and what is warned of; no file is read."""

import os
import subprocess
import sys
from typing import Any

import pytest

from zaiond.config.forms import fill_names
from zaiond.config.outside import SourceError
from zaiond.config.parse import Parsed, YamlText, parse
from zaiond.config.schema import Config, MailServer, Rate, Secret
from zaiond.text import Text


class Sources:
    """Gives a secret for every file, and no credential."""

    def secret_file(self, path: str) -> str:
        return f"secret of {path}"

    def secret_text(self, path: str) -> str:
        return f"secret of {path}\n"

    def check_fleet(self) -> None:
        pass

    def credential(self, name: str) -> str:
        raise SourceError(Text(f"{name} なし", f"no {name}"), unchecked=True)

    def template_file(self, path: str) -> str:
        if path.endswith(".html.j2"):
            raise SourceError(Text(path, path), missing=True)
        return f"{path}: {{{{ event.title }}}}"

    def check_key(self, certificate: str, key: str) -> None:
        pass

    def check_certificates(self, path: str) -> None:
        pass

    def check_program(self, program: str) -> None:
        pass

    def check_permissions(self, file: str) -> None:
        pass


def parsed(text: str) -> Parsed:
    return parse([YamlText("zaiond.yaml", "/etc/zaiond", text)], Sources())


def with_server(text: str = "", top: str = "") -> Config:
    found = parsed(f"mail_server:\n  host: mailhost\n{text}admins: admin@zaion.jp\n{top}")
    assert found.errors == ()
    assert found.config is not None
    return found.config


def warned(text: str = "", top: str = "", host: str = "mailhost") -> list[tuple[str, int]]:
    found = parsed(f"mail_server:\n  host: {host}\n{text}admins: admin@zaion.jp\n{top}")
    assert found.errors == ()
    return [(warning.key, warning.line) for warning in found.warnings]


COMPLETE = """\
mail_server:
  host: mailhost
  port: 25
  security: null
  ca_file: null
  helo_name: null
  timeout: 30s
  final_timeout: 10m
  session_timeout: 30m
  max_connections: 8
  keep_idle: 5s
  rate: null
  auth:
    mechanism: none
    username: zaion
    password_file: smtp-password
    allow_unprotected_password: false
    ntlm_version: 2
    oauth2: null
  pop_before_smtp:
    enabled: false
    host: null
    port: 110
    security: none
    username: null
fallback_mail_servers: []
sender: zaionnex
admins: a@example.co.jp, b@example.co.jp
subject_prefix: "[Zaionnex]"
language: ja
charset: utf-8
notify:
  backup_auto_update: true
  wall: false
queue:
  retry_first: 1m
  retry_max: 1h
  expire: 5d
  keep: 30d
limits:
  connections: 64
  events_waiting: 100000
  bytes_waiting: 256M
  frame_deadline: 10s
"""


def test_the_settings_page_written_out_is_its_defaults() -> None:
    complete = parsed(COMPLETE).config
    short = parsed("mail_server: {host: mailhost}\nadmins: a@example.co.jp, b@example.co.jp\n")
    assert complete is not None
    assert complete.mail_server.auth.username == "zaion"
    assert short.config is not None
    assert complete.queue == short.config.queue
    assert complete.notify == short.config.notify
    assert complete.limits == short.config.limits
    assert (complete.sender, complete.language) == (short.config.sender, short.config.language)
    assert complete.admins == ("a@example.co.jp", "b@example.co.jp")


@pytest.mark.parametrize(
    ("written", "setting", "value"),
    [
        ("port: 465", "security", "tls"),
        ("port: 587", "security", "starttls"),
        ("port: 2525", "security", "opportunistic"),
        ("security: tls", "security", "tls"),
        ("timeout: 1.5m", "timeout", 90.0),
        ("keep_idle: 0s", "keep_idle", 0.0),
        ("rate: 30/m", "rate", Rate(30, 60.0)),
        ("rate: 2/d", "rate", Rate(2, 86400.0)),
        ("helo_name: '[192.0.2.1]'", "helo_name", "[192.0.2.1]"),
        ("ca_file: ../ca.pem", "ca_file", "/etc/zaiond/../ca.pem"),
        ("ca_file: /etc/ca.pem", "ca_file", "/etc/ca.pem"),
    ],
)
def test_a_setting_of_the_mail_server_means(written: str, setting: str, value: Any) -> None:
    assert getattr(with_server(f"  {written}\n").mail_server, setting) == value


@pytest.mark.parametrize(
    "host", ["mail.zaion.jp", "192.0.2.1", "::1", "メール.jp", "my_host", "a."]
)
def test_a_host_is_a_name_or_an_address(host: str) -> None:
    found = parsed(f"mail_server: {{host: '{host}'}}\nadmins: a@zaion.jp\n").config
    assert found is not None
    assert found.mail_server.host == host


@pytest.mark.parametrize(
    ("written", "admins"),
    [
        ("a@zaion.jp", ("a@zaion.jp",)),
        ("a@zaion.jp, b@zaion.jp ,c@zaion.jp", ("a@zaion.jp", "b@zaion.jp", "c@zaion.jp")),
        ("[a@zaion.jp, b@zaion.jp]", ("a@zaion.jp", "b@zaion.jp")),
        ("'\"山田, 太郎\" <a@zaion.jp>, b@zaion.jp'", ('"山田, 太郎" <a@zaion.jp>', "b@zaion.jp")),
        ("山田　太郎 <a@zaion.jp>", ("山田　太郎 <a@zaion.jp>",)),
        ("a@zaion.jp, A <a@ZAION.jp>", ("a@zaion.jp",)),
    ],
)
def test_admins_are_a_list_or_a_text_with_commas(written: str, admins: tuple[str, ...]) -> None:
    found = parsed(f"mail_server: {{host: h}}\nadmins: {written}\n")
    assert found.errors == ()
    assert found.config is not None
    assert found.config.admins == admins


@pytest.mark.parametrize(
    "sender", ["zaionnex", "a@zaion.jp", "バックアップ <zaionnex@{fqdn}>", "zaion@{host}.zaion.jp"]
)
def test_a_sender_may_lack_a_domain_and_have_a_name_and_placeholders(sender: str) -> None:
    assert with_server(top=f"sender: '{sender}'\n").sender == sender


@pytest.mark.parametrize(
    ("written", "security"),
    [
        ("", "none"),
        ("port: 110", "none"),
        ("port: 995", "tls"),
        ("port: 995, security: null", "tls"),
        ("port: 995, security: none", "none"),
        ("security: starttls", "starttls"),
    ],
)
def test_pops_encryption_is_by_its_port_where_it_is_not_set(written: str, security: str) -> None:
    found = with_server(f"  port: 465\n  pop_before_smtp: {{{written}}}\n")
    assert found.mail_server.pop_before_smtp.security == security


def test_pop_uses_its_own_login_else_auths() -> None:
    both = with_server(
        "  auth: {username: a, password_file: a}\n"
        "  pop_before_smtp: {enabled: true, username: b, password_file: b}\n"
    ).mail_server
    assert both.pop_before_smtp.username == "b"
    assert both.pop_before_smtp.password == Secret("secret of /etc/zaiond/b")
    lent = with_server(
        "  auth: {username: a, password_file: a}\n  pop_before_smtp: {enabled: true}\n"
    ).mail_server
    assert lent.auth.password == Secret("secret of /etc/zaiond/a")
    assert (lent.pop_before_smtp.username, lent.pop_before_smtp.password) == (None, None)


def test_placeholders_become_the_machines_names() -> None:
    assert fill_names("[{host}] {fqdn}", host="a", fqdn="a.zaion.jp") == "[a] a.zaion.jp"


def test_a_password_is_brought_from_its_file_and_shown_nowhere() -> None:
    login = "  auth: {mechanism: basic, username: zaion, password_file: p}\n"
    found = with_server(login).mail_server.auth
    assert found.password == Secret("secret of /etc/zaiond/p")
    assert "secret of" not in f"{found!r} {found}"
    inline = parsed(
        "mail_server: {host: h, auth: {mechanism: basic, username: u, password: 's3cret'}}\n"
        "admins: a@zaion.jp\n"
    )
    assert inline.config is not None
    assert inline.config.mail_server.auth.password == Secret("s3cret")
    shown = {setting.key: setting.value for setting in inline.settings}
    assert shown["mail_server.auth.password"] == "********"
    assert "s3cret" not in repr(inline)


@pytest.mark.parametrize("written", ["1000001s", "31535999s", "90.5s", "5d", "0.125s", "36h"])
def test_a_duration_is_shown_as_a_file_may_have_it(written: str) -> None:
    server = f"mail_server: {{host: h, final_timeout: {written}}}\nadmins: a@zaion.jp\n"
    top = f"mail_server: {{host: h}}\nadmins: a@zaion.jp\nqueue: {{keep: {written}, expire: 1s}}\n"
    shown = [each.value for text in (server, top) for each in parsed(text).settings]
    assert written in shown


def test_what_belongs_to_later_versions_may_stand_at_its_defaults() -> None:
    nothing = (
        "routes: {}\nroute_defaults: {}\ntimes: {}\njobs: {}\nsummary: null\nheartbeat: null\n"
    )
    found = with_server("  pop_before_smtp: {password: null}\n", nothing)
    assert found == with_server()


def test_the_longest_of_the_queues_times_may_be_as_short_as_the_shortest() -> None:
    found = with_server(top="queue: {retry_first: 1h, retry_max: 1h, expire: 2d, keep: 2d}\n").queue
    assert (found.retry_first, found.retry_max) == (3600, 3600)


def test_yes_and_on_are_true_as_yaml_has_it() -> None:
    assert with_server(top="notify: {backup_auto_update: off}\n").notify.backup_auto_update is False
    assert with_server(top="notify: {backup_auto_update: yes}\n").notify.backup_auto_update is True


def test_the_fallback_servers_follow_the_main_one_with_their_own_settings() -> None:
    found = with_server("  port: 587\n", "fallback_mail_servers: [{host: b, timeout: 1m}]\n")
    assert found.mail_servers == (found.mail_server, MailServer(host="b", timeout=60.0))


_CRAM_MD5 = "  auth: {mechanism: cram-md5, username: u, password_file: p}\n"
_NTLM = "  auth: {mechanism: ntlm, username: u, password_file: p, ntlm_version: "
_LOGIN = "  auth: {mechanism: basic, username: u, password_file: p, "
_POP = "  auth: {username: u, password_file: p}\n  pop_before_smtp: {enabled: true, "


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        ("", []),
        ("  port: 465\n", []),
        ("  port: 587\n", []),
        ("  port: 2465\n  security: tls\n", []),
        ("  security: tls\n", [("mail_server.security", 3)]),
        ("  port: 465\n  security: starttls\n", [("mail_server.security", 4)]),
        ("  port: 465\n  security: none\n", [("mail_server.security", 4)]),
        ("  port: 587\n  security: tls\n", [("mail_server.security", 4)]),
        ("  port: 110\n", [("mail_server.port", 3)]),
        ("  security: none\n  ca_file: ca.pem\n", [("mail_server.ca_file", 4)]),
        (_LOGIN + "}\n", []),
        (_LOGIN + "}\n  security: none\n", [("mail_server.auth.mechanism", 3)]),
        (
            _LOGIN + "allow_unprotected_password: true}\n",
            [("mail_server.auth.allow_unprotected_password", 3)],
        ),
        (_LOGIN + "allow_unprotected_password: true}\n  port: 465\n", []),
        (_CRAM_MD5, [("mail_server.auth.mechanism", 3)]),
        (_CRAM_MD5 + "  security: none\n", [("mail_server.auth.mechanism", 3)]),
        (_CRAM_MD5 + "  security: starttls\n", []),
        (_NTLM + "2}\n  security: starttls\n", []),
        (_NTLM + "1}\n  port: 465\n", []),
        (_NTLM + "1}\n", [("mail_server.auth.mechanism", 3)]),
        ("  auth: {mechanism: ntlm, username: CORP\\user, password_file: p}\n  port: 465\n", []),
        (
            "  auth: {mechanism: ntlm, username: CORP¥user, password_file: p}\n  port: 465\n",
            [("mail_server.auth.username", 3)],
        ),
        ("  auth: {mechanism: ntlm, username: \\¥u@x, password_file: p}\n  port: 465\n", []),
        ("  auth: {mechanism: basic, username: CORP¥user, password_file: p}\n  port: 465\n", []),
        (_LOGIN + "ntlm_version: 1}\n", [("mail_server.auth.ntlm_version", 3)]),
        ("  auth:\n    username: u\n", []),
        ("  auth:\n    password: '1'\n", [("mail_server.auth.password", 4)]),
        (_POP + "security: starttls}\n", []),
        (_POP + "port: 995}\n", []),
        (_POP + "security: starttls}\n  security: none\n  ca_file: ca.pem\n", []),
        (_POP + "}\n", [("mail_server.pop_before_smtp.security", 4)]),
        (_POP + "security: tls}\n", [("mail_server.pop_before_smtp.security", 4)]),
        (_POP + "port: 995, security: starttls}\n", [("mail_server.pop_before_smtp.security", 4)]),
        (_POP + "security: tls, port: 993}\n", [("mail_server.pop_before_smtp.port", 4)]),
        (_POP + "security: tls, port: 80}\n", [("mail_server.pop_before_smtp.port", 4)]),
        (
            _POP + "host: pop.example.jp, security: starttls}\n",
            [("mail_server.pop_before_smtp.host", 4)],
        ),
        (
            _POP + "security: starttls, password_file: q}\n",
            [("mail_server.auth.password_file", 3)],  # nobody uses it
        ),
        (
            "  pop_before_smtp: {username: u, password_file: p}\n",
            [("mail_server.pop_before_smtp.username", 3)],
        ),
    ],
)
def test_what_is_legal_and_surely_wrong_is_warned_of(
    text: str, warnings: list[tuple[str, int]]
) -> None:
    assert warned(text) == warnings


@pytest.mark.parametrize("sign", ["¥", "￥", "＼"])
@pytest.mark.parametrize("name", ["CORP{}user", "営業{}山田", "{}user@corp.zaion.jp", "a b{}user"])
def test_what_looks_like_a_backslash_is_warned_of_with_the_line_that_has_one(
    sign: str, name: str
) -> None:
    text = (
        "mail_server:\n  host: h\n  port: 465\n  auth:\n    mechanism: ntlm\n"
        "    {}\n    password_file: p\nadmins: a@zaion.jp\n"
    )
    (warning,) = parsed(text.format(f"username: {name.format(sign)}")).warnings
    for told, mark in ((warning.text.en, "write it as: "), (warning.text.ja, "書いてください: ")):
        assert f"「{sign}」" in told or f"'{sign}'" in told
        found = parsed(text.format(told.partition(mark)[2]))
        assert found.warnings == ()
        assert found.config is not None
        assert found.config.mail_server.auth.username == name.format("\\")


def test_names_kept_for_examples_are_warned_of() -> None:
    assert warned(host="mail.example.co.jp") == [("mail_server.host", 2)]
    assert warned(host="example.company.jp") == []
    assert warned(top="sender: x@example.com\n") == [("sender", 4)]
    found = parsed("mail_server: {host: h}\nadmins: a@example.org, b@zaion.jp, c@host.example\n")
    assert [warning.text.en.split()[0] for warning in found.warnings] == [
        "a@example.org",
        "c@host.example",
    ]


def test_what_makes_every_mail_utf_8_in_spite_of_the_charset_is_warned_of() -> None:
    top = 'sender: 髙島 <a@zaion.jp>\nsubject_prefix: "[①号機]"\n'
    assert warned(top=top) == []
    beyond = warned(top=f"{top}charset: iso-2022-jp\n")
    assert beyond == [("sender", 4), ("subject_prefix", 5)]
    assert warned(top="sender: 高島 <a@zaion.jp>\ncharset: iso-2022-jp\n") == []


def test_the_same_server_twice_is_warned_of() -> None:
    assert warned(top="fallback_mail_servers:\n- host: mailhost\n") == [
        ("fallback_mail_servers[0].host", 5)
    ]


def test_the_types_alone_are_cheap_to_import() -> None:
    program = "import sys, zaiond.config.schema; print(*sys.modules)"
    environment = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
    loaded = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"yaml", "watchdog", "asyncio", "ssl", "socket", "logging"} & set(loaded)
