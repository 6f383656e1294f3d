"""check and setup, run by root where zaiond is installed: what the daemon could not read."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from tests.support.daemon import PROGRAMS
from tests.support.terminal import Terminal

UID, GID, EMITTERS = 61001, 61002, 61003
LOGIN = """\
language: en
mail_server:
  host: 127.0.0.1
  port: 587
  ca_file: ca.pem
  auth:
    mechanism: basic
    username: zaion
    password_file: secrets/smtp-password
fallback_mail_servers:
  - host: 127.0.0.2
    auth:
      mechanism: xoauth2
      username: zaion
      oauth2:
        grant: refresh_token
        token_url: https://127.0.0.1/token
        client_id: zaiond
        client_secret_file: secrets/client-secret
        refresh_token_file: secrets/refresh-token
  - host: 127.0.0.3
    auth: {mechanism: xoauth2, username: zaion, oauth2: {token_command: [bin/get-token]}}
"""


class Machine:
    """A machine on which zaiond is installed: its users, and its configuration in `etc`."""

    def __init__(self, directory: Path) -> None:
        self.etc = directory / "etc"
        self._users = directory / "users"
        for path in (self.etc / "secrets", self.etc / "bin", self.etc / "conf.d", self._users):
            path.mkdir(parents=True)
        for name, lines in {
            "passwd": ["root:x:0:0::/root:/bin/sh", f"zaiond:x:{UID}:{GID}::/:/usr/sbin/nologin"],
            "group": ["root:x:0:", f"zaiond:x:{GID}:", f"zaiond-emit:x:{EMITTERS}:"],
        }.items():
            (self._users / name).write_text("".join(f"{line}\n" for line in lines))
        self.file("zaiond.yaml", LOGIN)
        self.file("conf.d/10.yaml", "admins: a..b@zaion.jp\n")
        trustme.CA().cert_pem.write_to_path(self.etc / "ca.pem")
        for name in ("smtp-password", "client-secret", "refresh-token"):
            self.file(f"secrets/{name}", "s3cret\n")
        self.file("bin/get-token", "#!/bin/sh\n")
        (self.etc / "bin/get-token").chmod(0o750)
        for path in (self.etc, *self.etc.rglob("*")):
            os.chown(path, 0, GID)
            if path.is_dir():
                path.chmod(0o2750)
        for above in (self.etc, *list(self.etc.parents)[:-1]):
            if above != self.etc and above.stat().st_mode & 0o001 == 0:
                above.chmod(above.stat().st_mode | 0o001)

    def file(self, name: str, text: str) -> Path:
        path = self.etc / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o640)
        return path

    @property
    def wrapper(self) -> list[str]:
        mounts = " && ".join(
            f"mount --bind {self._users / name} /etc/{name}" for name in ("passwd", "group")
        )
        return ["unshare", "-m", "sh", "-c", f'{mounts} && exec "$@"', "sh"]

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.wrapper, *command], capture_output=True, text=True, timeout=60, check=False
        )

    def ctl(self, *arguments: str) -> list[str | Path]:
        return [PROGRAMS / "zaiond-ctl", f"--config={self.etc / 'zaiond.yaml'}", *arguments]

    def errors(self) -> list[tuple[str, int, str, str]]:
        document = json.loads(self.run(*self.ctl("check", "--json")).stdout)
        assert document["ok"] == (not document["errors"])
        return [
            (os.path.relpath(e["file"], self.etc), e["line"], e["key"], e["message"])
            for e in document["errors"]
        ]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def private(name: str) -> Callable[[Machine], None]:
    """The file is root's alone, as `umask 077` leaves it."""

    def make(machine: Machine) -> None:
        os.chown(machine.etc / name, 0, 0)
        (machine.etc / name).chmod(0o700 if (machine.etc / name).is_dir() else 0o600)

    return make


def linked_to_a_private_directory(machine: Machine) -> None:
    away = machine.etc.parent / "away"
    away.mkdir(mode=0o700)
    (machine.etc / "secrets/smtp-password").rename(away / "smtp-password")
    (machine.etc / "secrets/smtp-password").symlink_to(away / "smtp-password")


def readable_by_roots_group(machine: Machine) -> None:
    os.chown(machine.etc / "secrets/smtp-password", UID, 0)


def readable_by_all(machine: Machine) -> None:
    os.chown(machine.etc / "secrets/smtp-password", 0, 0)
    (machine.etc / "secrets/smtp-password").chmod(0o644)


AUTH = "mail_server.auth.password_file"
OAUTH2 = "fallback_mail_servers[0].auth.oauth2"


