"""The terminal of `zaiond-ctl setup`: lines out, lines in, and secrets that are not shown."""

import sys
import warnings
from getpass import GetPassWarning, getpass

from zaiond.ctl import output
from zaiond.ctl.commandline import Fault
from zaiond.ctl.exit_status import FAILED, Failure
from zaiond.setup.steps import Ask
from zaiond.text import Language, Text


def demand() -> None:
    """Raises Fault where nobody could answer."""
    streams = (sys.stdin, sys.stdout)
    if not all(stream is not None and stream.isatty() for stream in streams):
        raise Fault(
            "setup は端末で対話的に使います。スクリプトでは設定ファイルを直接書き換え、"
            "zaiond-ctl check で確かめてください",
            "setup is for a terminal, where someone answers: in a script, edit the configuration, "
            "and check it by zaiond-ctl check",
        )


def ask(question: Ask, language: Language) -> str:
    """The line that was typed. Raises EOFError (Ctrl-D), KeyboardInterrupt, Failure."""
    prompt = output.with_signs_of(sys.stdout, output.one_line(question.prompt))
    output.flush()
    while True:
        try:
            return _hidden(prompt) if question.secret else input(prompt)
        except UnicodeDecodeError:
            output.say(_NOT_DECODABLE.in_language(language))


_NOT_DECODABLE = Text(
    "入力された文字を読み取れません。端末の文字コードとロケール（LANG）を合わせてください",
    "what was typed can't be read: the terminal's encoding is not that of the locale (LANG)",
)


def _hidden(prompt: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error", GetPassWarning)
        try:
            return getpass(prompt, sys.stdout)  # not to /dev/tty, which knows no encoding
        except GetPassWarning:
            raise Failure(
                FAILED,
                "この端末では入力を隠せないため、パスワードを入力できません",
                "this terminal can't hide what is typed: no password can be entered",
            ) from None


def prepare() -> None:
    """Lets lines be edited while they are typed, full-width characters too."""
    try:
        import readline
    except ImportError:  # not every Python has it; the terminal's own editing does
        return
    readline.set_auto_history(False)
