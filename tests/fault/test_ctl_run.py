"""`zaiond-ctl run`: the command as if it were not there, and what is told of it."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_daemon import FakeDaemon
from tests.support.process import MODES_COUNT, peak_bytes
from tests.support.terminal import CTRL_C, Terminal
from tests.support.waiting import until
from zaiond import event_rules
from zaiond.ctl import child, relay

PROGRAM = Path(sys.executable).with_name("zaiond-ctl")
WITHIN = 60.0  # seconds; a bound for what hangs


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    path = tmp_path / "spool"
    path.mkdir()
    return path


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, runtime: Path, spool: Path) -> None:
    monkeypatch.setenv("ZAIOND_RUNTIME_DIR", str(runtime))
    monkeypatch.setenv("ZAIOND_SPOOL_DIR", str(spool))
    monkeypatch.setenv("ZAIOND_CONFIG", "/nonexistent/zaiond.yaml")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[Any]:
    options = {"stdin": subprocess.DEVNULL, "capture_output": True} | options
    return subprocess.run([PROGRAM, "run", *arguments], timeout=WITHIN, check=False, **options)


def run_in_a_hurry(*arguments: str) -> subprocess.CompletedProcess[Any]:
    """As `run`, where a second stands for each of the ten that nobody is to wait for here."""
    assert (child.GRACE, relay._LET_GO) == (10.0, 10.0)
    code = """import sys
