"""From the arguments to the exit status: which command, and what becomes of its failures."""

import os
import resource
import sys

from zaiond.ctl import commandline, output
from zaiond.ctl.exit_status import FAILED, Failure, Fault, Unwritable, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130  # as a shell says it of SIGINT


def main() -> None:
    """The console script; ends the process with an exit status of interface 5. At once: taking the
    interpreter apart is a tenth of an emit's time, or for a self-test the resolver's."""
    if sys.getfilesystemencoding() != "utf-8" or sys._xoptions:
        from zaiond import utf8

        utf8.enforce()
    os._exit(run(sys.argv[1:]))


def run(argv: "Sequence[str]") -> int:
    """Runs one command line; everything a person reads has been written when it returns."""
    line = commandline.Line()
    try:
        commandline.parse(argv, line)
        if line.group != "run":  # which knows no secret, and whose command has limits of its own
            _, most = resource.getrlimit(resource.RLIMIT_CORE)
            resource.setrlimit(resource.RLIMIT_CORE, (0, most))  # no secret in a core dump
        if line.group is None or line.flag("help") or line.flag("version"):
            from zaiond.ctl import help as command
        else:
            command = commandline.module(line.group)
        status: int = command.run(line)
        output.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return 0  # the reader has seen enough, as in `| head`
    except Unwritable as failure:
        # What is still buffered goes nowhere, or it would fail again before the complaint is out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return _failed(failure, line)
    except Fault as fault:
        name = f"zaiond-ctl {line.name or line.group or ''}".rstrip()
        return _failed(Fault(words.wrong_usage(fault=fault.text, command=name)), line)
    except Failure as failure:
        return _failed(failure, line)
    except Exception as error:
        from zaiond.errors import ZaiondError

        if not isinstance(error, ZaiondError):
            raise
        return _failed(Failure(FAILED, error.text), line)
    return status


def _failed(failure: Failure, line: commandline.Line) -> int:
    output.complain(failure.text, output.language(line))
    return failure.status
