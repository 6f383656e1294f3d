"""The settings page between a browser and `zaiond.setup`: what was entered, and what is shown.
Pure: which rows are asked, and which answers are right, says setup.answers.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from zaiond.setup import words as setup
from zaiond.setup.answers import LOGINS, PASSWORD, POP_PASSWORD, Current, Page, login_rows
from zaiond.setup.words import Question
from zaiond.text import Text
from zaiond.web.context import Form
from zaiond.web.fields import both
from zaiond.web.words import settings as words

ADDRESSES = "addresses"  # the field of the test, and the key of what is wrong with it
_LOGIN_BEHIND = {
    setup.MECHANISM.key: (setup.USERNAME.key, PASSWORD),
    setup.POP.key: (setup.POP_USERNAME.key, POP_PASSWORD),
}
_NUMBERS = dict(zip((question.key for question in setup.QUESTIONS), "①②③④⑤⑥", strict=True))
_QUESTIONS = {one.key: one for one in (*setup.QUESTIONS, setup.USERNAME, setup.POP_USERNAME)}


class Entered(NamedTuple):
    """What was entered; `changes` and `secrets` as `zaiond.setup.serve` takes them."""

    changes: dict[str, str]
    secrets: dict[str, str]
    addresses: str
    revision: str


def entered(form: Form) -> Entered:
    """What a form of the page says."""
    return Entered(
        {key: form.text(key) for key in _QUESTIONS if key in form},
        {login: form.text(key) for key, login in LOGINS.items() if form.text(key)},
        form.text(ADDRESSES),
        form.text("revision"),
    )


@dataclass(slots=True, kw_only=True)
class Row:
    """One row of the page. `value` is never a secret's. `shown_with`: with which choices of SMTP
    authentication and POP it is asked, as `basic:true`; None: always. `other` is what someone else
    has set meanwhile."""

    key: str
    label: Text
    value: str = ""
    number: str = ""
    note: Text | None = None
    choices: Mapping[str, Text] = field(default_factory=dict)
    is_secret: bool = False
    locked: Text | None = None
    shown_with: str | None = None
    other: Text | None = None
    errors: list[Text] = field(default_factory=list)
    warnings: list[Text] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Of its field in HTML."""
        return self.key.replace(".", "-").replace("_", "-")


class View(NamedTuple):
    """The page: its rows, and what is wrong that no row has a place for."""

    rows: list[Row]
    errors: list[Text]
    warnings: list[Text]
    address_errors: list[Text]


def view(
    shown: Mapping[str, Any],
    *,
    given: Entered | None = None,
    errors: Iterable[Mapping[str, Any]] = (),
    warnings: Iterable[Mapping[str, Any]] = (),
    compare: bool = False,
    password_stays: bool = False,
) -> View:
    """The page of `shown` (the reply to "show") with what was entered, if anything was. `compare`:
    the files are not what they were when that was entered. `password_stays`: in the browser, which
    only takes what is said beside the fields."""
    page = Page({key: _current(one) for key, one in shown["settings"].items()})
    rows = [row for question in setup.QUESTIONS for row in _rows(question, page)]
    by_key = {row.key: row for row in rows}
    if given is not None:
        for row in rows:
            _put_in(row, given, compare=compare)
            if row.is_secret and LOGINS[row.key] in given.secrets:
                row.note = words.NOT_SAVED if password_stays else words.ENTER_AGAIN
    lost: defaultdict[str, list[Text]] = defaultdict(list)
    for kind, found in (("errors", errors), ("warnings", warnings)):
        for one in found:
            text = Text(one["ja"], one["en"])
            if one["key"] == ADDRESSES:
                lost[ADDRESSES].append(text)
            elif (row_of := _row_of(one["key"], by_key)) is None:
                lost[kind].append(_with_place(one, text))
            else:
                told = both(text, one["key"].rpartition(".")[0])
                (row_of.errors if kind == "errors" else row_of.warnings).append(told)
    return View(rows, lost["errors"], lost["warnings"], lost[ADDRESSES])


def _current(one: Mapping[str, Any]) -> Current:
    locked = one["locked"] and Text(one["locked"]["ja"], one["locked"]["en"])
    return Current(one["text"], locked, one["proposed"], one["lent"])


def _rows(question: Question, page: Page) -> Iterable[Row]:
    """A question's row, and those of the login that it asks for."""
    now = page.before(question.key)
    choices = page.choices(question) if question.choices else {}
    yield Row(
        key=question.key,
        label=question.label,
        value=now.text,
        number=_NUMBERS[question.key],
        note=question.note if question.note.ja else None,
        choices=choices,
        locked=now.locked,
    )
    for key in _LOGIN_BEHIND.get(question.key, ()):
        now = page.before(key)
        is_secret = key in LOGINS
        note = words.PASSWORD_SET if now.text else words.PASSWORD_NOT_SET
        yield Row(
            key=key,
            label=words.LABELS[key],
            value="" if is_secret else now.text,
            note=note if is_secret and not now.locked else None,
            is_secret=is_secret,
            locked=now.locked,
            shown_with=_shown_with(key, page),
        )


def _shown_with(key: str, page: Page) -> str:
    user = page.before(setup.POP_USERNAME.key)
    own = user.text != "" and not user.lent
    return " ".join(
        f"{mechanism}:{pop}"
        for mechanism in setup.MECHANISMS
        for pop in setup.SWITCH
        if key in login_rows(mechanism, pop, own=own)
    )


def _put_in(row: Row, given: Entered, *, compare: bool) -> None:
    text = given.changes.get(row.key)
    if text is None or row.locked or row.is_secret:
        return
    if compare and text.strip() != row.value:
        now = row.choices.get(row.value, Text(row.value, row.value))
        row.other = words.by_other(text=now if row.value else words.NOTHING)
    row.value = text


def _row_of(key: str, rows: Mapping[str, Row]) -> Row | None:
    """Where it is told: a password's may be that of the file that has it, or of the credential."""
    if key in rows:
        return rows[key]
    for password in LOGINS:
        if key.startswith(f"{password}_"):
            return rows[password]
    return None


def _with_place(one: Mapping[str, Any], text: Text) -> Text:
    """As `check` has it; what is in no file yet has no line."""
    place = f"{one['file']}:{one['line']}: " if "file" in one else ""
    key = f"{one['key']}: " if one["key"] else ""
    return Text(f"{place}{key}{text.ja}", f"{place}{key}{text.en}")
