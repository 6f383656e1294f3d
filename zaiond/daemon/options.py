"""The daemon's command line: option, then environment, then systemd, then default (interface 1)."""

import os
import sys
from typing import Any, NoReturn

import msgspec

from zaiond import __version__


class Options(msgspec.Struct, frozen=True):
    """Where everything is: absolute paths."""

    config: str
    runtime_dir: str
    state_dir: str
    spool_dir: str
    log_format: str  # `text` or `json`


# The default, systemd's variable, what it is.
_PLACES = {
    "config": ("/etc/zaiond/zaiond.yaml", "", "configuration / 設定ファイル"),
    "runtime_dir": ("/run/zaiond", "RUNTIME_DIRECTORY", "sockets / ソケットの場所"),
    "state_dir": ("/var/lib/zaiond", "STATE_DIRECTORY", "queue and history / キューと履歴の場所"),
    "spool_dir": ("/var/spool/zaiond", "", "events left while it is down / 停止中のイベントの場所"),
}


def parse(arguments: list[str]) -> Options:
    """Parses the command line; ends the process with 78 where it is wrong."""
    found = _read(arguments) if arguments else {}  # the unit gives none, and argparse is large
    log_format = found.pop("log_format", "text")
    places: dict[str, str] = {}
    for name, (default, systemd, _) in _PLACES.items():
        # systemd.exec(5): several directories are separated by colons; ours is the first.
        by_systemd = os.environ.get(systemd, "").partition(":")[0]
        by_us = found.get(name) or os.environ.get(f"ZAIOND_{name.upper()}")
        places[name] = os.path.abspath(by_us or by_systemd or default)
    return Options(**places, log_format=log_format)


def _read(arguments: list[str]) -> dict[str, Any]:
    import argparse

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            # Not argparse's 2: systemd must tell wrong options (EX_CONFIG) from what may pass.
            self.print_usage(sys.stderr)
            self.exit(os.EX_CONFIG, f"{self.prog}: error: {message}\n")

    parser = Parser(
        prog="zaiond",
        description="Takes events from local programs and mails them to the administrators.\n"
        "ローカルのプログラムからイベントを受け付け、管理者にメールで知らせます。",
        epilog="Runs in the foreground; SIGTERM stops it, SIGHUP reloads. See zaiond(8).\n"
        "フォアグラウンドで動作します。SIGTERM で停止、SIGHUP で設定を再読み込みします。",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for name, (_, _, what) in _PLACES.items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, metavar="FILE" if name == "config" else "DIR", help=what)
    parser.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="lines of text, or of JSON on standard error / ログの形式（json は標準エラー出力へ）",
    )
    parser.add_argument("--version", action="version", version=f"zaiond {__version__}")
    return vars(parser.parse_args(arguments))
