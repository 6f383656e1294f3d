"""From the arguments to the exit status: which command, and what becomes of its failures."""

import os
import resource
import sys

from zaiond.ctl import commandline
from zaiond.ctl.exit_status import FAILED, USAGE, Failure, Unwritable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130  # as a shell says it of SIGINT


def main() -> None:
    """The console script; ends the process with an exit status of interface 5.

    At once: everything is written, and taking the interpreter apart would take an emit a tenth of
    its time, or a self-test, once interrupted, as long as the resolver takes.
    """
    if sys.getfilesystemencoding() != "utf-8" or sys._xoptions:
        from zaiond import utf8

        utf8.enforce()
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))  # no secret in a core dump
    os._exit(run(sys.argv[1:]))


def run(argv: "Sequence[str]") -> int:
    """Runs one command line; everything a person reads has been written when it returns."""
    line = commandline.Line()
    try:
        status = _run(argv, line)
        _flush()
    except KeyboardInterrupt:
        status = INTERRUPTED
    except BrokenPipeError:
        status = 0  # the reader has seen enough, as in `| head`
    except Unwritable as failure:
        # What is still buffered goes nowhere, or it would fail again before the complaint is out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        _complain(failure.ja, failure.en, line)
        status = failure.status
    return status


def _run(argv: "Sequence[str]", line: commandline.Line) -> int:
    try:
        commandline.parse(argv, line)
        if line.group is None or line.flag("help") or line.flag("version"):
            from zaiond.ctl import help as usage

            return usage.run(line)
        status: int = commandline.module(line.group).run(line)
        return status
    except commandline.Fault as fault:
        words = f"zaiond-ctl {line.group} --help" if line.group else "zaiond-ctl --help"
        _complain(f"{fault.ja}\n使い方: {words}", f"{fault.en}\nUsage: {words}", line)
        return USAGE
    except Unwritable:
        raise
    except Failure as failure:
        _complain(failure.ja, failure.en, line)
        return failure.status
    except Exception as error:
        from zaiond.errors import ZaiondError

        if not isinstance(error, ZaiondError):
            raise
        _complain(error.text.ja, error.text.en, line)
        return FAILED


def _complain(ja: str, en: str, line: commandline.Line) -> None:
    from zaiond.ctl import output
    from zaiond.text import Text

    output.complain(Text(ja, en), output.language(line))


def _flush() -> None:
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        from zaiond.ctl.output import unwritable

        raise unwritable(error) from None
