"""Emit events to zaiond from a Python program: standard library only, fast to import.

    from zaiond.client import emit
    emit("backup.job.failed", severity="err", subject="nightly backup", message=log_tail)

An event goes to the event socket. If that gives no answer within two seconds, it goes to the spool,
where the daemon finds it when it runs again (interface 4). `id`, `source` and `time` are filled in
before the first try and the very same line is used for both ways: should both arrive, the daemon
sees one event.

A `message` too long for an event is shortened: its beginning and its end go out.

What the daemon answers counts, even if it refuses: only "unavailable" (it is stopping, or can't
write) is like no answer, and goes to the spool. A `quota` would be cheated that way, and a full
disk is no place to spool to: both are raised, with `retry` true.
"""

# The socket module itself turns every constant into an enum: a quarter of the time of an emit.
import _socket as socket
import json
import os
from select import POLLIN, POLLOUT, poll
from time import monotonic, sleep, time_ns

from zaiond.client import origin

TYPE_CHECKING = False  # typing itself would cost a tenth of the start of zaiond-ctl emit
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from zaiond.event_rules import Unfit
    from zaiond.text import Language, Text

ANSWER_WITHIN = 2.0  # seconds (interface 4)
MAX_EVENT_BYTES = 256 * 1024
MAX_LINE_BYTES = 16 * 1024 * 1024  # of an event that is still to be shortened
_PRESENT_OR_MADE = ("id", "source", "time")


class Emitted:
    """An event that is safe on disk: in the daemon's queue, or (`spooled`) in the spool.

    `duplicate`: the daemon had it already, and mails it once.
    """

    __slots__ = ("duplicate", "id", "spooled")

    def __init__(self, id: str, duplicate: bool = False, spooled: bool = False) -> None:
        self.id = id
        self.duplicate = duplicate
        self.spooled = spooled

    def __repr__(self) -> str:
        return f"Emitted({self.id!r}, duplicate={self.duplicate}, spooled={self.spooled})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Emitted) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(self.id)


class ClientError(Exception):
    """An event that was not taken. `retry`: the same again, with the same `id`, may succeed.

    `text` says in both languages what is wrong and what to do; `str()` is the English.
    """

    def __init__(self, ja: str, en: str, retry: bool = False) -> None:
        super().__init__(en)
        self._ja = ja
        self._en = en
        self.retry = retry
        self.id: str | None = None

    @property
    def text(self) -> "Text":
        """The sentence in both languages."""
        from zaiond.text import Text

        return Text(self._ja, self._en)


class Rejected(ClientError):  # noqa: N818 - named as the reader of an except clause would
    """The event is refused: `code` and `field` as in the event socket's replies (interface 4).

    `message` is the daemon's, in its language; or, where the daemon was not asked, in English.
    """

    def __init__(
        self, code: str, field: str | None, message: str, retry: bool, *, ja: str | None = None
    ) -> None:
        super().__init__(message if ja is None else ja, message, retry)
        self.code = code
        self.field = field
        self.message = message


class NotPermitted(ClientError):  # noqa: N818 - named as the reader of an except clause would
    """This user may not emit: he is not in the group zaiond-emit."""


class Unreachable(ClientError):  # noqa: N818 - named as the reader of an except clause would
    """Neither the daemon nor the spool took the event."""


def emit(
    type: str,
    *,
    severity: str | None = None,
    subject: str | None = None,
    message: str | None = None,
    data: "Mapping[str, Any] | None" = None,
    key: str | None = None,
    status: str | None = None,
    job: str | None = None,
    id: str | None = None,
    source: str | None = None,
    time: str | None = None,
    extensions: "Mapping[str, Any] | None" = None,
    runtime_dir: str | None = None,
    spool_dir: str | None = None,
) -> Emitted:
    """Emit one event; returns when it is on disk.

    The attributes are those of interface 3; `time` is RFC 3339. The directories default to
    $ZAIOND_RUNTIME_DIR and $ZAIOND_SPOOL_DIR, then to the system's.
    Raises Rejected, NotPermitted or Unreachable.
    """
    attributes = {
        **(extensions or {}),
        "type": type, "severity": severity, "subject": subject, "message": message, "data": data,
        "key": key, "status": status, "job": job, "id": id, "source": source, "time": time,
    }  # fmt: skip
    event = {name: value for name, value in attributes.items() if value is not None}
    (outcome,) = emit_many([event], runtime_dir=runtime_dir, spool_dir=spool_dir)
    if isinstance(outcome, ClientError):
        raise outcome
    return outcome


