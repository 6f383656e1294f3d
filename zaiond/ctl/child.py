"""The command of `zaiond-ctl run`: started, sent the signals that we get, ended at its limit.

Signals are blocked and waited for, so that none is lost and it is known who sent it. With a time
limit the command is a process group of its own, so that all of it can be ended; at a terminal that
group has the keyboard, as a shell's job has it.
"""

import errno
import os
from time import monotonic

from zaiond.ctl import relay

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from typing import Any
else:
    import _signal as signal  # signal itself turns every constant into an enum

GRACE = 10.0  # seconds from SIGTERM to SIGKILL
_LOOK_AGAIN = 0.1  # seconds, where nothing tells
_PATIENCE = 1.0  # seconds for what takes none, most of the time
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
_FORWARDED = (*_ENDING, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGTSTP)
_HEEDED = (*_FORWARDED, signal.SIGCONT, signal.SIGCHLD, signal.SIGWINCH)
_KEYS = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)
_OF_KERNEL = 0x80  # SI_KERNEL, sigaction(2): a key was pressed, and all at the terminal have it
_STOPS = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)  # by which a shell's job is stopped


class Ended:
    """How it ended: its exit status, as a shell has it; by which signal, else 0."""

    __slots__ = ("signal", "status", "timed_out")

    def __init__(self, status: int, signal: int = 0, timed_out: bool = False) -> None:
        self.status = status
        self.signal = signal
        self.timed_out = timed_out


def _block() -> set[int]:
    """From here on signals wait for `Child.wait`. Gives what was blocked before."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, it would leave no exit status
    signals = (*_HEEDED, signal.SIGTTIN, signal.SIGTTOU)
    return set(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, signals)))


def _fill_standard_streams() -> list[int]:
    """Puts nothing where standard streams are closed, so that no other file takes their place; it
    is not inherited. Gives those of 1 and 2 that are open.
    """
    closed = []
    for file in (0, 1, 2):
        try:
            os.fstat(file)
        except OSError:
            closed.append(os.open(os.devnull, os.O_RDWR))
    return [file for file in (1, 2) if file not in closed]


class Child:
    """The running command, with its output on its way. Raises OSError where it can't be run."""

    def __init__(self, words: list[str], limit: float | None) -> None:
        blocked = _block()
        ways = relay.lay(_fill_standard_streams())
        self.relay = relay.Relay(ways)
        self._masters = [way.source for way in ways if way.is_terminal]
        how: dict[str, Any] = {
            "file_actions": [(os.POSIX_SPAWN_DUP2, w.sink, t) for w in ways for t in w.targets],
            "setsigmask": blocked,
            "setsigdef": (signal.SIGPIPE, signal.SIGXFSZ),  # ignored by Python
        }
        if limit is not None:
            how["setpgroup"] = 0
        self._deadline = None if limit is None else monotonic() + limit
        self._is_group = limit is not None
        self._terminal = -1
        try:
            self._pid = _spawn(words, how)
        finally:
            for way in ways:
                os.close(way.sink)
            # What the command closes is closed: who writes to it, or reads from it, is to see that.
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, 0, inheritable=False)
            os.dup2(nothing, 1, inheritable=False)
        try:
            self._terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
        except OSError:
            return
        if limit is not None:
            self._hand_over(os.getpgrp(), self._pid)
            self._send(signal.SIGCONT)  # it may have been stopped for reading too early

    def wait(self) -> Ended:
        """Waits until it has ended; forwards signals meanwhile."""
        deadline = self._deadline
        timed_out = False
        while (ended := self._ended()) is None:
            info = _next_signal(deadline)
            if info is None:
                self._send(signal.SIGKILL if timed_out else signal.SIGTERM)
                self._send(signal.SIGCONT)
                deadline = None if timed_out else monotonic() + GRACE
                timed_out = True
            else:
                self._heed(info)
        self._hand_over(self._pid, os.getpgrp())
        if timed_out:
            self._end_group(deadline)
        if ended.si_code == os.CLD_EXITED:
            return Ended(ended.si_status, 0, timed_out)
        return Ended(128 + ended.si_status, ended.si_status, timed_out)

    def output(self, hurry: bool) -> relay.Output:
        """Its output, once all of it is where it belongs. In a `hurry`, and where a signal says to
        end, a reader who does not read is not waited for.
        """
        self.relay.end()
        waited = 0.0
        while not self.relay.answers(_LOOK_AGAIN):
            waited += _LOOK_AGAIN
            if (hurry and waited >= _PATIENCE) or signal.sigtimedwait(_ENDING, 0) is not None:
                self.relay.hurry()
                break
        return self.relay.output() if self.relay.answers(_PATIENCE) else relay.Output()

    def _ended(self) -> "os.waitid_result | None":
        """How it has ended, if it has; where it was stopped, we stop, too."""
        while True:
            how = os.waitid(os.P_PID, self._pid, os.WEXITED | os.WSTOPPED | os.WNOHANG)
            if how is None or how.si_code != os.CLD_STOPPED:
                return how
            if how.si_status in _STOPS and self._terminal >= 0:
                self._stop()

    def _heed(self, info: "signal.struct_siginfo") -> None:
        if info.si_signo == signal.SIGWINCH:
            if self._terminal >= 0:
                for master in self._masters:
                    relay.resize(self._terminal, master)
            self._send(signal.SIGWINCH)
        elif info.si_signo == signal.SIGCHLD:
            pass  # `wait` looks
        elif info.si_signo not in _KEYS or info.si_code != _OF_KERNEL or self._is_group:
            self._send(info.si_signo)

    def _send(self, number: int) -> None:
        try:
            (os.killpg if self._is_group else os.kill)(self._pid, number)
        except OSError:  # it has gone, or it is another user's: a set-user-ID program
            return

    def _stop(self) -> None:
        """A shell sees us alone: where its job has been stopped, we are, and we go on together."""
        ours = os.getpgrp()
        self._hand_over(self._pid, ours)
        # Without a shell that could continue us, the system does not stop us.
        os.kill(os.getpid(), signal.SIGTSTP)  # blocked, with one that may be pending: once
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTSTP,))
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTSTP,))
        self._hand_over(ours, self._pid)
        self._send(signal.SIGCONT)

    def _hand_over(self, giver: int, taker: int) -> None:
        """The keyboard of the terminal, from one process group to another, if the former has it."""
        if not self._is_group or self._terminal < 0:
            return
        try:
            if os.tcgetpgrp(self._terminal) == giver:
                os.tcsetpgrp(self._terminal, taker)
        except OSError:  # the terminal, or the group, has gone
            pass

    def _end_group(self, deadline: float | None) -> None:
        """What the command has left behind has until the deadline to end."""
        while deadline is not None and monotonic() < deadline:
            try:
                os.killpg(self._pid, 0)
            except OSError:
                return
            signal.sigtimedwait(_HEEDED, _LOOK_AGAIN)
        self._send(signal.SIGKILL)


