"""The command line of sendmail(1), as programs write it for Sendmail, Postfix or Exim. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from zaiond.sendmail import words
from zaiond.text import Text

# Options with a value, in the same word or in the next one; those whose value can only be in the
# same one. All others are letters without one, of which several may share a word.
_VALUED = frozenset("ABCDFLNOQRVXbefhopr") - frozenset("Q")
_ATTACHED = frozenset("Qqd")
# Long options of ours; what else begins with `--` is ignored.
_LONG = ("config", "runtime-dir", "state-dir", "spool-dir")
_OTHER_MODES = {"s": "-bs", "d": "-bd", "D": "-bD", "p": "-bp", "v": "-bv", "t": "-bt", "h": "-bh"}


class UsageError(Exception):
    """What is asked for is nothing that this program does."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


class Call(NamedTuple):
    """What is to be done: `by_header`, the header names recipients, too (-t); `dot_ends`, a line
    with a dot alone ends the mail; `queue_only`: there is no mail (-q, -bi). `shows` is `version`
    or `help` where that is all.
    """

    recipients: tuple[str, ...] = ()
    sender: str = ""
    name: str = ""
    by_header: bool = False
    dot_ends: bool = True
    queue_only: bool = False
    shows: str = ""
    runtime_dir: str | None = None
    spool_dir: str | None = None


def parse(words_given: Sequence[str]) -> Call:
    """Raises UsageError."""
    rest = list(reversed(words_given))
    call, recipients = Call(), list[str]()
    while rest:
        word = rest.pop()
        if word == "--":
            recipients += reversed(rest)
            break
        if word.startswith("--"):
            call = _long(call, word[2:], rest)
        elif word.startswith("-") and word != "-":
            call = _short(call, word[1:], rest)
        elif word:
            recipients.append(word)
    return call._replace(recipients=tuple(recipients))


def _long(call: Call, word: str, rest: list[str]) -> Call:
    name, equals, value = word.partition("=")
    if name in ("version", "help"):
        return call._replace(shows=call.shows or name)
    if name in _LONG and not equals:
        value = _next(f"--{name}", rest)
    if name == "runtime-dir":
        return call._replace(runtime_dir=value)
    return call._replace(spool_dir=value) if name == "spool-dir" else call


def _next(option: str, rest: list[str]) -> str:
    if not rest:
        raise UsageError(words.no_value(option=option))
    return rest.pop()


def _short(call: Call, letters: str, rest: list[str]) -> Call:
    for place, letter in enumerate(letters, 1):
        if letter in _ATTACHED:
            return call._replace(queue_only=True) if letter == "q" else call
        if letter in _VALUED:
            value = letters[place:] or _next(f"-{letter}", rest)
            return _valued(call, letter, value)
        if letter == "t":
            call = call._replace(by_header=True)
        elif letter == "i":
            call = call._replace(dot_ends=False)
    return call


def _valued(call: Call, letter: str, value: str) -> Call:
    if letter in "fr":
        return call._replace(sender=value)
    if letter == "F":
        return call._replace(name=value)
    if letter == "o" and value.startswith("i"):
        return call._replace(dot_ends=False)
    if letter == "b":
        if value in _OTHER_MODES:
            raise UsageError(words.MODES.get(value, words.other_mode(mode=_OTHER_MODES[value])))
        if value == "i":
            return call._replace(queue_only=True)
    return call
