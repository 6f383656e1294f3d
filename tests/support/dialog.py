"""Transcripts of SMTP sessions, run on the pure machine.

A transcript is a text file. `S:` is what the server says, `C:` what the client must say, both
without their CRLF. `!` is what the client's side does:

    ! settings security=starttls user=zaion password=secret allow-unprotected unverified
    ! settings mechanism=ntlm version=1 nonce=0011223344556677 user=zaion password=secret
    ! mail FROM TO...           (the content follows as C: lines)
    ! ask FROM TO...            asks whether the server would take it
    ! send                      sends the content
    ! tls                       the handshake is done
    ! quit
    ! lost CAUSE

`=` is what the machine must tell, in its order:

    = open PIPELINING SIZE=10 ...
    = start tls
    = send to TO...             the content may be sent
    = takes mail to TO...       the server would
    = refused TO: REPLY -> OUTCOME SCOPE
    = over: WHAT -> OUTCOME SCOPE
    = taken: REPLY
    = ended: WHAT               or just "ended", after QUIT

A server's line may hold `\\n` for a bare line feed, and end in `\\c` where it is not ended.
The lines of the server between two other lines come in one piece; `run` can cut them anywhere else.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from zaiond.model import Message
from zaiond.smtp.events import Answered, Content, Ended, Envelope, Event, Opened, StartTls
from zaiond.smtp.failure import Failure
from zaiond.smtp.handshake import SessionSettings
from zaiond.smtp.sasl import Credentials
from zaiond.smtp.session import Session
from zaiond.smtp.verdict import judge

CONTENT = b"Subject: Test\r\n\r\nHello.\r\n.dots\r\n..\r\n"
TRANSCRIPTS = sorted((Path(__file__).parents[1] / "dialog" / "smtp").glob("*.txt"))

Cut = Callable[[bytes], list[bytes]]


def in_one_piece(data: bytes) -> list[bytes]:
    """The server's bytes as they are."""
    return [data]


def run(transcript: Path, cut: Cut = in_one_piece) -> None:
    """Plays one transcript; AssertionError at the first line that is not as it says."""
    _SmtpPlay(transcript, cut).run()


class Play(ABC):
    """What transcripts of any protocol have in common; the machine and its events are below."""

    def __init__(self, transcript: Path, cut: Cut) -> None:
        self.lines = [line for line in transcript.read_text().splitlines() if line.strip()]
        self.cut = cut
        self._machine: Session | None = None
        self.said = b""
        self.told: list[str] = []

    @abstractmethod
    def start(self, given: dict[str, str]) -> Session:
        """The machine, by what `! settings` gives."""

    @abstractmethod
    def words(self, event: Event) -> list[str]:
        """An event as the transcript has it."""

    def run(self) -> None:
        waiting: list[str] = []
        for number, line in enumerate([*self.lines, "#end"], 1):
            kind, _, rest = line.partition(" ")
            if waiting and kind != "S:":
                said = "".join(f"{text}\r\n" for text in waiting)
                self.hear(said.replace("\\c\r\n", "").encode())
                waiting.clear()
            if kind == "S:":
                waiting.append(rest.replace("\\n", "\n"))
            elif kind == "C:":
                expected = f"{rest}\r\n".encode()
                assert self.said.startswith(expected), f"line {number}: {line}\nsaid {self.said!r}"
                self.said = self.said[len(expected) :]
            elif kind == "=":
                assert self.told, f"line {number}: {line}: nothing was told"
                assert self.told.pop(0) == rest, f"line {number}: {line}"
            elif kind == "!":
                self.do(*rest.split(" "))
        assert self.said == b"", f"the client also said {self.said!r}"
        assert self.told == [], f"the client was also told {self.told}"

    @property
    def machine(self) -> Session:
        if self._machine is None:
            self.do("settings")
        assert self._machine is not None
        return self._machine

    def hear(self, data: bytes) -> None:
        machine = self.machine
        for piece in self.cut(data):
            self.note(machine.receive(piece))

    def do(self, what: str, *words: str) -> None:
        if what == "settings":
            assert self._machine is None
            self._machine = self.start(dict(word.partition("=")[::2] for word in words))
        elif what == "tls":
            self.note(self.machine.tls_started())
        elif what == "quit":
            self.machine.quit()
            self.note([])
        elif what == "lost":
            self.note(self.machine.lost(words[0]))  # type: ignore[arg-type]
        else:
            raise AssertionError(f"no such word: {what}")

    def note(self, events: list[Event]) -> None:
        self.said += self.machine.take_output()
        for event in events:
            self.told.extend(self.words(event))


class _SmtpPlay(Play):
    recipients: tuple[str, ...] = ()
    asking = False

    def start(self, given: dict[str, str]) -> Session:
        self.session = Session(_settings(given))
        return self.session

    def do(self, what: str, *words: str) -> None:
        if what in ("mail", "ask"):
            self.asking = what == "ask"
            sender, *to = words
            smtputf8 = "SMTPUTF8" in to
            self.recipients = tuple(word for word in to if word != "SMTPUTF8")
            mail = Message(
                message_id="<1@example>",
                reverse_path=sender.strip("<>"),
                recipients=self.recipients,
                content=CONTENT,
                smtputf8=smtputf8,
            )
            self.note(self.session.prepare(mail, asking=self.asking))
        elif what == "send":
            self.note(self.session.send_content())
        else:
            super().do(what, *words)

    def words(self, event: Event) -> list[str]:
        if isinstance(event, Opened):
            offers = event.capabilities
            words = ["open"]
            words += ["PIPELINING"] if offers.pipelining else []
            words += [f"SIZE={offers.size}"] if offers.size is not None else []
            words += ["SMTPUTF8"] if offers.smtputf8 else []
            return [" ".join(words)]
        if isinstance(event, StartTls):
            return ["start tls"]
        if isinstance(event, Envelope):
            if event.failure is not None:
                return [f"over: {verdict(event.failure)}"]
            lines = [f"refused {who}: {verdict(why)}" for who, why in event.refused.items()]
            left = [who for who in self.recipients if who not in event.refused]
            goes_on = "takes mail to" if self.asking else "send to"
            return [*lines, f"{goes_on} {' '.join(left)}" if left else "over"]
        if isinstance(event, Content):
            if event.failure is not None:
                return [f"over: {verdict(event.failure)}"]
            assert event.reply is not None
            return [f"taken: {event.reply.text}"]
        if isinstance(event, Ended):
            return ["ended" if event.failure is None else f"ended: {verdict(event.failure)}"]
        assert isinstance(event, Answered)
        return []


def verdict(failure: Failure) -> str:
    """A failure and what it means."""
    follows = judge(failure)
    more = " wait" * follows.wait + " again" * follows.again
    return f"{failure.said} -> {follows.outcome} {follows.scope.value}{more}"


def _settings(given: dict[str, str]) -> SessionSettings:
    credentials = None
    if "user" in given:
        credentials = Credentials(
            mechanism=given.get("mechanism", "basic"),  # type: ignore[arg-type]
            username=given["user"],
            password=given["password"],
            allow_unprotected="allow-unprotected" in given,
            ntlm_version=int(given.get("version", 2)),
            nonce=bytes.fromhex(given.get("nonce", "00" * 8)),
        )
    return SessionSettings(
        server="mail.example:25",
        helo_name=given.get("helo", "client.example"),
        security=given.get("security", "opportunistic"),  # type: ignore[arg-type]
        credentials=credentials,
        verify="unverified" not in given,
    )
