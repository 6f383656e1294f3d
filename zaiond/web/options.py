"""The command line of zaiond-web: option, then environment, then systemd, then default
(interface 1)."""

import argparse
import os
import sys
from typing import NamedTuple, NoReturn

from zaiond import __version__
from zaiond.accounts import DEFAULT_DIRECTORY
from zaiond.client import origin

_PLACES = {
    "config": "configuration / 設定ファイル",
    "runtime_dir": "the daemon's sockets / デーモンのソケットの場所",
    "state_dir": "the state; ours is in web/ below it / 状態の場所（その下の web/ を使用）",
    "spool_dir": "events left while it is down / 停止中のイベントの場所",
}


class Options(NamedTuple):
    """Where everything is. `state_dir` is the web's own; `given` are the options that the programs
    take which we start.
    """

    config: str
    runtime_dir: str
    state_dir: str
    link: bool
    given: tuple[str, ...]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(os.EX_CONFIG, f"{self.prog}: error: {message}\n")


def parse(arguments: list[str]) -> Options:
    """Parses the command line; ends the process with 78 where it is wrong."""
    parser = _Parser(
        prog="zaiond-web",
        description="Shows zaiond in a browser, and takes events by HTTP.\n"
        "ブラウザーで zaiond を表示し、HTTP でイベントを受け付けます。",
        epilog="See zaiond-web(8). To look once, run zaiond-ctl web.\n"
        "一時的に使う場合は zaiond-ctl web を実行します。",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for name, what in _PLACES.items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, metavar="FILE" if name == "config" else "DIR", help=what)
    parser.add_argument(
        "--link",
        action="store_true",
        help="print a link that lets one browser in, and end after 30 minutes without use"
        " / 1 回だけ使えるリンクを表示し、30 分間使われないと終了する",
    )
    parser.add_argument("--version", action="version", version=f"zaiond-web {__version__}")
    found = parser.parse_args(arguments)
    given = [
        f"--{name.replace('_', '-')}={os.path.abspath(value)}"
        for name in _PLACES
        if (value := getattr(found, name) or os.environ.get(f"ZAIOND_{name.upper()}"))
    ]
    below = found.state_dir or os.environ.get("ZAIOND_STATE_DIR")
    by_systemd = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    state_dir = os.path.join(below, "web") if below else by_systemd or DEFAULT_DIRECTORY
    runtime_dir = found.runtime_dir or origin.default_runtime_dir()
    config = found.config or os.environ.get("ZAIOND_CONFIG") or "/etc/zaiond/zaiond.yaml"
    return Options(
        os.path.abspath(config),
        os.path.abspath(runtime_dir),
        os.path.abspath(state_dir),
        found.link,
        tuple(given),
    )
