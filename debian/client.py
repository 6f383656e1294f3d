"""zaiond for the system's Python: `from zaiond.client import emit`.

The client needs the standard library alone. It is the one that the daemon came with, not a copy.
"""

from os.path import realpath

__path__ = [realpath("/usr/lib/zaiond/lib/shared/zaiond")]

# All that the client imports once it needs it: a program that runs for long must not look for it in
# a version that has gone meanwhile.
from zaiond.client import origin, shorten, spool, words  # noqa: F401
