"""The units as they lie here, and `make install` into a directory, as packagers use it."""

import os
import re
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("unit", "most"),
    [
        ("zaiond.service", 1.3),
        ("zaiond-notify@.service", 0.6),
        ("zaiond-web.service", 1.3),
        ("zaiond-web-settings@.service", 2.1),
    ],
)
def test_a_service_is_exposed_no_more_than_it_must_be(unit: str, most: float) -> None:
    path = CHECKOUT / "systemd" / unit
    rated = run("systemd-analyze", "security", "--offline=true", "--no-pager", path)
    level = re.search(r"exposure level for .*: ([0-9.]+)", rated)
    assert level is not None, rated
    assert float(level[1]) <= most


def test_an_installation_into_a_directory_knows_only_its_final_place_and_goes_away_whole(
    tmp_path: Path,
) -> None:
    def versions() -> list[str]:
        return sorted(path.name for path in (tmp_path / "usr/lib").glob("zaiond-*"))

    where = (f"DESTDIR={tmp_path}", "PREFIX=/usr")
    run("make", "-C", CHECKOUT, "install", *where)
    unit = (tmp_path / "usr/lib/systemd/system/zaiond.service").read_text()
    assert "ExecStart=/usr/bin/zaiond\n" in unit
    assert "ExecReload=/usr/bin/zaiond-ctl reload\n" in unit
    unit = (tmp_path / "usr/lib/systemd/system/zaiond-notify@.service").read_text()
    assert "ExecStart=/usr/lib/zaiond/bin/python -I -m zaiond.notify %i\n" in unit
    unit = (tmp_path / "usr/lib/systemd/system/zaiond-web.service").read_text()
    assert "ExecStart=/usr/bin/zaiond-web\n" in unit
    examples = tmp_path / "usr/share/doc/zaiond/examples"
    assert "/usr/bin/zaiond-ctl" in (examples / "apt-event").read_text()
    assert os.access(examples / "apt-event", os.X_OK)
    # The configuration to begin with says where the whole of the settings is.
    assert (
        str(Path("/") / (examples / "zaiond.yaml").relative_to(tmp_path))
        in (tmp_path / "etc/zaiond/zaiond.yaml").read_text()
    )
    assert (examples / "zaiond.yaml").read_text() == (CHECKOUT / "etc/zaiond.yaml").read_text()
    program = tmp_path / "usr/lib/zaiond"
    assert (tmp_path / "usr/bin/zaiond").readlink() == Path("/usr/lib/zaiond/bin/zaiond")
    first = program.readlink()
    # A process stays with what it was started from.
    text = (program / "bin/zaiond").read_text()
    assert text.startswith(f"#!/usr/lib/{first}/bin/python\n")
    (tmp_path / "etc/zaiond/zaiond.yaml").write_text("mine")

    for _ in range(2):
        run("make", "-C", CHECKOUT, "install", *where)
    second, third = versions()
    assert str(program.readlink()) == third
    assert str(first) not in (second, third), "the one before the last"
    failed = subprocess.run(
        ["make", "-C", CHECKOUT, "install", *where, "PYTHON=/bin/false"], check=False
    )
    assert failed.returncode != 0
    assert str(program.readlink()) == third, "what failed leaves what there was"
    assert versions() == [second, third]
    run("make", "-C", CHECKOUT, "uninstall", *where)
    left = [path for path in tmp_path.rglob("*") if not path.is_dir()]
    assert left == [tmp_path / "etc/zaiond/zaiond.yaml"]
    assert left[0].read_text() == "mine"


def test_an_uninstallation_does_not_need_a_running_systemd(tmp_path: Path) -> None:
    prefix = tmp_path / "usr"
    run("make", "-C", CHECKOUT, "install", f"DESTDIR={tmp_path}", "PREFIX=/usr")
    systemctl = tmp_path / "bin/systemctl"
    systemctl.parent.mkdir()
    systemctl.write_text("#!/bin/sh\necho 'System has not been booted with systemd' >&2\nexit 1\n")
    systemctl.chmod(0o755)
    path = f"PATH={systemctl.parent}:{os.environ['PATH']}"
    run("env", path, "make", "-C", CHECKOUT, "uninstall", f"PREFIX={prefix}")
    assert [path for path in prefix.rglob("*") if not path.is_dir()] == []
