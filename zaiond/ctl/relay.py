"""A command's output on its way to where it would have gone without us: as it is produced, byte by
byte; the beginning and the end of it are kept.

It is a process of its own, for it outlives `zaiond-ctl run` where something that the command left
in the background still writes: that would otherwise be killed for it (SIGPIPE). Who reads a pipe to
its end, as cron does, is not kept waiting for that for ever: after a while it goes nowhere.
"""

import fcntl
import os
import stat
from select import POLLIN, POLLOUT, poll
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # signal itself turns every constant into an enum

HALF = 32 * 1024  # bytes that are kept of the beginning, and as many of the end
_CHUNK = 64 * 1024
_ATOMIC = 4096  # PIPE_BUF: so much a pipe takes without waiting, once poll(2) says that it is ready
_QUIET = 0.1  # seconds without output after the command's end: what comes now is from others
_LET_GO = 10.0  # seconds after that, where somebody may wait for the end of a pipe
_ENDED, _AT_ONCE = b"e", b"n"


class Way:
    """From `source`, which the command writes to by `sink`, to `targets`: 1, 2, or both."""

    def __init__(self, target: int) -> None:
        source, sink = self._ends(target)
        self.targets = [target]
        self.source = source
        self.sink = sink
        self.pending = memoryview(b"")  # read, and not yet written
        self.open = True
        self.since_end = 0  # bytes that were read after the command's end
        self.quiet_since = 0.0
        self.writable = poll()
        self.writable.register(target, POLLOUT)
        self.is_terminal = os.isatty(sink)
        self.capacity = _CHUNK if self.is_terminal else fcntl.fcntl(sink, fcntl.F_GETPIPE_SZ)
        mode = os.fstat(target).st_mode
        self.has_reader = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
        self.most = _CHUNK if stat.S_ISREG(mode) else _ATOMIC  # bytes of one write

    @staticmethod
    def _ends(target: int) -> tuple[int, int]:
        if os.isatty(target):
            try:
                return _terminal(target)
            except OSError:  # no more of them
                pass
        return os.pipe()

    def end(self) -> None:
        """Nothing comes any more, or nobody takes it any more: the command is to see that, too."""
        self.open = False
        os.close(self.source)
        self.let_go()

    def let_go(self) -> None:
        """What still comes goes nowhere."""
        self.pending = memoryview(b"")
        for target in self.targets:
            os.close(target)
        self.targets.clear()


def lay(targets: list[int]) -> list[Way]:
    """The ways of standard output and standard error. There is one for both where they are the same
    file: what is written to one stays before what is written to the other after it.
    """
    ways: list[Way] = []
    known: dict[tuple[int, int], Way] = {}
    for target in targets:
        status = os.fstat(target)
        file = (status.st_dev, status.st_ino)
        if file in known:
            known[file].targets.append(target)
        else:
            known[file] = Way(target)
            ways.append(known[file])
    return ways


def _terminal(target: int) -> tuple[int, int]:
    """A terminal for the command, which may want one: for colours, or to write line by line. It
    changes no byte. The one that controls the session, with its keyboard, stays the real one.
    """
    import termios

    ours, theirs = os.openpty()
    attributes = termios.tcgetattr(target)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    resize(target, ours)
    return ours, theirs


def resize(target: int, ours: int) -> None:
    """Makes it as large as the real one."""
    import termios

    try:
        size = fcntl.ioctl(target, termios.TIOCGWINSZ, b"\0" * 8)
        fcntl.ioctl(ours, termios.TIOCSWINSZ, size)
    except OSError:  # it has hung up
        return


class Output:
    """The beginning and the end of an output: `size` bytes with `lines` newlines lie between."""

    def __init__(self, head: bytes = b"", tail: bytes = b"", size: int = 0, lines: int = 0) -> None:
        self.head = bytearray(head)
        self.tail = bytearray(tail)
        self.size = size
        self.lines = lines
        self.unwritten = 0  # bytes that did not get to where they should have
        self.errno = 0  # why not

    def add(self, data: bytes) -> None:
        room = HALF - len(self.head)
        self.head += data[:room]
        self.tail += data[room:]
        beyond = len(self.tail) - HALF
        if beyond > 0:
            self.size += beyond
            self.lines += self.tail.count(b"\n", 0, beyond)
            del self.tail[:beyond]


