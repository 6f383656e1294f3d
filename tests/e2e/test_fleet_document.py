"""docs/fleet.md, as it stands: its files are written, its commands are run, in the order in which
they stand there, and a mail arrives.

The machines are this one by other names, addresses (127.0.0.0/8) and directories: each command
runs where /etc, /var/lib and /run are those of its machine. ssh, scp, systemctl and apt-get are
stand-ins that do the same there.
"""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.sink import Sink
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
MACHINES = ("nats1", "nats2", "nats3", "hub1", "hub2", "web1")
DOMAIN = "example.co.jp"

ON = """\
#!/bin/sh
# on MACHINE COMMAND...: runs it there.
name=${1%%.*} place=@PLACE@/${1%%.*}
shift
exec unshare --mount --uts --propagation private sh -c '
    mount --bind "$1/etc" /etc && mount --bind "$1/lib" /var/lib && mount --bind "$1/run" /run &&
    hostname "$2.@DOMAIN@" && export PLACE="$1" PATH="@PLACE@/there:$PATH" && shift 2 &&
    cd / && exec "$@"' sh "$place" "$name" "$@"
"""
SSH = """\
#!/bin/sh
host=${1#root@}
shift
exec on "$host" sh -c "$*"
"""
SCP = """\
#!/bin/sh
set -e
[ "$1" != -q ] || shift
for to do :; done
host=${to%%:*} there=${to#*:}
while [ $# -gt 1 ]; do
    case $there in */) file=$there$(basename "$1") ;; *) file=$there ;; esac
    on "${host#root@}" sh -c 'cat >"$1"; chmod "$2" "$1"' sh "$file" "$(stat -c %a "$1")" <"$1"
    shift
done
"""
SYSTEMCTL = """\
#!/bin/sh
case "$1 $2" in
    "restart nats-server") what="nats-server -c /etc/nats-server.conf" ;;
    "restart zaiond") what="@PROGRAMS@/zaiond" ;;
    "reload nats-server") exec kill -HUP "$(cat "$PLACE/nats-server.pid")" ;;
    "stop zaiond.socket")  # and its service
        kill -TERM "$(cat "$PLACE/zaiond.pid")"
        while kill -0 "$(cat "$PLACE/zaiond.pid")" 2>/dev/null; do sleep 0.1; done
        exit ;;
    *) echo "systemctl $*?" >&2; exit 1 ;;
esac
mkdir -p /run/zaiond /var/lib/zaiond /var/lib/spool
export ZAIOND_SPOOL_DIR=/var/lib/spool
setsid $what >>"$PLACE/$2.log" 2>&1 </dev/null &
echo $! >"$PLACE/$2.pid"
[ "$2" != zaiond ] || while [ ! -S /run/zaiond/events.sock ]; do sleep 0.1; done
"""
CTL = """\
#!/bin/sh
export ZAIOND_SPOOL_DIR=/var/lib/spool
exec @PROGRAMS@/zaiond-ctl "$@"
"""


class Block(NamedTuple):
    """A block of the document: where it belongs, and its text."""

    language: str
    where: str
    text: str


