"""What a request itself tells: whose address it has, and where it may go on to."""

import pytest

from zaiond.web import guard
from zaiond.web.context import preferred
from zaiond.web.guard import Place

ALONE = Place(frozenset({"relay", "relay.zaion.jp"}), None)
BEHIND = Place(frozenset(), "https://mail.zaion.jp")


def test_a_host_is_ours_by_our_names_by_an_address_or_by_the_url() -> None:
    assert guard.host_is_ours("RELAY.zaion.jp:8443", ALONE)
    assert guard.host_is_ours("relay", ALONE)
    assert not guard.host_is_ours("mail.zaion.jp", ALONE)
    assert guard.host_is_ours("mail.zaion.jp", BEHIND)
    assert not guard.host_is_ours("mail.zaion.jp:8025", BEHIND)
    assert guard.host_is_ours("127.0.0.1:8025", BEHIND)  # what a proxy says by itself


def test_behind_a_proxy_a_form_comes_from_the_url() -> None:
    headers = {"origin": "https://mail.zaion.jp", "host": "127.0.0.1:8025"}
    assert guard.is_from_us(headers, "http", BEHIND)
    assert not guard.is_from_us(headers, "http", ALONE)
    assert not guard.is_from_us(headers | {"origin": "http://mail.zaion.jp"}, "http", BEHIND)


@pytest.mark.parametrize(
    ("peer", "forwarded", "place", "address"),
    [
        ("127.0.0.1", None, BEHIND, "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9", BEHIND, "203.0.113.9"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.9", BEHIND, "203.0.113.9"),  # the proxy's own word
        ("::1", "[2001:db8::1]", BEHIND, "2001:db8::1"),
        ("127.0.0.1", "203.0.113.9", ALONE, "127.0.0.1"),  # nobody said that there is a proxy
        ("192.0.2.7", "203.0.113.9", BEHIND, "192.0.2.7"),  # it did not come by the proxy
        ("127.0.0.1", "evil\n", BEHIND, "127.0.0.1"),
    ],
)
def test_whose_address_counts(peer: str, forwarded: str, place: Place, address: str) -> None:
    assert guard.client_address(peer, forwarded, place) == address


def test_a_form_counts_by_the_secret_of_its_session_and_without_one_never() -> None:
    assert guard.form_is_ours(guard.form_token("token"), "token")
    assert not guard.form_is_ours(guard.form_token("other"), "token")
    assert not guard.form_is_ours("", "token")
    assert not guard.form_is_ours(guard.form_token(""), "")


@pytest.mark.parametrize(
    "path",
    ["", "status", "//evil", "/\\evil", "https://evil", "/a\r\nb", "/\t/evil", "/ä", "js:x"],
)
def test_a_page_to_go_on_to_is_ours(path: str) -> None:
    assert guard.page_of_ours(path) == "/status"
    assert guard.page_of_ours("/history?failed=1") == "/history?failed=1"


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("ja", "ja"),
        ("en-US,en;q=0.9", "en"),
        ("fr,ja;q=0.7,en;q=0.8", "en"),
        ("en;q=0.1, JA-jp;q=0.9", "ja"),
        ("fr", None),
        ("*", None),
        ("", None),
        ("en;q=0", None),
        ("en;q=x,ja", "ja"),
        ("x" * 100_000 + ",en", None),
    ],
)
def test_the_language_is_the_one_that_the_browser_likes_best(
    accept: str, language: str | None
) -> None:
    assert preferred(accept) == language