class Relay:
    """What `zaiond-ctl run` knows of the process that relays."""

    def __init__(self, ways: list[Way]) -> None:
        asked, self._ask = os.pipe()
        self._told, tell = os.pipe()
        if os.fork() == 0:
            try:
                os.close(self._ask)
                os.close(self._told)
                _relay(ways, asked, tell)
            finally:
                os._exit(0)
        os.close(asked)
        os.close(tell)
        for way in ways:
            if not way.is_terminal:
                os.close(way.source)

    def end(self) -> None:
        """Asks for the output, as soon as all that the command has written is where it belongs."""
        self._write(_ENDED)

    def hurry(self) -> None:
        """Asks for it at once."""
        self._write(_AT_ONCE)

    def answers(self, seconds: float) -> bool:
        """Waits for it for so long; whether it is there."""
        ready = poll()
        ready.register(self._told, POLLIN)
        return bool(ready.poll(seconds * 1000))

    def output(self) -> Output:
        """The output; waits for it."""
        with open(self._told, "rb") as told:
            numbers = told.readline().split()
            if len(numbers) != 5:
                return Output()  # somebody killed it
            size_of_head, size, lines, unwritten, errno = map(int, numbers)
            output = Output(told.read(size_of_head), told.read(), size, lines)
        output.unwritten, output.errno = unwritten, errno
        return output

    def _write(self, word: bytes) -> None:
        try:
            os.write(self._ask, word)
        except BrokenPipeError:
            return


def _relay(ways: list[Way], asked: int, tell: int) -> None:
    """Until nobody can write any more. Signals are for the command, and for who started it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    for way in ways:
        os.close(way.sink)
    os.chdir("/")  # so that a file system can be unmounted
    # What else is open is the command's: a lock, say, which would not end with it.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    ours = {0, 1, 2, asked, tell, *(way.source for way in ways)}
    try:
        names = os.listdir("/proc/self/fd")
    except OSError:
        names = []
    for file in map(int, names):
        if file not in ours:
            try:
                os.close(file)
            except OSError:  # that of the list
                continue
    output = Output()
    wanted = b""
    deadline: float | None = None  # for letting go
    while asked >= 0 or any(way.open for way in ways):
        ready = poll()
        if asked >= 0 and wanted != _AT_ONCE:
            ready.register(asked, POLLIN)
        for way in ways:
            if way.pending:
                ready.register(way.targets[0], POLLOUT)
            elif way.open:
                ready.register(way.source, POLLIN)
        wait: float | None = None
        if wanted and not any(way.pending for way in ways):
            wait = _QUIET
        elif deadline is not None:
            wait = max(0.0, deadline - monotonic())
        happened = {file for file, _ in ready.poll(None if wait is None else wait * 1000)}
        now = monotonic()
        if asked in happened:
            wanted = os.read(asked, 1)
            if not wanted:  # it was killed
                os.close(asked)
                asked = -1
                continue
            for way in ways:
                way.quiet_since = now
        for way in ways:
            if way.source in happened and way.open and not way.pending:
                _read(way, output, bool(wanted))
                way.quiet_since = now
            if way.pending:
                _write(way, output)
        if wanted and (wanted == _AT_ONCE or all(_has_come(way, now) for way in ways)):
            _answer(output, tell)
            os.close(asked)
            asked, wanted = -1, b""
            deadline = now + _LET_GO
        if deadline is not None and monotonic() >= deadline:
            deadline = None
            for way in ways:
                if way.has_reader:
                    way.let_go()


def _has_come(way: Way, now: float) -> bool:
    """Whether all that was written before the command's end has gone through."""
    if way.pending:
        return False
    return not way.open or way.since_end >= way.capacity or now >= way.quiet_since + _QUIET


def _read(way: Way, output: Output, has_ended: bool) -> None:
    try:
        data = os.read(way.source, _CHUNK)
    except OSError:  # EIO: the terminal has nobody left who writes
        data = b""
    if data:
        output.add(data)
        if way.targets:
            way.pending = memoryview(data)
        way.since_end += len(data) * has_ended
    else:
        way.end()


def _write(way: Way, output: Output) -> None:
    """As much as is taken without waiting: the other way, and questions, have their turn."""
    try:
        while way.pending and way.writable.poll(0):
            way.pending = way.pending[os.write(way.targets[0], way.pending[: way.most]) :]
    except BlockingIOError:
        pass
    except BrokenPipeError:
        way.end()
    except OSError as error:
        # A full disk: a log that can't be written is no reason to end what is logged.
        output.unwritten += len(way.pending)
        output.errno = error.errno or 0
        way.pending = memoryview(b"")


def _answer(output: Output, tell: int) -> None:
    numbers = (len(output.head), output.size, output.lines, output.unwritten, output.errno)
    try:
        with open(tell, "wb") as told:
            told.write(b"%d %d %d %d %d\n" % numbers + output.head + output.tail)
    except BrokenPipeError:
        pass
