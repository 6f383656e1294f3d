"""zaiond, with other settings of SQLite than its own. Nothing of this is in zaiond itself.

python -m tests.crash.other_pragmas NAME=VALUE,... ZAIOND'S-OPTIONS...
"""

import sys

from zaiond.daemon import main as zaiond
from zaiond.store import opening


def main() -> None:
    others = dict(one.split("=") for one in sys.argv.pop(1).split(","))
    opening._PRAGMAS = tuple(  # type: ignore[assignment]
        (name, others.get(name, value)) for name, value in opening._PRAGMAS
    )
    zaiond.main()


if __name__ == "__main__":
    main()
