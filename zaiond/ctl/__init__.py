"""zaiond-ctl: everything that is not the daemon, one module a command group.

`emit` starts fast: what it does not need is not imported. So modules here import at their top only
what is cheap, and sentences in declarations are plain pairs `ja=`, `en=` instead of Text, which
needs typing.
"""

import sys


def main() -> int:
    """The console script; returns the exit status of interface 5."""
    from zaiond.ctl import program

    return program.run(sys.argv[1:])
