"""A hint is whole whatever a server says."""

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from zaiond.selftest.advice import hint
from zaiond.smtp.failure import Cause, Failure, Stage
from zaiond.smtp.syntax import MAX_SHOWN, Reply

WORDS = st.sampled_from(
    [
        "5.7.1",
        "5.7.139",
        "5.1.8",
        "4.7.0",
        "5.2.2",
        "sender address rejected",
        "domain not found",
        "relay",
        "too many",
        "logins",
        "spam",
        "blocked using",
        "helo",
        "client host [",
        "]",
        "quota",
        "authentication required",
        "oauth",
        "password",
        "disabled",
        "basic authentication is",
        "535",
        "\x1b[2J",
        "\x00",
        "mail_server.",
        "greylisted",
        "send as",
        "mailbox full",
        "starttls",
    ]
)
SAID = st.lists(WORDS | st.text(max_size=8), max_size=200).map(
    lambda words: " ".join(words).encode("utf-8", "replace")
)
FAILURES = st.builds(
    Failure,
    stage=st.sampled_from(Stage),
    server=st.sampled_from(["mailhost:25", "smtp.gmail.com:587", "[2001:db8::1]:465"]),
    cause=st.sampled_from(get_args(Cause)),
    reply=st.none()
    | st.builds(Reply, st.integers(200, 599), st.lists(SAID, min_size=1).map(tuple), st.none()),
    detail=st.sampled_from(["", "words", "XOAUTH2: status 400", "the server offers nothing"]),
    mechanism=st.sampled_from(["", "PLAIN", "NTLM", "XOAUTH2"]),
)


@given(failure=FAILURES, keys=st.sampled_from(["mail_server", "fallback_mail_servers[0]"]))
def test_any_failure_has_cause_and_remedy_in_one_line_each(failure: Failure, keys: str) -> None:
    for text, cause_is, remedy_is in zip(
        hint(failure, keys), ("原因: ", "Cause: "), ("対処: ", "Remedy: "), strict=True
    ):
        cause, remedy = text.split("\n")
        assert cause.startswith(cause_is)
        assert len(cause) > len(cause_is) + 5
        assert remedy.startswith(remedy_is)
        assert remedy.endswith(("。", ".", '"'))
        assert text.replace("\n", "").isprintable()
        assert len(text) < 3 * MAX_SHOWN