from zaiond.ctl import child, main, relay
child.GRACE = relay._LET_GO = 1.0
sys.exit(main.run(["run", *sys.argv[1:]]))"""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=WITHIN, check=False,
    )  # fmt: skip


def start(*arguments: str, **options: Any) -> subprocess.Popen[Any]:
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE} | options
    return subprocess.Popen([PROGRAM, "run", *arguments], **options)


def shell(script: str, **options: Any) -> subprocess.CompletedProcess[Any]:
    """Runs a script of bash, in which CTL is zaiond-ctl."""
    options = {"stdin": subprocess.DEVNULL, "capture_output": True} | options
    command = ["/bin/bash", "-c", script.replace("CTL", str(PROGRAM))]
    return subprocess.run(command, timeout=WITHIN, check=False, **options)


def events(spool: Path) -> list[dict[str, Any]]:
    """Those in the spool, in order; each is one that the daemon takes."""
    found = []
    for file in sorted(spool.glob("*.json")):
        event = event_rules.read(file.read_bytes())
        event_rules.check(event)
        found.append(event)
    return found


def last(spool: Path) -> dict[str, Any]:
    return events(spool)[-1]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


# -- as if it were not there


def test_output_and_exit_status_are_the_commands(spool: Path) -> None:
    done = run("--", "sh", "-c", "printf 'a\\nb'; printf 'c\\n' >&2; exit 3")
    assert (done.stdout, done.stderr, done.returncode) == (b"a\nb", b"c\n", 3)


@pytest.mark.parametrize("status", [0, 1, 2, 77, 124, 126, 127, 128, 137, 255])
def test_every_exit_status_is_passed_on(spool: Path, status: int) -> None:
    assert run("--", "sh", "-c", f"exit {status}").returncode == status


def test_its_arguments_environment_directory_and_umask_are_what_they_would_be(
    spool: Path, tmp_path: Path
) -> None:
    script = 'printf "%s|" "$@"; env -u _ | sort; pwd; umask; ulimit -c; ulimit -n; ps -o ni= $$'
    setting = "ulimit -S -c 100; umask 027; unset LC_ALL LANG LC_CTYPE; cd /usr; "
    words = f"sh -c '{script}' - '' 'a b' --job -x -- \udcff"
    direct = shell(f"{setting} {words}", env={"PATH": os.environ["PATH"]})
    given = {"PATH": os.environ["PATH"], "ZAIOND_SPOOL_DIR": str(spool)}
    direct = shell(f"{setting} {words}", env=given)
    through = shell(f"{setting} CTL run --job j -- {words}", env=given)
    assert through.stdout == direct.stdout
    assert b"LC_CTYPE" not in through.stdout


@pytest.mark.parametrize("double_dash", [[], ["--"]])
def test_what_stands_behind_the_command_is_the_commands(
    spool: Path, double_dash: list[str]
) -> None:
    done = run("--job", "j", *double_dash, "echo", "--job", "--help", "--", "-x")
    assert done.stdout == b"--job --help -- -x\n"
    assert last(spool)["job"] == "j"


def test_standard_input_is_the_commands(spool: Path, tmp_path: Path) -> None:
    assert run("--", "cat", input=b"\0\xff\n", stdin=None).stdout == b"\0\xff\n"
    # What it leaves is for the next one.
    done = shell(r"printf 'a\nb\n' | { CTL run -- sh -c 'read x; echo $x'; cat; }")
    assert done.stdout == b"a\nb\n"
    # Who writes to it learns when it reads no more.
    wait = f"until [ -s {tmp_path}/end ]; do sleep 0.05; done"
    done = shell(f"(yes; echo $? >{tmp_path}/end) | CTL run -- sh -c 'exec <&-; {wait}'")
    assert (tmp_path / "end").read_text() == "141\n"


def test_output_comes_as_it_is_produced(spool: Path) -> None:
    with start("--", "sh", "-c", "echo one; read x; echo two", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"one\n"
        process.stdin.write(b"\n")
        process.stdin.close()
        assert process.stdout.readline() == b"two\n"


def test_both_streams_in_one_file_keep_their_order(spool: Path, tmp_path: Path) -> None:
    script = "for i in $(seq 500); do echo o$i; echo e$i >&2; done"
    expected = "".join(f"o{i}\ne{i}\n" for i in range(1, 501))
    done = run("--", "sh", "-c", script, capture_output=False, stdout=-1, stderr=subprocess.STDOUT)
    assert done.stdout.decode() == expected
    with (tmp_path / "log").open("ab") as log:
        run("--", "sh", "-c", script, capture_output=False, stdout=log, stderr=log)
    assert (tmp_path / "log").read_text() == expected
    assert last(spool)["data"]["output"] + "\n" == expected


def test_binary_output_is_passed_on_byte_by_byte_and_told_as_text(spool: Path) -> None:
    octets = bytes(range(256)) * 400
    done = run("--", "cat", input=octets, stdin=None)
    assert done.stdout == octets
    assert "\\xff" in last(spool)["data"]["output"]


def test_a_gigabyte_takes_little_memory_and_its_two_ends_are_told(spool: Path) -> None:
    script = "echo first; yes 0123456789abcde | head -c 1000000000; echo last"
    with start("--", "sh", "-c", script) as process:
        assert process.stdout is not None
        size = most = 0
        while data := process.stdout.read(1 << 20):
            size += len(data)
            if most == 0 and size > 900_000_000:
                pids = [process.pid, *children(process.pid)]
                most = max(peak_bytes(pid) for pid in pids)
    assert process.returncode == 0
    assert size == 1_000_000_011
    assert most < 40_000_000
    output = last(spool)["data"]["output"]
    assert output.startswith("first\n0123456789abcde\n")
    assert output.endswith("\n0123456789abcde\nlast")
    assert "lines (999,9" in output
    assert 60_000 < len(json.dumps(output)) <= 65_538


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_slow_reader_gets_all_and_the_other_stream_does_not_wait_for_him(spool: Path) -> None:
    script = "head -c 300000 /dev/zero; echo done >&2"
    with start("--", "sh", "-c", f"({script}) & echo at-once >&2; wait", stderr=-1) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stderr.readline() == b"at-once\n"
        assert len(process.stdout.read()) == 300_000
        assert process.stderr.read() == b"done\n"
    assert process.returncode == 0


def test_the_command_learns_that_its_reader_has_gone(spool: Path) -> None:
    done = shell("CTL run -- yes | head -n 1; echo ${PIPESTATUS[@]}")
    assert done.stdout == b"y\n141 0\n"
    assert last(spool)["data"]["signal"] == "SIGPIPE"


def test_what_was_closed_is_closed_for_the_command(spool: Path, tmp_path: Path) -> None:
    look = f"""sh -c 'for i in 0 1 2; do
        [ ! -e /proc/$$/fd/$i ] || open=$open$i; done; echo "$open" >{tmp_path}/open'"""
    for closed, left in (("<&-", "12"), (">&-", "02"), ("2>&-", "01"), ("<&- >&- 2>&-", "")):
        for through in ("", "CTL run --"):
            assert shell(f"exec {closed}; {through} {look}").returncode == 0
            assert (tmp_path / "open").read_text() == f"{left}\n", (closed, through)