def emit_many(
    events: "Iterable[Mapping[str, Any] | str | bytes]",
    *,
    source: str | None = None,
    runtime_dir: str | None = None,
    spool_dir: str | None = None,
    language: "Callable[[], Language]" = origin.language,
) -> "list[Emitted | ClientError]":
    """Emit events, each a mapping or one JSON object as text; all are sent ahead of the replies.

    Returns what became of each, in order: a bad one costs itself alone. `source` is for those that
    name none; by default the systemd unit of this process, else the program. A `message` that is
    too long is shortened, which is said in it in `language`.
    """
    if source is None:
        source = origin.unit() or origin.program()
    moment = time_ns()
    first_id = (moment // 1_000_000 << 80) + int.from_bytes(os.urandom(9), "big")
    made = {"source": source, "time": origin.rfc3339(moment)}
    outcomes: list[Emitted | ClientError] = []
    lines: list[tuple[int, str, bytes]] = []  # of events: place among them, id, and its line
    for place, event in enumerate(events):
        made["id"] = origin.base32(first_id + place)
        try:
            id_, line = _written(event, made, language)
        except Rejected as error:
            outcomes.append(error)
        else:
            lines.append((place, id_, line))
            outcomes.append(Emitted(id_))
    if not lines:
        return outcomes

    path = f"{runtime_dir or origin.default_runtime_dir()}/events.sock"
    replies, cause = _ask(path, [line for _, _, line in lines])
    left: list[tuple[int, str, bytes]] = []
    for one, reply in zip(lines, replies + [None] * (len(lines) - len(replies)), strict=True):
        if reply is None or reply.get("code") == "unavailable":
            left.append(one)
        else:
            outcomes[one[0]] = _outcome(one[1], reply)
    if left:
        from errno import EDQUOT, ENOSPC

        from zaiond.client import spool, words

        directory = spool_dir or os.environ.get("ZAIOND_SPOOL_DIR") or "/var/spool/zaiond"
        there: list[str | Unfit | OSError]  # of each line its id, or why it is not there
        if isinstance(cause, PermissionError):
            directory, there = path, [cause] * len(left)
        else:
            there = spool.leave(directory, [line for _, _, line in left])
        for (place, _, _), why in zip(left, there, strict=True):
            if isinstance(why, str):
                outcomes[place] = Emitted(why, spooled=True)
            elif isinstance(why, PermissionError):
                outcomes[place] = NotPermitted(*words.not_permitted(path=directory))
            elif isinstance(why, OSError):
                cause = cause or OSError("unavailable")
                said = words.unreachable(path=path, why=cause, spool=directory, why_not=why)
                outcomes[place] = Unreachable(*said, retry=why.errno in (ENOSPC, EDQUOT))
            else:
                outcomes[place] = _rejected("invalid", why.field, why.ja, why.en)
    for place, id_, _ in lines:
        outcome = outcomes[place]
        if isinstance(outcome, ClientError):
            outcome.id = id_
    return outcomes


def _written(
    event: "Mapping[str, Any] | str | bytes",
    made: "Mapping[str, str]",
    language: "Callable[[], Language]",
) -> tuple[str, bytes]:
    """The event's id, and its line. Raises Rejected if it isn't JSON, or too large."""
    whole, text = _parsed(event) if isinstance(event, (str, bytes)) else (dict(event), "")
    missing = {name: made[name] for name in _PRESENT_OR_MADE if whole.get(name) is None}
    if text and missing.keys().isdisjoint(whole):
        # Put in as text: nothing of what the producer wrote is changed, numbers included.
        head = json.dumps(missing, ensure_ascii=False)[:-1] if missing else "{"
        comma = ", " if missing and whole else ""
        text = head + comma + text.lstrip()[1:].replace("\n", " ").replace("\r", " ")
    else:
        text = ""
    whole.update(missing)
    try:
        text = text or json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        from zaiond.client import words

        raise _rejected("invalid", None, *words.not_json(error=error)) from None
    line = text.encode("utf-8", "backslashreplace")  # a lone surrogate, as JSON escapes it
    if len(line) > MAX_EVENT_BYTES:
        from zaiond import event_rules
        from zaiond.client import shorten

        try:
            line = shorten.line(line, language())
        except event_rules.Unfit as unfit:
            raise _rejected("invalid", unfit.field, unfit.ja, unfit.en) from None
        except shorten.TooLong:
            raise _too_large() from None
    return str(whole["id"]), line + b"\n"


def _parsed(event: str | bytes) -> "tuple[dict[str, Any], str]":
    """The object and its text: '' where the text is no clean JSON, but could be read."""
    if len(event) > MAX_LINE_BYTES:
        raise _too_large()
    try:
        text = event if isinstance(event, str) else event.decode()
        whole = json.loads(text)
        if isinstance(whole, dict):
            return whole, text
    except (ValueError, RecursionError):
        pass
    from zaiond.event_rules import Unfit, read

    line = event.encode("utf-8", "backslashreplace") if isinstance(event, str) else event
    try:
        return read(line), ""
    except Unfit as unfit:
        raise _rejected("invalid", unfit.field, unfit.ja, unfit.en) from None


def _rejected(code: str, field: str | None, ja: str, en: str) -> Rejected:
    return Rejected(code, field, en, False, ja=ja)


def _too_large() -> Rejected:
    from zaiond.event_rules import TOO_LARGE

    return _rejected("too_large", None, *TOO_LARGE)


def _ask(path: str, lines: list[bytes]) -> "tuple[list[dict[str, Any] | None], OSError | None]":
    """Sends all lines, reading replies meanwhile: those that came, and what ended it too early."""
    replies: list[dict[str, Any] | None] = []
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _connect(peer, path)
        unsent = memoryview(b"".join(lines))
        ready = poll()
        ready.register(peer, POLLIN | POLLOUT)
        buffer = b""
        while len(replies) < len(lines):
            happened = ready.poll(ANSWER_WITHIN * 1000)
            if not happened:
                raise TimeoutError(f"no answer within {ANSWER_WITHIN:g} s")
            if happened[0][1] & POLLOUT:
                try:
                    unsent = unsent[peer.send(unsent) :]
                except ConnectionError:
                    unsent = unsent[:0]  # it hung up: what it had said before still counts
                if not unsent:
                    ready.modify(peer, POLLIN)
            if happened[0][1] & ~POLLOUT:
                received = peer.recv(65536)
                if not received:
                    raise ConnectionResetError("connection closed without a reply")
                *whole, buffer = (buffer + received).split(b"\n")
                replies += map(_reply, whole)
    except OSError as error:
        return replies[: len(lines)], error
    finally:
        peer.close()
    return replies[: len(lines)], None


def _connect(peer: socket.socket, path: str) -> None:
    peer.setblocking(False)
    deadline = monotonic() + ANSWER_WITHIN
    while True:
        try:
            return peer.connect(path)
        except BlockingIOError:  # unix(7): the backlog is full, and nothing tells when it isn't
            if monotonic() >= deadline:
                raise TimeoutError(f"no answer within {ANSWER_WITHIN:g} s") from None
            sleep(0.01)


def _reply(line: bytes) -> "dict[str, Any] | None":
    try:
        reply = json.loads(line)
    except ValueError:
        return None
    return reply if isinstance(reply, dict) and reply.get("status") in ("ok", "error") else None


def _outcome(id: str, reply: "dict[str, Any]") -> Emitted | ClientError:
    if reply["status"] == "ok":
        return Emitted(str(reply.get("id", id)), duplicate=reply.get("duplicate") is True)
    return Rejected(
        str(reply.get("code", "invalid")),
        reply.get("field"),
        str(reply.get("message", "")),
        reply.get("retry") is True,
    )
