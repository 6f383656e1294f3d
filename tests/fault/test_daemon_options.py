"""The daemon's own command line."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.daemon import PROGRAMS

DOCS = Path(__file__).parents[2] / "docs"


def zaiond(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAMS / "zaiond", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("wrong", [["--nonsense"], ["--config"], ["a-word"]])
def test_options_that_are_wrong_exit_with_78_and_name_what_is_wrong(wrong: list[str]) -> None:
    done = zaiond(*wrong)
    assert done.returncode == 78
    assert wrong[0] in done.stderr
    assert "Traceback" not in done.stderr


def test_the_man_pages_have_every_option() -> None:
    options = set(re.findall(r"--[a-z-]+", zaiond("--help").stdout))
    assert {"--config", "--runtime-dir", "--state-dir", "--spool-dir", "--version"} <= options
    for page in ("zaiond.8", "zaiond.ja.8"):
        written = (DOCS / page).read_text(encoding="utf-8").replace("\\-", "-")
        assert options <= set(re.findall(r"--[a-z-]+", written))
