"""A POP3 server of a `ScriptedServer`, and the door that it opens: POP before SMTP in small."""

import hashlib
import ssl
from collections.abc import Mapping

from tests.support.delivery import last_line
from tests.support.scripted_server import Answer, Peer, Script, ordinary

USER, PASSWORD = "zaion", "k0nna himitsu"
TIMESTAMP = "<1896.697170952@pop.example>"
DIGEST = hashlib.md5(f"{TIMESTAMP}{PASSWORD}".encode()).hexdigest()
DENIED = "554 5.7.1 Relay access denied"


class Door:
    """Whether the SMTP server takes our mail, and how often POP let us in."""

    def __init__(self, refusal: str = DENIED) -> None:
        self.open = False
        self.logins = 0
        self.refusal = refusal
        self.always: set[str] = set()  # recipients that are taken from anybody
        self.never: set[str] = set()  # and from nobody

    def let_in(self) -> None:
        """Somebody has logged in by POP."""
        self.open = True
        self.logins += 1

    async def rcpt(self, peer: Peer) -> None:
        """The answer to RCPT."""
        address = last_line(peer).partition("<")[2].partition(">")[0]
        taken = address not in self.never and (self.open or address in self.always)
        await peer.say("250 2.1.5 Ok" if taken else self.refusal)

    def smtp(self, *, offers: tuple[str, ...] = ("PIPELINING",)) -> Script:
        """The mail server behind the door."""
        return ordinary(offers=offers, answers={"RCPT": self.rcpt})


def pop(
    door: Door | None = None,
    *,
    answers: Mapping[str, Answer] | None = None,
    timestamp: str = "",
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
) -> Script:
    """A decent POP3 server. `answers`, by command, replace its own; GREETING stands for what it
    says first. With a `timestamp` it knows APOP; `starttls` offers STLS; `tls` is TLS from the
    first byte.
    """
    given = dict(answers or {})

    async def script(peer: Peer) -> None:
        async def answer(command: str, usual: str) -> bool:
            special = given.get(command)
            if callable(special):
                await special(peer)
                return False
            await peer.say(special or usual)
            return (special or usual).startswith("+OK")

        if tls is not None:
            await peer.start_tls(tls)
        await answer("GREETING", f"+OK ready {timestamp}".rstrip())
        while True:
            line = await peer.line()
            command = line.split(" ")[0]
            peer.commands.append(command)
            right = line in (f"PASS {PASSWORD}", f"APOP {USER} {DIGEST}")
            if command == "STLS" and starttls is not None:
                if await answer(command, "+OK Begin"):
                    await peer.start_tls(starttls)
            elif command == "USER" or command == "QUIT":
                await answer(command, "+OK")
                if command == "QUIT":
                    return
            elif command in ("PASS", "APOP") and right:
                if door is not None and command not in given:
                    door.let_in()
                await answer(command, "+OK Logged in.")
            else:
                await answer(command, "-ERR [AUTH] no")

    return script