def test_a_full_disk_behind_the_output_does_not_end_the_command_and_is_told(spool: Path) -> None:
    done = shell("CTL run -- sh -c 'echo lost; exit 4' >/dev/full")
    assert done.returncode == 4
    assert done.stderr == (
        b"zaiond-ctl: 5 bytes of the output could not be written: No space left on device\n"
    )
    assert last(spool)["data"]["output"] == "lost"


def test_other_open_files_are_the_commands_and_a_lock_ends_with_it(
    spool: Path, tmp_path: Path
) -> None:
    lock = tmp_path / "lock"
    left_behind = "sh -c 'sleep 60 9>&- & echo $! >&9'"
    done = shell(f"exec 9>{lock}; flock 9; CTL run -- {left_behind} >{tmp_path}/out 2>&1")
    assert done.returncode == 0
    left = int(lock.read_text())
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.kill(left, signal.SIGKILL)


# -- what can't be run


@pytest.mark.parametrize(
    ("mode", "content", "status"),
    [(None, "", 127), (0o644, "#!/bin/sh\n", 126), (0o755, "echo $1; exit 5\n", 5)],
)
def test_what_can_not_be_run_is_said_as_a_shell_says_it(
    spool: Path, tmp_path: Path, mode: int | None, content: str, status: int
) -> None:
    script = tmp_path / "script"
    if mode is not None:
        script.write_text(content)
        script.chmod(mode)
    for name, path in ((str(script), os.environ["PATH"]), ("script", f"/nowhere:{tmp_path}")):
        done = run("--", name, "given", env={**os.environ, "PATH": path})
        assert done.returncode == status
        if status != 5:
            assert done.stderr.startswith(f"zaiond-ctl: {name}: can't be run: ".encode())
            assert last(spool)["type"] == "job.failed"
            assert last(spool)["data"]["exit_status"] == status
            assert last(spool)["data"]["output"] + "\n" == done.stderr.decode()
        else:
            assert done.stdout == b"given\n"  # execvp(3): without #! it is the shell's


def test_a_directory_can_not_be_run(spool: Path) -> None:
    assert run("--", "/usr").returncode == 126


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["--"], ["--job"], ["--nonsense", "--", "true"], ["--warning-exit", "0", "--", "true"],
        ["--warning-exit", "256", "--", "true"], ["--warning-exit", "x", "--", "true"],
        ["--warning-exit", f"0001{'0' * 5000}", "--", "true"],
        ["--timeout", "0", "--", "true"], ["--timeout", "-1", "--", "true"],
        ["--timeout", "1w", "--", "true"], ["--timeout", "nan", "--", "true"],
    ],
)  # fmt: skip
def test_wrong_usage_is_2_and_runs_and_emits_nothing(
    spool: Path, tmp_path: Path, arguments: list[str]
) -> None:
    done = run(*[f"{tmp_path}/none" if one == "true" else one for one in arguments])
    assert done.returncode == 2
    assert done.stderr.startswith(b"zaiond-ctl: ")
    assert events(spool) == []


