"""Routes, times and jobs in a real daemon's files: taken, refused, kept, shown, written back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import PROGRAMS, Daemon
from tests.support.sink import Sink
from tests.support.terminal import Terminal

TEXT = """\
# ours, with comments
mail_server: {{host: 127.0.0.1, port: {port}}}
admins: a@zaion.jp
language: en
route_defaults: {{max_mails: null}}   # no limit
routes:
  database:                       # theirs
    match: {{type: "db.*", data.port: 5432}}
    to: [dba@zaion.jp]
    active_time: office
times:
  office: {{days: mon-fri, hours: "08:30-18:00", timezone: Asia/Tokyo}}
jobs:
  nightly: {{schedule: 0 2 * * *, grace: 2h}}
summary: 0 8 * * 1
heartbeat: {{url_file: ../ping-url, every: 1d}}
"""


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


@pytest.fixture
def daemon(tmp_path: Path, sink: Sink) -> Iterator[Daemon]:
    url = tmp_path / "ping-url"
    url.write_text("http://127.0.0.1:1/s3cret\n")
    url.chmod(0o600)
    with Daemon(tmp_path, TEXT.format(port=sink.port)) as daemon:
        yield daemon


def shown(daemon: Daemon) -> dict[str, str]:
    return {one["key"]: one["value"] for one in daemon.document("config", "show")["settings"]}


def test_a_change_of_a_route_takes_effect_and_a_broken_one_leaves_the_last_good(
    daemon: Daemon,
) -> None:
    drop_in = daemon.config.parent / "conf.d" / "50-database.yaml"
    drop_in.parent.mkdir()
    drop_in.write_text("routes: {database: {max_mails: 5/m, active_time: null}}\n")
    drop_in.chmod(0o640)
    settings = daemon.becomes(
        lambda found: "5/m" in [one["value"] for one in found["settings"]], "config", "show"
    )["settings"]
    origins = {one["key"]: (one["file"], one["line"]) for one in settings}
    assert origins["routes.database.max_mails"] == (str(drop_in), 1)
    assert origins["routes.database.to"] == (str(daemon.config), 9)
    assert origins["routes.database.active_time"] == (str(drop_in), 1)
    assert shown(daemon)["routes.database.active_time"] == "null"  # nor what route_defaults says
    drop_in.write_text("routes: {database: {active_time: offise}}\n")
    status = daemon.becomes(lambda found: found["config"]["state"] == "last_good", "status")
    assert "routes.database.active_time" in str(status)
    assert shown(daemon)["routes.database.max_mails"] == "5/m"
    daemon.restart()
    assert shown(daemon)["routes.database.max_mails"] == "5/m"
    difference = daemon.ctl("config", "diff")
    assert difference.returncode == 1
    assert "+routes: {database: {active_time: offise}}" in difference.stdout
    assert daemon.ctl("config", "revert").returncode == 0
    assert drop_in.read_text() == "routes: {database: {max_mails: 5/m, active_time: null}}\n"
    daemon.becomes(lambda found: found["config"]["state"] == "good", "status")
    assert daemon.ctl("config", "diff").returncode == 0


def test_what_is_shown_has_every_setting_and_not_the_url(daemon: Daemon) -> None:
    found = shown(daemon)
    assert found["route_defaults.max_mails"] == "null"
    assert found["routes.database.match.data.port"] == "5432"
    assert found["times.office.days"] == "mon-fri"
    assert found["jobs.nightly.schedule"] == "0 2 * * *"
    assert found["summary"] == "0 8 * * 1"
    assert found["heartbeat.url_file"] == str(daemon.config.parent / "../ping-url")
    assert "s3cret" not in str(found)


def test_another_url_in_its_file_is_taken_as_a_change(daemon: Daemon) -> None:
    url = daemon.config.parent.parent / "ping-url"
    url.write_text("ftp://127.0.0.1/s3cret\n")
    status = daemon.becomes(lambda found: found["config"]["state"] == "last_good", "status")
    assert "heartbeat.url_file" in str(status)
    assert "s3cret" not in str(status)
    url.write_text("http://127.0.0.1:1/other\n")
    daemon.becomes(lambda found: found["config"]["state"] == "good", "status")
    assert "s3cret" not in daemon.printed()


def test_setup_changes_what_it_asks_for_and_leaves_routes_to_the_letter(
    daemon: Daemon, sink: Sink
) -> None:
    before = daemon.config.read_text()
    with Terminal([PROGRAMS / "zaiond-ctl", *daemon.options, "setup"]) as terminal:
        for _ in range(5):
            terminal.answer("]: ")
        terminal.answer("[a@zaion.jp]: ", "b@zaion.jp")
        terminal.answer("* [b@zaion.jp]: ")
        terminal.answer("Number: ", "1")
        assert terminal.ended() == 0
    assert daemon.config.read_text() == before.replace("admins: a@", "admins: b@")
    assert shown(daemon)["admins"] == "b@zaion.jp"
    assert shown(daemon)["routes.database.to"] == "dba@zaion.jp"
