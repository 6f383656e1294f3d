from time import process_time

import pytest

from zaiond.safe import clean, one_line

ESC = "\x1b"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (f"{ESC}[1;31mred{ESC}[0m", "red"),
        (f"{ESC}[38;2;1;2;3mtrue colour{ESC}[m", "true colour"),
        (f"a{ESC}[2K{ESC}[1Ab{ESC}[?25l{ESC}[>4;1m{ESC}[ q", "ab"),
        ("\x9b1mC1", "C1"),
        (f"{ESC}(Btput sgr0{ESC}[m\x0f", "tput sgr0"),
        (f"{ESC}7{ESC}8{ESC}=a{ESC}cb{ESC}#8", "ab"),
        (f"{ESC}]0;title\x07{ESC}]2;title{ESC}\\text", "text"),
        (f"{ESC}]8;;https://example.com/?a=b{ESC}\\the log{ESC}]8;;{ESC}\\.", "the log."),
        (f"{ESC}]8;id=1;file:///x\x07a file{ESC}]8;;\x07", "a file"),
        (f"{ESC}Pdevice{ESC}\\{ESC}_app{ESC}\\{ESC}^private\x9ctext", "text"),
    ],
)
def test_what_only_a_terminal_understands_goes(sent: str, shown: str) -> None:
    assert clean(sent) == shown


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (f"{ESC}]0;never ends\nnext", "0;never ends\nnext"),
        (f"{ESC}]0;never ends", "0;never ends"),
        (f"{ESC}[31", "31"),
        (f"{ESC}{ESC}[m[31mred", r"\x1b[31mred"),
        (f"end{ESC}", r"end\x1b"),
        (f"{ESC}語", r"\x1b語"),
    ],
)
def test_what_is_no_whole_sequence_hides_no_text(sent: str, shown: str) -> None:
    assert clean(sent) == shown


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("N\bNA\bAM\bM\bME", "NAME"),
        ("_\bu_\bn_\bd_\be_\br", "under"),
        ("u\b_n\b_", "un"),
        ("_\b__\b_init_\b__\b_", "__init__"),
        ("日\b\b日本\b\b本", "日本"),
        ("__\b\b日__\b\b本", "日本"),
        ("a b\n_\bc\n", "a b\nc\n"),
        ("|\b/\b-\b\\\bdone", "done"),
        ("1234\b\b\b\b 56", " 564"),
        ("日\bx", "日x"),
        ("日語\b\b\b\bx", "x 語"),
        ("a \b_", "a_"),
        ("x\b\b\bab", "ab"),
    ],
)
def test_overstruck_letters_are_one_letter(sent: str, shown: str) -> None:
    assert clean(sent) == shown


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("\r  1%\r 50%\r100%", "100%"),
        ("copying\n\r 50%\r100%\r\ndone\n", "copying\n100%\ndone\n"),
        ("100%\r", "100%"),
        (" 50%\r     \r", " 50%"),
        ("dos\r\nlines\r\n", "dos\nlines\n"),
        ("twice\r\r\nsent\n", "twice\nsent\n"),
        (f"50%{ESC}[K\rdone{ESC}[K\n", "done\n"),
        ("\r \r\n", "\n"),
    ],
)
def test_a_progress_line_stands_in_its_last_state(sent: str, shown: str) -> None:
    assert clean(sent) == shown


def test_pages_are_lines_and_a_bell_is_nothing() -> None:
    assert clean("page 1\fpage 2\vmore\a") == "page 1\npage 2\nmore"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("x\udce7y", r"x\udce7y"),
        ("\ud83d", r"\ud83d"),
        ("\0\x7f\x85", r"\x00\x7f\x85"),
        ("a\u202eb\u2066", r"a\u202eb\u2066"),
        ("a\u2028b", r"a\u2028b"),
    ],
)
def test_anything_else_that_is_no_text_is_shown_by_its_code(sent: str, shown: str) -> None:
    assert clean(sent) == shown


@pytest.mark.parametrize(
    "text", ["", "plain\n\ttext\n", "日本語　　ｶﾞ 😀 e\u0301 か\u3099", r"C:\new \x1b[31m", "a  b"]
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


def test_one_line_is_one_line() -> None:
    assert one_line(f" a\r\nb\t\tc\f{ESC}[1md\n") == "a b c d"


@pytest.mark.parametrize(
    "unit",
    [
        ESC, f"{ESC}[", f"{ESC}[0", f"{ESC}[ ", f"{ESC}]", f"{ESC}]8;;", f"{ESC}P{ESC}",
        f"{ESC}(",
        f"{ESC}{ESC}[m[31m", "\x9b", "\r", "\ra", "\r\r\n", "\b", "a\b", "_\b", "日\b\b", "\f",
        "\a", "\udce7", "\u0301\b",
    ],
)  # fmt: skip
def test_hostile_text_of_the_longest_event_takes_no_second(unit: str) -> None:
    largest = 256 * 1024
    many = (unit * largest)[:largest]
    for text in (many, "a" + many, f"{ESC}]" + "a" * largest, f"{ESC}[" + "0" * largest):
        before = process_time()
        clean(text)
        assert process_time() - before < 1
