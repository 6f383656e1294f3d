"""Questions to the running daemon, over the control socket: one JSON line each way.

What takes the daemon long comes piece by piece, or with blanks before it: a daemon of which nothing
comes for five seconds hangs.
"""

import contextlib
import json
import os
import socket
import struct
import sys
from typing import Any, NamedTuple

from zaiond.client import origin
from zaiond.ctl import words
from zaiond.ctl.commandline import Line
from zaiond.ctl.exit_status import NOT_PERMITTED, TRY_AGAIN, UNREACHABLE, USAGE, Failure, NoDaemon
from zaiond.places import Advice, named
from zaiond.text import Language, Text

_ADMINISTRATORS = "zaiond-admin"  # the group of the control socket
_SILENCE = 5.0  # seconds


class Reply(NamedTuple):
    """What the daemon answers, and the language that it speaks."""

    result: Any
    language: Language


class Refused(Failure):
    """The daemon said no; `result` is what it gave along."""

    def __init__(self, status: int, message: str, result: Any) -> None:
        super().__init__(status, Text(message, message))
        self.result = result


def ask(line: Line, command: str, **arguments: Any) -> Reply:
    """One question. Raises NoDaemon, Failure (not permitted, no answer), Refused."""
    path = f"{line.text('runtime-dir') or origin.default_runtime_dir()}/control.sock"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
            # unix(7): without it, a backlog that is full is an error at once.
            seconds, rest = divmod(_SILENCE, 1)
            limit = struct.pack("@ll", int(seconds), int(rest * 1_000_000))
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
            peer.connect(path)
            peer.settimeout(_SILENCE)
            with contextlib.suppress(BrokenPipeError):  # who hangs up has said why
                peer.sendall(json.dumps({"command": command, **arguments}).encode() + b"\n")
            with peer.makefile("rb") as file:
                return _reply(file.readline())
    except PermissionError:
        raise Failure(NOT_PERMITTED, _not_permitted(path)) from None
    except (FileNotFoundError, ConnectionRefusedError) as error:
        text = words.no_daemon(path=path, why=error, start=_start(line, path))
        raise NoDaemon(UNREACHABLE, text) from None
    except (TimeoutError, BlockingIOError):
        restart = words.RESTART_SERVICE
        if not _is_service(path):
            restart = words.restart_program(start=_start(line, path))
        text = words.hangs(path=path, seconds=_SILENCE, restart=restart)
        raise Failure(TRY_AGAIN, text) from None
    except OSError as error:
        raise Failure(UNREACHABLE, words.no_talk(path=path, why=error)) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Failure(UNREACHABLE, words.broke_off(path=path)) from None


def _not_permitted(path: str) -> Text:
    """Who may use the control socket."""
    import grp

    from zaiond.ctl import documents

    try:
        grp.getgrnam(_ADMINISTRATORS)
    except KeyError:
        with contextlib.suppress(OSError):
            owner = os.stat(path).st_uid
            who = words.owner_or_root(owner=documents.user(owner)) if owner else "root"
            return words.without_group(path=path, who=who, group=_ADMINISTRATORS)
    return words.not_in_group(path=path, group=_ADMINISTRATORS)


def _is_service(path: str) -> bool:
    """Whether it is systemd's to start, by where its control socket is (sd_booted(3))."""
    return path == "/run/zaiond/control.sock" and os.path.isdir("/run/systemd/system")


def _start(line: Line, path: str) -> Text:
    """How to start the daemon that was asked for."""
    if _is_service(path):
        return words.START_SERVICE
    import shlex
    import shutil

    beside = os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), "zaiond")
    places = {
        "--config": (line.config(), "/etc/zaiond/zaiond.yaml"),
        "--runtime-dir": (os.path.dirname(path), "/run/zaiond"),
        "--state-dir": (line.state_dir(), "/var/lib/zaiond"),
        "--spool-dir": (line.spool_dir(), "/var/spool/zaiond"),
    }
    command = ["zaiond" if shutil.which("zaiond") else beside]
    for option, (place, default) in places.items():
        command += [option, os.path.abspath(place)] if place != default else []
    return words.start_program(command=shlex.join(command))


def _reply(text: bytes) -> Reply:
    reply = json.loads(text)
    language: Language = "en" if reply.get("language") == "en" else "ja"
    if reply["ok"] is not True:
        message, status = str(reply.get("message", "")), int(reply.get("exit", USAGE))
        told = Advice(Text(message, message), named(reply.get("places", ()))).at_terminal()
        raise Refused(status, told.in_language(language), reply.get("result"))
    return Reply(reply["result"], language)
