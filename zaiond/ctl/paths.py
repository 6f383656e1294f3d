"""Where things are: an option beats the environment, systemd's, and the default (interface 1)."""

import os

from zaiond.ctl.commandline import Line


def config(line: Line) -> str:
    """The main configuration file."""
    return line.text("config") or os.environ.get("ZAIOND_CONFIG") or "/etc/zaiond/zaiond.yaml"


def state_dir(line: Line) -> str:
    """The daemon's state: of interest here for the last good configuration."""
    return (
        line.text("state-dir")
        or os.environ.get("ZAIOND_STATE_DIR")
        or os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
        or "/var/lib/zaiond"
    )


def credentials() -> str | None:
    """Where systemd put the daemon's credentials: root can read them while it runs."""
    given = os.environ.get("CREDENTIALS_DIRECTORY")
    default = "/run/credentials/zaiond.service"
    return given or (default if os.path.isdir(default) else None)
