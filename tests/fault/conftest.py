"""What tests of servers that misbehave have in common."""

from pathlib import Path

import pytest
import trustme


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Who signs the certificates of the right servers."""
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    """Its certificate, as `ca_file` names it."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state directory, which isn't there yet."""
    return tmp_path / "state"
