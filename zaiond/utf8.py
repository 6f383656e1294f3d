"""Names of files in UTF-8, whatever the locale; the terminal keeps the locale's encoding.

A configuration names files in UTF-8, and arguments name them by their bytes. In a locale of another
encoding Python would take both for something else, or not at all.
"""

import os
import sys


def enforce() -> None:
    """Starts this program again in Python's UTF-8 mode (PEP 540), unless that is how names are read
    already."""
    if sys.getfilesystemencoding() != "utf-8":
        try:
            with open("/proc/self/cmdline", "rb") as file:  # sys.argv is what was misread
                program, *words = file.read().split(b"\0")[:-1]
            os.execv(sys.executable, [program, b"-X", b"utf8", *words])  # noqa: S606 (itself)
        except (OSError, ValueError):  # without /proc it must do as it is
            pass
    elif "utf8" in sys._xoptions and "PYTHONIOENCODING" not in os.environ:
        _speak_as_the_locale_does()


def _speak_as_the_locale_does() -> None:
    from _locale import getencoding  # locale itself takes milliseconds, for more than that

    encoding = getencoding()
    try:
        "".encode(encoding)
    except LookupError:  # one that Python doesn't know
        return
    # What can't be said in it is shown by its code.
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if stream is not None:  # closed before we started: `>&-`
            errors = "strict" if stream is sys.stdin else "backslashreplace"
            stream.reconfigure(encoding=encoding, errors=errors)  # type: ignore[union-attr]
