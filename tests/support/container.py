"""A machine of its own for tests: systemd as PID 1 over an overlay of this system's files, or of
another's.

systemd-nspawn boots it in about two seconds. What is written there goes into memory and is gone at
the end; nothing here changes. It sees no network and neither /tmp nor /run of this system. However
the test process ends, the container ends with it.
"""

import contextlib
import ctypes
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import tomllib
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.waiting import until

CHECKOUT = Path(__file__).parents[2]
SOURCE = "/usr/src/zaiond"  # the checkout, as the container sees it
WHEELS = "/usr/src/wheels"
BOOTED_WITHIN = 40.0  # seconds; bounds for what hangs, not targets
DONE_WITHIN = 60.0
CLONE_NEWNET = 0x4000_0000  # sched.h

# In a control group, a mount and a process namespace of its own: the last is what ends all of it
# when this process ends, even by SIGKILL. The overlay's upper layer hides what is enabled on this
# system. nspawn must see control groups of version 2 alone: a mixed hierarchy is the old one to it.
_OPAQUE = 'import os, sys; os.setxattr(sys.argv[1], "trusted.overlay.opaque", b"y")'
_BOOT = """
set -eu
echo $$ >"$group/cgroup.procs"
exec unshare --pid --fork --kill-child --mount-proc --propagation private sh -euc '
    mount -t tmpfs -o mode=755 tmpfs "$place"
    mkdir -p "$place/upper/etc/systemd/system" "$place/work" "$place/root"
    chmod -R 755 "$place/upper"
    "$python" -c "$opaque" "$place/upper/etc/systemd/system"
    layers="lowerdir=$below,upperdir=$place/upper,workdir=$place/work"
    mount -t overlay -o "$layers" overlay "$place/root"
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    exec systemd-nspawn --quiet --directory="$place/root" --machine="$name" --boot --register=no \
        --keep-unit --link-journal=no --system-call-filter=bpf --private-network --console=pipe \
        --bind-ro="$checkout:$source" --bind-ro="$wheels:/usr/src/wheels"
'
"""


