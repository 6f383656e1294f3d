"""Hints that a person can follow: they name settings that exist, in both languages."""

import re
from dataclasses import replace
from typing import get_args

import pytest

from zaiond.config.schema import Auth, MailServer, PopBeforeSmtp, declarations
from zaiond.selftest.advice import hint
from zaiond.smtp.failure import Cause, Certificate, Failure, Stage
from zaiond.smtp.syntax import Reply
from zaiond.text import Text

SAID = [
    "421 4.7.0 too many connections",
    "450 4.2.0 Later",
    "530 5.7.0 Authentication required",
    "530 5.7.0 Must issue a STARTTLS command first",
    "535 5.7.8 Bad password",
    "550 5.1.1 No such user",
    "552 5.2.2 Mailbox full",
    "552 5.3.4 Too big",
    "553 5.1.8 Domain not found",
    "554 5.7.1 Relay access denied",
]
FAILURES = [
    Failure(stage=stage, server="mailhost:25", cause=cause, detail="words")
    for stage in Stage
    for cause in get_args(Cause)
    if cause != "reply"
] + [
    Failure(
        stage=stage,
        server="mailhost:25",
        cause="reply",
        reply=Reply(int(said[:3]), (said[4:].encode(),)),
    )
    for stage in Stage
    for said in SAID
]


def test_a_hint_has_cause_and_remedy_in_both_languages() -> None:
    for failure in FAILURES:
        text = hint(failure)
        cause, remedy = text.ja.splitlines()
        assert cause.startswith("原因: "), failure
        assert remedy.startswith("対処: "), failure
        assert remedy.endswith("。"), failure
        cause, remedy = text.en.splitlines()
        assert cause.startswith("Cause: "), failure
        assert remedy.startswith("Remedy: "), failure
        assert remedy.endswith((".", '"')), failure
        assert text.en.isascii(), failure


def test_a_hint_names_only_settings_that_exist() -> None:
    for text in map(hint, FAILURES):
        for key in re.findall(r"mail_server\.([a-z0-9_.]*[a-z0-9_])", text.ja + text.en):
            first, _, second = key.partition(".")
            assert first in declarations(MailServer), key
            below = {"auth": Auth, "pop_before_smtp": PopBeforeSmtp}
            assert not second or second in declarations(below[first]), key


def test_a_hint_for_a_fallback_names_the_fallbacks_settings() -> None:
    for failure in FAILURES:
        for words in hint(failure, "fallback_mail_servers[1]"):
            cause, remedy = words.splitlines()
            assert "mail_server." not in remedy.replace("fallback_mail_servers[1].", "")
            assert cause in (line for text in hint(failure) for line in text.splitlines())


def test_a_hint_has_the_servers_own_words() -> None:
    for failure in FAILURES:
        said_nothing = (Stage.RESOLVE, Stage.CONNECT, Stage.POP)
        if failure.reply is not None and failure.stage not in said_nothing:
            assert failure.reply.text in hint(failure).ja
            assert failure.reply.text in hint(failure).en


def particular(stage: Stage, said: str) -> str:
    reply = Reply(int(said[:3]), (said[4:].encode(),))
    return hint(Failure(stage=stage, server="m:25", cause="reply", reply=reply)).en


def test_particular_cases_have_particular_remedies() -> None:
    assert "domain that exists" in particular(Stage.MAIL, "553 5.1.8 Domain not found")
    assert "mail_server.auth" in particular(Stage.RCPT, "554 5.7.1 Relay access denied")
    assert "mail_server.auth" in particular(Stage.MAIL, "530 5.7.0 Authentication required")
    assert "mail_server.auth" in particular(Stage.MAIL, "503 5.5.4 Error: send AUTH first")
    assert "to starttls" in particular(Stage.MAIL, "530 5.7.0 Must issue STARTTLS first")
    assert "mailbox" in particular(Stage.RCPT, "552 5.2.2 Mailbox full")
    wrong_mode = Failure(stage=Stage.TLS, server="m:25", cause="tls", detail="wrong version number")
    assert "mail_server.security to starttls" in hint(wrong_mode).en
    unprotected = hint(Failure(stage=Stage.AUTH, server="m:25", cause="unprotected"))
    for language in unprotected:  # both ways out (interface 2)
        assert "mail_server.security" in language
        assert "mail_server.auth.allow_unprotected_password" in language
    for said in ("535 5.7.139 basic authentication is disabled", "550 5.7.30 Not supported"):
        assert "xoauth2" in particular(Stage.AUTH, said)
        assert "xoauth2" in particular(Stage.CONTENT, said)
    assert "xoauth2" not in particular(Stage.AUTH, "535 5.7.8 Bad password")
    unknown = hint(Failure(stage=Stage.RESOLVE, server="mailhost:25", cause="no_name"))
    assert "mailhost" in unknown.ja


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("400 invalid_grant: expired", "refresh_token_file"),
        ("401 invalid_client: AADSTS7000222", "client_secret_file"),
        ("400 invalid_scope", "scope"),
    ],
)
def test_what_the_token_endpoint_says_decides_what_is_to_be_mended(said: str, remedy: str) -> None:
    reply = Reply(int(said[:3]), (said[4:].encode(),))
    failure = Failure(
        stage=Stage.TOKEN, server="m:25", cause="token_refused", reply=reply, detail="https://x/"
    )
    for language in hint(failure):
        cause, found = language.splitlines()
        assert said in cause
        assert remedy in found


