import pytest

from zaiond.errors import AddressError
from zaiond.message.address import Mailbox, parse_recipient, parse_sender, split_addresses


@pytest.mark.parametrize(
    ("written", "name", "address"),
    [
        ("a@example.co.jp", "", "a@example.co.jp"),
        ("  <a@example.co.jp> ", "", "a@example.co.jp"),
        ("Zaionnex <a@example.co.jp>", "Zaionnex", "a@example.co.jp"),
        ("山田 太郎<a@example.co.jp>", "山田 太郎", "a@example.co.jp"),
        ("（株）山田 <a@example.co.jp>", "（株）山田", "a@example.co.jp"),
        (r'"Yamada, \"T\"" <a@example.co.jp>', 'Yamada, "T"', "a@example.co.jp"),
        ("a@mailhost", "", "a@mailhost"),
        ("a@file_server", "", "a@file_server"),
        ("a+b=c/d@x.jp", "", "a+b=c/d@x.jp"),
        ('"a..b"@docomo.ne.jp', "", '"a..b"@docomo.ne.jp'),
        ('"a@b"@x.jp', "", '"a@b"@x.jp'),
        ("a@[192.0.2.1]", "", "a@[192.0.2.1]"),
        ("a@[IPv6:2001:db8::1]", "", "a@[IPv6:2001:db8::1]"),
        ("a@例え.jp", "", "a@xn--r8jz45g.jp"),
        ("用户@例え.jp", "", "用户@xn--r8jz45g.jp"),
        ("a@日本語。ＪＰ", "", "a@xn--wgv71a119e.jp"),
        ("a@Bücher.example", "", "a@xn--bcher-kva.example"),
        ("a@straße.example", "", "a@xn--strae-oqa.example"),  # by the IDNA of 2003 "strasse"
        ("a@日本・語.jp", "", "a@xn--vek160nb2acz6g.jp"),
        ('"管理 者"@x.jp', "", '"管理 者"@x.jp'),
        (r'"a\"b\\c"@x.jp', "", r'"a\"b\\c"@x.jp'),
    ],
)
def test_an_address_is_understood_as_it_is_written(written: str, name: str, address: str) -> None:
    assert parse_recipient(written) == Mailbox(name, address)
    assert parse_sender(written) == Mailbox(name, address)


def test_a_sender_needs_no_domain_and_a_recipient_does() -> None:
    assert parse_sender("zaionnex") == Mailbox("", "zaionnex")
    assert parse_sender("Zaionnex <zaionnex>") == Mailbox("Zaionnex", "zaionnex")
    with pytest.raises(AddressError, match="there is no '@'"):
        parse_recipient("zaionnex")


def test_only_a_local_part_beyond_ascii_needs_smtputf8() -> None:
    assert parse_recipient("用户@x.jp").smtputf8
    assert not parse_recipient("山田 <a@例え.jp>").smtputf8


@pytest.mark.parametrize(
    ("written", "ja", "en"),
    [
        ("", "アドレスがありません", "no address"),
        ("Name <>", "アドレスがありません", "no address"),
        ("@x.jp", "「@」の前がありません", "before the '@'"),
        ("a@", "ドメイン名として正しくありません", "no domain name"),
        ("a@x..jp", "ドメイン名として正しくありません", "no domain name"),
        ("a@x.jp.", "ドメイン名として正しくありません", "no domain name"),
        ("a@-x.jp", "ドメイン名として正しくありません", "no domain name"),
        ("a@☃.jp", "ドメイン名として正しくありません", "no domain name"),
        ("a@-例え.jp", "ドメイン名として正しくありません", "no domain name"),
        ("a@例え..jp", "ドメイン名として正しくありません", "no domain name"),
        ("a@" + "é" * 80 + ".jp", "ドメイン名として正しくありません", "no domain name"),
        ("a@b@x.jp", "使えない文字", "can't have"),
        ("a b@x.jp", "使えない文字", "can't have"),
        ("a" * 63 + "(@x.jp", "使えない文字", "can't have"),
        ("a(b)@x.jp", "使えない文字", "can't have"),
        ("a@x.jp\r\nBcc: b@x.jp", r"a@x.jp\r\nBcc", r"a@x.jp\r\nBcc"),
        ("a\udcff@x.jp", r"\udcff", r"\udcff"),
        ("a@x.jp, b@x.jp", "1 つずつ", "one address at a time"),
        ("a@x.jp、b@x.jp", "「、」ではなく半角の「,」", "by ',', not by '、'"),
        ("a@x.jp; b@x.jp", "「;」ではなく半角の「,」", "by ',', not by ';'"),
        ("ａ＠ｘ．ｊｐ", "半角で a@x.jp と書いて", "write a@x.jp"),
        ("a..b@docomo.ne.jp", '"a..b"@…', "quotation marks"),
        ("a.@docomo.ne.jp", '"a."@…', "quotation marks"),
        ("a@192.0.2.1", "user@[192.0.2.1]", "user@[192.0.2.1]"),
        ("Name <a@x.jp", "「<」「>」", "don't fit together"),
        ('"Name <a@x.jp>', "「<」「>」", "don't fit together"),
        ("a" * 65 + "@x.jp", "64 バイト", "64 octets"),
        ("a@" + ".".join(["b" * 63] * 4), "254 バイト", "254 octets"),
    ],
)
def test_what_is_no_address_is_refused_in_words_that_help(written: str, ja: str, en: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_recipient(written)
    assert ja in caught.value.text.ja
    assert en in caught.value.text.en


@pytest.mark.parametrize(
    ("written", "addresses"),
    [
        ("a@x.jp", ["a@x.jp"]),
        (" a@x.jp ,b@x.jp\n", ["a@x.jp", "b@x.jp"]),
        ('"Yamada, Taro" <a@x.jp>, b@x.jp', ['"Yamada, Taro" <a@x.jp>', "b@x.jp"]),
        ('"山田、太郎" <a@x.jp>', ['"山田、太郎" <a@x.jp>']),
    ],
)
def test_commas_separate_addresses_outside_of_quotes(written: str, addresses: list[str]) -> None:
    assert split_addresses(written) == addresses


@pytest.mark.parametrize("sign", ["、", "，", ";", "；"])
def test_another_sign_between_addresses_is_refused_and_the_right_one_named(sign: str) -> None:
    with pytest.raises(AddressError) as caught:
        split_addresses(f"a@x.jp{sign}b@x.jp")
    assert f"「{sign}」ではなく半角の「,」" in caught.value.text.ja
    assert f"by ',', not by '{sign}'" in caught.value.text.en


@pytest.mark.parametrize("written", ["a@x.jp,", ",a@x.jp", "a@x.jp,,b@x.jp", ",", "", "  "])
def test_a_list_has_an_address_on_each_side_of_a_comma(written: str) -> None:
    with pytest.raises(AddressError):
        split_addresses(written)