# -- signals


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "ALRM", "WINCH"])
def test_a_signal_is_forwarded_and_what_the_command_makes_of_it_counts(
    spool: Path, name: str
) -> None:
    script = f"trap 'echo got {name}; exit 9' {name}; echo ready; while :; do sleep 0.05; done"
    with start("--", "bash", "-c", script) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.Signals[f"SIG{name}"])
        assert process.stdout.read() == f"got {name}\n".encode()
    assert process.returncode == 9


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL", "SIGINT", "SIGSEGV", "SIGRTMIN"])
def test_what_a_signal_has_ended_ends_us_as_it_would_have_ended_without_us(
    spool: Path, name: str
) -> None:
    number = int(signal.Signals[name])
    script = f"import os; os.kill(os.getpid(), {number})"
    done = run(
        "--", sys.executable, "-c", f"import signal; signal.signal(2, signal.SIG_DFL); {script}"
    )
    assert done.returncode == -number
    done = shell(f"CTL run -- {sys.executable} -c '{script}'; echo $?") if number != 2 else done
    event = last(spool)
    assert event["type"] == "job.failed"
    assert event["data"]["exit_status"] == 128 + number
    assert event["data"]["signal"] == name
    if number != 2:
        assert done.stdout == f"{128 + number}\n".encode()


