"""The dialogue of setup without a terminal, and what it makes of the files."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from zaiond.config.edit import EditError
from zaiond.setup.answers import AUTH, POP_BEFORE_SMTP, Answers, Current
from zaiond.setup.dialogue import Ask, Dialogue, Review, Try
from zaiond.setup.files import Settings, SetupError
from zaiond.text import Language, Text

BASE = {
    "mail_server.host": Current("mailhost"),
    "mail_server.port": Current("25"),
    "mail_server.auth.mechanism": Current("none"),
    "mail_server.pop_before_smtp.enabled": Current("false"),
    "sender": Current("zaionnex"),
    "admins": Current("a@zaion.jp"),
}
LOGIN = {
    **BASE,
    "mail_server.auth.mechanism": Current("basic"),
    "mail_server.auth.username": Current("zaion"),
    "mail_server.auth.password": Current("set"),
}
POP = {
    **BASE,
    "mail_server.pop_before_smtp.enabled": Current("true"),
    "mail_server.pop_before_smtp.username": Current("popper"),
    "mail_server.pop_before_smtp.password": Current("set"),
}


class Talk:
    """A dialogue led to its end with these lines."""

    def __init__(
        self,
        lines: Sequence[str],
        current: dict[str, Current] = BASE,
        language: Language = "en",
        reviewed: tuple[list[str], list[str]] = ([], []),
    ) -> None:
        self.said: list[str] = []
        self.prompts: list[str] = []
        self.hidden: list[str] = []
        self.tried: list[tuple[str, ...]] = []
        left = list(lines)
        steps = Dialogue(current, language).run()
        came: object = None
        try:
            while True:
                step = steps.send(came)
                came = None
                if isinstance(step, Ask):
                    self.prompts.append(step.prompt)
                    if step.secret:
                        self.hidden.append(step.prompt)
                    came = left.pop(0)
                elif isinstance(step, Review):
                    came = reviewed
                elif isinstance(step, Try):
                    self.tried.append(step.addresses)
                    came = ["Sent successfully", "", "more"]
                else:
                    self.said.append(step.text)
        except StopIteration as end:
            self.answers: Answers | None = end.value
        assert not left


def changes(lines: Sequence[str], current: dict[str, Current] = BASE) -> dict[str, str]:
    answers = Talk(lines, current).answers
    assert answers is not None
    return answers.changes


KEEP = ["", "", "", "", "", "", "-", "1"]


def test_enter_keeps_everything() -> None:
    assert changes(KEEP) == {}
    assert changes(["", "", "", "", "", "", "", "", "-", "1"], LOGIN) == {}


def test_what_is_typed_as_it_is_changes_nothing() -> None:
    lines = ["mailhost", "25", "none", "Don't use", "zaionnex", "a@zaion.jp", "-", "1"]
    assert changes(lines) == {}


def test_a_change_taken_back_is_none() -> None:
    assert changes(["x", "", "", "", "", "", "-", "3", "mailhost", *KEEP[1:]]) == {}


def test_answers_become_what_the_file_has() -> None:
    typed = ["mx", "587", "3", "u", "pw", "1", " z@zaion.jp ", "b@c.jp, d@e.jp", "-", "1"]
    assert changes(typed) == {
        "mail_server.host": "mx",
        "mail_server.port": "587",
        "mail_server.auth.mechanism": "cram-md5",
        "mail_server.auth.username": "u",
        "mail_server.pop_before_smtp.enabled": "true",
        "sender": "z@zaion.jp",
        "admins": "b@c.jp, d@e.jp",
    }  # fmt: skip


@pytest.mark.parametrize(
    "mechanism", ["1", "2", "3", "basic", "ntlm", "CRAM-MD5", "Basic authentication"]
)
def test_each_login_asks_for_a_user_and_hides_the_password(mechanism: str) -> None:
    talk = Talk(["", "", mechanism, "u", "pw", "", "", "", "-", "1"])
    assert talk.hidden == ["  Password [not set]: "]
    assert talk.answers is not None
    assert talk.answers.secrets == {AUTH: "pw"}
    assert "pw" not in repr(talk.answers)


def test_a_proposed_value_is_a_change_when_it_is_taken() -> None:
    new = {**BASE, "mail_server.host": Current("mailhost", proposed=True)}
    assert changes(KEEP, new) == {"mail_server.host": "mailhost"}


def test_xoauth2_is_offered_only_where_it_is_set_up() -> None:
    have = {**LOGIN, "mail_server.auth.mechanism": Current("xoauth2")}
    talk = Talk(["", "", "", "", "", "", "", "-", "1"], have)
    assert "  5) XOAUTH2" in "\n".join(talk.said)
    assert not talk.hidden  # a token, not a password
    assert talk.answers == Answers()
    assert "XOAUTH2" not in "\n".join(Talk(KEEP).said)


def test_pop_uses_the_login_of_smtp_and_has_its_own_where_there_is_none() -> None:
    lent = Talk(["", "", "", "", "", "1", "", "", "-", "1"], LOGIN)
    assert lent.hidden == ["  Password [set]: "]
    own = Talk(["", "", "", "1", "popper", "pw", "", "", "-", "1"])
    assert own.answers is not None
    assert own.answers.secrets == {POP_BEFORE_SMTP: "pw"}
    assert own.answers.changes[f"{POP_BEFORE_SMTP}.username"] == "popper"
    kept = Talk(["", "", "", "", "", "", "", "", "-", "1"], POP)
    assert kept.hidden == ["  POP password [set]: "]
    assert kept.answers == Answers()


def test_pop_is_not_asked_for_a_login_that_it_borrows_from_the_file(tmp_path: Path) -> None:
    write(tmp_path / "pw", "pw\n")
    auth = "{mechanism: basic, username: zaion, password_file: pw}"
    current = settings(tmp_path, with_auth(auth)).current
    lent = Talk(["", "", "", "", "", "1", "", "", "-", "1"], current)
    assert lent.hidden == ["  Password [set]: "]
    # Without a login of SMTP it is shown what it would borrow, and may have another one.
    own = Talk(["", "", "4", "1", "popper", "pw2", "", "", "-", "1"], current).answers
    assert own is not None
    assert own.changes[f"{POP_BEFORE_SMTP}.username"] == "popper"


def test_what_was_answered_for_a_login_that_is_not_wanted_after_all_is_forgotten() -> None:
    first = ["", "", "1", "u", "pw", "", "", "", "-", "3"]
    assert Talk([*first, "", "", "4", "", "", "", "-", "1"]).answers == Answers()
    first = ["", "", "", "1", "u", "pw", "", "", "-", "3"]
    assert Talk([*first, "", "", "", "2", "", "", "-", "1"]).answers == Answers()


def test_what_is_locked_is_shown_and_not_asked_for() -> None:
    why = Text("ja", "it is set in /etc/x.yaml:3")
    locked = {
        **LOGIN,
        "mail_server.host": Current("over", why),
        "mail_server.auth.mechanism": Current("basic", why),
        "mail_server.auth.password": Current("set", why),
    }
    talk = Talk(["", "", "", "", "", "-", "1"], locked)
    said = "\n".join(talk.said)
    assert "Outgoing mail server: over\n  it is set in /etc/x.yaml:3" in said
    assert "SMTP authentication: Basic authentication\n" in said
    assert "Password: set\n" in said
    assert not talk.hidden
    assert talk.answers == Answers()


def test_the_test_goes_to_the_addresses_typed_or_to_the_admins_as_often_as_wanted() -> None:
    talk = Talk([*KEEP[:6], "x@y.jp, z@y.jp", "4", "", "4", "-", "2"])
    assert talk.tried == [("x@y.jp", "z@y.jp"), ()]
    assert "Result: Sent successfully\n\nmore" in talk.said
    assert talk.answers is None


def test_addresses_separated_otherwise_are_answered_by_what_to_type() -> None:
    for sign in ("、", ";", " ", "\u3000"):
        typed = f"a..b@c.jp{sign}d@e.jp"
        talk = Talk([*KEEP[:5], typed, "a..b@c.jp, d@e.jp", typed, "a..b@c.jp, d@e.jp", "1"])
        said = [line for line in talk.said if line.endswith("; write it as: a..b@c.jp, d@e.jp")]
        assert len(said) == 2
        assert talk.tried == [("a..b@c.jp", "d@e.jp")]
        assert talk.answers is not None
        assert talk.answers.changes == {"admins": "a..b@c.jp, d@e.jp"}


def test_with_errors_nothing_is_sent_and_nothing_is_written() -> None:
    wrong = (["x: wrong"], ["y: warning: odd"])
    talk = Talk([*KEEP[:6], "1", "4", "2"], reviewed=wrong)
    assert talk.answers is None
    assert talk.tried == []
    assert talk.said.count("x: wrong") == 2
    assert "\nx: wrong\ny: warning: odd" in talk.said


def test_every_question_is_explained_in_both_languages() -> None:
    for language in ("ja", "en"):
        lines = ["?", "", "?", "", "?", "1", "?", "u", "pw", "?", "", "?", "", "?", "", "-", "2"]
        talk = Talk(lines, language=language)
        assert all(talk.said)


# -- the files

TEXT = "mail_server:\n  host: mailhost\nadmins: a@zaion.jp\n"
MOVED = Answers({"mail_server.port": "587"})


def write(path: Path, text: str, mode: int = 0o640) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def settings(tmp_path: Path, text: str | None = TEXT) -> Settings:
    file = tmp_path / "zaiond.yaml"
    if text is not None:
        write(file, text)
    return Settings(str(file), "en")


def with_auth(auth: str) -> str:
    return TEXT.replace("mailhost\n", f"mailhost\n  auth: {auth}\n")


def test_the_current_values_are_those_in_force(tmp_path: Path) -> None:
    write(tmp_path / "smtp-password", "pw\n")
    auth = "{mechanism: basic, username: zaion, password_file: smtp-password}"
    now = settings(tmp_path, with_auth(auth)).current
    assert {key: one.text for key, one in now.items()} == {
        "mail_server.host": "mailhost",
        "mail_server.port": "25",
        "mail_server.auth.mechanism": "basic",
        "mail_server.auth.username": "zaion",
        "mail_server.auth.password": "set",
        "mail_server.pop_before_smtp.enabled": "false",
        "mail_server.pop_before_smtp.username": "zaion",
        "mail_server.pop_before_smtp.password": "set",
        "sender": "zaionnex",
        "admins": "a@zaion.jp",
    }
    assert "pw" not in repr(now)


def test_tokens_that_are_set_up_stay_as_they_are(tmp_path: Path) -> None:
    auth = "{mechanism: xoauth2, username: zaion, oauth2: {token_command: [/bin/true]}}"
    found = settings(tmp_path, with_auth(auth))
    assert found.errors == ()
    assert found.current["mail_server.auth.mechanism"] == Current("xoauth2")
    found.write(found.candidate(MOVED))
    assert (tmp_path / "zaiond.yaml").read_text() == with_auth(auth).replace(
        "mailhost\n", "mailhost\n  port: 587\n"
    )


def test_a_broken_value_that_is_asked_for_can_be_mended(tmp_path: Path) -> None:
    found = settings(tmp_path, "mail_server:\n  port: x\nadmins: a、b\n")
    assert found.errors == ()
    assert found.current["admins"].text == ""
    answers = Answers(
        {"mail_server.host": "mailhost", "mail_server.port": "25", "admins": "a@zaion.jp"}
    )
    candidate = found.candidate(answers)
    assert candidate.errors == ()
    found.write(candidate)
    text = (tmp_path / "zaiond.yaml").read_text()
    assert text == "mail_server:\n  port: 25\n  host: mailhost\nadmins: a@zaion.jp\n"


def test_other_errors_are_left_to_a_person(tmp_path: Path) -> None:
    (error,) = settings(tmp_path, f"{TEXT}charset: x\n").errors
    assert error.key == "charset"


def test_a_password_in_the_file_stays_there(tmp_path: Path) -> None:
    found = settings(tmp_path, with_auth("{mechanism: basic, username: u, password: 'old'}"))
    found.write(found.candidate(Answers(secrets={AUTH: "it's"})))
    assert "password: 'it''s'}" in (tmp_path / "zaiond.yaml").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["zaiond.yaml"]


def test_a_password_file_that_is_named_is_the_one_that_is_written(tmp_path: Path) -> None:
    write(tmp_path / "conf.d" / "1.yaml", "mail_server: {auth: {password_file: ../secret}}\n")
    kept = write(tmp_path / "secret", "old\n", 0o600)
    found = settings(tmp_path, with_auth("{mechanism: basic, username: u}"))
    assert found.current["mail_server.auth.password"] == Current("set")
    before = (tmp_path / "zaiond.yaml").read_text()
    assert found.write(found.candidate(Answers(secrets={AUTH: "new"}))) == [
        str(tmp_path / "conf.d" / ".." / "secret")
    ]
    assert kept.read_text() == "new\n"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "zaiond.yaml").read_text() == before


def test_a_password_file_that_is_not_there_yet_is_made(tmp_path: Path) -> None:
    auth = "{mechanism: basic, username: u, password_file: mine}"
    found = settings(tmp_path, with_auth(auth))
    assert found.errors == ()
    assert found.current["mail_server.auth.password"].text == ""
    found.write(found.candidate(Answers(secrets={AUTH: "new"})))
    assert (tmp_path / "mine").read_text() == "new\n"
    assert (tmp_path / "mine").stat().st_mode & 0o777 == 0o640


def test_a_new_password_overwrites_no_file_that_is_there(tmp_path: Path) -> None:
    other = write(tmp_path / "smtp-password", "not ours\n")
    found = settings(tmp_path)
    login = {f"{AUTH}.mechanism": "basic", f"{AUTH}.username": "u"}
    found.write(found.candidate(Answers(login, {AUTH: "pw", POP_BEFORE_SMTP: "pop"})))
    assert other.read_text() == "not ours\n"
    assert (tmp_path / "smtp-password-2").read_text() == "pw\n"
    assert (tmp_path / "pop-password").read_text() == "pop\n"
    assert "password_file: smtp-password-2\n" in (tmp_path / "zaiond.yaml").read_text()


def test_a_credential_cannot_be_changed_here(tmp_path: Path) -> None:
    auth = "{mechanism: basic, username: u, password_credential: smtp}"
    now = settings(tmp_path, with_auth(auth)).current["mail_server.auth.password"]
    assert now.text == "set"
    assert now.locked is not None
    assert "smtp" in now.locked.en
    assert "LoadCredential" in now.locked.ja


@pytest.mark.parametrize(
    ("drop_in", "key", "where"),
    [
        ("sender: over\n", "sender", "1.yaml:1"),
        ("mail_server:\n  port: 26\n", "mail_server.port", "1.yaml:2"),
        (
            "mail_server: {auth: {username: u, password: pw}}\n",
            "mail_server.auth.password",
            "1.yaml:1",
        ),
    ],
)
def test_what_a_drop_in_sets_is_locked(tmp_path: Path, drop_in: str, key: str, where: str) -> None:
    write(tmp_path / "conf.d" / "1.yaml", drop_in)
    now = settings(tmp_path).current
    locked = now[key].locked
    assert locked is not None
    assert where in locked.ja
    assert where in locked.en
    assert now["admins"].locked is None


def test_what_a_drop_in_removes_is_told_and_not_written(tmp_path: Path) -> None:
    write(tmp_path / "conf.d" / "1.yaml", "mail_server: {port: null}\n")
    found = settings(tmp_path)
    with pytest.raises(EditError, match=r"mail_server\.port .*conf\.d/1\.yaml"):
        found.candidate(MOVED)


def test_what_is_required_and_removed_by_a_drop_in_is_told_to_who_enters_it(tmp_path: Path) -> None:
    write(tmp_path / "conf.d" / "1.yaml", "admins: null\n")
    found = settings(tmp_path)
    assert [error.key for error in found.mendable] == ["admins"]
    with pytest.raises(EditError, match=r"admins .*conf\.d/1\.yaml") as told:
        found.candidate(Answers({"admins": "b@zaion.jp"}))
    assert told.value.key == "admins"


def test_a_password_that_the_daemon_would_not_read_is_not_written(tmp_path: Path) -> None:
    found = settings(tmp_path)
    login = {f"{AUTH}.mechanism": "basic", f"{AUTH}.username": "u"}
    with pytest.raises(EditError, match="64 KiB") as told:
        found.candidate(Answers(login, {AUTH: "x" * 65536}))
    assert told.value.key == f"{AUTH}.password"
    assert found.candidate(Answers(login, {AUTH: "x" * 65535})).errors == ()


def test_no_file_grows_beyond_what_the_daemon_reads(tmp_path: Path) -> None:
    found = settings(tmp_path, TEXT + "#" * (1024 * 1024 - len(TEXT) - 5) + "\n")
    with pytest.raises(EditError, match="1024 KiB"):
        found.candidate(MOVED)


def test_a_new_password_mends_a_file_that_others_can_read(tmp_path: Path) -> None:
    kept = write(tmp_path / "pw", "old\n", 0o644)
    found = settings(tmp_path, with_auth("{mechanism: basic, username: u, password_file: pw}"))
    found.write(found.candidate(Answers(secrets={AUTH: "new"})))
    assert kept.stat().st_mode & 0o777 == 0o640
    assert settings(tmp_path, None).mendable == ()


def test_a_password_in_a_file_that_others_can_read_is_written_for_us_alone(tmp_path: Path) -> None:
    auth = "{mechanism: basic, username: u, password: p}"
    file = write(tmp_path / "zaiond.yaml", with_auth(auth), 0o644)
    found = settings(tmp_path, None)
    found.write(found.candidate(Answers(secrets={AUTH: "new"})))
    assert file.stat().st_mode & 0o777 == 0o640
    assert settings(tmp_path, None).mendable == ()


def test_why_a_password_cannot_be_read_is_said_again_while_it_is_so(tmp_path: Path) -> None:
    write(tmp_path / "pw", "old\n", 0o644)
    found = settings(tmp_path, with_auth("{mechanism: basic, username: u, password_file: pw}"))
    (before,) = found.mendable
    assert "chmod o-rwx" in before.text.en
    assert found.current[f"{AUTH}.password"] == Current("set")
    assert found.candidate(MOVED).errors == (before,)


def test_what_has_a_yaml_name_is_locked(tmp_path: Path) -> None:
    text = "admins: &all a@zaion.jp\nsender: *all\nmail_server: {host: mailhost}\n"
    now = settings(tmp_path, text).current
    for key, line in (("admins", 1), ("sender", 2)):
        locked = now[key].locked
        assert locked is not None
        assert f"zaiond.yaml:{line}" in locked.en
    assert now["mail_server.host"].locked is None


def test_a_file_keeps_its_owner_and_mode_and_its_link(tmp_path: Path) -> None:
    real = write(tmp_path / "elsewhere" / "real.yaml", TEXT, 0o600)
    (tmp_path / "zaiond.yaml").symlink_to(real)
    found = settings(tmp_path, None)
    assert not found.is_new
    found.write(found.candidate(MOVED))
    assert (tmp_path / "zaiond.yaml").is_symlink()
    assert "port: 587" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o600
    assert len(list(real.parent.iterdir())) == 1


@pytest.mark.parametrize("written", [0, 1])
def test_where_it_cannot_be_written_nothing_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    found = settings(tmp_path)
    candidate = found.candidate(Answers({**MOVED.changes}, {AUTH: "pw"}))
    room = ["room"] * written

    def fsync(descriptor: int) -> None:
        if not room:
            raise OSError(28, "No space left on device")
        room.pop()

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(SetupError, match="No space left"):
        found.write(candidate)
    assert [path.name for path in tmp_path.iterdir()] == ["zaiond.yaml"]
    assert (tmp_path / "zaiond.yaml").read_text() == TEXT


def test_a_secret_is_there_before_the_file_that_names_it(tmp_path: Path) -> None:
    found = Settings(str(write(tmp_path / "a.yaml", TEXT)), "en")
    written = found.write(found.candidate(Answers({**MOVED.changes}, {AUTH: "pw"})))
    assert [Path(path).name for path in written] == ["smtp-password", "a.yaml"]


def test_without_its_directory_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="make it first"):
        Settings(str(tmp_path / "none" / "zaiond.yaml"), "en")
