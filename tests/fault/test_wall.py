"""Lines on real terminals: whose they are, what they take, and that none is waited for."""

import os
import pty
import select
import termios
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from zaiond.daemon.wall import LONGEST, wall


class Terminal:
    """A pseudo-terminal, and what has appeared on it."""

    def __init__(self, folder: Path, *, takes_messages: bool = True) -> None:
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        os.fchmod(self.slave, 0o620 if takes_messages else 0o600)
        name = Path(os.ttyname(self.slave))
        (folder / name.name).symlink_to(name)

    @property
    def shown(self) -> str:
        text = b""
        while select.select([self.master], [], [], 0)[0]:
            text += os.read(self.master, 65536)
        return text.decode()

    def close(self) -> None:
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminals(tmp_path: Path) -> Iterator[list[Terminal]]:
    """Two that take messages, and one that doesn't; nothing else of this machine."""
    (tmp_path / "ptmx").touch()
    (tmp_path / "77").write_text("no terminal")
    made = [Terminal(tmp_path), Terminal(tmp_path), Terminal(tmp_path, takes_messages=False)]
    yield made
    for terminal in made:
        terminal.close()


def test_every_terminal_that_takes_messages_shows_the_line(
    terminals: list[Terminal], tmp_path: Path
) -> None:
    assert wall("メールを送信できません", tmp_path) == 2
    for terminal in terminals[:2]:
        assert terminal.shown.endswith(" zaiond: メールを送信できません\r\n")
    assert terminals[2].shown == ""
    assert (tmp_path / "77").read_text() == "no terminal"


def test_no_text_moves_a_terminal_or_fills_it(terminals: list[Terminal], tmp_path: Path) -> None:
    wall("one\x1b[2J\ntwo\x9b\x07" + "x" * 10_000, tmp_path)
    shown = terminals[0].shown.removeprefix("\r\n\a").removesuffix("\r\n")
    assert shown.isprintable()
    assert "one" in shown
    assert "two" in shown
    assert len(shown) <= LONGEST + len("00:00:00 zaiond: ")


def test_a_terminal_that_was_stopped_is_not_waited_for(
    terminals: list[Terminal], tmp_path: Path
) -> None:
    termios.tcflow(terminals[0].slave, termios.TCOOFF)  # as Ctrl-S
    assert wall("x", tmp_path) == 1
    assert terminals[1].shown.endswith(" zaiond: x\r\n")


def test_where_there_are_no_terminals_nobody_is_told(tmp_path: Path) -> None:
    assert wall("x", tmp_path / "missing") == 0
