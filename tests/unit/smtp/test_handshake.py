"""What is understood of a server's offers, and what is tried when TLS fails."""

from dataclasses import replace

import pytest

from zaiond.smtp.events import Say
from zaiond.smtp.failure import Stage
from zaiond.smtp.handshake import SessionSettings, fall_back
from zaiond.smtp.sasl import Credentials
from zaiond.smtp.syntax import Capabilities, Reply


def offered(*lines: str) -> Capabilities:
    return Capabilities.of(Reply(250, (b"mail.example", *(line.encode() for line in lines))))


def test_keywords_count_in_any_case_and_junk_is_passed_over() -> None:
    found = offered("pipelining", "STARTTLS", "", "X-WHAT EVER", "\xff\xfe", "8bitmime", "SmtpUtf8")
    assert found.pipelining
    assert found.starttls
    assert found.eightbitmime
    assert found.smtputf8


@pytest.mark.parametrize(
    ("line", "size"),
    [("SIZE 1000", 1000), ("SIZE", 0), ("SIZE 0", 0), ("SIZE lots", 0), ("SIZE " + "9" * 99, 0)],
)
def test_size_may_be_no_limit_or_nonsense(line: str, size: int) -> None:
    assert offered(line).size == size
    assert offered().size is None


def test_auth_is_understood_as_old_servers_write_it() -> None:
    assert offered("AUTH=LOGIN PLAIN", "AUTH PLAIN CRAM-MD5").auth == ("LOGIN", "PLAIN", "CRAM-MD5")


SECRET = Credentials("basic", "zaion", "secret")
OPPORTUNISTIC = SessionSettings(server="m:25", helo_name="c", security="opportunistic")


def test_opportunistic_goes_from_verified_to_unverified_to_plain_text() -> None:
    unverified = fall_back(OPPORTUNISTIC, "certificate")
    assert unverified == replace(OPPORTUNISTIC, verify=False)
    assert fall_back(unverified, "tls") == replace(unverified, security="none")
    assert fall_back(OPPORTUNISTIC, "timeout") == replace(OPPORTUNISTIC, security="none")


def test_no_plain_text_where_a_password_must_be_protected() -> None:
    with_password = replace(OPPORTUNISTIC, credentials=SECRET)
    assert fall_back(with_password, "tls") is None
    allowed = replace(OPPORTUNISTIC, credentials=replace(SECRET, allow_unprotected=True))
    assert fall_back(allowed, "tls") == replace(allowed, security="none")


def test_plain_text_where_what_is_sent_is_no_reusable_secret() -> None:
    challenged = replace(OPPORTUNISTIC, credentials=replace(SECRET, mechanism="cram-md5"))
    assert fall_back(challenged, "tls") == replace(challenged, security="none")


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_demanded_tls_is_never_given_up(security: str) -> None:
    settings = replace(OPPORTUNISTIC, security=security)  # type: ignore[arg-type]
    assert fall_back(settings, "certificate") is None
    assert fall_back(settings, "tls") is None


def test_a_secret_is_in_no_repr() -> None:
    settings = replace(OPPORTUNISTIC, credentials=SECRET)
    assert "secret" not in repr(settings)
    assert "c2VjcmV0" not in repr(Say(Stage.AUTH, b"c2VjcmV0"))
