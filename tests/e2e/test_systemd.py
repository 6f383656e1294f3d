"""The service as an administrator has it: installed by `make install`, under systemd as PID 1."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.container import Container
from tests.support.installed import (
    CONFIG,
    INSTALL,
    MEMBER,
    PORT,
    UNITS,
    Service,
    configuration,
    installed,
)  # fmt: skip
from tests.support.sink import Mail, Sink
from zaiond.journal import Kind

pytestmark = pytest.mark.xdist_group("systemd")  # they share one container

OTHER = "ben"  # not in zaiond-emit
ADMINISTRATOR = "chie"  # in zaiond-admin


@pytest.fixture(scope="module")
def machine() -> Iterator[Container]:
    """A booted system with zaiond installed and three users."""
    with installed() as container:
        container.run("useradd", "--groups=zaiond-admin", ADMINISTRATOR)
        container.run("useradd", OTHER)
        yield container


@pytest.fixture
def service(machine: Container) -> Service:
    """A running service that has no past."""
    made = Service(machine)
    made.start_afresh()
    return made


@pytest.fixture
def sink(machine: Container) -> Iterator[Sink]:
    """The container's mail server."""
    with Sink(listener=machine.listener(PORT)) as running:
        yield running


def await_events(sink: Sink, *ids: str) -> list[Mail]:
    """The mails of these events, once they are all there."""
    mails = sink.wait(len(ids), timeout=60)
    while not set(ids) <= {one for mail in mails for one in mail.event_ids}:
        mails = sink.wait(len(mails) + 1, timeout=60)
    return [mail for mail in mails if set(mail.event_ids) & set(ids)]


def owner_of(machine: Container, path: str) -> str:
    return machine.run("stat", "--format=%a %U:%G", path).stdout.strip()


