"""The settings' files for a page: what changes while they are read is not overwritten later."""

import json
from pathlib import Path
from typing import Any

import pytest

from zaiond.setup import serve
from zaiond.setup.files import Settings


def test_a_change_while_the_files_are_read_is_found_at_the_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, said = tmp_path / "zaiond.yaml", list[dict[str, Any]]()
    file.write_text("mail_server: {host: mail.zaion.jp}\nadmins: a@zaion.jp\n")
    server = serve.Server(str(file), str(tmp_path), said.append)

    def changed_meanwhile(*given: Any) -> Settings:
        settings = Settings(*given)
        file.write_text(f"{file.read_text()}# another's\n")
        return settings

    with monkeypatch.context() as while_read:
        while_read.setattr(serve, "Settings", changed_meanwhile)
        server.answer(b'{"do": "show"}')
    before = file.read_text()
    asked = {"do": "update", "revision": said[-1]["revision"], "changes": {"admins": "b@zaion.jp"}}
    server.answer(json.dumps(asked).encode())
    assert said[-1]["code"] == "changed_meanwhile"
    assert file.read_text() == before
