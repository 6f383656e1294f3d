"""Each kind of setting reads what it writes, and says what may be written."""

import pytest

from zaiond.config.kinds import WrongValueError
from zaiond.config.schema import declaration, every_setting

KEYS = [key for key, declared in every_setting() if declared.kind.settings is None]
DEFAULTS = [key for key in KEYS if declaration(key).default != "null"]


@pytest.mark.parametrize("key", DEFAULTS)
def test_a_default_is_written_as_it_is_declared(key: str) -> None:
    declared = declaration(key)
    assert declared.kind.write(declared.kind.parse(declared.default)) == declared.default


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("mail_server.rate", "30/m"),
        ("mail_server.rate", "1/d"),
        ("mail_server.timeout", "1.5s"),
        ("limits.bytes_waiting", "300K"),
        ("limits.bytes_waiting", "2G"),
        ("admins", 'a@zaion.jp, "N, M" <b@zaion.jp>'),
        ("mail_server.auth.oauth2.token_url", "https://login.zaion.jp/token"),
    ],
)
def test_what_is_written_is_read_as_the_same(key: str, written: str) -> None:
    kind = declaration(key).kind
    assert kind.write(kind.parse(written)) == written
    assert kind.parse(kind.write(kind.parse(written))) == kind.parse(written)


@pytest.mark.parametrize("key", KEYS)
def test_every_kind_says_in_both_languages_what_may_be_written(key: str) -> None:
    form = declaration(key).kind.form
    assert form.ja
    assert form.en


@pytest.mark.parametrize("key", [key for key in KEYS if key.endswith(".password")])
def test_a_password_is_never_written(key: str) -> None:
    kind = declaration(key).kind
    assert kind.secret
    assert "s3cret" not in kind.write(kind.parse("s3cret"))


@pytest.mark.parametrize(
    ("key", "written"), [("mail_server.timeout", "0s"), ("mail_server.port", "65536")]
)
def test_what_is_beyond_the_bounds_is_refused_with_them(key: str, written: str) -> None:
    kind = declaration(key).kind
    with pytest.raises(WrongValueError, match="between"):
        kind.parse(written)
