"""zaiond's Debian packages as `make deb` has built them, and machines to install them on."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.container import CHECKOUT, WHEELS, Container
from zaiond import __version__

DIST = CHECKOUT / "dist"
UNPACKED = "usr/lib/zaiond-unpacked/lib/shared/zaiond"  # the program's source in the package
_INSTALL = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-qq", "-y")


def package(name: str, version: str = __version__) -> str:
    """The file name of a package."""
    architecture = _architecture() if name == "zaiond" else "all"
    return f"{name}_{version}_{architecture}.deb"


def _architecture() -> str:
    done = subprocess.run(
        ["dpkg", "--print-architecture"], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def rebuilt(
    name: str, version: str, into: Path, change: Callable[[Path], None] = lambda _: None
) -> None:
    """Puts the package there as it would be of another version; `change` edits its files."""
    tree = into / "tree"
    subprocess.run(["dpkg-deb", "-R", DIST / package(name), tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(control.read_text().replace(__version__, version))
    program = tree / UNPACKED / "__init__.py"
    if program.exists():
        program.write_text(program.read_text().replace(__version__, version))
    change(tree)
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Znone", "-b", tree, into / package(name, version)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    shutil.rmtree(tree)


def replace_line(file: Path, pattern: str, line: str) -> None:
    """Puts `line` in the place of the one that matches."""
    text, count = re.subn(rf"^{pattern}$", line, file.read_text(), flags=re.MULTILINE)
    assert count == 1, f"{pattern} in {file}"
    file.write_text(text)


@contextmanager
def fresh_machine(release: str, packages: Path) -> Iterator["Machine"]:
    """A Debian without Python and without a network, which sees the directory `packages`."""
    root = CHECKOUT / "build/machines" / release
    assert root.with_name(f"{release}.complete").exists(), "make e2e or make deb-test makes it"
    with Machine(packages, root) as machine:
        yield machine


class Machine(Container):
    """One on which packages are installed."""

    def install(self, *files: str, downgrade: bool = False) -> subprocess.CompletedProcess[str]:
        """`apt install ./FILE…`, whatever comes of it."""
        allowed = ("--allow-downgrades",) if downgrade else ()
        return self.run(
            *_INSTALL, *allowed, *(f"{WHEELS}/{file}" for file in files), check=False, within=150
        )

    def leave(self, kib: int | None) -> None:
        """Its disk has this much room left from now on; None: as at its beginning."""
        parent = Path(f"/proc/{self.leader}/stat").read_text().split()[3]
        outside = ("nsenter", f"--target={parent}", "--mount", "--pid")
        size = "50%"
        if kib is not None:
            used = subprocess.run(
                [*outside, "df", "-k", "--output=used", self.place],
                check=True, capture_output=True, text=True,
            ).stdout.split()[1]  # fmt: skip
            size = f"{int(used) + kib}k"
        remount = ("mount", "-o", f"remount,size={size}", self.place)
        subprocess.run([*outside, *remount], check=True)

    def installed(self, name: str = "zaiond") -> str:
        """Which version of it, and in which state: "install ok installed" is the good one."""
        shown = self.run("dpkg-query", "-W", "-f", "${Version} ${Status}", name, check=False)
        return shown.stdout
