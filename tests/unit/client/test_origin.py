"""The source of an event: the file name of what calls zaiond-ctl, and no word of a command line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from zaiond.client.origin import program_of

SECRET = "PGPASSWORD=geheim"


@pytest.mark.parametrize(
    ("words", "executable", "comm", "program"),
    [
        # A script, run by its interpreter, or by its own first line.
        (["/bin/sh", "/usr/local/bin/backup.sh", "now"], "dash", "backup.sh", "backup.sh"),
        (["sh", "/usr/local/bin/backup.sh", SECRET], "dash", "sh", "backup.sh"),
        (["/bin/bash", "-eu", "backup.sh"], "bash", "bash", "backup.sh"),
        (["bash", "-euo", "pipefail", "backup.sh"], "bash", "bash", "backup.sh"),
        (["bash", "+o", "posix", "--norc", "--", "backup.sh"], "bash", "bash", "backup.sh"),
        (["bash", "--rcfile", "/etc/rc", "backup.sh"], "bash", "bash", "backup.sh"),
        (["bash", "/opt/a b/my backup.sh"], "bash", "bash", "my backup.sh"),
        (["python3", "-u", "/opt/job.py", "-c", SECRET], "python3.11", "python3", "job.py"),
        (["python3", "-W", "error", "-Xdev", "job.py"], "python3.11", "python3", "job.py"),
        (["/usr/bin/perl", "-w", "-I", "lib", "report.pl"], "perl", "perl", "report.pl"),
        (["/usr/bin/perl", "-Mstrict", "report.pl"], "perl", "perl", "report.pl"),
        (["ruby", "-r", "json", "a.rb"], "ruby3.1", "ruby", "a.rb"),
        (["node", "--require", "./x.js", "a.js"], "node", "node", "a.js"),
        (["php", "-d", "a=b", "a.php"], "php8.2", "php", "a.php"),
        (["/bin/sh", "backup.sh"], "busybox", "sh", "backup.sh"),
        (["busybox", "sh", "-e", "backup.sh"], "busybox", "busybox", "backup.sh"),
        (["/bin/bash", "./backup.sh"], None, "backup.sh", "backup.sh"),  # of another user
        (["bash", "backup.sh"], None, "bash", "backup.sh"),
        # Code in the command line, or no script at all.
        (["bash", "-c", f"{SECRET} zaiond-ctl emit a"], "bash", "bash", "bash"),
        (["bash", "-ec", f"{SECRET} zaiond-ctl emit a"], "bash", "bash", "bash"),
        (["bash", "-ec", "x", SECRET], "bash", "bash", "bash"),
        (["bash", "-ec", "backup.sh"], "bash", "bash", "bash"),
        (["perl", "-ne", "x", "report.pl"], "perl", "perl", "perl"),
        (["bash", "-euo", "pipefail", "-c", SECRET], "bash", "bash", "bash"),
        (["/bin/sh", "-c", SECRET], "dash", "sh", "sh"),
        (["/bin/sh", "-c", SECRET], "busybox", "sh", "sh"),
        (["busybox", "sh", "-c", SECRET], "busybox", "busybox", "sh"),
        (["busybox", "-c", SECRET], "busybox", "busybox", "busybox"),
        (["sh", "-s", SECRET], "dash", "sh", "sh"),
        (["fish", "--command", SECRET], "fish", "fish", "fish"),
        (["python3", "-c", SECRET], "python3.11", "python3", "python3"),
        (["python3", "-Ic", SECRET], "python3.11", "python3", "python3"),
        (["python3.11", "-m", "backup", "-x"], "python3.11", "python3.11", "python3.11"),
        (["perl", "-e", SECRET, SECRET], "perl", "perl", "perl"),
        (["perl", "-wne", SECRET], "perl", "perl", "perl"),
        (["ruby", "-e", SECRET], "ruby3.1", "ruby", "ruby"),
        (["node", "-pe", SECRET], "node", "node", "node"),
        (["node", "--eval", SECRET], "node", "node", "node"),
        (["php", "-r", SECRET], "php8.2", "php", "php"),
        (["lua", "-e", SECRET], "lua5.4", "lua", "lua"),
        (["-bash"], "bash", "bash", "bash"),
        (["bash"], "bash", "bash", "bash"),
        (["bash", "--login"], "bash", "bash", "bash"),
        (["sh", "-"], "dash", "sh", "sh"),
        (["sh", "/dev/fd/63"], "bash", "sh", "sh"),
        (["bash", "/dev/stdin"], "bash", "bash", "bash"),
        (["bash", f"/nowhere/{SECRET}"], "bash", "bash", "bash"),
        (["bash", "-Z", SECRET], "bash", "bash", "bash"),
        # Programs; some write what they like over their command line.
        (["/usr/sbin/smartd", "-n"], "smartd", "smartd", "smartd"),
        ([f"postgres: alice {SECRET}/1"], "postgres", "postgres", "postgres"),
        ([f"postgres: alice {SECRET}/1"], None, "postgres", "postgres"),
        ([SECRET], "perl", SECRET, "perl"),
        ([SECRET], "bash", "bash", "bash"),
        ([""], "a.out", "a.out", "a.out"),
        # What starts another.
        (["sudo", SECRET, "zaiond-ctl", "emit", "a"], "sudo", "sudo", None),
        (["sudo", SECRET, "zaiond-ctl", "emit", "a"], None, "sudo", None),
        (["env", SECRET, "zaiond-ctl", "emit", "a"], "env", "env", None),
        (["timeout", "5", "zaiond-ctl"], "busybox", "timeout", None),
    ],
)
def test_a_script_is_named_or_its_interpreter_and_never_what_else_it_is_given(
    words: list[str], executable: str | None, comm: str, program: str | None
) -> None:
    there = {"backup.sh", "job.py", "report.pl", "a.rb", "a.js", "a.php", "my backup.sh"}
    assert program_of(words, executable, comm, lambda word: Path(word).name in there) == program


CODE = "from zaiond.client import origin; print(origin.caller())"
EMIT = f"{sys.executable} -c '{CODE}'"
IN_QUOTES = EMIT.replace("'", '"')
LONG = "a script with a long name.sh"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    for name, first in (("night.sh", "#!/bin/sh\n"), (LONG, "#!/bin/bash\n"), ("bare.sh", "")):
        script = tmp_path / name
        script.write_text(f"{first}{EMIT}\nexit\n")
        script.chmod(0o755)
    (tmp_path / "gone.sh").write_text(f"#!/bin/bash\ncd sub\n{EMIT}\nexit\n")
    (tmp_path / "gone.sh").chmod(0o755)
    job = f"import subprocess\nsubprocess.run({[sys.executable, '-c', CODE]})\n"
    (tmp_path / "job.py").write_text(job)
    (tmp_path / "job.pl").write_text(f"$0 = '{SECRET}'; system('./emit.py');\n")
    (tmp_path / "emit.py").write_text(f"#!{sys.executable}\n{CODE}\n")
    (tmp_path / "emit.py").chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    ("command", "source"),
    [
        ("./night.sh", "night.sh"),
        ("sh -e night.sh", "night.sh"),
        ("bash bare.sh", "bare.sh"),
        (f'"./{LONG}"', LONG),
        (f'bash "{LONG}" {SECRET}', LONG),
        ("./gone.sh", "gone.sh"),
        ("bash gone.sh", "gone.sh"),  # which has changed its directory
        (f"env {SECRET} ./night.sh", "night.sh"),
        ("timeout 60 ./night.sh", "night.sh"),
        ("python3 job.py", "job.py"),
        ("perl job.pl", "perl"),  # which writes over its command line
        (f"perl -e '$0 = q({SECRET}); system(q(./emit.py))'", "perl"),
        (f"bash -ec '{SECRET}; {IN_QUOTES}; exit'", "bash"),
        (f"env {SECRET} bash -c '{IN_QUOTES}; exit' {SECRET}", "bash"),
        (f"bash < night.sh -s {SECRET}", "bash"),
        (f"exec -a {SECRET} bash -c '{IN_QUOTES}; exit'", "bash"),
        (f"exec -a -bash bash -c '{IN_QUOTES}; exit'", "bash"),
    ],
)
def test_a_real_process_is_named_by_its_file(here: Path, command: str, source: str) -> None:
    ran = subprocess.run(
        ["/bin/bash", "-c", f"cd {here}; {command}"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert ran.stdout.split("\n")[0] == source, ran.stderr