def test_who_ignores_a_signal_goes_on_and_so_do_we(spool: Path) -> None:
    script = "trap '' TERM; echo ready; read x; echo end"
    with start("--", "sh", "-c", script, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        for _ in range(3):
            process.terminate()
        process.stdin.write(b"\n")
        process.stdin.close()
        assert process.stdout.read() == b"end\n"
    assert process.returncode == 0


def test_what_the_caller_ignores_the_command_ignores_and_nohup_works(spool: Path) -> None:
    # 32 and 33 are glibc's own, which posix_spawn(3) has ignored.
    look = """import re, sys; text = open('/proc/self/status').read()
print([int(x, 16) & ~0x180000000 for x in re.findall('Sig(?:Ign|Blk):(.*)', text)])"""
    command = f'{sys.executable} -c "{look}"'
    for trap in ("", "trap '' HUP INT;", "trap '' USR1 TSTP;"):
        assert shell(f"{trap} CTL run -- {command}").stdout == shell(trap + command).stdout


def test_it_stops_and_goes_on_by_signals(spool: Path) -> None:
    script = "echo $$; read x; echo end"
    # POSIX, General Terminal Interface: what is in an orphaned process group can't be stopped so.
    with start("--", "sh", "-c", script, stdin=subprocess.PIPE, process_group=0) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        state = Path(f"/proc/{pid}/stat")
        process.send_signal(signal.SIGTSTP)
        until(lambda: state.read_text().rpartition(") ")[2][0] == "T", lambda: "it goes on")
        process.send_signal(signal.SIGCONT)
        until(lambda: state.read_text().rpartition(") ")[2][0] != "T", lambda: "it stays stopped")
        process.stdin.write(b"\n")
        process.stdin.close()
        assert process.stdout.read() == b"end\n"


# -- a time limit


def test_at_its_limit_it_is_ended_with_all_that_it_started(spool: Path) -> None:
    begun = time.monotonic()
    done = run("--timeout", "0.5s", "--", "sh", "-c", "echo begun; sleep 100 & echo $!; sleep 100")
    assert done.returncode == 124
    assert time.monotonic() - begun < 8
    said, pid = done.stdout.split()
    assert said == b"begun"
    until(lambda: not alive(int(pid)), lambda: "what it started lives on")
    event = last(spool)
    assert (event["type"], event["severity"]) == ("job.failed", "err")
    assert event["data"]["timed_out"] is True
    assert event["data"]["exit_status"] == 124


def test_what_does_not_heed_sigterm_is_killed_after_a_grace(spool: Path) -> None:
    script = "trap '' TERM; echo $$; while :; do sleep 1; done"
    begun = time.monotonic()
    done = run_in_a_hurry("--timeout", "1", "--", "sh", "-c", script)  # so that it has begun
    assert done.returncode == 124
    assert 2 <= time.monotonic() - begun < 10
    assert not alive(int(done.stdout))
    assert last(spool)["data"]["signal"] == "SIGKILL"


def test_its_children_may_clean_up_within_the_grace(spool: Path) -> None:
    script = "sh -c 'trap \"sleep 0.5; echo clean; exit\" TERM; while :; do sleep 0.1; done' & wait"
    done = run("--timeout", "0.5", "--", "sh", "-c", script)
    assert (done.returncode, done.stdout) == (124, b"clean\n")


def test_within_its_limit_nothing_is_different(spool: Path) -> None:
    done = run("--timeout", "1h", "--", "sh", "-c", "echo x; exit 3")
    assert (done.returncode, done.stdout) == (3, b"x\n")
    assert "timed_out" not in last(spool)["data"]


def test_a_reader_who_does_not_read_does_not_stop_the_limit(spool: Path) -> None:
    with start("--timeout", "0.5", "--", "yes") as process:
        assert process.wait(WITHIN) == 124


# -- what it leaves in the background


def test_what_holds_the_output_open_is_not_waited_for_and_not_harmed(
    spool: Path, tmp_path: Path
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    script = f"(read x <{fifo}; echo later; echo harmless >{tmp_path}/end) & echo $!"
    with start("--", "bash", "-c", script) as process:
        assert process.wait(WITHIN) == 0
        assert process.stdout is not None
        int(process.stdout.readline())
        assert last(spool)["type"] == "job.succeeded"
        fifo.write_text("\n")
        assert process.stdout.read() == b"later\n"
    until((tmp_path / "end").exists, lambda: "it was harmed")


def test_one_stream_that_never_rests_does_not_keep_us_while_the_other_is_silent(
    spool: Path, tmp_path: Path
) -> None:
    with (tmp_path / "silent").open("wb") as silent, Path("/dev/null").open("wb") as loud:
        script = "exec 3>&1; yes >&2 & echo $!"
        done = run("--", "sh", "-c", script, capture_output=False, stdout=silent, stderr=loud)
    assert done.returncode == 0
    os.kill(int((tmp_path / "silent").read_text()), signal.SIGKILL)


def test_who_reads_to_the_end_is_not_kept_for_ever(spool: Path, tmp_path: Path) -> None:
    script = f"(while sleep 0.2; do echo tick; date >>{tmp_path}/ticks; done) & echo $!"
    begun = time.monotonic()
    done = run_in_a_hurry("--", "sh", "-c", script)
    assert time.monotonic() - begun < 8
    pid = int(done.stdout.split()[0])
    ticks = (tmp_path / "ticks").stat().st_size
    until(lambda: (tmp_path / "ticks").stat().st_size > ticks, lambda: "it was ended")
    os.kill(pid, signal.SIGTERM)


# -- a terminal


@pytest.fixture
def terminal(spool: Path) -> Iterator[Any]:
    made: list[Terminal] = []

    def make(*arguments: str) -> Terminal:
        made.append(Terminal([PROGRAM, "run", *arguments]).__enter__())
        return made[-1]

    yield make
    for one in made:
        one.__exit__(None, None, None)


@pytest.mark.parametrize("limit", [[], ["--timeout", "50s"]])
def test_at_a_terminal_it_has_one_and_its_output_is_told_all_the_same(
    terminal: Any, spool: Path, limit: list[str]
) -> None:
    script = (
        "test -t 0 && test -t 1 && test -t 2 && stty size; read -p 'Name? ' x; echo Hello $x;"
        "stty -echo </dev/tty; read -p 'Password? ' y </dev/tty; stty echo </dev/tty; echo; exit 6"
    )
    window = terminal(*limit, "--", "bash", "-c", script)
    window.answer("Name? ", "Aiko")
    window.expect("Hello Aiko\n")
    window.expect("Password? ")
    until(lambda: not window.echoes, lambda: "the password would be seen")
    window.enter("s3cret")
    assert window.ended() == 6
    assert window.echoes
    assert "s3cret" not in window.screen
    assert "Name? Hello Aiko\nPassword?" in last(spool)["data"]["output"]


@pytest.mark.parametrize("limit", [[], ["--timeout", "50s"]])
def test_ctrl_c_reaches_it_once(terminal: Any, spool: Path, limit: list[str]) -> None:
    script = """import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGCONT])
print("ready", flush=True)
signal.sigwait([signal.SIGINT])
print("got it", flush=True)
signal.sigwait([signal.SIGCONT])
print("and again" if signal.SIGINT in signal.sigpending() else "once")"""
    window = terminal(*limit, "--", sys.executable, "-c", script)
    window.expect("ready")
    if limit:  # then the command is a group of its own, which is given the keyboard once it runs
        until(lambda: window.foreground != window.pid, lambda: "the command has no keyboard")
    # We are to feel the key after the command has: else two would be one to it.
    os.kill(window.pid, signal.SIGSTOP)
    window.enter(CTRL_C)
    window.expect("got it")
    os.kill(window.pid, signal.SIGCONT)
    window.expect("once")
    assert window.ended() == 0


def test_a_shells_job_control_works_as_without_us(spool: Path) -> None:
    for limit in ("", "--timeout 50s"):
        with Terminal(
            ["bash", "--norc", "--noprofile", "-i"], {"PS1": "PROMPT ", "HISTFILE": ""}
        ) as window:
            window.answer(
                "PROMPT ", f"{PROGRAM} run {limit} -- sh -c 'echo be''gun; read x; echo e''nd'"
            )
            window.expect("begun")
            window.enter(b"\x1a")
            window.expect("Stopped")
            window.answer("PROMPT ", "fg")
            window.expect("fg\n")
            window.enter("go")
            window.expect("end")
            window.answer("PROMPT ", "exit 0")
            assert window.ended() == 0


# -- what is told


def test_the_start_is_told_while_it_runs_and_then_how_it_went(runtime: Path, spool: Path) -> None:
    with FakeDaemon(runtime) as daemon:
        arguments = [
            "--job",
            "nightly",
            "--",
            "sh",
            "-c",
            "read x; echo out; echo err >&2; sleep 1",
        ]
        with start(*arguments, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdin is not None
            until(lambda: daemon.lines, lambda: "its start is not told")
            process.stdin.close()
    begun, ended = map(json.loads, daemon.lines)
    assert (begun["type"], begun["job"]) == ("job.started", "nightly")
    assert begun.get("severity", "info") == "info"
    assert ended["type"] == "job.succeeded"
    assert ended["severity"] == "info"
    data = ended["data"]
    assert data["exit_status"] == 0
    assert set(data["output"].split()) == {"out", "err"}
    assert 1 <= data["duration"] < 30
    assert begun["time"] == data["started_at"] < data["finished_at"] <= ended["time"]
    assert "message" not in ended
    assert not list(spool.iterdir())


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (0, ("job.succeeded", "info")), (1, ("job.failed", "err")),
        (3, ("job.succeeded", "warning")), (24, ("job.succeeded", "warning")),
    ],
)  # fmt: skip
def test_some_exit_statuses_are_warnings(spool: Path, status: int, told: tuple[str, str]) -> None:
    arguments = ["--warning-exit", "3", "--warning-exit=24", "--", "sh", "-c", f"exit {status}"]
    assert run(*arguments).returncode == status
    event = last(spool)
    assert (event["type"], event["severity"]) == told
    assert event["data"]["exit_status"] == status


def test_no_argument_and_no_variable_is_told(spool: Path) -> None:
    run("--", "sh", "-c", ": s3cret-argument", env={**os.environ, "PASSWORD": "s3cret-variable"})
    assert len(events(spool)) == 2
    assert "s3cret" not in json.dumps(events(spool))
    assert {event["job"] for event in events(spool)} == {"sh"}
    assert last(spool)["data"]["command"] == "sh"


# -- when nobody listens


def test_the_daemon_down_costs_the_command_nothing_and_nothing_is_said(spool: Path) -> None:
    done = run("--", "sh", "-c", "echo x; exit 3")
    assert (done.stdout, done.stderr, done.returncode) == (b"x\n", b"", 3)
    assert [event["type"] for event in events(spool)] == ["job.started", "job.failed"]


def test_a_daemon_that_hangs_delays_no_command_and_the_end_but_once(
    runtime: Path, spool: Path
) -> None:
    runtime.mkdir()
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(runtime / "events.sock"))
        deaf.listen(64)
        begun = time.monotonic()
        with start("--", "echo", "at once") as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"at once\n"
            assert time.monotonic() - begun < 1.9
        assert time.monotonic() - begun < 4.0
    assert [event["type"] for event in events(spool)] == ["job.started", "job.succeeded"]


