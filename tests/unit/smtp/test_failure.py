"""When a certificate is warned of, and how it is shown."""

from zaiond.smtp.failure import Certificate

DAY = 86400.0
NOW = 1_800_000_000.0  # 2027-01-15


def until(days: float, *names: str) -> Certificate:
    return Certificate(names=names, not_before=NOW - DAY, not_after=NOW + days * DAY)


def test_a_certificate_is_warned_of_in_its_last_21_days() -> None:
    assert until(21).warning(NOW) is None
    assert until(400).warning(NOW) is None
    warning = until(20.9).warning(NOW)
    assert warning is not None
    assert "20 days (2027-02-05)" in warning.en
    assert "あと 20 日です（2027-02-05）" in warning.ja


def test_the_last_day_counts_as_none() -> None:
    warning = until(0.5).warning(NOW)
    assert warning is not None
    assert "in 0 days" in warning.en


def test_it_is_shown_with_its_names_and_its_last_day() -> None:
    assert until(1, "mail.example.jp", "*.example.jp").text.en == (
        "certificate of mail.example.jp, *.example.jp, until 2027-01-16"
    )
    assert "mail.example.jp" in until(1, "mail.example.jp").text.ja
    assert "no name" in until(1).text.en
    assert "なし" in until(1).text.ja


def test_one_that_is_taken_for_its_common_name_is_shown_by_it_and_warned_of() -> None:
    for days, more in ((400, False), (5, True)):
        old = Certificate((), NOW - DAY, NOW + days * DAY, common_name="mail.example.jp")
        assert "certificate of mail.example.jp, until" in old.text.en
        warning = old.warning(NOW)
        assert warning is not None
        assert "RFC 9525" in warning.en
        assert "RFC 9525" in warning.ja
        assert ("in 5 days" in warning.en) is more
        assert ("あと 5 日" in warning.ja) is more