def _next_signal(deadline: float | None) -> "signal.struct_siginfo | None":
    if deadline is None:
        return signal.sigwaitinfo(_HEEDED)
    return signal.sigtimedwait(_HEEDED, max(0.0, deadline - monotonic()))


def _spawn(words: list[str], how: "dict[str, Any]") -> int:
    """Starts it as execvp(3) would: a script without `#!` is the shell's. Raises OSError."""
    name = words[0]
    folders = [""] if "/" in name else (os.environ.get("PATH") or os.defpath).split(":")
    denied: OSError | None = None
    for folder in folders:
        path = name if "/" in name else os.path.join(folder or ".", name)
        try:
            try:
                return os.posix_spawn(path, words, _environment(), **how)
            except OSError as error:
                if error.errno != errno.ENOEXEC:
                    raise
                shell = ["sh", path, *words[1:]]
                return os.posix_spawn("/bin/sh", shell, _environment(), **how)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError as error:
            denied = error
    raise denied or FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)


def _environment() -> dict[bytes, bytes]:
    """That in which we were started: in the C locale Python puts LC_CTYPE into it (PEP 538)."""
    environment = dict(os.environb)
    try:
        with open("/proc/self/environ", "rb") as file:
            if b"\0LC_CTYPE=" not in b"\0" + file.read():
                environment.pop(b"LC_CTYPE", None)
    except OSError:
        pass
    return environment


def end_by(number: int) -> None:
    """Ends this process as the command was ended, so that a shell stops its script at Ctrl-C, say;
    returns where that signal ends none.
    """
    import resource

    # The command has left a core dump, if any; with 1 there is none even where a program takes it.
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (1 if most else 0, most))
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (number,))