def test_where_nothing_can_be_told_standard_error_has_one_line_and_the_status_stays(
    spool: Path,
) -> None:
    for status in (0, 5):
        done = run("--spool-dir", "/nonexistent", "--", "sh", "-c", f"echo x; exit {status}")
        assert (done.stdout, done.returncode) == (b"x\n", status)
        (line,) = done.stderr.splitlines()
        assert b"/nonexistent" in line


def test_where_no_thread_can_be_started_all_is_as_ever(spool: Path) -> None:
    code = """import sys, _thread
from zaiond.ctl import main
def none_left(*_):
    raise RuntimeError("can't start new thread")
_thread.start_new_thread = none_left
sys.exit(main.run(["run", *sys.argv[1:]]))"""
    done = subprocess.run(
        [sys.executable, "-c", code, "--", "sh", "-c", "echo x; exit 3"],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=WITHIN, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr, done.returncode) == (b"x\n", b"", 3)
    assert [event["type"] for event in events(spool)] == ["job.started", "job.failed"]


def test_whatever_is_wrong_with_the_spool_costs_the_command_nothing(spool: Path) -> None:
    for script in (
        "ulimit -f 0; CTL run -- sh -c 'echo x >&2; exit 6' 2>&1 | cat; exit ${PIPESTATUS[0]}",
        f"chmod 0 {spool}; MODES CTL run -- sh -c 'echo x; exit 6' 2>&1",
    ):
        done = shell(script.replace("MODES", " ".join(MODES_COUNT)))
        assert done.returncode == 6
        first, second = done.stdout.splitlines()
        assert first == b"x"
        assert second.startswith(b"zaiond-ctl: ")
        spool.chmod(0o755)