class Container:
    """One booted system. `wheels` is a directory that it sees read-only as WHEELS, `below` the root
    of the system that it begins as.
    """

    def __init__(self, wheels: Path, below: Path = Path("/")) -> None:
        # The machine is called so, and no name of one ends with what random letters may end with.
        self.place = Path(tempfile.mkdtemp(prefix="zaiond-", suffix="-container"))
        self.group = _control_groups() / self.place.name
        self._wheels = wheels
        self._below = below
        self._log = self.place.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None
        self.leader = 0

    def __enter__(self) -> Self:
        try:
            self._boot()
        except BaseException:  # a Ctrl-C too
            self.end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def _boot(self) -> None:
        self.group.mkdir()
        environment = {
            **os.environ,
            "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
            "python": sys.executable,
            "opaque": _OPAQUE,
            "group": str(self.group),
            "place": str(self.place),
            "below": str(self._below),
            # A name must not end with what a random one may end with.
            "name": self.place.name.replace("_", "-"),
            "checkout": str(CHECKOUT),
            "source": SOURCE,
            "wheels": str(self._wheels),
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "sh", "-c", _BOOT],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                process_group=0,
            )
        self.until(self._found_leader, "no PID 1", BOOTED_WITHIN)
        # Whether every unit of this system gets on in a container is not the question.
        self.until(
            lambda: (
                self.run("systemctl", "is-system-running", check=False).stdout.strip()
                in ("running", "degraded")
            ),
            "not booted",
            BOOTED_WITHIN,
        )

    def _found_leader(self) -> bool:
        process = self._process
        assert process is not None
        assert process.poll() is None, f"systemd-nspawn does not run here:\n{self.printed()}"
        # unshare, nspawn, systemd
        for nspawn in _children(process.pid):
            for pid in _children(nspawn):
                with contextlib.suppress(OSError):
                    if Path(f"/proc/{pid}/comm").read_text() == "systemd\n":
                        self.leader = pid
                        return True
        return False

    def end(self) -> None:
        """Whatever state it is in, it is gone."""
        if self.group.exists():
            with contextlib.suppress(OSError):
                (self.group / "cgroup.kill").write_text("1")
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self.group.exists():
            # A moment passes until the kernel has taken the last process away.
            for group in sorted(self.group.rglob("*/"), reverse=True):
                _remove(group)
            _remove(self.group)
        shutil.rmtree(self.place)
        self._log.unlink(missing_ok=True)

    def printed(self) -> str:
        """What nspawn said."""
        return self._log.read_text(encoding="utf-8", errors="backslashreplace")

    def until(
        self, condition: Callable[[], object], what: str, timeout: float = DONE_WITHIN
    ) -> None:
        """Returns once `condition` holds; AssertionError `what` after `timeout` s."""
        until(condition, lambda: f"{what}\n{self.printed()}", timeout)

    def path(self, inside: str) -> Path:
        """A file of the container, as this process can open it."""
        return Path(f"/proc/{self.leader}/root{inside}")

    def command(self, *command: str, user: str | None = None) -> list[str]:
        """The command line that runs `command` in the container, as `user` (default: root)."""
        become: Sequence[str] = ()
        if user is not None:
            become = ("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups")
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return [
            *("nsenter", f"--target={self.leader}", "--all", "--wd"),
            *("env", "-i", f"PATH={path}", "LANG=C.UTF-8", *become, *command),
        ]

    def run(
        self,
        *command: str,
        user: str | None = None,
        check: bool = True,
        given: str | None = None,
        within: float = DONE_WITHIN,
    ) -> subprocess.CompletedProcess[str]:
        """Runs `command` there; AssertionError where it fails and `check` is set."""
        done = subprocess.run(
            self.command(*command, user=user),
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done

    def document(self, *arguments: str) -> dict[str, Any]:
        """The JSON document that zaiond-ctl prints there."""
        done = self.run("zaiond-ctl", *arguments, "--json", check=False)
        assert done.stdout, f"{arguments}: {done.stderr}"
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def show(self, unit: str, name: str) -> str:
        """One property of a unit."""
        return self.run("systemctl", "show", "--value", "-p", name, unit).stdout.strip()

    def listener(self, port: int) -> socket.socket:
        """A listening socket on the container's 127.0.0.1, served from here."""
        return self._in_network(lambda: socket.create_server(("127.0.0.1", port)))

    def connected(self, port: int) -> socket.socket:
        """A connection to a port of the container's 127.0.0.1, from here."""
        return self._in_network(lambda: socket.create_connection(("127.0.0.1", port), DONE_WITHIN))

    def _in_network(self, make: Callable[[], socket.socket]) -> socket.socket:
        """What `make` makes in a thread of its own that is in the container's network."""
        made: Future[socket.socket] = Future()

        def run() -> None:
            try:
                with open(f"/proc/{self.leader}/ns/net") as namespace:
                    libc = ctypes.CDLL(None, use_errno=True)
                    assert libc.setns(namespace.fileno(), CLONE_NEWNET) == 0
                made.set_result(make())
            except BaseException as error:  # noqa: BLE001 (it is raised below)
                made.set_exception(error)

        threading.Thread(target=run).start()
        return made.result()


def unpacked(container: Container, packages: str) -> None:
    """Debian's packages of a directory there, without what their installation does beside."""
    unpack = "dpkg-deb --fsys-tarfile $package | tar -x -C / --keep-directory-symlink"
    container.run("sh", "-euc", f"for package in {packages}/*.deb; do {unpack}; done")


def disk(container: Container, place: str) -> list[str]:
    """A disk for smartd at `place`: what its command line begins with (tests/e2e/disk.c)."""
    library = container.path("/usr/local/lib/disk.so")
    source = CHECKOUT / "tests/e2e/disk.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    container.path(place).touch()
    return ["env", "LD_PRELOAD=/usr/local/lib/disk.so"]


def _children(pid: int) -> list[int]:
    try:
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    except OSError:
        return []


def _control_groups() -> Path:
    # Mounted beside the old hierarchies on mixed systems.
    for place in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")):
        if (place / "cgroup.controllers").exists():
            return place
    raise AssertionError("this system has no control groups of version 2 mounted")


def _remove(group: Path) -> None:
    def removed() -> bool:
        with contextlib.suppress(OSError):
            group.rmdir()
        return not group.exists()

    until(removed, lambda: f"{group} is still in use")


def wheels(directory: Path) -> None:
    """Puts zaiond's dependencies there for Debian's Python, for the container has no network."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", "/usr/bin/python3", "wheel", "-q"),
            *("--disable-pip-version-check", "--no-input", "--wheel-dir", str(directory)),
            *project["project"]["dependencies"],
            *project["project"]["optional-dependencies"]["web"],
            *project["build-system"]["requires"],
        ],
        check=True,
        timeout=300,
    )
