"""Text in the Japanese encodings that logs and mail servers still have, and bytes that are none."""

import pytest

from tests.support.steps import steps
from zaiond import decode

ENCODINGS = ("utf-8", "cp932", "euc_jp", "iso2022_jp")

LOG = """\
2026-12-01 09:00:01 バックアップを開始しました。対象: 営業共有
09:00:02 [warn] host01: 接続に失敗しました（タイムアウト）
retry 1/3
完了
"""


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_log_is_read_in_the_encoding_that_it_is_in(encoding: str) -> None:
    assert decode.text(LOG.encode(encoding)) == LOG


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "words",
    ["接続", "完了", "警告", "再起動", "エラー", "第3章", "5件のエラー", "不明なユーザーです",
     "ディスク /dev/sda1 の空きが足りません", "Web サーバー (httpd) が停止", "表示できません",
     "「データ」ファイルが無い", "ＡＢＣ株式会社"],
)  # fmt: skip
def test_a_few_words_suffice(words: str, encoding: str) -> None:
    assert decode.text(words.encode(encoding)) == words


@pytest.mark.parametrize("encoding", ["cp932", "euc_jis_2004"])
def test_the_letters_that_windows_added_are_read(encoding: str) -> None:
    assert decode.text("①㈱ベンダー №5".encode(encoding)) == "①㈱ベンダー №5"


def test_half_width_katakana_are_read() -> None:
    assert decode.text("ﾃﾞｰﾀﾍﾞｰｽ ｴﾗｰ".encode("cp932")) == "ﾃﾞｰﾀﾍﾞｰｽ ｴﾗｰ"
    assert decode.text(b"\x1b(IC^0@\x1b(B ok") == "ﾃﾞｰﾀ ok"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_log_that_was_cut_is_read_but_for_the_character_at_the_cut(encoding: str) -> None:
    octets = LOG.encode(encoding)
    for at in range(len(octets)):
        # At the edge stands what is left of a character or of an escape sequence.
        begun = decode.text(octets[:at])
        assert LOG.startswith(begun[: max(0, len(begun) - 12)]), at
        ended = decode.text(octets[at:])
        assert LOG.endswith(ended[min(len(ended), 12) :]), at


def test_lines_of_several_programs_are_read_each_for_itself() -> None:
    lines = LOG.splitlines()
    octets = b"\n".join(
        line.encode(encoding) for line, encoding in zip(lines, ENCODINGS, strict=True)
    )
    assert decode.text(octets) == "\n".join(lines)


def test_where_a_line_leaves_a_doubt_the_others_decide() -> None:
    doubt = "紹介".encode("euc_jp")
    assert decode.text(LOG.encode("euc_jp") + doubt).endswith("紹介")
    half_width = "ｴﾗｰ ﾃｽﾄ"
    assert decode.text((LOG + half_width).encode("cp932")).endswith(half_width)


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        (b"caf\xe9", r"caf\xe9"),
        (b"caf\xe9 \xc3\xa9", r"caf\xe9 é"),
        ("Größe fehlt: Äpfel, Öl".encode("latin-1"), r"Gr\xf6\xdfe fehlt: \xc4pfel, \xd6l"),
        ("déjà vu à Noël".encode("latin-1"), r"d\xe9j\xe0 vu \xe0 No\xebl"),
        ("acción señor".encode("cp1252"), r"acci\xf3n se\xf1or"),
        (b"don\x92t \x93stop\x94", r"don\x92t \x93stop\x94"),
        (b"25\xb0C", r"25\xb0C"),
        (b"\xa9 2026", r"\xa9 2026"),
        ("Привет мир".encode("cp1251"), r"\xcf\xf0\xe8\xe2\xe5\xf2 \xec\xe8\xf0"),
        (b"\xff\xfe\x00\x80", r"\xff\xfe" "\x00" r"\x80"),
        (b"\xe6\x97", r"\xe6\x97"),
        (b"plain", "plain"),
        (b"", ""),
        (b"\x1b[31mred\x1b(B\x1b[m", "\x1b[31mred\x1b(B\x1b[m"),  # what terminals are told
    ],
)
def test_what_is_no_text_is_shown_by_its_bytes(octets: bytes, shown: str) -> None:
    assert decode.text(octets) == shown


def test_any_bytes_are_taken() -> None:
    everything = bytes(range(256))
    for octets in (
        everything,
        everything[::-1],
        b"\x1b$B",
        b"\x1b$B!",
        b"!\x1b(B\x1b$B!!",
        b"\x80",
    ):
        assert decode.text(octets).encode()  # no lone surrogate is left


@pytest.mark.parametrize("encoding", ["cp932", "euc_jp"])
def test_what_has_very_many_lines_is_not_judged_line_by_line(encoding: str) -> None:
    few, _ = steps(lambda: decode.text("接続\n".encode(encoding) * 2_000))
    many, text = steps(lambda: decode.text("接続\n".encode(encoding) * 40_000))
    assert text == "接続\n" * 40_000
    assert many < 2 * few