def blocks(document: str) -> list[Block]:
    found = re.findall(r"^```(\w+) (\S+)\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)
    return [Block(*each) for each in found]


class World:
    """The machines, and the directory of who sets them up."""

    def __init__(self, place: Path, sink: Sink) -> None:
        self.place = place
        self.sink = sink
        self.admin = place / "admin"
        (place / "bin").mkdir()
        (place / "there").mkdir()
        self.admin.mkdir()
        self._script("bin/on", ON)
        self._script("bin/ssh", SSH)
        self._script("bin/scp", SCP)
        self._script("there/systemctl", SYSTEMCTL)
        self._script("there/zaiond-ctl", CTL)
        self._script("there/apt-get", "#!/bin/sh\nexit 0\n")
        hosts = "127.0.0.1 localhost\n"
        for number, name in enumerate(MACHINES, 11):
            hosts += f"127.0.77.{number} {name}.{DOMAIN} {name}\n"
        for name in MACHINES:
            (place / name / "lib").mkdir(parents=True)
            (place / name / "run").mkdir()
            etc = place / name / "etc"
            etc.mkdir()
            for file in ("passwd", "group", "nsswitch.conf", "ld.so.cache", "localtime"):
                if Path("/etc", file).exists():
                    shutil.copy(Path("/etc", file), etc / file)
            for needed in ("ssl", "alternatives"):
                shutil.copytree(Path("/etc", needed), etc / needed, symlinks=True)
            (etc / "hosts").write_text(hosts)
            (etc / "nsswitch.conf").write_text("hosts: files\n")
            (etc / "zaiond").mkdir()
            self._group(etc / "group")
            (etc / "zaiond/zaiond.yaml").write_text(
                f"mail_server: {{host: 127.0.0.1, port: {sink.port}, security: none}}\n"
                "admins: admin@example.co.jp\nlanguage: en\n"
            )

    @staticmethod
    def _group(file: Path) -> None:
        text = file.read_text()
        for name, number in (("nats", 64998), ("zaiond", 64999)):
            if f"\n{name}:" not in text:
                text += f"{name}:x:{number}:\n"
        file.write_text(text)
        passwd = file.parent / "passwd"
        if "\nnats:" not in (users := passwd.read_text()):
            passwd.write_text(users + "nats:x:64998:64998::/:/bin/false\n")

    def _script(self, name: str, text: str) -> None:
        file = self.place / name
        filled = text.replace("@PLACE@", str(self.place)).replace("@PROGRAMS@", str(PROGRAMS))
        file.write_text(filled.replace("@DOMAIN@", DOMAIN))
        file.chmod(0o755)

    def configure(self, machines: tuple[str, ...], section: str) -> None:
        for name in machines:
            with (self.place / name / "etc/zaiond/zaiond.yaml").open("a") as file:
                file.write(section.replace("hub1_", f"{name}_"))

    def run(self, text: str, on: str | None = None) -> subprocess.CompletedProcess[str]:
        command = ["sh", "-euc", text]
        done = subprocess.run(
            command if on is None else ["on", on, *command],
            cwd=self.admin,
            env={**os.environ, "PATH": f"{self.place}/bin:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0 or "fleet status" in text, f"{text}\n{done}\n{self.logs()}"
        return done

    def logs(self) -> str:
        logs = sorted(self.place.glob("*/*.log"))
        return "\n".join(f"== {log}\n{log.read_text()[-1500:]}" for log in logs)

    def end(self) -> None:
        for file in self.place.glob("*/*.pid"):
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(int(file.read_text()), signal.SIGKILL)
        # One that waits for its disk dies late, and the next world has the same addresses.
        until(lambda: not any(map(listens, range(11, 14))), self.logs)


def listens(number: int) -> bool:
    """Whether a node still has its port."""
    with socket.socket() as probe:
        return probe.connect_ex((f"127.0.77.{number}", 4222)) == 0


@pytest.fixture
def world() -> Iterator[World]:
    # Another one, of this file or of another run, would have the same addresses.
    with Path(tempfile.gettempdir(), "zaiond-fleet-document.lock").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        yield from made_world()


def made_world() -> Iterator[World]:
    with tempfile.TemporaryDirectory(prefix="zaiond-", dir="/tmp") as directory, Sink() as sink:
        Path(directory).chmod(0o755)
        made = World(Path(directory), sink)
        try:
            yield made
        finally:
            made.end()


def is_well(world: World) -> bool:
    """Whether the status says what the document says that it shows."""
    said = world.run("zaiond-ctl fleet status", "hub1").stdout
    return "The fleet is well" in said and all(f"{n}.{DOMAIN}" in said for n in ("hub2", "web1"))


@pytest.mark.parametrize("name", ["fleet.md", "fleet.ja.md"])
def test_who_does_what_the_document_says_has_a_fleet(world: World, name: str) -> None:
    document = (ROOT / "docs" / name).read_text()
    tried = [block for block in blocks(document) if block.where == "admin" and "emit" in block.text]
    assert len(tried) == 1
    for block in blocks(document):
        if block.language == "conf":
            (world.admin / block.where).write_text(block.text)
        elif block.language == "yaml":
            machines = ("hub1", "hub2") if block.where == "hub" else ("web1",)
            world.configure(machines, block.text)
        elif block.where == "admin":
            world.run(block.text)
            if block in tried:
                (mail,) = world.sink.wait(1)
                assert f"web1.{DOMAIN}" in mail.body
                until(lambda: is_well(world), world.logs)
        else:
            until(
                lambda: f"hub2.{DOMAIN}" in world.run("zaiond-ctl fleet status", "hub1").stdout,
                world.logs,
            )
            world.run(block.text, block.where)
    # The other hub works now.
    world.run("zaiond-ctl emit a.b -m again", "web1")
    assert len(world.sink.wait(2)) == 2
    status = world.run("zaiond-ctl fleet status --json", "hub2").stdout
    assert f'"hub": "hub2.{DOMAIN}"' in status
    for machine in MACHINES:
        config = world.place / machine / "etc/zaiond/zaiond.yaml"
        assert config.exists()


def test_both_languages_have_the_same_files_and_commands() -> None:
    found = [blocks((ROOT / "docs" / name).read_text()) for name in ("fleet.md", "fleet.ja.md")]
    # Only what is said to a reader differs: comments, and the text of the event.
    plain = [
        [(b.language, b.where, re.sub(r'#.*|-m "[^"]*"', "", b.text)) for b in each]
        for each in found
    ]
    assert plain[0] == plain[1]
    assert len(plain[0]) >= 10
