"""The units as they lie here, and `make install` into a directory, as packagers use it."""

import re
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_service_is_exposed_no_more_than_it_must_be() -> None:
    unit = CHECKOUT / "systemd" / "zaiond.service"
    rated = run("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
    level = re.search(r"exposure level for zaiond\.service: ([0-9.]+)", rated)
    assert level is not None, rated
    assert float(level[1]) <= 1.3


def test_an_installation_into_a_directory_knows_only_its_final_place_and_goes_away_whole(
    tmp_path: Path,
) -> None:
    where = (f"DESTDIR={tmp_path}", "PREFIX=/usr")
    run("make", "-C", CHECKOUT, "install", *where)
    unit = (tmp_path / "usr/lib/systemd/system/zaiond.service").read_text()
    assert "ExecStart=/usr/bin/zaiond\n" in unit
    assert "ExecReload=/usr/bin/zaiond-ctl reload\n" in unit
    assert (tmp_path / "usr/bin/zaiond").readlink() == Path("/usr/lib/zaiond/bin/zaiond")
    program = (tmp_path / "usr/lib/zaiond/bin/zaiond").read_text()
    assert program.startswith("#!/usr/lib/zaiond/bin/python\n")
    (tmp_path / "etc/zaiond/zaiond.yaml").write_text("mine")

    run("make", "-C", CHECKOUT, "install", *where)
    run("make", "-C", CHECKOUT, "uninstall", *where)
    left = [path for path in tmp_path.rglob("*") if not path.is_dir()]
    assert left == [tmp_path / "etc/zaiond/zaiond.yaml"]
    assert left[0].read_text() == "mine"
