"""Names that do not exist, whatever resolver this machine has."""

import socket
from pathlib import Path


def no_such_name(directory: Path) -> tuple[str, ...]:
    """A command below which the resolver says that `mailhost` does not exist.

    That is none at all where it says so anyway; where it doesn't answer, files alone are asked.
    """
    try:
        socket.getaddrinfo("mailhost", 25)
    except socket.gaierror as error:
        if error.errno == socket.EAI_NONAME:
            return ()
    names = directory / "nsswitch.conf"
    names.write_text("hosts: files\n")
    hosts = directory / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    mounts = f"mount --bind {names} /etc/nsswitch.conf && mount --bind {hosts} /etc/hosts"
    return ("unshare", "-m", "sh", "-c", f'{mounts} && exec "$@"', "sh")