def test_systemd_finds_nothing_wrong_with_the_installed_units(service: Service) -> None:
    done = service.machine.run("systemd-analyze", "verify", "--man=no", *UNITS, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_every_file_is_its_owners_alone(service: Service) -> None:
    owners = {
        "/etc/zaiond/zaiond.yaml": "640 root:zaiond",
        "/run/zaiond/events.sock": "660 zaiond:zaiond-emit",
        "/run/zaiond/control.sock": "660 zaiond:zaiond-admin",
        "/var/lib/zaiond": "700 zaiond:zaiond",
        "/var/spool/zaiond": "3730 zaiond:zaiond-emit",
    }
    assert {path: owner_of(service.machine, path) for path in owners} == owners


def test_an_administrator_may_ask_and_order_but_not_read_the_configurations_files(
    service: Service,
) -> None:
    def ctl(*arguments: str) -> tuple[int, str]:
        done = service.machine.run("zaiond-ctl", *arguments, user=ADMINISTRATOR, check=False)
        return done.returncode, done.stdout

    for command in ("status", "history", "queue list", "queue retry", "config show", "reload"):
        assert ctl(*command.split())[0] == 0, command
    for command in ("diff", "revert"):
        assert ctl("config", command) == (77, ""), command


def test_man_pages_in_both_languages_and_completion_are_where_they_are_looked_for(
    service: Service,
) -> None:
    share = service.machine.path("/usr/local/share")
    pages = ("man1/zaiond-ctl.1", "man5/zaiond.yaml.5", "man8/zaiond.8", "man8/zaiond-sendmail.8")
    for page in pages:
        assert "SH NAME" in (share / "man" / page).read_text(encoding="utf-8")
        assert "SH 名前" in (share / "man/ja" / page).read_text(encoding="utf-8")
    assert (share / "bash-completion/completions/zaiond-ctl").exists()


def test_the_status_line_tells_what_waits_and_of_the_configuration(service: Service) -> None:
    service.becomes("StatusText", "0 waiting; configuration good")
    service.emit("disk.full")  # there is no mail server
    service.begins("StatusText", "1 waiting; configuration good; ")  # and what it waits for
    assert 'Status: "1 waiting; configuration good; ' in service.systemctl("status", UNITS[1])
    service.config.write_text("language: en\n")
    service.begins(
        "StatusText", "2 waiting; configuration not valid, the last good one in force; "
    )  # and the admins are mailed of it


def test_the_journal_has_fields_and_tells_kinds_of_lines_by_their_message_id(
    service: Service,
) -> None:
    def lines(*matches: str) -> list[dict[str, Any]]:
        text = service.machine.run("journalctl", "-o", "json", "-u", "zaiond", *matches).stdout
        return [json.loads(line) for line in text.splitlines()]

    started = lines(f"MESSAGE_ID={Kind.STARTED.value}")[-1]
    assert started["MESSAGE"].startswith("zaiond ")
    assert started["SYSLOG_IDENTIFIER"] == "zaiond"
    refused = service.machine.run(
        "zaiond-ctl", "emit", "bad type", user=MEMBER, check=False
    ).returncode
    assert refused == 65
    kind = f"MESSAGE_ID={Kind.EVENT_REFUSED.value}"
    service.machine.until(lambda: bool(lines(kind)), "the journal has no line of the refused event")
    (line,) = lines(kind, "ZAIOND_CODE=invalid")[-1:]
    assert line["ZAIOND_UID"] == service.machine.run("id", "-u", MEMBER).stdout.strip()


def test_reload_refuses_a_broken_file_and_takes_a_good_one(service: Service) -> None:
    pid = service.show("MainPID")
    service.config.write_text(configuration(langauge="ja"))
    refused = service.machine.run("systemctl", "reload", "zaiond.service", check=False)
    assert refused.returncode != 0
    status = service.machine.document("status")
    assert status["config"]["state"] == "last_good"
    assert [error["key"] for error in status["config"]["errors"]] == ["langauge"]
    assert service.show("ActiveState") == "active"

    service.config.write_text(configuration(subject_prefix="[One]"))
    service.systemctl("reload", "zaiond.service")
    shown = service.machine.document("config", "show")["settings"]
    assert [s["value"] for s in shown if s["key"] == "subject_prefix"] == ["[One]"]

    service.config.write_text(configuration(subject_prefix="[Two]"))
    service.systemctl("kill", "--signal=HUP", "--kill-who=main", "zaiond.service")
    service.machine.until(
        lambda: "[Two]" in str(service.machine.document("config", "show")), "SIGHUP does not reload"
    )
    assert service.show("MainPID") == pid


def test_sigkill_loses_nothing_of_what_flows(service: Service, sink: Sink) -> None:
    pid = service.show("MainPID")
    ids = [f"event-{number:04}" for number in range(2000)]
    lines = "".join(json.dumps({"type": "backup.done", "id": one}) + "\n" for one in ids)
    command = service.machine.command("zaiond-ctl", "emit", "--from", "-", user=MEMBER)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as emitter:
        assert emitter.stdin is not None
        emitter.stdin.write(lines)
        emitter.stdin.close()
        sink.wait(100)
        service.systemctl("kill", "--signal=KILL", "zaiond.service")
        assert emitter.wait(60) == 0
    await_events(sink, *ids)
    service.becomes("NRestarts", "1")
    assert service.show("MainPID") != pid


def test_a_daemon_that_hangs_is_started_again_and_what_was_sent_meanwhile_arrives(
    service: Service, sink: Sink
) -> None:
    service.set_up("[Service]\nWatchdogSec=3s\nRestartSec=100ms\n")
    pid = service.show("MainPID")
    # It lives on while it works: half a dozen answers.
    first = service.emit("disk.full")
    await_events(sink, first["id"])
    service.machine.run("sleep", "6")
    assert service.show("MainPID") == pid

    service.systemctl("kill", "--signal=STOP", "--kill-who=main", "zaiond.service")
    meanwhile = service.emit("disk.full")  # gets no answer: into the spool
    await_events(sink, meanwhile["id"])
    service.becomes("NRestarts", "1")
    assert "watchdog" in service.journal().lower()


def test_an_event_starts_a_stopped_service_through_its_socket(service: Service, sink: Sink) -> None:
    service.systemctl("stop", "zaiond.service")
    assert not service.machine.path("/run/zaiond/control.sock").exists()
    emitted = service.emit("disk.full")
    assert not emitted["spooled"]
    await_events(sink, emitted["id"])
    assert service.history(emitted["id"])["uid"] == uid_of(service.machine, MEMBER)
    assert service.show("ActiveState") == "active"


def test_asking_for_the_status_does_not_start_a_stopped_service(service: Service) -> None:
    service.systemctl("stop", "zaiond.service")
    assert service.machine.run("zaiond-ctl", "status", check=False).returncode == 69
    assert service.show("ActiveState") == "inactive"


def test_without_a_socket_the_spool_keeps_events_until_the_start(
    service: Service, sink: Sink
) -> None:
    service.systemctl("stop", *UNITS)
    emitted = service.emit("disk.full", "-s", "err")
    assert emitted["spooled"]
    found = service.machine.run("sh", "-c", "stat -c '%a %U' /var/spool/zaiond/*.json").stdout
    assert found == f"640 {MEMBER}\n"
    service.systemctl("start", *UNITS)
    await_events(sink, emitted["id"])
    assert service.history(emitted["id"])["uid"] == uid_of(service.machine, MEMBER)
    assert not list(service.machine.path("/var/spool/zaiond").glob("*.json"))


def uid_of(machine: Container, user: str) -> int:
    return int(machine.run("id", "--user", user).stdout)


def test_each_users_events_have_the_uid_that_the_kernel_tells(service: Service) -> None:
    for user in (MEMBER, "root"):
        emitted = service.emit("disk.full", "-D", "uid=4242", user=user)
        assert service.history(emitted["id"])["uid"] == uid_of(service.machine, user)


@pytest.mark.parametrize("stopped", [(), UNITS], ids=["running", "stopped"])
def test_who_is_not_in_the_group_is_told_which_one(
    service: Service, stopped: tuple[str, ...]
) -> None:
    if stopped:
        service.systemctl("stop", *stopped)
    done = service.machine.run("zaiond-ctl", "emit", "disk.full", user=OTHER, check=False)
    assert (done.stdout, done.returncode) == ("", 77)
    assert "zaiond-emit" in done.stderr


def test_who_may_emit_can_read_neither_secret_nor_queue_nor_others_events(
    service: Service,
) -> None:
    machine = service.machine
    secret = "/etc/zaiond/smtp-password"
    machine.run("sh", "-c", f"umask 077; echo secret >{secret}; chown root:zaiond {secret}")
    machine.run("chmod", "640", secret)
    auth = {"mechanism": "basic", "username": "u", "password_file": "smtp-password"}
    server = {"host": "127.0.0.1", "port": PORT, "auth": auth}
    service.config.write_text(configuration(mail_server=server))
    service.systemctl("reload", "zaiond.service")  # the daemon can

    for path in (secret, CONFIG, "/var/lib/zaiond/queue.db", "/var/lib/zaiond/last-good.json"):
        assert machine.path(path).exists()
        assert machine.run("cat", path, user=MEMBER, check=False).returncode != 0, path
    assert machine.run("ls", "/var/spool/zaiond", user=MEMBER, check=False).returncode != 0
    asked = machine.run("zaiond-ctl", "status", user=MEMBER, check=False)
    assert (asked.stdout, asked.returncode) == ("", 77)
    groups = machine.run("id", "--name", "--groups", MEMBER).stdout.split()
    assert "zaiond" not in groups


def test_a_password_may_be_a_credential_of_systemd(service: Service) -> None:
    auth = {"mechanism": "basic", "username": "u", "password_credential": "smtp-password"}
    server = {"host": "127.0.0.1", "port": PORT, "auth": auth}
    service.machine.path("/etc/zaiond/root-password").write_text("secret\n")
    service.machine.path("/etc/zaiond/root-password").chmod(0o600)
    service.config.write_text(configuration(mail_server=server))
    service.set_up("[Service]\nLoadCredential=smtp-password:/etc/zaiond/root-password\n")
    assert service.machine.document("status")["config"]["state"] == "good"


@pytest.mark.parametrize(
    ("script", "ok", "words"),
    [
        ("echo $(id -un) $HOME $(pwd) >&2; exit 7", False, "exit status 7: zaiond"),
        ('touch /tmp/x; sleep 0; python3 -c \'print("t0k" + "en")\'', True, "by /bin/sh"),
    ],
)
def test_a_token_command_runs_as_the_daemons_user_within_the_limits_of_the_unit(
    service: Service, sink: Sink, script: str, ok: bool, words: str
) -> None:
    oauth2 = {"token_command": ["/bin/sh", "-c", script]}
    auth = {"mechanism": "xoauth2", "username": "u", "oauth2": oauth2}
    server = {"host": "127.0.0.1", "port": PORT, "auth": auth}
    service.config.write_text(configuration(mail_server=server))
    service.systemctl("reload", "zaiond.service")
    (result,) = service.machine.document("test", "test@example.co.jp")["results"]
    (step,) = [step for step in result["steps"] if step["step"] == "token"]
    assert step["ok"] == ok, step
    assert words in step["detail"]
    assert "t0ken" not in str(result)


def test_a_start_without_a_valid_configuration_keeps_the_socket_and_the_events(
    service: Service, sink: Sink
) -> None:
    service.systemctl("stop", "zaiond.service")
    service.machine.run("sh", "-c", "rm -rf /var/lib/zaiond/*")
    service.config.write_text("mail_server: [\n")
    service.systemctl("start", "zaiond.service")
    emitted = service.emit("disk.full")
    assert service.machine.document("status")["config"]["state"] == "none"
    assert service.show("StatusText").endswith("有効な設定なし")  # in the default language
    assert [service.machine.show(unit, "ActiveState") for unit in UNITS] == ["active"] * 2
    assert service.show("NRestarts") == "0"
    service.config.write_text(configuration())
    await_events(sink, emitted["id"])


def test_a_stop_in_the_midst_of_delivery_leaves_nothing_half_done(
    service: Service, sink: Sink
) -> None:
    ids = [f"event-{number:04}" for number in range(2000)]
    lines = "".join(json.dumps({"type": "backup.done", "id": one}) + "\n" for one in ids)
    service.machine.run("zaiond-ctl", "emit", "--from", "-", user=MEMBER, given=lines)
    service.systemctl("stop", "zaiond.service")
    assert service.show("Result") == "success"
    assert len(sink.mails) < len(ids), "it was to be stopped in the midst"
    assert service.machine.path("/run/zaiond/events.sock").exists(), "systemd listens on"
    service.systemctl("start", "zaiond.service")
    await_events(sink, *ids)
    assert sorted(i for mail in sink.mails for i in mail.event_ids) == ids, "each once"
    assert service.machine.document("status")["possible_duplicates"] == 0


def test_at_no_moment_of_an_update_is_there_no_program(service: Service, sink: Sink) -> None:
    machine = service.machine
    script = """
        number=0
        while [ ! -e /tmp/enough ]; do
            # To the spool, and so told, where the new daemon takes its time to come up.
            zaiond-ctl emit disk.full --id "update-$number" >/dev/null 2>&1 || echo "$number: $?"
            number=$((number + 1))
        done
        echo "$number in all"
    """
    before = machine.run("readlink", "-f", "/usr/local/bin/zaiond-ctl").stdout
    with subprocess.Popen(
        machine.command("sh", "-c", script, user=MEMBER),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as emitting:
        try:
            machine.run(*INSTALL)
        finally:
            machine.run("touch", "/tmp/enough")
        said, _ = emitting.communicate(timeout=60)
    assert machine.run("readlink", "-f", "/usr/local/bin/zaiond-ctl").stdout != before
    assert said.endswith(" in all\n")
    assert said.count("\n") == 1, said
    count = int(said.split()[0])
    assert count > 50
    await_events(sink, *(f"update-{number}" for number in range(count)))
    assert service.show("ActiveState") == "active"


def test_a_line_comes_to_the_terminals_of_who_is_logged_in(service: Service) -> None:
    machine = service.machine
    unit = machine.path("/usr/local/lib/systemd/system/zaiond.service").read_text()
    call = "from zaiond.daemon.wall import wall; wall('no mail can leave')"
    # The daemon's own unit, with all that it is kept from.
    unit = unit.replace("Type=notify", "Type=oneshot").replace("WatchdogSec=60s\n", "")
    unit = unit.replace("Restart=on-failure\n", "").replace("Requires=zaiond.socket\n", "")
    unit = unit.replace(
        "ExecStart=/usr/local/bin/zaiond\n",
        f'ExecStart=/usr/local/lib/zaiond/bin/python -c "{call}"\n',
    )
    machine.path("/run/systemd/system/wall.service").write_text(unit)
    service.systemctl("daemon-reload")
    typescript = machine.path("/tmp/typescript")
    logged_in = machine.command(
        "script", "--quiet", "--flush", "--command", "echo here; sleep 60", "/tmp/typescript",
        user=MEMBER,
    )  # fmt: skip
    with subprocess.Popen(logged_in, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as shell:
        try:
            machine.until(
                lambda: typescript.exists() and "here" in typescript.read_text(), "no tty"
            )
            service.systemctl("start", "wall.service")
            machine.until(
                lambda: "zaiond: no mail can leave" in typescript.read_text(), service.journal()
            )
        finally:
            shell.kill()
