"""What is answered on the settings page, at the terminal or in a browser: which of its rows are
asked, which answers are right, and what of them is a change. No I/O.

The answers are converted by the settings' own declarations, so that a wrong one is refused in the
words of `check`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from zaiond.config.auth import WITHOUT_PASSWORD
from zaiond.config.kinds import WrongValueError
from zaiond.config.schema import declaration
from zaiond.setup import words
from zaiond.setup.words import Question
from zaiond.text import Text

AUTH = "mail_server.auth"
POP_BEFORE_SMTP = "mail_server.pop_before_smtp"
PASSWORD = f"{AUTH}.password"
POP_PASSWORD = f"{POP_BEFORE_SMTP}.password"
LOGINS = {PASSWORD: AUTH, POP_PASSWORD: POP_BEFORE_SMTP}


class Current(NamedTuple):
    """What a setting is now: its text, '' where it has none; `locked` is why it can't be changed
    here. `proposed`: it isn't set, and taking it is a change. `lent`: it is that of the other
    login, as it has none itself. A secret's text is only "set"."""

    text: str = ""
    locked: Text | None = None
    proposed: bool = False
    lent: bool = False


@dataclass(slots=True)
class Answers:
    """What is to be changed, by dotted key, as a file has it; `secrets` by the mapping of the login
    that they are for."""

    changes: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)


def login_rows(mechanism: str, pop: str, *, own: bool) -> tuple[str, ...]:
    """The keys of users and passwords that are asked for with these choices. POP has its `own` user
    where it is set, and where SMTP has none to lend (interface 2: its default is auth's)."""
    rows = [] if mechanism == "none" else [words.USERNAME.key]
    lent = mechanism not in WITHOUT_PASSWORD
    if lent:
        rows.append(PASSWORD)
    if pop == "true" and (own or not lent):
        rows += [words.POP_USERNAME.key, POP_PASSWORD]
    return tuple(rows)


class Page:
    """The page while it is answered; `current` is by dotted key, and the key of a login's secret is
    that of its `password`."""

    def __init__(self, current: Mapping[str, Current]) -> None:
        self._current = current
        self.answers = Answers()

    def before(self, key: str) -> Current:
        """What is in the files."""
        return self._current.get(key, Current())

    def now(self, key: str) -> Current:
        """The last answer; else what is in the files."""
        known = self.before(key)
        if key in self.answers.changes:
            return Current(self.answers.changes[key], known.locked)
        return known

    def choices(self, question: Question) -> Mapping[str, Text]:
        """XOAUTH2 is not on the seed's page: offered only to a user who has it."""
        if question is words.MECHANISM and self.now(question.key).text != "xoauth2":
            return {name: label for name, label in words.MECHANISMS.items() if name != "xoauth2"}
        return question.choices

    @property
    def login_rows(self) -> tuple[str, ...]:
        """The keys of users and passwords that are asked for, by what has been chosen."""
        user = self.before(words.POP_USERNAME.key)
        return login_rows(
            self.now(words.MECHANISM.key).text,
            self.now(words.POP.key).text,
            own=user.text != "" and not user.lent,
        )

    def is_set(self, key: str) -> bool:
        """Whether a login has its secret."""
        return self.now(key).text != "" or LOGINS[key] in self.answers.secrets

    def take(self, key: str, text: str) -> None:
        """Keeps what was entered. Raises WrongValueError."""
        if not text.strip():
            raise WrongValueError(words.REQUIRED)
        kind = declaration(key).kind
        taken = kind.write(kind.parse(text.strip()))
        before = self.before(key)
        if taken == before.text and not before.proposed:
            self.answers.changes.pop(key, None)
        else:
            self.answers.changes[key] = taken

    def take_secret(self, key: str, text: str) -> None:
        """Keeps a secret that was entered; '' keeps the one that there is. Raises
        WrongValueError."""
        if text:
            declaration(key).kind.parse(text)
            self.answers.secrets[LOGINS[key]] = text
        elif not self.is_set(key):
            raise WrongValueError(words.REQUIRED)

    def forget_unasked(self) -> None:
        """Forgets what was answered for a login that isn't wanted after all."""
        asked = self.login_rows
        for key in (words.USERNAME.key, words.POP_USERNAME.key):
            if key not in asked:
                self.answers.changes.pop(key, None)
        for key, login in LOGINS.items():
            if key not in asked:
                self.answers.secrets.pop(login, None)

    def take_all(
        self, changes: Mapping[str, str], secrets: Mapping[str, str]
    ) -> Iterator[tuple[str, Text]]:
        """Keeps what was entered into a form: texts by key, secrets by the mapping of their login.
        What isn't among them stays as it is. Gives what is wrong, by key."""
        for key in (question.key for question in words.QUESTIONS):
            if key in changes:
                yield from self._taken(key, changes[key])
        for key in self.login_rows:
            entered = secrets.get(LOGINS[key], "") if key in LOGINS else changes.get(key)
            if entered is not None:
                yield from self._taken(key, entered)
        self.forget_unasked()

    def _taken(self, key: str, text: str) -> Iterator[tuple[str, Text]]:
        now = self.before(key)
        try:
            if now.locked:
                if text.strip() not in ("", now.text):
                    yield key, now.locked
            elif key in LOGINS:
                self.take_secret(key, text)
            else:
                self.take(key, text)
        except WrongValueError as error:
            for told in error.told(str):
                yield key, told