@pytest.mark.parametrize(
    ("spoil", "places"),
    [
        (private("zaiond.yaml"), [("zaiond.yaml", 1, "")]),
        (private("conf.d/10.yaml"), [("conf.d/10.yaml", 1, "")]),
        (private("conf.d"), [("conf.d", 1, ""), ("conf.d/10.yaml", 1, "")]),
        (private("ca.pem"), [("zaiond.yaml", 5, "mail_server.ca_file")]),
        (private("secrets/smtp-password"), [("zaiond.yaml", 9, AUTH)]),
        (linked_to_a_private_directory, [("zaiond.yaml", 9, AUTH)]),
        (readable_by_roots_group, [("zaiond.yaml", 9, AUTH)]),
        (readable_by_all, [("zaiond.yaml", 9, AUTH)]),
        (private("secrets/client-secret"), [("zaiond.yaml", 19, f"{OAUTH2}.client_secret_file")]),
        (private("secrets/refresh-token"), [("zaiond.yaml", 20, f"{OAUTH2}.refresh_token_file")]),
        (
            private("secrets"),
            [
                ("zaiond.yaml", 9, AUTH),
                ("zaiond.yaml", 19, f"{OAUTH2}.client_secret_file"),
                ("zaiond.yaml", 20, f"{OAUTH2}.refresh_token_file"),
            ],
        ),
    ],
)
def test_what_the_daemon_could_not_read_is_an_error_that_the_command_shown_mends(
    machine: Machine, spoil: Callable[[Machine], None], places: list[tuple[str, int, str]]
) -> None:
    spoil(machine)
    found = machine.errors()
    assert [(file, line, key) for file, line, key, _ in found] == places
    for *_, message in found:
        done = machine.run("sh", "-ec", message.partition("run: ")[2])
        assert done.returncode == 0, done
    assert machine.errors() == []
    become = ["setpriv", f"--reuid={UID}", f"--regid={GID}", "--clear-groups", "cat"]
    files = [path for path in machine.etc.rglob("*") if path.is_file()]
    assert machine.run(*become, *files).returncode == 0


def test_a_program_that_the_daemon_could_not_run_is_an_error(machine: Machine) -> None:
    os.chown(machine.etc / "bin/get-token", 0, 0)
    ((_, line, key, _),) = machine.errors()
    assert (line, key) == (22, "fallback_mail_servers[1].auth.oauth2.token_command")


def test_an_access_control_list_is_not_judged(machine: Machine) -> None:
    private("secrets/smtp-password")(machine)
    # Version 2: the owner rw, one more user (zaiond) r, the group nothing, mask r, others nothing.
    entries = [(1, 6, -1), (2, 4, UID), (4, 0, -1), (16, 4, -1), (32, 0, -1)]
    acl = (2).to_bytes(4, "little") + b"".join(
        tag.to_bytes(2, "little") + bits.to_bytes(2, "little") + (who % 2**32).to_bytes(4, "little")
        for tag, bits, who in entries
    )
    os.setxattr(machine.etc / "secrets/smtp-password", "system.posix_acl_access", acl)
    assert [key for *_, key, message in machine.errors() if "can't read" in message] == []


def test_where_nobody_is_called_zaiond_root_judges_for_itself(machine: Machine) -> None:
    private("secrets/smtp-password")(machine)
    done = subprocess.run(machine.ctl("check"), capture_output=True, text=True, check=False)
    # The group is nobody's here: only that is said.
    assert "can't read" not in done.stdout


def set_up(machine: Machine) -> tuple[int, str]:
    """Answers the questions, with a password; the exit status, and what was said."""
    machine.file("zaiond.yaml", "mail_server:\n  host: 127.0.0.1\n  port: 1\n")
    private("zaiond.yaml")(machine)
    options = [f"--{name}-dir={machine.etc.parent / name}" for name in ("runtime", "state")]
    command = [*machine.wrapper, *machine.ctl(*options, "setup")]
    with Terminal(command) as terminal:
        terminal.answer("[127.0.0.1]: ")
        terminal.answer("[1]: ")
        terminal.answer("[4]: ", "1")
        terminal.answer("ID: ", "zaion")
        terminal.answer("[未設定]: ", "s3cret")
        terminal.answer("[2]: ")
        terminal.answer("[zaionnex]: ")
        terminal.expect("a..b@zaion.jp")
        terminal.answer("* [a..b@zaion.jp]: ", "-")
        terminal.answer("番号: ", "1")
        return terminal.ended(), terminal.screen


def test_what_setup_writes_as_root_can_be_read_by_the_daemon(machine: Machine) -> None:
    status, said = set_up(machine)
    assert status == 0
    assert "systemctl enable --now" in said
    for name in ("zaiond.yaml", "smtp-password"):
        found = (machine.etc / name).stat()
        assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (0, GID, 0o640), name
    assert machine.errors() == []


def test_what_setup_can_not_make_readable_is_told_when_it_has_written(machine: Machine) -> None:
    private("")(machine)
    status, said = set_up(machine)
    assert status == 78
    assert f"chmod g+x {machine.etc}" in said
    assert "systemctl enable --now" not in said
