"""The daemon's command line: option, then environment, then systemd, then default (interface 1)."""

import argparse
import os
import sys
from dataclasses import dataclass
from typing import NoReturn

from zaiond import __version__


@dataclass(frozen=True, slots=True)
class Options:
    """Where everything is: absolute paths."""

    config: str
    runtime_dir: str
    state_dir: str
    spool_dir: str
    log_format: str  # `text` or `json`


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # Not argparse's 2: systemd must tell options that are wrong (EX_CONFIG) from what may pass.
        self.print_usage(sys.stderr)
        self.exit(os.EX_CONFIG, f"{self.prog}: error: {message}\n")


def parse(arguments: list[str]) -> Options:
    """Parses the command line; ends the process with 78 where it is wrong."""
    parser = _Parser(
        prog="zaiond",
        description="Takes events from local programs and mails them to the administrators.\n"
        "ローカルのプログラムからイベントを受け付け、管理者にメールで知らせます。",
        epilog="Runs in the foreground; SIGTERM stops it, SIGHUP reloads. See zaiond(8).\n"
        "フォアグラウンドで動作します。SIGTERM で停止、SIGHUP で設定を再読み込みします。",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--config", metavar="FILE", help="configuration / 設定ファイル")
    parser.add_argument("--runtime-dir", metavar="DIR", help="sockets / ソケットの場所")
    parser.add_argument("--state-dir", metavar="DIR", help="queue and history / キューと履歴の場所")
    parser.add_argument(
        "--spool-dir", metavar="DIR", help="events left while it is down / 停止中のイベントの場所"
    )
    parser.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="lines of text, or of JSON on standard error / ログの形式（json は標準エラー出力へ）",
    )
    parser.add_argument("--version", action="version", version=f"zaiond {__version__}")
    found = parser.parse_args(arguments)
    return Options(
        config=_place(found.config, "ZAIOND_CONFIG", None, "/etc/zaiond/zaiond.yaml"),
        runtime_dir=_place(
            found.runtime_dir, "ZAIOND_RUNTIME_DIR", "RUNTIME_DIRECTORY", "/run/zaiond"
        ),
        state_dir=_place(found.state_dir, "ZAIOND_STATE_DIR", "STATE_DIRECTORY", "/var/lib/zaiond"),
        spool_dir=_place(found.spool_dir, "ZAIOND_SPOOL_DIR", None, "/var/spool/zaiond"),
        log_format=found.log_format,
    )


def _place(option: str | None, variable: str, systemd: str | None, default: str) -> str:
    # systemd.exec(5): several directories are separated by colons; ours is the first.
    by_systemd = os.environ.get(systemd, "").partition(":")[0] if systemd else ""
    return os.path.abspath(option or os.environ.get(variable) or by_systemd or default)
