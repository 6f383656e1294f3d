"""Sessions: what is kept of a browser is in words of ours."""

import pytest

from zaiond.web.sessions import Session, Sessions, browser_of, name_of

CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "Firefox, Linux",
        ),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME}", "Chrome, Windows"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Edg/128.0.0.0", "Edge, Windows"),
        (f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Mobile", "Chrome, Android"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like"
            " Gecko) Version/17.4 Safari/605.1.15",
            "Safari, macOS",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML,"
            " like Gecko) CriOS/122.0 Mobile/15E148 Safari/604.1",
            "Chrome, iPhone",
        ),
        ("curl/8.5.0", ""),
        ("<script>alert(1)</script>\x1b[31m Windows", "Windows"),
        ("", ""),
    ],
)
def test_a_browser_is_named_in_a_few_words_of_ours(agent: str, shown: str) -> None:
    assert browser_of(agent) == shown


def test_a_user_sees_and_ends_those_of_his_that_last() -> None:
    now, gone = [1000.0], {"old"}
    sessions = Sessions(lambda: now[0], lambda one: one.browser not in gone, None)
    first, second, old = (sessions.begin("a", 1.0, "::1", one) for one in ("x", "y", "old"))
    other = sessions.begin("b", 1.0)
    now[0] += 10
    found = sessions.find(first)
    assert isinstance(found, Session)
    assert list(sessions.of("a")) == [name_of(first), name_of(second)], "used last first"
    assert sessions.end_of("a", {name_of(second), name_of(other), name_of(old), "x"}) == 1
    assert sessions.find(second) is None
    assert sessions.find(first) is not None
    assert sessions.find(other) is not None
