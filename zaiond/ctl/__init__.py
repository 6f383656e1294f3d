"""zaiond-ctl: everything that is not the daemon, one module a command group.

`emit` starts fast: what it does not need is not imported. So modules here import at their top only
what is cheap, and sentences in declarations are plain pairs `ja=`, `en=` instead of Text, which
needs typing.
"""

import os
import resource
import sys


def main() -> None:
    """The console script; ends the process with an exit status of interface 5.

    At once: everything is written, and taking the interpreter apart would take an emit a tenth of
    its time, or a self-test, once interrupted, as long as the resolver takes.
    """
    if sys.getfilesystemencoding() != "utf-8" or sys._xoptions:
        from zaiond import utf8

        utf8.enforce()
    from zaiond.ctl import program

    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))  # no secret in a core dump
    os._exit(program.run(sys.argv[1:]))