def test_the_size_of_a_terminal_is_that_of_the_real_one(terminal: Any, spool: Path) -> None:
    # The system tells it before we do, of the old size. Not a shell: that forgets a signal that
    # comes while it runs the trap of the one before.
    script = """import os, signal
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH])
print("ready", flush=True)
while signal.sigwait([signal.SIGWINCH]):
    print("{1} {0}".format(*os.get_terminal_size(1)), flush=True)"""
    window = terminal("--", sys.executable, "-c", script)
    window.expect("ready")
    window.resize(33, 77)
    window.expect("33 77")
    window.enter(CTRL_C)
    assert window.ended() == -signal.SIGINT


def test_its_way_imports_no_more_than_that_of_emit(spool: Path) -> None:
    code = (
        "import sys; from zaiond.ctl import main; status = main.run(sys.argv[1:]);"
        "print(' '.join(sys.modules), file=sys.stderr); sys.exit(status)"
    )
    loaded = {}
    for arguments in (["emit", "a"], ["run", "--", "true"]):
        ran = subprocess.run(
            [sys.executable, "-S", "-c", code, *arguments],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        loaded[arguments[0]] = set(ran.stderr.splitlines()[-1].split())
    more = loaded["run"] - loaded["emit"]
    assert more <= {
        "zaiond.ctl.run", "zaiond.ctl.child", "zaiond.ctl.relay", "zaiond.ctl.emit_input", "fcntl",
        "_thread",
    }  # fmt: skip
