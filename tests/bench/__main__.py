"""`python -m tests.bench [--quick] [--json FILE] [PART...]`: measures, prints, writes.

Whatever falls short is told, and the exit status is 0; it is 1 where a measurement failed.
"""

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import apsw

from tests.bench import (
    acknowledgement,
    fleet,
    idle,
    latency,
    million,
    neighbours,
    routes,
    throughput,
)
from tests.bench.figures import Row, table
from tests.bench.run import Run

PARTS: dict[str, Callable[[Run], list[Row]]] = {
    "throughput": throughput.measure,
    "acknowledgement": acknowledgement.measure,
    "latency": latency.measure,
    "idle": idle.measure,
    "start": idle.measure_start,
    "routes": routes.measure,
    "million": million.measure,
    "neighbours": neighbours.measure,
    "fleet": fleet.measure,
}
POSTCONF = "/usr/sbin/postconf"


def main() -> int:
    """Runs it."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, _stop)
    rows: list[Row] = []
    failed: list[str] = []
    # Not /tmp, which may be in memory. Postfix's user must be able to enter.
    directory = Path(tempfile.mkdtemp(prefix="zb-", dir="/var/tmp"))
    directory.chmod(0o755)
    run = Run(directory, arguments.quick)
    environment = _environment(directory)
    try:
        for name in arguments.parts or PARTS:
            begun = time.monotonic()
            try:
                rows += PARTS[name](run)
            except Exception:  # noqa: BLE001 - the other parts can be measured all the same
                traceback.print_exc()
                failed.append(name)
            print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
            _empty(directory)
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(directory)
    print(table(rows))
    if failed:
        print(f"Not measured: {' '.join(failed)}")
    document = {
        "quick": arguments.quick,
        "environment": environment,
        "rows": [row.document() for row in rows],
        "failed": failed,
    }
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--quick", action="store_true", help="only to see that all can be measured")
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"), metavar="FILE")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    arguments = parser.parse_args()
    for part in arguments.parts:
        if part not in PARTS:
            parser.error(f"no part {part}; there are {', '.join(PARTS)}")
    return arguments


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _empty(directory: Path) -> None:
    for path in directory.iterdir():
        shutil.rmtree(path)


def _environment(directory: Path) -> dict[str, Any]:
    def said(*command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "commit": said("git", "describe", "--always", "--dirty"),
        "python": platform.python_version(),
        "sqlite": apsw.sqlite_lib_version(),
        "postfix": said(POSTCONF, "-d", "-h", "mail_version"),
        "kernel": platform.release(),
        "processors": os.cpu_count(),
        "load": os.getloadavg(),
        "file_system": said("stat", "-f", "-c", "%T", str(directory)),
    }


if __name__ == "__main__":
    sys.exit(main())
