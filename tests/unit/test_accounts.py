"""Passwords of zaiond-web: what it costs to try one tells nothing of the name."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from zaiond import accounts


def test_a_name_that_there_is_not_costs_the_same_scrypt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.set_password(str(tmp_path), "yamada", "correct horse battery", 1.0)
    account = accounts.read(str(tmp_path)).accounts["yamada"]
    scrypt, made = hashlib.scrypt, list[dict[str, Any]]()

    def counted(password: bytes, **how: Any) -> bytes:
        made.append({"password": password, **how, "salt": len(how["salt"])})
        return scrypt(password, **how)

    monkeypatch.setattr(hashlib, "scrypt", counted)
    assert accounts.is_right("correct horse battery", account)
    assert not accounts.is_right("correct horse battery", None)
    assert not accounts.is_right("correct horse batterie", account)
    right, unknown, wrong = made
    assert right == unknown
    assert {**wrong, "password": b""} == {**right, "password": b""}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password costs next to nothing."""
    monkeypatch.setattr(accounts, "_SCRYPT", {**accounts._SCRYPT, "n": 2, "p": 1})


def test_no_hash_and_no_token_is_right_by_being_empty(tmp_path: Path) -> None:
    assert not accounts.is_right("", accounts.Account("", "", 0.0))
    known = accounts.Accounts({}, {"a": {"emit": accounts.Token("emit", "", 0.0)}})
    assert accounts.owner_of_token("", "emit", known) is None


@pytest.mark.usefixtures("quick")
def test_who_is_added_at_one_place_is_not_at_another(tmp_path: Path) -> None:
    accounts.set_password(str(tmp_path / "one"), "yamada", "correct horse battery", 1.0)
    accounts.new_token(str(tmp_path / "two"), "yamada", "emit", 1.0)
    assert accounts.read(str(tmp_path / "three")) == accounts.Accounts({}, {})
    assert accounts.read(str(tmp_path / "two")).accounts == {}


@pytest.mark.usefixtures("quick")
def test_a_password_is_changed_by_who_knows_the_present_one(tmp_path: Path) -> None:
    where, first, second = str(tmp_path), "correct horse battery", "wrong horse battery"
    accounts.set_password(where, "yamada", first, 1.0)
    accounts.set_password(where, "suzuki", second, 1.0)
    before = (tmp_path / "accounts.json").read_bytes()
    for name, present in [
        ("yamada", second),
        ("yamada", ""),
        ("tanaka", first),
        ("", first),
        ("tanaka", ""),
    ]:
        with pytest.raises(accounts.WrongPasswordError):
            accounts.change_password(where, name, present, "another horse", 2.0)
    for new in ("short", "password1", "yamada2026", "x" * 1001):  # as with `web password`
        with pytest.raises(accounts.AccountsError) as refused:
            accounts.change_password(where, "yamada", first, new, 2.0)
        assert not isinstance(refused.value, accounts.WrongPasswordError)
    assert (tmp_path / "accounts.json").read_bytes() == before
    accounts.change_password(where, "yamada", first, "another horse", 2.0)
    kept = accounts.read(where).accounts
    assert accounts.is_right("another horse", kept["yamada"])
    assert not accounts.is_right(first, kept["yamada"])
    assert kept["yamada"].since == 2.0
    assert accounts.is_right(second, kept["suzuki"])


def test_of_changes_at_the_same_time_none_is_lost(tmp_path: Path) -> None:
    names = [f"program-{number}" for number in range(40)]
    new = partial(accounts.new_token, str(tmp_path), kind="emit", now=1.0)
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(new, names))
    known = accounts.read(str(tmp_path))
    assert [accounts.owner_of_token(token, "emit", known) for token in tokens] == names


def test_a_name_that_will_not_do_is_shown_as_it_was_typed_but_for_controls(tmp_path: Path) -> None:
    for name, shown in [("山田 太郎", '"山田 太郎"'), ("a\x1b[2J\n", r'"a\x1b[2J\n"'), ("", '""')]:
        with pytest.raises(accounts.AccountsError) as refused:
            accounts.set_password(str(tmp_path), name, "correct horse battery", 1.0)
        assert refused.value.text.ja.endswith(f": {shown}")
        assert refused.value.text.en.endswith(f": {shown}")
