"""The reference says what the declarations say: etc/zaiond.yaml and zaiond.yaml(5)."""

from pathlib import Path

import pytest
import trustme

from tests.support import reference
from zaiond.config.load import load
from zaiond.config.schema import Config, MailServer

ROOT = Path(__file__).parents[3]


def test_the_example_is_up_to_date() -> None:
    written = (ROOT / "etc/zaiond.yaml").read_text()
    assert written == reference.yaml_file(), "run: python -m tests.support.reference"


@pytest.mark.parametrize("name", reference.PAGES)
def test_the_manual_page_is_up_to_date(name: str) -> None:
    written = (ROOT / "docs" / name).read_text()
    language = reference.PAGES[name]
    assert written == reference.page(written, language), "run: python -m tests.support.reference"
    assert "mail_server.auth.password_file" in written


@pytest.mark.parametrize("name", ["zaiond.yaml", "first.yaml"])
def test_the_example_and_the_first_one_are_the_defaults_as_they_stand(name: str) -> None:
    found = load(str(ROOT / "etc" / name))
    assert found.errors == ()
    assert found.config == Config(
        mail_server=MailServer(host="mailhost"), admins=("postmaster@example.co.jp",)
    )
    assert [warning.key for warning in found.warnings] == ["admins"]  # a placeholder


def test_what_is_in_comments_in_the_example_works_when_it_is_uncommented(tmp_path: Path) -> None:
    text = (ROOT / "etc/zaiond.yaml").read_text()
    for block in reference.COMMENTED.values():
        commented = "".join(f"# {line}\n" for line in block.splitlines())
        assert commented in text
        text = text.replace(commented, block)
    file = tmp_path / "zaiond.yaml"
    file.write_text(text)
    (tmp_path / "ping-url").write_text("https://ping.zaion.jp/x\n")
    (tmp_path / "ping-url").chmod(0o600)
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "fleet-ca.pem"))
    (tmp_path / "fleet-password").write_text("s3cret\n")
    (tmp_path / "fleet-password").chmod(0o600)
    found = load(str(file))
    assert found.errors == ()
    assert found.config is not None
    assert list(found.config.routes) == ["database"]
    assert found.config.routes["database"].hours == found.config.times["office"]
    assert list(found.config.jobs) == ["nightly-backup"]
    assert found.config.heartbeat is not None
    assert found.config.fleet is not None
