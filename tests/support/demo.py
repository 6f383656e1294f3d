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
from tests.support.web import Web

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

MOST_LINES = 50  # of a mail, that are shown

# What README.md has after ten minutes, with shorter times.
WATCHED = """\
jobs:
  nightly-backup: {every: 24h}
  hourly-sync: {every: 4s, grace: 1s}
routes:
  storms: {match: {severity: warning+}, group_by: [type, job], group_interval: 5s}
summary: "* * * * *"
"""

JOB = """\
zaiond-ctl run --job nightly-backup -- sh -c '
    echo "copying /srv to /backup ..."
    [ -e "$ZAIOND_STATE_DIR/disk" ] || { echo "no disk at /backup" >&2; exit 11; }'
"""

STORM = """\
seq 500 | sed 's|.*|{"type": "switch.flapping", "severity": "warning", "data": {"port": &}}|' |
    zaiond-ctl emit --from - | wc -l
"""

FAILED_BACKUP = """\
zaiond-ctl emit backup.auto_update.failed -s err -d target=Sales \\
    -m 'rsync: write failed on "/backup/sales": No space left on device (28)'
"""


class Demo:
    """One run, in `directory`; its sink is running."""

    def __init__(self, directory: Path, sink: Sink) -> None:
        self.sink = sink
        self._shown: set[int] = set()
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
        with self.daemon, Web(self.daemon) as web:
            title(
                "ブラウザーで見るページ（リンクは 1 回だけ、このデモの間だけ使えます）",
                "The page for a browser (the link works once, and while this demonstration lasts)",
            )
            print(f"  {web.link}\n", flush=True)

            title("デーモンの状態", "The daemon's state")
            self.shell("zaiond-ctl status")

            title(
                "バックアップのスクリプトが終了を知らせ、管理者にメールが届く",
                "A backup script tells of its end, and a mail reaches the administrator",
            )
            self.shell(BACKUP)
            self.show_mail()

            title(
                "動作中に設定を変える: 英語にし、宛先を追加する （再起動は不要）",
                "Change the configuration while it runs: English, one more admin; no restart",
            )
            self.edit("language: ja", "language: en")
            self.edit("admins: admin@", "admins: backup-team@example.co.jp, admin@")
            self.await_setting("language", "en")
            self.shell(FAILED_BACKUP)
            self.show_mail()

            title(
                "設定に誤りがあっても、直前の有効な設定で動き続け、誤りの場所を知らせる",
                "A mistake in it: the last good one stays in force, and the mistake is shown",
            )
            self.edit("language: en", "language: klingon")
            self.daemon.becomes(lambda status: status["config"]["state"] == "last_good", "status")
            self.shell("zaiond-ctl status", expected=1)
            self.shell("zaiond-ctl check", expected=78)
            print("管理者にも一度だけ知らせる / and the administrators are told, once:\n")
            self.show_mail()

            title("直せば、すぐ元どおり", "Mended, all is well again")
            self.edit("language: klingon", "language: ja")
            self.daemon.becomes(lambda status: status["config"]["state"] == "good", "status")
            self.shell("zaiond-ctl status")
            self.watched()
            self.shell("zaiond-ctl status", expected=1)  # hourly-sync is still missing
            self.shell("zaiond-ctl history --limit 10")

    def watched(self) -> None:
        """Jobs, a storm and the summary: what README.md promises after ten minutes."""
        title(
            "ジョブの監視、まとめ送信、定期レポートの設定を追加する （時間は短くしてあります）",
            "Add jobs to be watched, a route for storms, and a summary (with shorter times)",
        )
        directory = self.daemon.config.parent / "conf.d"
        directory.mkdir(exist_ok=True)
        (directory / "watch.yaml").write_text(WATCHED, encoding="utf-8")
        self.shell(f"cat {directory}/watch.yaml")
        self.await_setting("routes.storms.group_by", "type, job")

        title(
            "cron のジョブが失敗すると、終了ステータスと出力がメールで届く",
            "A cron job fails: a mail with its exit status and its output",
        )
        self.shell(JOB, expected=11)
        self.show_mail("nightly-backup")

        title("直って成功すると、復旧を知らせる", "Mended: the success is told, too")
        (self.daemon.state / "disk").touch()
        self.shell(JOB)
        self.show_mail("nightly-backup")

        title(
            "実行されるはずのジョブから何も届かない: それも知らせる",
            "A job that should have run, and was not heard of: that is a mail, too",
        )
        self.show_mail("hourly-sync")
        self.shell("zaiond-ctl jobs", expected=1)

        title("同じ警告が 500 件: メールはすぐに 1 通、あとで 1 通", "500 of a kind: two mails")
        self.shell(STORM)
        self.show_mail("switch.flapping")
        self.show_mail("switch.flapping")

        title(
            "定期レポート（次の正分に届く）: すべてが動いていることの証明",
            "The summary, at the next full minute: the proof that all of this works",
        )
        self.show_mail("zaiond.summary")

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
            prompt = ">" if line.startswith(" ") else "$"  # as a shell has it of what goes on
            typed = f"{prompt} {line}"
            print(f"\033[1m{typed}\033[0m" if sys.stdout.isatty() else typed)
        sys.stdout.flush()
        done = subprocess.run(["sh", "-c", script], env=self.daemon.environment, check=False)
        if done.returncode != expected:
            raise SystemExit(f"exit status {done.returncode} instead of {expected}")
        print()

    def show_mail(self, about: str = "") -> None:
        """Waits for the next mail in which `about` stands and which was not shown, and shows it."""
        number = 0
        while True:
            mail = self.sink.wait(number + 1)[number]
            if number not in self._shown and about in mail.as_read():
                break
            number += 1
        self._shown.add(number)
        lines = mail.as_read().splitlines()
        for line in lines[:MOST_LINES]:
            print(f"  │ {line}")
        if len(lines) > MOST_LINES:
            print(f"  │ … ＋{len(lines) - MOST_LINES} 行 / lines")
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
