"""From the arguments and standard input to the exit status: it is 0 when the mail is on disk, by
the event socket or in the spool, and not before.
"""

import json
import os
import socket
import sys
import time
from typing import BinaryIO

from zaiond import client
from zaiond.client import origin
from zaiond.event_rules import MAX_EVENT_BYTES, MAX_MAIL_BYTES
from zaiond.sendmail import words
from zaiond.sendmail.arguments import Call, UsageError, parse
from zaiond.text import Text

OK, UNAVAILABLE, TRY_AGAIN, NOT_PERMITTED = 0, 69, 75, 77  # sysexits.h
_USAGE, _BAD_DATA = 64, 65


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:], getattr(sys.stdin, "buffer", None)))


def run(arguments: list[str], given: BinaryIO | None) -> int:
    """Takes one mail, of which `given` is standard input; gives the exit status."""
    try:
        call = parse(arguments)
    except UsageError as error:
        return _fail(_USAGE, error.text)
    if call.shows:
        from zaiond import __version__

        said = f"zaiond-sendmail {__version__}"
        print(words.HELP.in_language(origin.language()) if call.shows == "help" else said)
        return OK
    if call.queue_only and not (call.recipients or call.by_header):
        return OK  # the daemon looks after its queue by itself, and there are no aliases
    try:
        mail = _read(given, dot_ends=call.dot_ends)
    except OSError as error:
        return _fail(TRY_AGAIN, words.unreadable(why=error))
    if mail is None:
        return _fail(UNAVAILABLE, words.TOO_LARGE)
    from zaiond.sendmail.mail import Refused, event

    try:
        carried = event(call, mail, _is_own, _user())
    except Refused as refused:
        return _fail(refused.status, refused.text)
    return _emit(call, carried)


def _read(given: BinaryIO | None, *, dot_ends: bool) -> bytes | None:
    """The mail; None: it is too large. All of it is read, or who writes it would get a SIGPIPE."""
    lines: list[bytes] = []
    size = 0
    while line := given.readline(65536) if given is not None else b"":
        if dot_ends and line.rstrip(b"\r\n") == b"." and (not lines or lines[-1].endswith(b"\n")):
            break
        size += len(line)
        if size <= MAX_MAIL_BYTES:
            lines.append(line)
    return b"".join(lines) if size <= MAX_MAIL_BYTES else None


def _is_own(domain: str) -> bool:
    """Whether a domain is one of this machine's names."""
    domain, name = domain.lower().rstrip("."), socket.gethostname().lower()
    host = name.partition(".")[0]
    if domain in (name, host):
        return True
    if domain.partition(".")[0] != host or "." in name:
        return False
    try:  # only then is the resolver asked what this machine is called
        found = socket.getaddrinfo(name, None, flags=socket.AI_CANONNAME)
    except OSError:
        return False
    return domain == found[0][3].lower()


def _user() -> str:
    """The name of who runs this program."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid{os.getuid()}"


def _emit(call: Call, carried: "dict[str, object]") -> int:
    moment = time.time_ns()
    number = (moment // 1_000_000 << 80) + int.from_bytes(os.urandom(10), "big")
    id_, source = origin.base32(number), origin.unit() or origin.caller("zaiond-sendmail")
    carried = {**carried, "id": id_, "source": source, "time": origin.rfc3339(moment)}
    line = json.dumps(carried, ensure_ascii=False, separators=(",", ":"))
    if len(line.encode()) > MAX_EVENT_BYTES:
        return _leave(call.spool_dir, id_, line)
    (outcome,) = client.emit_many(
        [line], source=source, runtime_dir=call.runtime_dir, spool_dir=call.spool_dir
    )
    if isinstance(outcome, client.Emitted):
        return OK
    if isinstance(outcome, client.NotPermitted):
        return _fail(NOT_PERMITTED, outcome.text)
    # Where neither the daemon nor the spool is there now, either may be so later.
    bad = isinstance(outcome, client.Rejected) and not outcome.retry
    return _fail(_BAD_DATA if bad else TRY_AGAIN, outcome.text)


def _leave(spool_dir: str | None, id_: str, line: str) -> int:
    """Leaves in the spool what is too large for the event socket, whether a daemon runs or not."""
    from zaiond.client import spool
    from zaiond.client.words import not_permitted

    directory = spool_dir or os.environ.get("ZAIOND_SPOOL_DIR") or "/var/spool/zaiond"
    try:
        spool.write(directory, id_, line.encode() + b"\n", spool.MAIL_SUFFIX)
    except PermissionError:
        return _fail(NOT_PERMITTED, Text(*not_permitted(path=directory)))
    except OSError as error:
        return _fail(TRY_AGAIN, words.unwritable(path=directory, why=error))
    return OK


def _fail(status: int, text: Text) -> int:
    from zaiond.safe import with_codes

    said = with_codes(text.in_language(origin.language()))
    print(f"zaiond-sendmail: {said}", file=sys.stderr)
    return status
