"""The wheel and the sdist as `make dist` builds them, and what `pipx` makes of the wheel."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.container import CHECKOUT
from tests.support.daemon import Daemon
from tests.support.sink import Sink
from zaiond import __version__

pytestmark = pytest.mark.xdist_group("wheel")  # they are built once


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "-o", str(directory), str(CHECKOUT)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return directory


def test_both_have_the_program_and_what_it_reads_and_nothing_of_the_tests(built: Path) -> None:
    names = f"zaiond-{__version__}"
    with zipfile.ZipFile(built / f"{names}-py3-none-any.whl") as wheel:
        in_wheel = set(wheel.namelist())
    with tarfile.open(built / f"{names}.tar.gz") as sdist:
        in_sdist = {name.removeprefix(f"{names}/") for name in sdist.getnames()}
    tracked = subprocess.run(
        ["git", "-C", CHECKOUT, "ls-files", "zaiond"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert set(tracked) - in_wheel == set()
    assert set(tracked) - in_sdist == set()
    assert {name.partition("/")[0] for name in in_wheel} == {"zaiond", f"{names}.dist-info"}


def test_pipx_installs_programs_that_work(built: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PIPX_HOME": str(tmp_path / "pipx"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
        "PIPX_DEFAULT_PYTHON": "/usr/bin/python3",
    }
    (wheel,) = built.glob("*.whl")
    done = subprocess.run(
        ["pipx", "install", wheel], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    programs = tmp_path / "bin"
    assert {path.name for path in programs.iterdir()} == {
        "zaiond", "zaiond-ctl", "zaiond-sendmail", "zaiond-web",
    }  # fmt: skip
    with Sink() as sink:
        text = f"mail_server: {{host: 127.0.0.1, port: {sink.port}}}\nadmins: a@example.co.jp\n"
        daemon = Daemon(tmp_path / "zaiond", text)
        daemon.program = [programs / "zaiond"]
        with daemon:
            emit = [
                str(programs / "zaiond-ctl"),
                *daemon.options,
                "emit",
                "disk.full",
                "--id",
                "first",
            ]
            subprocess.run(emit, check=True, capture_output=True)
            (mail,) = sink.wait(1)
            assert mail.event_ids == ("first",)