def test_a_refused_token_is_no_matter_of_passwords() -> None:
    reply = Reply(535, (b"5.7.3 Authentication unsuccessful",))
    failure = Failure(
        stage=Stage.AUTH,
        server="m:25",
        cause="reply",
        reply=reply,
        detail="XOAUTH2: status 400",
        mechanism="XOAUTH2",
    )
    assert "password" not in hint(failure).en
    assert "scope" in hint(failure).en


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("smtp.gmail.com", "Google"),
        ("smtp-relay.gmail.com", "Google"),
        ("smtp.mail.yahoo.co.jp", "Yahoo!"),
        ("smtp.mail.me.com", "iCloud"),
        ("smtp.office365.com.", "Microsoft"),
        ("smtp-mail.outlook.com", "Microsoft"),
        ("mail.example.co.jp", "The server"),
        ("notgmail.com.example.jp", "The server"),
    ],
)
def test_a_wrong_password_is_told_by_what_the_provider_wants(host: str, name: str) -> None:
    reply = Reply(535, (b"5.7.8 Username and Password not accepted",))
    failure = Failure(stage=Stage.AUTH, server=f"{host}:587", cause="reply", reply=reply)
    assert f"Cause: {name} refuses the login." in hint(failure).en


def test_a_refused_login_is_told_by_its_mechanism() -> None:
    reply = Reply(535, (b"5.7.3 Authentication unsuccessful",))

    def by(mechanism: str) -> str:
        failure = Failure(
            stage=Stage.AUTH, server="m:25", cause="reply", reply=reply, mechanism=mechanism
        )
        return hint(failure).en

    assert "DOMAIN\\user" in by("NTLM")
    assert "mechanism to basic" in by("CRAM-MD5")
    assert by("PLAIN") == by("LOGIN")
    assert len({by("NTLM"), by("CRAM-MD5"), by("PLAIN")}) == 3


def without(cause: Cause, stage: Stage, detail: str = "", server: str = "mailhost:25") -> str:
    return hint(Failure(stage=stage, server=server, cause=cause, detail=detail)).en


def test_the_wrong_port_for_the_mode_of_tls_is_told_in_both_directions() -> None:
    plain = without("tls", Stage.TLS, "wrong version number", "mailhost:587")
    assert "mail_server.security to starttls" in plain
    for cause in ("timeout", "closed", "reset"):
        implicit = without(cause, Stage.GREETING, server="mailhost:465")
        assert "mail_server.security to tls" in implicit
        assert "port 465" in implicit
        assert implicit != without(cause, Stage.GREETING)


def test_a_server_of_another_kind_is_named() -> None:
    said = {
        "+OK Dovecot ready.": ("」は POP サーバーのようです", "a POP server"),
        "* OK IMAP4 ready": ("」は IMAP サーバーのようです", "an IMAP server"),
        "SSH-2.0-OpenSSH_9.2": ("」は SSH サーバーのようです", "an SSH server"),
        "HTTP/1.1 400 Bad Request": ("」は Web サーバーのようです", "a web server"),
        "\\x15\\x03": ("」は SMTP ではないサーバーのようです", "no SMTP server"),
    }
    for line, (ja, en) in said.items():
        detail = f"the server sent what is no SMTP reply: {line}"
        failure = Failure(
            stage=Stage.GREETING, server="mailhost:25", cause="protocol", detail=detail
        )
        assert ja in hint(failure).ja
        assert en in hint(failure).en


