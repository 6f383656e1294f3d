"""What one member of zaiond-emit may try against the others, and what another one sees meanwhile.

    attacks.py NAME RUNTIME_DIR SPOOL_DIR FIRST_UID USERS GROUP COUNT

It runs as root, and is each of USERS users, from FIRST_UID on, when it connects or writes a file:
that is what the kernel tells of them. A user with subordinate uids (subuid(5)) is many.

It says `under way` when it is, and ends when standard input does, or by itself where it has an end;
then it says how much it has done, and `victim` what became of each event, as JSON. Standard library
only, for it runs with whatever Python there is.
"""

import contextlib
import errno
import itertools
import json
import os
import resource
import select
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

MAX_EVENT_BYTES = 256 * 1024  # interface 3
PATIENCE = 30.0  # seconds for which the victim waits for all its replies; a bound for what hangs
ROOM = MAX_EVENT_BYTES - 100  # what is left beside the frame of an event


class Place(NamedTuple):
    """Whom it goes against, and as whom."""

    runtime: str
    spool: str
    first_uid: int
    users: int
    amount: int

    @property
    def uids(self) -> range:
        """Of the users."""
        return range(self.first_uid, self.first_uid + self.users)

    def connect(self, uid: int) -> socket.socket:
        """A connection of this user, which doesn't block."""
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.setblocking(False)
            with being(uid):
                connection.connect(f"{self.runtime}/events.sock")
        except BaseException:
            connection.close()
            raise
        return connection

    def leave(self, uid: int, name: str, content: bytes) -> None:
        """A whole file in the spool, of this user."""
        temporary = f"{self.spool}/.tmp-{uid}-{name}"
        with being(uid):
            file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
            os.write(file, content)
            os.close(file)
            os.rename(temporary, f"{self.spool}/{name}.json")


@contextlib.contextmanager
def being(uid: int) -> Iterator[None]:
    """Within it, this user is who does it (SO_PEERCRED has the effective uid)."""
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


