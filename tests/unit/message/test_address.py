import pytest

from zaiond.errors import AddressError, AddressListError
from zaiond.message.address import (
    Mailbox,
    parse_elements,
    parse_list,
    parse_recipient,
    parse_sender,
)
from zaiond.model import wire_address


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
        ("a..b@docomo.ne.jp", "", "a..b@docomo.ne.jp"),
        ("山田 <.a.@ezweb.ne.jp>", "山田", ".a.@ezweb.ne.jp"),
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
        ("a@x.jp b@x.jp", "空白ではなく半角の「,」", "by ',', not by a blank"),
        ("a@x.jp\u3000b@x.jp", "全角の空白（U+3000）ではなく", "by a full-width blank"),
        ("山田 <a@x.jp> 佐藤 <b@x.jp>", "空白ではなく半角の「,」", "by ',', not by a blank"),
        ("a@x.jp 佐藤 <b@x.jp>", "空白ではなく半角の「,」", "by ',', not by a blank"),
        ("<a@x.jp><b@x.jp>", "「,」がありません", "',' is missing"),
        ("山田、太郎 <a@x.jp>", "表示名を引用符で", "in quotation marks"),
        ("." * 63 + "@x.jp", "64 バイト", "64 octets"),  # the quotes count
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
    ("address", "wire"),
    [
        ("a@x.jp", "a@x.jp"),
        ("a.b@x.jp", "a.b@x.jp"),
        ("zaionnex", "zaionnex"),
        ("", ""),  # the null reverse-path
        ('"a b"@x.jp', '"a b"@x.jp'),
        ('"a..b"@x.jp', '"a..b"@x.jp'),
        ("a..b@docomo.ne.jp", '"a..b"@docomo.ne.jp'),
        (".a@ezweb.ne.jp", '".a"@ezweb.ne.jp'),
        ("a.@docomo.ne.jp", '"a."@docomo.ne.jp'),
        ("...@docomo.ne.jp", '"..."@docomo.ne.jp'),
        ("a..b", '"a..b"'),
    ],
)
def test_a_local_part_whose_dots_are_no_dot_string_is_quoted_on_the_wire(
    address: str, wire: str
) -> None:
    assert wire_address(address) == wire
    assert wire_address(wire) == wire
    assert Mailbox("", address).key == Mailbox("", wire).key


@pytest.mark.parametrize(
    ("written", "addresses"),
    [
        ("a@x.jp", ["a@x.jp"]),
        (" a@x.jp ,b@x.jp\n", ["a@x.jp", "b@x.jp"]),
        ("\u3000a@x.jp,\u3000b@x.jp", ["a@x.jp", "b@x.jp"]),
        ("a@x.jp <a@x.jp>", ["a@x.jp <a@x.jp>"]),
        ('"Yamada, Taro" <a@x.jp>, b@x.jp', ['"Yamada, Taro" <a@x.jp>', "b@x.jp"]),
        ('"山田、太郎" <a@x.jp>', ['"山田、太郎" <a@x.jp>']),
    ],
)
def test_commas_separate_addresses_outside_of_quotes(written: str, addresses: list[str]) -> None:
    assert parse_list(written) == addresses


SEPARATORS = [
    "、",
    "，",
    ";",
    "；",
    "､",
    "・",
    "/",
    "|",
    " ",
    "\u3000",
    "\t",
    "\n",
    " 、 ",
    "\u3000;",
]


@pytest.mark.parametrize("sign", SEPARATORS)
def test_another_sign_between_addresses_is_named_with_the_right_one_and_the_list_mended(
    sign: str,
) -> None:
    with pytest.raises(AddressListError) as caught:
        parse_list(f"a..b@x.jp{sign}b@x.jp{sign}c@x.jp")
    assert "ではなく半角の「,」" in caught.value.text.ja
    assert "by ',', not by" in caught.value.text.en
    assert caught.value.instead == "a..b@x.jp, b@x.jp, c@x.jp"


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("a@x.jp,", "a@x.jp"),
        (",a@x.jp", "a@x.jp"),
        ("a@x.jp,,b@x.jp", "a@x.jp, b@x.jp"),
        ("a@x.jp;", "a@x.jp"),
        ("a@x.jp/b@x.jp", "a@x.jp, b@x.jp"),
        ("山田<a@x.jp>佐藤<b@x.jp>", "山田 <a@x.jp>, 佐藤 <b@x.jp>"),
        ("山田＜a@x.jp＞；ｂ＠ｘ．ｊｐ", "山田 <a@x.jp>, b@x.jp"),
        ("Yamada, Taro <a@x.jp>, b@x.jp", '"Yamada, Taro" <a@x.jp>, b@x.jp'),
        ("山田、太郎 <a@x.jp>", '"山田、太郎" <a@x.jp>'),
        ("Taro a@x.jp", "Taro <a@x.jp>"),
        ("a@x.jp <b@x.jp>", "a@x.jp, b@x.jp"),
        ("a@192.0.2.1", "a@[192.0.2.1]"),
        ("a@x.jp。", "a@x.jp"),
        ('"a b"@x.jp c@x.jp', '"a b"@x.jp, c@x.jp'),
        ("a@x.jp・b@日本・語.jp", None),
        ("Yamada, a@x.jp", None),
        ("a@x.jp、nobody", None),
        ("a@", None),
        (",", None),
        ("", None),
        ("  ", None),
    ],
)
def test_a_list_that_is_none_is_shown_as_it_should_be_written_where_that_is_known(
    written: str, instead: str | None
) -> None:
    with pytest.raises(AddressListError) as caught:
        parse_list(written)
    assert caught.value.instead == instead
    if instead is not None:
        assert ", ".join(parse_list(instead)) == instead


def test_an_element_of_a_list_is_one_address() -> None:
    with pytest.raises(AddressListError, match="one address at a time") as caught:
        parse_elements(["a@x.jp", "b@x.jp, c@x.jp"])
    assert caught.value.instead == "a@x.jp, b@x.jp, c@x.jp"


def test_what_no_separator_mends_is_told_together_with_the_separator() -> None:
    with pytest.raises(AddressListError) as caught:
        parse_list("a@x.jp、nobody、@x.jp")
    assert [text.en.partition(":")[0] for text in caught.value.texts] == [
        "separate addresses by ',', not by '、'",
        "there is no '@'",
        "nothing stands before the '@'",
    ]
    assert caught.value.told(str) == caught.value.texts


def test_a_sender_is_one_address_whatever_separates_it() -> None:
    for sign in SEPARATORS:
        with pytest.raises(AddressError, match=r"one address only|can't have"):
            parse_sender(f"a@x.jp{sign}b@x.jp")
    assert parse_sender("z@x.jp <zaionnex>") == Mailbox("z@x.jp", "zaionnex")
