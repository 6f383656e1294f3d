"""A daemon with something to show on each page: mails that have arrived, one that is held, open
problems, jobs of which one has failed, a silence, routes. The demonstration, the screenshots and
the tests in a browser look at it.
"""

from pathlib import Path

from tests.support.daemon import Daemon
from tests.support.sink import Sink

GONE = "sales-old@office.internal"  # whom the mail server does not know

CONFIGURATION = """\
mail_server:
  host: 127.0.0.1
  port: {port}
sender: Zaionnex <zaionnex@office.internal>
admins: postmaster@office.internal
language: {language}
web: {{listen: "{listen}"}}
jobs:
  nightly-backup: {{schedule: "0 2 * * *", grace: 2h, max_runtime: 6h}}
  hourly-sync: {{every: 1h}}
routes:
  database:
    match: {{type: "db.*"}}
    to: dba@office.internal
    repeat_interval: 4h
  sales:
    match: {{data.target: Sales}}
    to: [sales@office.internal, {gone}]
  storms:
    match: {{severity: warning+}}
    group_by: [type]
    group_interval: 10m
  notes:
    match: {{severity: notice}}
    digest: "0 8 * * *"
"""

EVENTS = (
    {
        "type": "backup.auto_update.finished",
        "data": {"target": "営業共有", "files": 18342, "size": "51.2GiB", "duration": "12分34秒"},
    },
    {
        "type": "backup.auto_update.failed",
        "severity": "err",
        "message": 'rsync: write failed on "/backup/sales": No space left on device (28)',
        "data": {"target": "Sales"},
    },
    {
        "type": "disk.full",
        "severity": "crit",
        "key": "disk:db1:/var",
        "status": "problem",
        "message": "/var: 97 % used, 1.2 GiB left",
        "data": {"host": "db1"},
    },
    {
        "type": "db.replication.late",
        "severity": "warning",
        "key": "replication:db2",
        "status": "problem",
        "message": "db2 is 412 s behind",
        "data": {"host": "db2"},
    },
    # What a stranger may send; and a word that no line is long enough for.
    {
        "type": "web.request",
        "severity": "notice",
        "subject": "<script>document.title='gone'</script>",
        "message": "<img src=x onerror=alert(1)> \x1b[31m red",
        "data": {"path": "/" + "very-long-" * 40},
    },
    {"type": "maintenance.step", "severity": "warning", "data": {"host": "db1", "step": 3}},
    {"type": "certificate.renewed", "message": "www.example.co.jp"},
)

STORM = [
    {"type": "switch.flapping", "severity": "warning", "data": {"port": port}} for port in range(40)
]


def scene(
    directory: Path, sink: Sink, language: str = "ja", listen: str = "127.0.0.1:8025"
) -> Daemon:
    """A daemon below `directory`, not yet started, whose mail server is `sink`; `listen` is where
    its pages are.
    """
    sink.refuse[GONE] = "550 5.1.1 User unknown"
    settings = {"port": sink.port, "language": language, "gone": GONE, "listen": listen}
    return Daemon(directory, CONFIGURATION.format(**settings))


def fill(daemon: Daemon) -> None:
    """Lets happen what there is to be seen; returns when all of it is."""
    run = ("run", "--job", "nightly-backup", "--", "sh", "-c")
    assert daemon.ctl(*run, "echo copying /srv; exit 0").returncode == 0
    failing = daemon.ctl(*run, "echo copying /srv; echo no disk at /backup >&2; exit 11")
    assert failing.returncode == 11, failing
    sync = ("run", "--job", "hourly-sync", "--", "true")
    assert daemon.ctl(*sync).returncode == 0
    silence = ("--match", "type=maintenance.*", "--for", "2h", "--comment", "db1: disk is replaced")
    assert daemon.ctl("silence", "add", *silence).returncode == 0
    for event, reply in zip(EVENTS, daemon.emit(*EVENTS), strict=True):
        assert reply["status"] == "ok", (event, reply)
    daemon.emit(*STORM)
    daemon.becomes(lambda status: status["queue"]["held"] > 0, "status")
