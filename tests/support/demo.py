"""`make demo`: a daemon, a mail server of its own, and the mails as a reader sees them.

Everything lives in a temporary directory, which is gone at the end, and after a Ctrl-C too.
"""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

from tests.support.daemon import PROGRAMS, Daemon
from tests.support.sink import Sink

CONFIGURATION = """\
mail_server:
  host: 127.0.0.1
  port: {port}
sender: Zaionnex <zaionnex@example.co.jp>
admins: admin@example.co.jp
language: ja
"""

BACKUP = """\
started=$(date --iso-8601=seconds --date='-12 minutes -34 seconds')
# ... the backup itself ...
zaiond-ctl emit backup.auto_update.finished -d target=営業共有 \\
    -d started_at="$started" -d finished_at="$(date --iso-8601=seconds)" -d duration=12分34秒 \\
    -d files=18342 -d size=51.2GiB
"""

FAILED_BACKUP = """\
zaiond-ctl emit backup.auto_update.failed -s err -d target=Sales \\
    -m 'rsync: write failed on "/backup/sales": No space left on device (28)'
"""


class Demo:
    """One run, in `directory`; its sink is running."""

    def __init__(self, directory: Path, sink: Sink) -> None:
        self.sink = sink
        self.daemon = Daemon(directory, CONFIGURATION.format(port=sink.port))
        # As an administrator's shell has them where everything is in its usual place.
        self.daemon.environment |= {
            "ZAIOND_CONFIG": str(self.daemon.config),
            "ZAIOND_RUNTIME_DIR": str(self.daemon.runtime),
            "ZAIOND_STATE_DIR": str(self.daemon.state),
            "ZAIOND_SPOOL_DIR": str(self.daemon.spool),
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        }

    def run(self) -> None:
        """The whole demonstration."""
        with self.daemon:
            title("デーモンの状態", "The daemon's state")
            self.shell("zaiond-ctl status")

            title(
                "バックアップのスクリプトが終了を知らせ、管理者にメールが届く",
                "A backup script tells of its end, and a mail reaches the administrator",
            )
            self.shell(BACKUP)
            self.show_mail(1)

            title(
                "動作中に設定を変える: 英語にし、宛先を追加する （再起動は不要）",
                "Change the configuration while it runs: English, one more admin; no restart",
            )
            self.edit("language: ja", "language: en")
            self.edit("admins: admin@", "admins: backup-team@example.co.jp, admin@")
            self.await_setting("language", "en")
            self.shell(FAILED_BACKUP)
            self.show_mail(2)

            title(
                "設定に誤りがあっても、直前の有効な設定で動き続け、誤りの場所を知らせる",
                "A mistake in it: the last good one stays in force, and the mistake is shown",
            )
            self.edit("language: en", "language: klingon")
            self.daemon.becomes(lambda status: status["config"]["state"] == "last_good", "status")
            self.shell("zaiond-ctl status", expected=1)
            self.shell("zaiond-ctl check", expected=78)
            print("管理者にも一度だけ知らせる / and the administrators are told, once:\n")
            self.show_mail(3)

            title("直せば、すぐ元どおり", "Mended, all is well again")
            self.edit("language: klingon", "language: ja")
            self.daemon.becomes(lambda status: status["config"]["state"] == "good", "status")
            self.shell("zaiond-ctl status")
            self.shell("zaiond-ctl history --limit 5")

    def edit(self, old: str, new: str) -> None:
        """Changes the configuration file as sed -i does: by a rename."""
        self.shell(f"sed -i 's/{old}/{new}/' {self.daemon.config}", shown='"$ZAIOND_CONFIG"')

    def await_setting(self, key: str, value: str) -> None:
        """Returns when `value` is in force."""
        self.daemon.becomes(
            lambda shown: any(
                setting["key"] == key and setting["value"] == value for setting in shown["settings"]
            ),
            *("config", "show"),
        )

    def shell(self, script: str, expected: int = 0, shown: str | None = None) -> None:
        """Shows a shell script and runs it; its exit status must be the `expected` one."""
        text = script if shown is None else script.replace(str(self.daemon.config), shown)
        for line in text.splitlines():
            print(f"\033[1m$ {line}\033[0m" if sys.stdout.isatty() else f"$ {line}")
        sys.stdout.flush()
        done = subprocess.run(["sh", "-c", script], env=self.daemon.environment, check=False)
        if done.returncode != expected:
            raise SystemExit(f"exit status {done.returncode} instead of {expected}")
        print()

    def show_mail(self, number: int) -> None:
        """Waits for the mail with that number, counted from 1, and shows it."""
        mail = self.sink.wait(number)[number - 1]
        for line in mail.as_read().splitlines():
            print(f"  │ {line}")
        print()


def title(ja: str, en: str) -> None:
    """Begins a part of the demonstration."""
    print(f"━━ {ja}\n   {en}\n")


def stop(*_: object) -> NoReturn:
    """Ends as a Ctrl-C does, so that everything is cleaned up."""
    raise KeyboardInterrupt


def main() -> int:
    """Runs it; 0, or 130 after a Ctrl-C."""
    signal.signal(signal.SIGTERM, stop)
    try:
        with tempfile.TemporaryDirectory(prefix="zaiond-demo-") as directory, Sink() as sink:
            Demo(Path(directory), sink).run()
    except KeyboardInterrupt:
        return 130
    title("終わりました。一時ファイルは残していません", "Done; nothing is left behind")
    return 0


if __name__ == "__main__":
    sys.exit(main())