class Talk:
    """A connection that sends events and reads the replies; opened again when it is cut off."""

    def __init__(self, place: Place, uid: int, ahead: int) -> None:
        self._place = place
        self._uid = uid
        self._ahead = ahead
        self._connection: socket.socket | None = None
        self._unsent = b""
        self._unanswered = 0
        self._at_end = False

    def go_on(self, next_line: Callable[[], bytes | None]) -> int:
        """Sends what can be sent now, reads what is there; how many replies came."""
        try:
            if self._connection is None:
                self._connection = self._place.connect(self._uid)
                self._unsent, self._unanswered = b"", 0
            while True:
                if not self._unsent and self._unanswered < self._ahead:
                    line = next_line()
                    self._at_end = line is None
                    self._unsent = line or b""
                    self._unanswered += bool(line)
                if not self._unsent:
                    break
                self._unsent = self._unsent[self._connection.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self._cut_off()
            return 0
        return self._receive()

    def _receive(self) -> int:
        if self._connection is None:
            return 0
        try:
            received = self._connection.recv(1 << 20)
        except BlockingIOError:
            return 0
        except OSError:
            received = b""
        if not received:
            self._cut_off()
        replies = received.count(b"\n")
        self._unanswered -= replies
        return replies

    def _cut_off(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    @property
    def ended(self) -> bool:
        """Whether there is no further line, and each has its reply."""
        return self._at_end and not self._unsent and self._unanswered <= 0


def newlines(place: Place) -> Iterator[int]:
    """COUNT connections that send newlines as fast as they are taken, and read nothing."""
    block = b"\n" * (208 * 1024)
    connections: list[socket.socket] = []
    while True:
        sent = 0
        for connection in list(connections):
            try:
                sent += connection.send(block)
            except BlockingIOError:
                continue
            except OSError:
                connections.remove(connection)
                connection.close()
        with contextlib.suppress(OSError):
            while len(connections) < place.amount:
                connections.append(place.connect(place.first_uid))
        yield sent


def costly_events() -> list[bytes]:
    """Valid JSON of nearly 256 KiB that is dear to parse, to lay out, or to show."""

    def event(member: bytes) -> bytes:
        return b'{"type":"costly",' + member + b"}\n"

    depth = 400
    nested = b"[" * depth + b"]" * depth
    return [
        event(b'"data":{"a":[' + b",".join([b"[]"] * (ROOM // 3)) + b"]}"),
        event(b'"data":{"a":[' + b",".join([b"null"] * (ROOM // 5)) + b"]}"),
        event(b'"message":"' + "\u202e".encode() * (ROOM // 3) + b'"'),
        event(b'"data":{"a":[' + b",".join([nested] * (ROOM // (2 * depth + 1))) + b"]}"),
        event(b'"data":{' + b",".join(b'"%05d":{}' % n for n in range(ROOM // 11)) + b"}"),
        event(b'"message":"' + b"\\n" * (ROOM // 2) + b'"'),
    ]


def costly(place: Place) -> Iterator[int]:
    """Events that cost much, several ahead, on COUNT connections."""
    events = itertools.cycle(costly_events())
    talks = [Talk(place, place.first_uid, 4) for _ in range(place.amount)]
    while True:
        yield sum(talk.go_on(lambda: next(events)) for talk in talks)


def connects(place: Place) -> Iterator[int]:
    """Connects and hangs up, again and again."""
    while True:
        done = 0
        for _ in range(200):
            try:
                place.connect(place.first_uid).close()
            except OSError:  # the backlog is full
                break
            done += 1
        yield done


def _events(place: Place, make: Callable[[int], bytes], ahead: int) -> Iterator[int]:
    """COUNT events of each user, each until it has its reply."""
    numbers = {uid: iter(range(place.amount)) for uid in place.uids}

    def line_of(uid: int) -> Callable[[], bytes | None]:
        def line() -> bytes | None:
            number = next(numbers[uid], None)
            return None if number is None else make(number)

        return line

    talks = [(Talk(place, uid, ahead), line_of(uid)) for uid in place.uids]
    while talks:
        yield sum(talk.go_on(line) for talk, line in talks)
        talks = [(talk, line) for talk, line in talks if not talk.ended]


def large(place: Place) -> Iterator[int]:
    """COUNT events of 250 kB of each user."""
    message = b"all the same, but for its number. " * (250_000 // 34)
    return _events(place, lambda n: b'{"type":"large","message":"%d %b"}\n' % (n, message), 4)


def flood(place: Place) -> Iterator[int]:
    """COUNT small events of each user."""
    return _events(place, lambda n: b'{"type":"flood","id":"flood-%d"}\n' % n, 200)


def refused(place: Place) -> Iterator[int]:
    """Lines that can't be taken, of each user, as fast as they are answered."""
    talks = [Talk(place, uid, 50) for uid in place.uids]
    while True:
        yield sum(talk.go_on(lambda: b'{"type":"no good type"}\n') for talk in talks)


def everywhere(place: Place) -> Iterator[int]:
    """Many users, each with COUNT connections that emit without end."""
    talks = [Talk(place, uid, 1) for uid in place.uids for _ in range(place.amount)]
    while True:
        yield sum(talk.go_on(lambda: b'{"type":"flood"}\n') for talk in talks)


def descriptors(place: Place) -> Iterator[int]:
    """As many connections as there can be, of each user COUNT, that say nothing."""
    connections: list[tuple[socket.socket, int]] = []
    have = dict.fromkeys(place.uids, 0)
    while True:
        done = 0
        for uid, number in have.items():
            with contextlib.suppress(OSError):
                for _ in range(place.amount - number):
                    connections.append((place.connect(uid), uid))
                    have[uid] += 1
                    done += 1
        for connection, uid in list(connections) if not done else ():
            with contextlib.suppress(BlockingIOError):
                if not _is_open(connection):
                    connection.close()
                    connections.remove((connection, uid))
                    have[uid] -= 1
        yield done


def _is_open(connection: socket.socket) -> bool:
    try:
        return bool(connection.recv(4096))  # the reply that says why comes before the end
    except ConnectionError:
        return False


def dots(place: Place) -> Iterator[int]:
    """COUNT files in the spool whose names begin with a dot, then one change after the other."""
    with being(place.first_uid):
        for number in range(place.amount):
            os.close(os.open(f"{place.spool}/.dot-{number}", os.O_WRONLY | os.O_CREAT, 0o600))
    yield place.amount
    while True:
        with being(place.first_uid):
            for number in range(20):
                os.rename(f"{place.spool}/.dot-{number}", f"{place.spool}/.moved")
                os.rename(f"{place.spool}/.moved", f"{place.spool}/.dot-{number}")
        yield 40


def bad_files(place: Place) -> Iterator[int]:
    """COUNT files in the spool, with a line that can't be taken each."""
    for number in range(place.amount):
        place.leave(place.first_uid, f"bad-{number}", b'{"type":"no good type","id":"x"}\n')
        yield 1


class Reply(NamedTuple):
    """What became of one event of the victim; `refusal` is empty where it was taken."""

    id: str
    seconds: float
    refusal: str


def victim(place: Place) -> list[Reply]:
    """COUNT events, one after the other, each on a connection of its own as scripts have it."""
    replies = []
    end = time.monotonic() + PATIENCE
    for number in range(place.amount):
        event = f"victim-{place.first_uid}-{os.getpid()}-{number}"
        line = json.dumps({"type": "backup.done", "id": event}).encode() + b"\n"
        begun = time.perf_counter()
        try:
            refusal = _emit(place, line, max(1.0, end - time.monotonic()))
        except OSError as error:
            refusal = repr(error)
        replies.append(Reply(event, time.perf_counter() - begun, refusal))
        time.sleep(0.01)  # a victim sends a hundred a second, and no more
    return replies


def _emit(place: Place, line: bytes, timeout: float) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        # Not settimeout: then connect(2) doesn't wait where the backlog is full.
        bound = struct.pack("ll", int(timeout), 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, bound)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, bound)
        with being(place.first_uid):
            connection.connect(f"{place.runtime}/events.sock")
        connection.sendall(line)
        reply = b""
        while not reply.endswith(b"\n"):
            received = connection.recv(65536)
            if not received:
                return "no reply"
            reply += received
    return "" if json.loads(reply)["status"] == "ok" else reply.decode()


ATTACKS = {
    each.__name__: each
    for each in (
        newlines, costly, connects, large, flood, refused, everywhere, descriptors, dots, bad_files,
    )
}  # fmt: skip


def _run(attack: Iterator[int]) -> int:
    """What it has done when it ended, or standard input did."""
    done = 0
    for step, more in enumerate(attack):
        done += more
        if not step:
            print("under way", flush=True)
        # One that gets nothing done waits a moment, so that it does not take the processor, too.
        if select.select([sys.stdin], [], [], 0 if more else 0.005)[0]:
            break
    return done


def main() -> None:
    name, runtime, spool, first_uid, users, group, count = sys.argv[1:]
    place = Place(runtime, spool, int(first_uid), int(users), int(count))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        most = max(most, 65536)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    os.setgroups([int(group)])
    os.setegid(int(group))
    if name == "victim":
        print(json.dumps(victim(place)))
    else:
        print(json.dumps(_run(ATTACKS[name](place))))


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        if error.errno != errno.EPIPE:
            raise
