"""The source of an event: the program that calls zaiond-ctl."""

import pytest

from zaiond.ctl.caller import program_of


@pytest.mark.parametrize(
    ("words", "program"),
    [
        (["/bin/sh", "/usr/local/bin/backup.sh", "now"], "backup.sh"),
        (["/bin/bash", "-eu", "backup.sh"], "backup.sh"),
        (["python3", "-u", "/opt/job.py"], "job.py"),
        (["python3.11", "-m", "pytest", "-x"], "pytest"),
        (["/usr/bin/perl", "-w", "report.pl"], "report.pl"),
        (["/usr/sbin/smartd", "-n"], "smartd"),
        (["-bash"], None),
        (["bash"], None),
        (["bash", "-c", "zaiond-ctl emit a"], None),
        (["sh", "/dev/fd/63"], None),
        (["sudo", "zaiond-ctl", "emit", "a"], None),
        ([""], None),
    ],
)
def test_a_script_is_named_and_not_its_interpreter(words: list[str], program: str | None) -> None:
    assert program_of(words) == program
