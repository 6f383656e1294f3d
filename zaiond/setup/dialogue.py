"""The seed page's questions, a dialogue without I/O: a generator of what is to be done next.

Each yield is a Say, an Ask, a Review or a Try, and is answered by what came of it.
"""

from collections.abc import Generator, Mapping
from typing import Any, NamedTuple

from zaiond.config.kinds import WrongValueError
from zaiond.config.schema import declaration
from zaiond.setup import words
from zaiond.setup.answers import PASSWORD, POP_PASSWORD, Answers, Current, Page
from zaiond.setup.words import Question
from zaiond.text import Language, Text


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
        self._page = Page(current)
        self._language: Language = language
        self._errors: list[str] = []

    def run(self) -> Generator[Step, Any, Answers | None]:
        """The steps, each answered by what came of it."""
        while True:
            yield from self._questions()
            button = yield from self._buttons()
            if button == "back":
                yield Say("")
                continue
            return self._page.answers if button == "update" else None

    def _questions(self) -> Inner:
        yield self._say(words.HEADING)
        for question in words.QUESTIONS:
            yield from self._question(question)
            if question is words.MECHANISM:
                yield from self._login(words.USERNAME, words.PASSWORD, PASSWORD)
            elif question is words.POP:
                yield from self._login(words.POP_USERNAME, words.POP_PASSWORD, POP_PASSWORD)
        self._page.forget_unasked()
        self._errors, warnings = yield Review(self._page.answers)
        if self._errors or warnings:
            yield Say("\n".join(("", *self._errors, *warnings)))
        if not self._errors:
            yield self._say(words.TEST_HEADING)
            yield from self._test()

    # -- one question

    def _question(self, question: Question) -> Inner:
        now = self._page.now(question.key)
        if now.locked:
            shown = question.choices.get(now.text, now.text)
            yield self._say(words.locked(label=question.label, shown=shown, why=now.locked))
        elif question.choices:
            yield from self._choice(question, now)
        else:
            yield from self._text(question, now)

    def _text(self, question: Question, now: Current) -> Inner:
        note = self._in(words.beside(note=question.note)) if question.note.en else ""
        known = f" [{now.text}]" if now.text else ""
        prompt = f"{self._in(question.label)}{note}{known}: "
        while True:
            answer: str = (yield Ask(prompt)).strip()
            if answer == "?":
                yield self._say(question.help)
            elif (yield from self._took(question, answer or now.text)):
                return

    def _took(self, question: Question, text: str) -> Inner:
        """Whether a text that was entered is right, and kept now."""
        try:
            self._page.take(question.key, text)
        except WrongValueError as error:
            yield from map(self._say, error.told(str))
            return False
        return True

    def _choice(self, question: Question, now: Current) -> Inner:
        choices = self._page.choices(question)
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
            elif (yield from self._took(question, chosen)):
                return

    # -- logins

    def _login(self, user: Question, password: Text, key: str) -> Inner:
        if user.key in self._page.login_rows:
            yield from self._question(user)
        if key in self._page.login_rows:
            yield from self._secret(password, key)

    def _secret(self, label: Text, key: str) -> Inner:
        now = self._page.now(key)
        shown = self._in(words.IS_SET if self._page.is_set(key) else words.NOT_SET)
        if now.locked:
            yield self._say(words.locked(label=label, shown=shown, why=now.locked))
            return
        prompt = f"{self._in(label)} [{shown}]: "
        while True:
            answer: str = yield Ask(prompt, secret=True)
            try:
                self._page.take_secret(key, answer)
            except WrongValueError as error:
                yield self._say(error.text)
                continue
            return

    # -- the test, and the end

    def _test(self) -> Inner:
        admins = self._page.now(words.ADMINS.key).text
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
            lines = yield Try(self._page.answers, addresses)
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

    def _in(self, text: Text) -> str:
        return text.in_language(self._language)

    def _say(self, text: Text) -> Say:
        return Say(self._in(text))


def _chosen(answer: str, choices: Mapping[str, Text]) -> str | None:
    """A choice by its number, its name, or what it is called."""
    names = list(choices)
    for number, name in enumerate(names, start=1):
        if answer == str(number):
            return name
    for name, label in choices.items():
        if answer.casefold() in (name.casefold(), label.ja.casefold(), label.en.casefold()):
            return name
    return None
