"""The terminal of `zaiond-ctl setup`: lines out, lines in, and secrets that are not shown."""

import sys
import warnings
from getpass import GetPassWarning, getpass

from zaiond.ctl import output, words
from zaiond.ctl.exit_status import FAILED, Failure, Fault
from zaiond.ctl.terminal import one_line
from zaiond.setup.steps import Ask
from zaiond.text import Language


def demand() -> None:
    """Raises Fault where nobody could answer."""
    streams = (sys.stdin, sys.stdout)
    if not all(stream is not None and stream.isatty() for stream in streams):
        raise Fault(words.NEEDS_TERMINAL)


def ask(question: Ask, language: Language) -> str:
    """The line that was typed. Raises EOFError (Ctrl-D), KeyboardInterrupt, Failure."""
    prompt = output.with_signs_of(sys.stdout, one_line(question.prompt))
    output.flush()
    while True:
        try:
            return _hidden(prompt) if question.secret else input(prompt)
        except UnicodeDecodeError:
            output.say(words.NOT_DECODABLE.in_language(language))


def _hidden(prompt: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error", GetPassWarning)
        try:
            return getpass(prompt, sys.stdout)  # not to /dev/tty, which knows no encoding
        except GetPassWarning:
            raise Failure(FAILED, words.CANT_HIDE) from None


def prepare() -> None:
    """Lets lines be edited while they are typed, full-width characters too."""
    try:
        import readline
    except ImportError:  # not every Python has it; the terminal's own editing does
        return
    readline.set_auto_history(False)