def test_a_blocked_port_25_is_told_of_on_port_25_only() -> None:
    assert "block port 25" in without("timeout", Stage.CONNECT)
    assert "port 25" not in without("timeout", Stage.CONNECT, server="mailhost:587")
    refused = without("refused", Stage.CONNECT)
    assert refused != without("timeout", Stage.CONNECT)


def certificate(detail: str, seen: Certificate | None = None) -> Text:
    return hint(
        Failure(
            stage=Stage.TLS, server="mailhost:465", cause="certificate", detail=detail,
            certificate=seen,
        )
    )  # fmt: skip


def test_a_certificate_for_another_name_is_told_with_both_names() -> None:
    seen = Certificate(names=("mail.example.jp", "*.example.jp"), not_before=0.0, not_after=1.0)
    for text in certificate("Hostname mismatch, certificate is not valid for 'mailhost'.", seen):
        assert "mail.example.jp, *.example.jp" in text
        assert "mailhost" in text
        assert "mail_server.host" in text
    unseen = certificate("Hostname mismatch, certificate is not valid for 'mailhost'.")
    assert "mailhost" in unseen.en
    nameless = certificate("Hostname mismatch", replace(seen, names=()))
    assert "subjectAltName" in nameless.en


def test_a_certificate_out_of_its_time_is_told_with_the_day() -> None:
    seen = Certificate(names=("a.jp",), not_before=1_800_000_000.0, not_after=1_800_086_400.0)
    assert "until 2027-01-16" in certificate("certificate has expired", seen).en
    assert "2027-01-16 まで" in certificate("certificate has expired", seen).ja
    assert "from 2027-01-15" in certificate("certificate is not yet valid", seen).en
    assert "clock" in certificate("certificate is not yet valid").en


def test_other_faults_of_certificates_are_told_apart() -> None:
    unknown = certificate("unable to get local issuer certificate").en
    assert "mail_server.ca_file to that authority" in unknown
    missing = certificate("/etc/zaiond/ca.pem: No such file or directory").en
    assert "permissions" in missing
    assert "/etc/zaiond/ca.pem" in missing
    old = without("tls", Stage.TLS, "unsupported protocol")
    assert "TLS 1.2" in old


@pytest.mark.parametrize(
    ("cause", "detail", "ja"),
    [
        (
            "certificate",
            "unable to get local issuer certificate",
            "信頼できる認証局のものではありません",
        ),
        ("certificate", "self-signed certificate", "自己署名の証明書です"),
        ("certificate", "certificate has expired", "有効期限が切れています"),
        (
            "certificate",
            "Hostname mismatch, certificate is not valid for 'a.jp'.",
            "証明書の名前が違います",
        ),
        ("tls", "wrong version number", "TLS の応答ではありません"),
        ("tls", "unsupported protocol", "TLS のバージョンが合いません"),
    ],
)
def test_what_openssl_says_is_told_in_japanese(cause: Cause, detail: str, ja: str) -> None:
    failure = Failure(stage=Stage.TLS, server="mailhost:465", cause=cause, detail=detail)
    assert f"({ja})" in failure.text.ja
    assert f"({detail})" in failure.text.en
    assert detail not in hint(failure).ja


def test_a_mechanism_that_is_not_offered_is_told_with_the_settings_that_are() -> None:
    offered = without("no_mechanism", Stage.AUTH, "the server offers GSSAPI, NTLM, LOGIN, PLAIN")
    assert "mail_server.auth.mechanism to ntlm or basic" in offered
    nothing = without("no_mechanism", Stage.AUTH, "the server offers nothing")
    assert "offers no login on this connection" in nothing
    strange = without("no_mechanism", Stage.AUTH, "the server offers GSSAPI")
    assert "It offers GSSAPI" in strange


def test_what_broke_off_is_told_by_where_and_how() -> None:
    told = {
        without("timeout", Stage.MAIL),
        without("protocol", Stage.MAIL, "the server sent what is no SMTP reply: x"),
        without("closed", Stage.MAIL),
        without("closed", Stage.AUTH),
        without("closed", Stage.GREETING),
        without("closed", Stage.CONTENT),
    }
    assert len(told) == 6
    assert "mail_server.timeout" in without("timeout", Stage.MAIL)
    assert "mail_server.auth" in without("closed", Stage.AUTH)
    assert "may have arrived" in without("closed", Stage.CONTENT)
