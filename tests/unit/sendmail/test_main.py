"""What it says and ends with, where there is nothing to take."""

import io
import socket

import pytest

from zaiond import __version__
from zaiond.sendmail import main


class Broken(io.RawIOBase):
    """A standard input that can't be read."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        raise OSError(5, "Input/output error")


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")


def run(*arguments: str, mail: bytes = b"Subject: x\n\nx\n") -> int:
    return main.run(list(arguments), io.BytesIO(mail))


def test_help_and_version_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--help") == 0
    assert capsys.readouterr().out.startswith("Usage: zaiond-sendmail ")
    monkeypatch.setenv("LC_ALL", "ja_JP.UTF-8")
    assert run("--help") == 0
    assert capsys.readouterr().out.startswith("使い方: zaiond-sendmail ")
    assert run("--version") == 0
    assert capsys.readouterr().out == f"zaiond-sendmail {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-bs",), "-bs: it is no SMTP server"),
        (("-bp",), "zaiond-ctl queue list"),
        (("-bv", "root"), "-bv: there is no such mode here"),
        (("-f",), "-f: a value is required"),
        ((), "there is no recipient"),
    ],
)
def test_what_is_wrong_with_the_command_line_is_said(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert run(*arguments) == 64
    told = capsys.readouterr().err
    assert told.startswith("zaiond-sendmail: ")
    assert said in told


def test_there_is_nothing_to_do_for_a_queue_and_aliases() -> None:
    assert run("-q") == run("-q15m") == run("-bi") == 0


def test_a_standard_input_that_can_not_be_read_is_tried_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main.run(["root"], io.BufferedReader(Broken())) == 75
    assert "standard input can't be read: Input/output error" in capsys.readouterr().err
    assert main.run(["root"], None) == 65  # closed: an empty mail


def test_a_header_has_a_bound(capsys: pytest.CaptureFixture[str]) -> None:
    for header in (b"A: b\n" * 1001, b"Subject: " + b"x" * 600_000 + b"\n", b"A: b\n \tc" * 90_000):
        assert run("root", mail=header + b"\nx\n") == 65
        assert "1000 fields and 256 KiB" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "domain", "is_own"),
    [
        ("web1", "web1", True),
        ("web1.example.co.jp", "WEB1.example.co.jp.", True),
        ("web1.example.co.jp", "web1", True),
        ("web1.example.co.jp", "web1.other.example", False),
        ("web1", "example.co.jp", False),
        ("web1", "web1.example.co.jp", True),  # as the resolver completes it
        ("web1", "web1.other.example", False),
    ],
)
def test_a_domain_is_own_by_the_names_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, host: str, domain: str, is_own: bool
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "web1.example.co.jp", ("192.0.2.1", 0))]
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert main._is_own(domain) is is_own


def test_a_name_that_the_resolver_does_not_know_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "gethostname", lambda: "web1")
    monkeypatch.setattr(socket, "getaddrinfo", fails)
    assert not main._is_own("web1.example.co.jp")


def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 4_000_000)
    assert main._user() == "uid4000000"
