"""The settings of a fleet: servers, logins, roles, and what is said where they don't fit."""

from pathlib import Path

import pytest

from zaiond.config.load import Loaded, load, load_files
from zaiond.config.schema import Fleet

SEED = f"SUA{'S3CRET' * 9}A"
CREDS = f"""\
-----BEGIN NATS USER JWT-----
eyJ0eXAiOiJKV1QifQ.s3cret
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
{SEED}
------END USER NKEY SEED------
"""
TLS = "tls://nats1.zaion.jp:4222"


def loaded(directory: Path, fleet: str) -> Loaded:
    file = directory / "zaiond.yaml"
    file.write_text(f"mail_server: {{host: mailhost}}\nadmins: a@zaion.jp\nfleet: {fleet}\n")
    file.chmod(0o600)
    return load(str(file))


def of(directory: Path, fleet: str) -> Fleet:
    found = loaded(directory, fleet)
    assert found.errors == ()
    assert found.config is not None
    assert found.config.fleet is not None
    return found.config.fleet


def errors(directory: Path, fleet: str) -> dict[str, str]:
    return {error.key: error.text.en for error in loaded(directory, fleet).errors}


def warnings(directory: Path, fleet: str) -> dict[str, str]:
    return {warning.key: warning.text.en for warning in loaded(directory, fleet).warnings}


def secret(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def test_one_machine_has_no_fleet(tmp_path: Path) -> None:
    found = loaded(tmp_path, "null").config
    assert found is not None
    assert found.fleet is None


def test_a_member_has_ten_minutes_until_it_mails_by_itself(tmp_path: Path) -> None:
    fleet = of(tmp_path, "{servers: nats://localhost, role: member}")
    assert (fleet.servers, fleet.fallback_after) == (("nats://localhost:4222",), 600)


@pytest.mark.parametrize(
    ("written", "servers"),
    [
        (f"[{TLS}, 'tls://nats2.zaion.jp']", (TLS, "tls://nats2.zaion.jp:4222")),
        (f"'{TLS}, tls://nats2.zaion.jp:1/'", (TLS, "tls://nats2.zaion.jp:1")),
        ("'tls://[2001:db8::1]:4222'", ("tls://[2001:db8::1]:4222",)),
        (f"[{TLS}, {TLS}]", (TLS,)),
    ],
)
def test_servers_are_a_list_or_a_text(
    tmp_path: Path, written: str, servers: tuple[str, ...]
) -> None:
    assert of(tmp_path, f"{{servers: {written}, role: hub}}").servers == servers


@pytest.mark.parametrize(
    "url",
    ["nats1.zaion.jp", "http://nats1.zaion.jp", "tls://", "tls://a b", "tls://h:0", "tls://h:99999",
     "tls://h/path", "tls://h?x=1", "tls：//h", "", "[]", "tls://300.1.1.1"],
)  # fmt: skip
def test_what_is_no_url_of_a_nats_server_is_refused(tmp_path: Path, url: str) -> None:
    written = url if url == "[]" else f"'{url}'"
    assert list(errors(tmp_path, f"{{servers: {written}, role: hub}}")) == ["fleet.servers"]


def test_a_password_in_the_url_is_refused_and_not_shown(tmp_path: Path) -> None:
    found = errors(tmp_path, "{servers: 'tls://u:s3cret@h:1', role: hub}")
    assert "user and password_file" in found["fleet.servers"]
    assert "s3cret" not in str(found)


def test_servers_and_role_must_be_there(tmp_path: Path) -> None:
    assert set(errors(tmp_path, "{}")) == {"fleet.servers", "fleet.role"}


def test_each_way_to_log_in_is_brought(tmp_path: Path) -> None:
    secret(tmp_path / "pw", "s3cret\n")
    secret(tmp_path / "creds", CREDS)
    secret(tmp_path / "nkey", f"{SEED}\n")
    start = f"servers: {TLS}, role: member"
    by_password = of(tmp_path, f"{{{start}, user: web1, password_file: pw}}")
    assert by_password.password is not None
    assert by_password.password.reveal() == "s3cret"
    by_file = of(tmp_path, f"{{{start}, credentials_file: creds}}")
    assert by_file.credentials is not None
    assert by_file.credentials.reveal() == CREDS
    by_key = of(tmp_path, f"{{{start}, nkey_file: nkey}}")
    assert by_key.nkey is not None
    assert by_key.nkey.reveal() == SEED
    assert "s3cret" not in repr(loaded(tmp_path, f"{{{start}, credentials_file: creds}}"))


def test_the_last_good_configuration_has_the_secrets_too(tmp_path: Path) -> None:
    secret(tmp_path / "creds", CREDS)
    found = loaded(tmp_path, f"{{servers: {TLS}, role: hub, credentials_file: creds}}")
    again = load_files(found.files)
    assert again.config == found.config
    assert again.config is not None


def test_several_ways_to_log_in_are_refused(tmp_path: Path) -> None:
    secret(tmp_path / "creds", CREDS)
    text = f"{{servers: {TLS}, role: hub, user: u, password: p, credentials_file: creds}}"
    assert "credentials_file, user" in errors(tmp_path, text)["fleet.user"]
    text = f"{{servers: {TLS}, role: hub, user: u, password: p, password_file: p}}"
    assert "fleet.password_file" in errors(tmp_path, text)


def test_user_and_password_need_each_other(tmp_path: Path) -> None:
    assert list(errors(tmp_path, f"{{servers: {TLS}, role: hub, user: u}}")) == ["fleet.user"]
    found = errors(tmp_path, f"{{servers: {TLS}, role: hub, password: p}}")
    assert list(found) == ["fleet.password"]


def test_a_password_goes_over_no_open_network(tmp_path: Path) -> None:
    text = "{servers: 'nats://nats1.zaion.jp', role: hub, user: u, password: p}"
    found = errors(tmp_path, text)["fleet.servers"]
    assert "tls://" in found
    assert "nkey_file" in found
    here = "{servers: ['nats://127.0.0.1', 'nats://[::1]'], role: hub, user: u, password: p}"
    assert errors(tmp_path, here) == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("credentials_file", "s3cret"), ("nkey_file", "s3cret"), ("nkey_file", "SUAS3CRET"),
        ("credentials_file", CREDS.partition("\n")[2]),
        ("credentials_file", CREDS.replace("BEGIN USER", "USER")),
        ("credentials_file", CREDS.replace("\n", "\r\n")),
        ("credentials_file", CREDS.replace(SEED, SEED[:-1])),
    ],
)  # fmt: skip
def test_a_file_that_holds_something_else_is_refused(tmp_path: Path, name: str, text: str) -> None:
    secret(tmp_path / "file", text)
    found = errors(tmp_path, f"{{servers: {TLS}, role: hub, {name}: file}}")
    assert list(found) == [f"fleet.{name}"]
    assert "s3cret" not in str(found).lower()


