"""`zaiond-ctl setup`, the page and the files agree after any sequence of changes: the same answers,
given at the terminal and on the page, make the same files, byte for byte, and both then show what
is in them.
"""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from zaiond.config.edit import EditError
from zaiond.config.load import load
from zaiond.setup import words
from zaiond.setup.answers import LOGINS, PASSWORD, POP_PASSWORD
from zaiond.setup.dialogue import Ask, Dialogue, Review
from zaiond.setup.files import Settings
from zaiond.setup.serve import Server
from zaiond.web.context import Form
from zaiond.web.settings_form import View, entered, view

FILES = [
    None,
    "mail_server:\n  host: mailhost   # ours\nadmins: a@zaion.jp\n",
    "mail_server: {host: mailhost, auth: {mechanism: basic, username: u, password: 'pw'}}\n"
    "admins: [a@zaion.jp, b@zaion.jp]\n# the end",
    "mail_server:\n  port: 465\n  host: mailhost\n  auth:\n    username: u\n    mechanism: none\n"
    "  pop_before_smtp: {enabled: true, password: x, username: p}\nadmins:\n- a@zaion.jp # A\n",
    "mail_server:\n  port: x\nadmins: a@zaion.jp\nsender: z\n",
]
DROP_INS = [None, "sender: over@zaion.jp\n", "mail_server: {port: null}\n"]
LABELS = {question.label.en: question.key for question in words.QUESTIONS} | {
    words.USERNAME.label.en: words.USERNAME.key,
    words.POP_USERNAME.label.en: words.POP_USERNAME.key,
    words.PASSWORD.en: PASSWORD,
    words.POP_PASSWORD.en: POP_PASSWORD,
}
VALUES: dict[str, st.SearchStrategy[str]] = {
    "mail_server.host": st.sampled_from(["mailhost", "mx.zaion.jp", "::1", "メール.jp", "a:25"]),
    "mail_server.port": st.sampled_from(["25", "587", "465", "0", "２５"]),
    "mail_server.auth.mechanism": st.sampled_from(["none", "basic", "cram-md5", "ntlm"]),
    "mail_server.auth.username": st.sampled_from(["zaion", "u", "a: b", "DOMAIN\\zaion", "¥"]),
    "mail_server.pop_before_smtp.enabled": st.sampled_from(["true", "false"]),
    "mail_server.pop_before_smtp.username": st.sampled_from(["popper", "u", "'"]),
    PASSWORD: st.sampled_from(["one", "it's", '#\\"', "ぱす"]),
    POP_PASSWORD: st.sampled_from(["two", "- x"]),
    "sender": st.sampled_from(["zaionnex", "z@zaion.jp", "山田 <z@zaion.jp>", "a b"]),
    "admins": st.sampled_from(["a@zaion.jp", "b@zaion.jp, a@zaion.jp", "a@b.jp、c@d.jp", "x"]),
}
WRONG = {"a:25", "0", "２５", "a b", "a@b.jp、c@d.jp", "x"}
ANSWERS = st.fixed_dictionaries({}, optional=VALUES) | st.fixed_dictionaries(
    {},
    optional={key: values.filter(lambda text: text not in WRONG) for key, values in VALUES.items()},
)
CHOICES = {
    question.key: {name: str(number) for number, name in enumerate(question.choices, 1)}
    for question in words.QUESTIONS
}


class _CancelledError(Exception):
    """Whoever is asked the same again has no other answer."""


def at_the_terminal(file: Path, answers: Mapping[str, str]) -> None:
    """Everything is asked; Enter keeps what isn't in `answers`."""
    settings = Settings(str(file), "en")
    if settings.errors:
        return
    steps = Dialogue(settings.current, "en").run()
    asked: set[str] = set()
    came: Any = None
    try:
        while True:
            step = steps.send(came)
            came = None
            if isinstance(step, Ask):
                came = _answer(step.prompt, answers, asked)
            elif isinstance(step, Review):
                came = _reviewed(settings, step)
    except (_CancelledError, EditError):
        return
    except StopIteration as end:
        if end.value is not None and (end.value.changes or end.value.secrets):
            settings.write(settings.candidate(end.value))


def _answer(prompt: str, answers: Mapping[str, str], asked: set[str]) -> str:
    if prompt.startswith(words.address(admins="").en[:20]):
        return "-"
    known = [label for label in LABELS if prompt.startswith(label)]
    key = LABELS[max(known, key=len)] if known else _choice(asked)
    if key in asked:
        raise _CancelledError
    asked.add(key)
    if key == "button":
        return "update"
    return answers.get(key, "")


def _choice(asked: set[str]) -> str:
    """What a number is asked for: the choices in their order, then the buttons."""
    for key in (words.MECHANISM.key, words.POP.key):
        if key not in asked:
            return key
    return "button"


def _reviewed(settings: Settings, step: Review) -> tuple[list[str], list[str]]:
    return [error.key for error in settings.candidate(step.answers).errors], []


def on_the_page(file: Path, answers: Mapping[str, str]) -> None:
    """A browser: it sends each row that it shows, as it is or with what was entered."""
    shown = ask(file, "show")
    form = Form({row.key: [row.value] for row in view(shown).rows})
    for row in view(shown).rows:
        if row.locked:
            if row.choices:  # disabled
                del form[row.key]
        elif row.key in answers:
            form[row.key] = [answers[row.key]]
    sent = entered(form)
    ask(
        file, "update", changes=sent.changes, secrets=sent.secrets, revision=shown["revision"]
    )  # fmt: skip


def ask(file: Path, do: str, **more: Any) -> dict[str, Any]:
    said: list[dict[str, Any]] = []
    Server(str(file), str(file.parent), said.append).answer(
        json.dumps({"do": do, "language": "en", **more}).encode()
    )
    return said[-1]


def contents(directory: Path) -> dict[str, bytes]:
    found = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in found}


def shows(page: View) -> dict[str, str]:
    return {row.key: row.value for row in page.rows if not row.is_secret}


def made(directory: Path, text: str | None, drop_in: str | None) -> Path:
    file = directory / "zaiond.yaml"
    for path, content in ((file, text), (directory / "conf.d" / "1.yaml", drop_in)):
        path.parent.mkdir(exist_ok=True)
        if content is not None:
            path.write_text(content)
            path.chmod(0o600)
    return file


@given(
    text=st.sampled_from(FILES),
    drop_in=st.sampled_from(DROP_INS),
    sequence=st.lists(ANSWERS, min_size=1, max_size=4),
)
def test_setup_page_and_file_agree_after_any_sequence_of_changes(
    text: str | None, drop_in: str | None, sequence: list[dict[str, str]]
) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        files = [made(Path(place), text, drop_in) for place in (one, two)]
        for answers in sequence:
            at_the_terminal(files[0], answers)
            on_the_page(files[1], answers)
            assert contents(Path(one)) == contents(Path(two))
            agree(files[0], files[1])


def agree(by_setup: Path, by_page: Path) -> None:
    """Each shows what the files say, whoever wrote them."""
    loaded = load(str(by_page))
    in_files = {setting.key: setting.value for setting in loaded.settings}
    page = shows(view(ask(by_setup, "show")))
    terminal = Settings(str(by_page), "en").current
    assert page == {key: now.text for key, now in terminal.items() if key not in LOGINS}
    if not loaded.errors:
        for key, value in page.items():
            written = in_files[key]
            is_lent = terminal[key].lent
            assert value == ("" if written == "null" else written) or is_lent, key
