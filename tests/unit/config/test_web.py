"""The settings of zaiond-web: what it may listen on, and with which key."""

from pathlib import Path

import pytest
import trustme

from zaiond.config.load import Loaded, load


def loaded(directory: Path, web: str) -> Loaded:
    file = directory / "zaiond.yaml"
    file.write_text(f"mail_server: {{host: mailhost}}\nadmins: a@zaion.jp\nweb: {web}\n")
    return load(str(file))


def errors(directory: Path, web: str) -> dict[str, str]:
    return {error.key: error.text.en for error in loaded(directory, web).errors}


def write(path: Path, content: bytes, mode: int = 0o600) -> None:
    path.write_bytes(content)
    path.chmod(mode)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    ca = trustme.CA()
    for name in ("one", "two"):
        made = ca.issue_cert(f"{name}.zaion.jp")
        write(tmp_path / f"{name}.crt", made.cert_chain_pems[0].bytes(), 0o644)
        write(tmp_path / f"{name}.key", made.private_key_pem.bytes())
    return tmp_path


def test_it_is_loopback_where_nothing_is_said(tmp_path: Path) -> None:
    config = loaded(tmp_path, "{}").config
    assert config is not None
    assert config.web.listen == "127.0.0.1:8025"


@pytest.mark.parametrize("listen", ["127.0.0.2:1", "[::1]:65535", "localhost:8025"])
def test_loopback_needs_no_certificate(tmp_path: Path, listen: str) -> None:
    assert errors(tmp_path, f"{{listen: '{listen}'}}") == {}


@pytest.mark.parametrize("listen", ["0.0.0.0:8025", "[::]:8025", "192.0.2.1:443"])
def test_elsewhere_it_needs_one(directory: Path, listen: str) -> None:
    assert list(errors(directory, f"{{listen: '{listen}'}}")) == ["web.listen"]
    with_it = f"{{listen: '{listen}', cert_file: one.crt, key_file: one.key}}"
    assert errors(directory, with_it) == {}


@pytest.mark.parametrize(
    "listen",
    ["8025", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "[::1", "::1:8025", "300.0.0.1:1",
     "zaiond.zaion.jp:8025", "127.0.0.1：8025", "[1.2.3.4]:80"],
)  # fmt: skip
def test_what_is_no_address_and_port_is_refused(tmp_path: Path, listen: str) -> None:
    assert list(errors(tmp_path, f"{{listen: '{listen}'}}")) == ["web.listen"]


def test_a_key_must_be_the_certificates_and_nobody_elses(directory: Path) -> None:
    other = errors(directory, "{cert_file: one.crt, key_file: two.key}")
    assert "is not the private key of the certificate" in other["web.key_file"]
    (directory / "one.key").chmod(0o644)
    exposed = errors(directory, "{cert_file: one.crt, key_file: one.key}")
    assert exposed["web.key_file"].endswith(f"run: chmod o-rwx {directory / 'one.key'}")
    gone = errors(directory, "{cert_file: one.crt, key_file: none.key}")
    assert "there is no file" in gone["web.key_file"]
    (directory / "one.key").unlink()
    (directory / "one.key").mkdir()
    assert list(errors(directory, "{cert_file: one.crt, key_file: one.key}")) == ["web.key_file"]


def test_the_address_in_browsers_has_no_path(tmp_path: Path) -> None:
    config = loaded(tmp_path, "{url: 'https://zaiond.zaion.jp/'}").config
    assert config is not None
    assert config.web.url == "https://zaiond.zaion.jp"
    assert list(errors(tmp_path, "{url: 'https://zaiond.zaion.jp/page'}")) == ["web.url"]
    assert list(errors(tmp_path, "{url: 'http://zaiond.zaion.jp'}")) == ["web.url"]
