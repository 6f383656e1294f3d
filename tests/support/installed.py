"""zaiond as an administrator has it: installed by `make install` in a container, and running."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.support.container import SOURCE, WHEELS, Container, wheels

PORT = 2525
CONFIG = "/etc/zaiond/zaiond.yaml"
DROP_IN = "/run/systemd/system/zaiond.service.d/test.conf"
UNITS = ("zaiond.socket", "zaiond.service")
INSTALL = ("env", "PIP_NO_INDEX=1", f"PIP_FIND_LINKS={WHEELS}", "make", "-C", SOURCE, "install")
MEMBER = "aiko"  # in zaiond-emit


def configuration(**settings: Any) -> str:
    """A valid one, with `settings` laid over it."""
    return yaml.safe_dump(
        {
            "mail_server": {"host": "127.0.0.1", "port": PORT},
            "sender": "zaionnex@example.co.jp",
            "admins": "postmaster@example.co.jp",
            "language": "en",
            "queue": {"retry_first": "1s", "retry_max": "2s"},
            "route_defaults": {"max_mails": None},  # more than 60 an hour
            **settings,
        }
    )


@contextmanager
def installed() -> Iterator[Container]:
    """A booted system with zaiond installed and enabled."""
    with tempfile.TemporaryDirectory(prefix="zaiond-wheels-") as directory:
        wheels(Path(directory))
        with Container(Path(directory)) as container:
            container.run(*INSTALL)
            container.run("useradd", "--groups=zaiond-emit", MEMBER)
            container.run("systemctl", "enable", *UNITS)
            yield container


class Service:
    """zaiond in the container, as commands and files show it."""

    def __init__(self, machine: Container) -> None:
        self.machine = machine
        self.config = machine.path(CONFIG)

    def systemctl(self, *arguments: str) -> str:
        """Runs systemctl; AssertionError where it fails."""
        return self.machine.run("systemctl", *arguments).stdout

    def show(self, name: str) -> str:
        """A property of the service."""
        return self.machine.show("zaiond.service", name)

    def emit(self, *arguments: str, user: str = MEMBER) -> dict[str, Any]:
        """The document of `zaiond-ctl emit` of one event."""
        done = self.machine.run("zaiond-ctl", "emit", *arguments, "--json", user=user)
        (event,) = json.loads(done.stdout)["events"]
        assert isinstance(event, dict)
        return event

    def history(self, event_id: str) -> dict[str, Any]:
        """What became of one event."""
        (event,) = self.machine.document("history", event_id)["events"]
        assert isinstance(event, dict)
        return event

    def becomes(self, name: str, value: str) -> None:
        """Returns once a property of the service has this value."""
        self.machine.until(
            lambda: self.show(name) == value, f"{name} does not become {value}: {self.journal()}"
        )

    def begins(self, name: str, value: str) -> None:
        """Returns once a property of the service begins like this."""
        self.machine.until(
            lambda: self.show(name).startswith(value),
            f"{name} does not begin with {value}: {self.journal()}",
        )

    def set_up(self, drop_in: str) -> None:
        """Starts it with more settings of the unit."""
        file = self.machine.path(DROP_IN)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(drop_in)
        self.systemctl("daemon-reload")
        self.systemctl("restart", "zaiond.service")

    def start_afresh(self) -> None:
        """Starts it as it is after its installation, with a valid configuration."""
        self.systemctl("stop", *UNITS)
        if self.machine.path(DROP_IN).exists():
            self.machine.path(DROP_IN).unlink()
            self.systemctl("daemon-reload")
        left = "rm -rf /var/lib/zaiond/* /var/spool/zaiond/*.json /etc/zaiond/*-password"
        self.machine.run("sh", "-c", left)
        self.config.write_text(configuration())
        self.systemctl("reset-failed", *UNITS)
        self.systemctl("start", *UNITS)

    def journal(self) -> str:
        """The end of what it said."""
        return self.machine.run("journalctl", "-u", "zaiond*", "-n", "40", check=False).stdout