@pytest.mark.parametrize("name", ["credentials_file", "nkey_file"])
def test_a_secret_that_others_can_read_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text(CREDS)
    (tmp_path / "file").chmod(0o644)
    found = errors(tmp_path, f"{{servers: {TLS}, role: hub, {name}: file}}")
    assert "chmod" in found[f"fleet.{name}"]


def test_without_the_client_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    found = errors(tmp_path, f"{{servers: {TLS}, role: hub}}")
    assert "zaiond[fleet]" in found["fleet"]


def test_what_is_of_no_use_is_warned_of(tmp_path: Path) -> None:
    assert "fleet.fallback_after" not in warnings(  # of its own machine's events
        tmp_path, f"{{servers: {TLS}, role: hub, fallback_after: 1m}}"
    )
    assert "fleet.member_grace" in warnings(
        tmp_path, f"{{servers: {TLS}, role: member, member_grace: 5m}}"
    )
    assert "fleet.servers" in warnings(tmp_path, "{servers: 'nats://n1.zaion.jp', role: hub}")
    assert "fleet" in warnings(tmp_path, f"{{servers: {TLS}, role: hub}}")


@pytest.mark.parametrize(("role", "is_warned"), [("member", True), ("hub", False)])
def test_jobs_are_for_the_hubs_to_watch(tmp_path: Path, role: str, is_warned: bool) -> None:
    fleet = f"{{servers: nats://localhost, role: {role}}}\njobs: {{nightly: {{every: 1d}}}}"
    assert ("jobs" in warnings(tmp_path, fleet)) == is_warned
