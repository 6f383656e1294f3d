import pytest

from zaiond.message.mime import encode_body


def encoding(text: str) -> str:
    fields, _ = encode_body(text)
    return fields.split("Content-Transfer-Encoding: ")[1].strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain\n", "7bit"),
        ("x" * 998 + "\n", "7bit"),
        ("x" * 999 + "\n", "quoted-printable"),
        ("a\nFrom b\n", "quoted-printable"),
        ("From b\n", "quoted-printable"),
        ("mostly plain text, and one é\n", "quoted-printable"),
        ("日本語\n", "base64"),
        ("=\n" * 100 + "é\n", "base64"),
    ],
)
def test_the_shortest_encoding_is_taken_that_any_server_can_take(text: str, expected: str) -> None:
    assert encoding(text) == expected


def test_seven_bit_text_goes_out_as_it_is() -> None:
    fields, octets = encode_body("a\n.\n\tb\n")
    assert octets == b"a\r\n.\r\n\tb\r\n"
    assert 'charset="us-ascii"' in fields


def test_no_mailbox_can_mangle_a_line_that_begins_with_from() -> None:
    _, octets = encode_body("From a\n\nFrom b\n")
    assert octets == b"=46rom a\r\n\r\n=46rom b\r\n"


@pytest.mark.parametrize("text", ["日本語" * 100 + "\n", "é and plain text " * 30 + "\n"])
def test_no_encoded_line_is_longer_than_76_and_the_last_one_ends(text: str) -> None:
    _, octets = encode_body(text)
    assert octets.endswith(b"\r\n")
    assert not octets.endswith(b"\r\n\r\n")
    assert max(map(len, octets.split(b"\r\n"))) <= 76
