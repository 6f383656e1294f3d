"""Parts of long lists, addresses with filters, and values that a form carries."""

from zaiond.places import event_page
from zaiond.web import listing


def test_a_list_is_shown_part_by_part_with_addresses_that_keep_the_filters() -> None:
    rows = list(range(250))
    shown = listing.part(rows, "2", "/queue", {"text": "a b&c", "state": ""})
    assert (shown.rows[0], shown.rows[-1], shown.number, shown.pages) == (100, 199, 2, 3)
    assert shown.before == "/queue?text=a+b%26c&page=1"
    assert shown.after == "/queue?text=a+b%26c&page=3"


def test_a_page_that_there_is_not_is_the_nearest_one() -> None:
    rows = list(range(101))
    for asked, number in (("", 1), ("0", 1), ("-3", 1), ("x", 1), ("٣", 1), ("9", 2), ("9" * 9, 1)):
        assert listing.part(rows, asked, "/", {}).number == number
    assert listing.part([], "7", "/", {}) == ([], 1, 1, None, None)


def test_what_a_form_carries_comes_back_as_it_was_and_nothing_else_does() -> None:
    value = "a\x1b\u202e\ud800<é"
    text = listing.packed(value, None, "b")
    assert text.isascii()
    assert listing.unpacked(text, str, int, str) == [value, None, "b"]
    for wrong in ("", "{", "[]", "{}", '["a"]', '["a","b",1]', '[null,1,"b"]', '["a",true,"b"]'):
        assert listing.unpacked(wrong, str, int, str) is None
    assert listing.unpacked("[" * 100_000, str) is None


def test_a_filter_looks_into_every_place_whatever_the_case() -> None:
    assert listing.has("DISK", None, "the disk")
    assert not listing.has("disk", None, "")


def test_the_page_of_an_event_is_found_by_a_browser_whatever_its_id_is() -> None:
    assert event_page("a/b c?<é") == "/history/a/b%20c%3F%3C%C3%A9"
    for id_ in ("..", "a/../b", "."):
        assert event_page(id_).startswith("/history?id=")
