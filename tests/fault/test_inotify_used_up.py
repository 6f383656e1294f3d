"""A machine on which others have used up inotify: the daemon runs, and still sees what changes."""

import time
from pathlib import Path

from tests.support.daemon import Daemon
from tests.support.sink import Sink

# A user namespace has limits of its own: nobody else's are touched.
WITHOUT_INOTIFY = [
    "unshare", "--user", "--map-root-user", "sh", "-c",
    'echo 0 >/proc/sys/user/max_inotify_instances && exec "$@"', "sh",
]  # fmt: skip
CONFIG = "mail_server: {{host: 127.0.0.1, port: {port}}}\nadmins: {admin}\nlanguage: en\n"


def test_without_inotify_the_daemon_starts_delivers_and_takes_what_is_changed(
    tmp_path: Path,
) -> None:
    with Sink() as sink:
        config = CONFIG.format(port=sink.port, admin="a@zaion.jp")
        with Daemon(tmp_path, config, wrapper=WITHOUT_INOTIFY) as daemon:
            daemon.emit({"type": "a.b"})
            assert sink.wait(1)[0].recipients == ("a@zaion.jp",)
            drop_in = daemon.config.parent / "conf.d" / "10.yaml"
            changed = time.monotonic()
            drop_in.parent.mkdir()
            drop_in.write_text("admins: b@zaion.jp\n")
            daemon.becomes(
                lambda shown: {"admins": "b@zaion.jp"}.items()
                <= {one["key"]: one["value"] for one in shown["settings"]}.items(),
                "config", "show",
            )  # fmt: skip
            assert time.monotonic() < changed + 15  # two seconds, and a loaded machine's
            daemon.emit({"type": "a.b"})
            assert sink.wait(2)[1].recipients == ("b@zaion.jp",)
        told = [line for line in daemon.printed().splitlines() if "refuses to tell" in line]
        assert len(told) == 2  # the configuration's watch, the spool's
        assert "Traceback" not in daemon.printed()
