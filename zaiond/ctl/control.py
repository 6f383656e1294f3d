"""Questions to the running daemon, over the control socket: one JSON line each way.

What takes the daemon long comes piece by piece, or with blanks before it: a daemon of which nothing
comes for five seconds hangs.
"""

import json
import socket
import struct
from typing import Any, NamedTuple

from zaiond.ctl import paths
from zaiond.ctl.commandline import Line
from zaiond.ctl.exit_status import (
    ADMINISTRATORS,
    TRY_AGAIN,
    UNREACHABLE,
    USAGE,
    Failure,
    NoDaemon,
    not_permitted,
)
from zaiond.os_error import in_japanese
from zaiond.text import Language

_SILENCE = 5.0  # seconds


class Reply(NamedTuple):
    """The daemon's answer. `message` is what it says to a person when it is not `ok`."""

    ok: bool
    result: Any
    language: Language
    status: int
    message: str


class Refused(Failure):
    """The daemon said no; `result` is what it gave along."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status, reply.message, reply.message)
        self.result = reply.result


def ask(line: Line, command: str, **arguments: Any) -> Reply:
    """One question.

    Raises NoDaemon, Failure (not permitted, no answer), Refused.
    """
    reply = ask_even_if_refused(line, command, **arguments)
    if not reply.ok:
        raise Refused(reply)
    return reply


def ask_even_if_refused(line: Line, command: str, **arguments: Any) -> Reply:
    """As `ask`, for whom a refusal is an answer too."""
    path = f"{paths.runtime_dir(line)}/control.sock"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
            # unix(7): without it, a backlog that is full is an error at once.
            seconds, rest = divmod(_SILENCE, 1)
            limit = struct.pack("@ll", int(seconds), int(rest * 1_000_000))
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
            peer.connect(path)
            peer.settimeout(_SILENCE)
            peer.sendall(json.dumps({"command": command, **arguments}).encode() + b"\n")
            with peer.makefile("rb") as file:
                text = file.readline()
    except PermissionError:
        raise not_permitted(path, ADMINISTRATORS) from None
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NoDaemon(
            UNREACHABLE,
            f"zaiond が動いていません（{path}: {in_japanese(error)}）。"
            "起動: systemctl start zaiond",
            f"zaiond is not running ({path}: {error.strerror})."
            " To start it: systemctl start zaiond",
        ) from None
    except (TimeoutError, BlockingIOError):
        raise Failure(
            TRY_AGAIN,
            f"zaiond がハングしているようです。{_SILENCE:.0f} 秒以内に応答がありません（{path}）。"
            "ログ: journalctl -u zaiond、再起動: systemctl restart zaiond",
            f"zaiond hangs: no answer within {_SILENCE:.0f} s ({path})."
            " Its log: journalctl -u zaiond; to restart it: systemctl restart zaiond",
        ) from None
    except OSError as error:
        raise Failure(
            UNREACHABLE,
            f"zaiond と通信できません（{path}: {in_japanese(error)}）",
            f"can't talk to zaiond ({path}: {error.strerror or error})",
        ) from None
    return _reply(text, path)


def _reply(text: bytes, path: str) -> Reply:
    try:
        reply = json.loads(text)
        result = reply["result"] if reply["ok"] else reply.get("result")
        return Reply(
            ok=reply["ok"] is True,
            result=result,
            language="en" if reply.get("language") == "en" else "ja",
            status=int(reply.get("exit", USAGE)),
            message=str(reply.get("message", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Failure(
            UNREACHABLE,
            f"zaiond の応答が途中で切れました（{path}）。もう一度実行してください",
            f"zaiond's answer broke off ({path}): run this again",
        ) from None
