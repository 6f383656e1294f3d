"""The seed page's questions, a dialogue without I/O: a generator of what is to be done next.

Each yield is a Say, an Ask, a Review or a Try, and is answered by what came of it. The answers are
converted by the settings' own declarations, so that a wrong one is refused in the words of `check`.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from zaiond.config.auth import WITHOUT_PASSWORD
from zaiond.config.kinds import WrongValueError
from zaiond.config.schema import declaration
from zaiond.setup import words
from zaiond.setup.words import Question
from zaiond.text import Language, Text

AUTH = "mail_server.auth"
POP_BEFORE_SMTP = "mail_server.pop_before_smtp"


class Current(NamedTuple):
    """What a setting is now: its text, '' where it has none; `locked` is why it can't be changed
    here. `proposed`: it isn't set, and taking it is a change. A secret's text is only "set"."""

    text: str = ""
    locked: Text | None = None
    proposed: bool = False


@dataclass(slots=True)
class Answers:
    """What is to be changed, by dotted key, as a file has it; `secrets` by the mapping of the login
    that they are for."""

    changes: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)


class Say(NamedTuple):
    """Lines to be shown."""

    text: str


class Ask(NamedTuple):
    """A line to be read; a secret one is not shown. Answered by it, without its newline."""

    prompt: str
    secret: bool = False


class Review(NamedTuple):
    """What the configuration would be with the answers. Answered by the lines of its errors,
    which keep it from being taken, and those of its warnings."""

    answers: Answers


class Try(NamedTuple):
    """A test mail by the answers, to these addresses (none: the admins). Answered by its lines."""

    answers: Answers
    addresses: tuple[str, ...]


Step = Say | Ask | Review | Try
Inner = Generator[Step, Any, Any]


class Dialogue:
    """Asks everything, tries it, and comes to the answers to be written, or to None if it was
    cancelled. `current` is by dotted key; the key of a login's secret is that of its `password`."""

    def __init__(self, current: Mapping[str, Current], language: Language) -> None:
        self._current = current
        self._language: Language = language
        self._answers = Answers()
        self._errors: list[str] = []

    def run(self) -> Generator[Step, Any, Answers | None]:
        """The steps, each answered by what came of it."""
        while True:
            yield from self._page()
            button = yield from self._buttons()
            if button == "back":
                yield Say("")
                continue
            return self._answers if button == "update" else None

    def _page(self) -> Inner:
        yield self._say(words.HEADING)
        for question in words.QUESTIONS:
            yield from self._question(question)
            if question is words.MECHANISM:
                yield from self._login()
            elif question is words.POP:
                yield from self._pop_login()
        self._errors, warnings = yield Review(self._answers)
        if self._errors or warnings:
            yield Say("\n".join(("", *self._errors, *warnings)))
        if not self._errors:
            yield self._say(words.TEST_HEADING)
            yield from self._test()

    # -- one question

    def _question(self, question: Question) -> Inner:
        now = self._now(question.key)
        if now.locked:
            shown = question.choices.get(now.text, now.text)
            yield self._say(words.locked(label=question.label, shown=shown, why=now.locked))
        elif question.choices:
            yield from self._choice(question, now)
        else:
            yield from self._text(question, now)

    def _text(self, question: Question, now: Current) -> Inner:
        note = self._in(question.note)
        known = f" [{now.text}]" if now.text else ""
        prompt = f"{self._in(question.label)}{note}{known}: "
        while True:
            answer: str = (yield Ask(prompt)).strip()
            if answer == "?":
                yield self._say(question.help)
            elif not answer and not now.text:
                yield self._say(words.REQUIRED)
            elif (yield from self._took(question, answer or now.text, now)):
                return

    def _took(self, question: Question, text: str, now: Current) -> Inner:
        """Whether a text that was entered is right, and kept now."""
        try:
            kind = declaration(question.key).kind
            taken = kind.write(kind.parse(text))
        except WrongValueError as error:
            yield from map(self._say, error.told(str))
            return False
        before = self._current.get(question.key, Current())
        if taken == before.text and not before.proposed:
            self._answers.changes.pop(question.key, None)
        elif taken != now.text or now.proposed:
            self._answers.changes[question.key] = taken
        return True

    def _choice(self, question: Question, now: Current) -> Inner:
        choices = self._choices(question)
        values = list(choices)
        lines = [self._in(question.label)]
        lines += [f"  {n}) {self._in(label)}" for n, label in enumerate(choices.values(), 1)]
        yield Say("\n".join(lines))
        known = f" [{values.index(now.text) + 1}]" if now.text in values else ""
        while True:
            answer: str = (yield Ask(f"{self._in(words.NUMBER)}{known}: ")).strip()
            if answer == "?":
                yield self._say(question.help)
                continue
            chosen = now.text if not answer and known else _chosen(answer, choices)
            if chosen is None:
                yield self._say(words.choose(count=len(values)))
            elif (yield from self._took(question, chosen, now)):
                return

    def _choices(self, question: Question) -> Mapping[str, Text]:
        """XOAUTH2 is not on the seed's page: offered only to a user who has it."""
        if question is words.MECHANISM and self._now(question.key).text != "xoauth2":
            return {name: label for name, label in words.MECHANISMS.items() if name != "xoauth2"}
        return question.choices

    # -- logins

    def _login(self) -> Inner:
        mechanism = self._now(words.MECHANISM.key).text
        if mechanism == "none":  # what was answered for another one, before
            self._answers.changes.pop(words.USERNAME.key, None)
        else:
            yield from self._question(words.USERNAME)
        if mechanism in WITHOUT_PASSWORD:
            self._answers.secrets.pop(AUTH, None)
        else:
            yield from self._secret(words.PASSWORD, AUTH)

    def _pop_login(self) -> Inner:
        """Its own where SMTP has none to lend (interface 2: its default is auth's)."""
        lent = self._now(words.MECHANISM.key).text not in WITHOUT_PASSWORD
        own = self._current.get(words.POP_USERNAME.key, Current()).text
        used = self._now(words.POP.key).text == "true"
        if used and (own or not lent):
            yield from self._question(words.POP_USERNAME)
            yield from self._secret(words.POP_PASSWORD, POP_BEFORE_SMTP)
        else:
            self._answers.changes.pop(words.POP_USERNAME.key, None)
            self._answers.secrets.pop(POP_BEFORE_SMTP, None)

    def _secret(self, label: Text, login: str) -> Inner:
        now = self._now(f"{login}.password")
        is_set = bool(now.text) or login in self._answers.secrets
        shown = self._in(words.IS_SET if is_set else words.NOT_SET)
        if now.locked:
            yield self._say(words.locked(label=label, shown=shown, why=now.locked))
            return
        prompt = f"{self._in(label)} [{shown}]: "
        while True:
            answer: str = yield Ask(prompt, secret=True)
            if not answer and not is_set:
                yield self._say(words.REQUIRED)
                continue
            if answer:
                try:
                    declaration(f"{login}.password").kind.parse(answer)
                except WrongValueError as error:
                    yield self._say(error.text)
                    continue
                self._answers.secrets[login] = answer
            return

    # -- the test, and the end

    def _test(self) -> Inner:
        admins = self._now(words.ADMINS.key).text
        prompt = self._in(words.address(admins=admins))
        while True:
            answer: str = (yield Ask(prompt)).strip()
            if answer == "-":
                return
            try:
                addresses = declaration(words.ADMINS.key).kind.parse(answer) if answer else ()
            except WrongValueError as error:
                yield from map(self._say, error.told(str))
                continue
            yield self._say(words.SENDING)
            lines = yield Try(self._answers, addresses)
            yield Say("\n".join((self._in(words.RESULT) + lines[0], *lines[1:])))
            return

    def _buttons(self) -> Generator[Step, Any, str]:
        shown = "  ".join(
            f"{n}) {self._in(label)}" for n, label in enumerate(words.BUTTONS.values(), 1)
        )
        while True:
            yield Say(f"\n{shown}")
            answer: str = (yield Ask(f"{self._in(words.NUMBER)}: ")).strip()
            button = _chosen(answer, words.BUTTONS)
            if button is None:
                yield self._say(words.choose(count=len(words.BUTTONS)))
            elif self._errors and button in ("test", "update"):
                yield Say("\n".join(self._errors))
            elif button == "test":
                yield from self._test()
            else:
                return button

    # -- what has been answered

    def _now(self, key: str) -> Current:
        """The last answer; else what is in the file."""
        known = self._current.get(key, Current())
        if key in self._answers.changes:
            return Current(self._answers.changes[key], known.locked)
        return known

    def _in(self, text: Text) -> str:
        return text.in_language(self._language)

    def _say(self, text: Text) -> Say:
        return Say(self._in(text))


def _chosen(answer: str, choices: Mapping[str, Text]) -> str | None:
    """A choice by its number, its name, or what it is called."""
    names = list(choices)
    if answer.isascii() and answer.isdigit() and 1 <= int(answer) <= len(names):
        return names[int(answer) - 1]
    for name, label in choices.items():
        if answer.casefold() in (name.casefold(), label.ja.casefold(), label.en.casefold()):
            return name
    return None
