"""The client's side of an SMTP session as a machine without I/O: bytes in, events and bytes out.

    session = Session(settings)
    events = session.receive(data)      # or .lost(cause) when the connection ends
    data = session.take_output()        # to be written, after whatever was called

Theory of operation. First the opening (`handshake.py`) says one command at a time. Then come the
transactions. Each command that was sent leaves an entry in `_expected`; replies come in the order
of the commands (RFC 2920 3.1), so each takes the first entry. Where the server offers PIPELINING,
MAIL, RCPT… and DATA go out together; else they wait in `_unsent`, and each goes out after the reply
to the one before. There is no other difference between the two.

A transaction has two halves. The *envelope* begins with `prepare` and ends with one `Envelope`
event; the *content* begins with `send_content` and ends with one `Content` event. One envelope and
one content may be under way together. The content then belongs to the earlier mail, so its reply
comes first.

Nothing raises for what the server does. `Ended` comes once, last; before it, every half that was
under way gets its event with the failure.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from zaiond.model import Message
from zaiond.smtp import syntax, words
from zaiond.smtp.events import Answered, Content, Ended, Envelope, Event, Opened, Opening, Say
from zaiond.smtp.failure import Cause, DeliveryFailure, Failure, Stage
from zaiond.smtp.handshake import SessionSettings, opening
from zaiond.smtp.syntax import Capabilities, ProtocolFault, Reply, ReplyParser, Unsendable
from zaiond.text import Text


@dataclass(slots=True)
class _Transaction:
    mail: Message
    begun: bool = False  # MAIL was taken
    accepted: int = 0
    refused: dict[str, Failure] = field(default_factory=dict)
    failure: Failure | None = None
    asking: bool = False  # RSET in place of DATA


# The stage, the transaction that the reply belongs to (None: to none), and the recipient.
_Expected = tuple[Stage, _Transaction | None, str]
_Command = tuple[bytes, _Expected]


class Session:
    """One session. What returns events returns those that follow at once, mostly none."""

    injection = words.INJECTION

    def __init__(
        self,
        settings: SessionSettings,
        dialogue: Callable[[SessionSettings], Opening] = opening,
        parser: type[ReplyParser] = ReplyParser,
    ) -> None:
        self.mask, self.verify = settings.mask, settings.verify
        self._settings = settings
        if settings.credentials is not None:
            settings.mask.add(settings.credentials.password)
        self._parser = parser(settings.mask if settings.mask.knows_any else None)
        self._expected: deque[_Expected] = deque()
        self._unsent: deque[_Command] = deque()
        self._out: list[bytes] = []
        self._opening = dialogue(settings)
        self._about = ""  # of the command of the opening that was sent last
        self._tls = False  # from StartTls until tls_started: no byte may come
        self._envelope: _Transaction | None = None  # whose Envelope event hasn't come yet
        self._go: _Transaction | None = None  # which has its 354, and whose content is to be sent
        self._content: _Transaction | None = None  # whose Content event hasn't come yet
        self._reset = False  # whether RSET must come before the next MAIL
        self._carried = False  # whether a mail's content went out by this session
        self._failure: Failure | None = None  # what is to be said of later mails, once over
        self.capabilities = Capabilities()
        self.replies = 0  # how many came
        self.opened = self.over = False
        first = next(self._opening)  # RFC 5321 3.1, RFC 1939 4: the server speaks first
        if isinstance(first, Say):
            self._expected.append((first.stage, None, ""))

    @property
    def awaiting(self) -> Stage | None:
        """For which reply the session waits; None if the server has nothing to say."""
        if self._tls:
            return Stage.TLS
        return self._expected[0][0] if self._expected else None

    def take_output(self) -> bytes:
        """What is to be written now, and won't be given again."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def receive(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        replies: list[Reply] = []
        fault: ProtocolFault | None = None
        if self.over:
            return events
        try:
            self._parser.feed(data, replies)
        except ProtocolFault as raised:
            fault = raised
        before = self.replies
        for reply in replies:
            if self._tls:
                break
            self._take(reply, events)
            if self.over:
                return events
        if self._tls:
            # RFC 3207 4.2: bytes behind the 220 came in plain text and would be taken for the
            # server's protected words: somebody put them there.
            more = self.replies - before < len(replies)
            if more or fault is not None or self._parser.pending:
                self._end(self._fail(Stage.STARTTLS, "injection", None, self.injection), events)
        elif fault is not None:
            said = Reply(0, fault.lines, self.mask)
            self._end(self._fail(self._front(), "protocol", said, fault.text), events)
        return events

    def lost(self, cause: Cause, detail: str = "", *, overall: bool = False) -> list[Event]:
        """The connection ended, or a deadline is over (`overall`: that of the whole session)."""
        events: list[Event] = []
        if not self.over:
            stage = self._front()
            if overall and stage is not Stage.CONTENT:
                stage = Stage.SESSION
            self._end(self._fail(stage, cause, None, detail), events)
        return events

    def tls_started(self) -> list[Event]:
        """The handshake that `StartTls` asked for is done, verified if the settings say so."""
        events: list[Event] = []
        if not self.over:
            self._tls = False
            self._open(Reply(220, (b"",)), events)
        return events

    def prepare(self, mail: Message, *, asking: bool = False) -> list[Event]:
        """Begins an envelope. No other may be under way, nor wait for its content to be sent.
        `asking`: only whether the server would take the mail, by RSET in place of DATA; the
        transaction is over with its `Envelope`.
        """
        if self._envelope is not None or self._go is not None:
            raise RuntimeError("an envelope while another one is under way")
        if self.over:
            return [Envelope({}, self._failure)]
        transaction = _Transaction(mail, asking=asking)
        commands = self._commands(transaction)
        if not commands:
            return [Envelope(transaction.refused, transaction.failure)]
        self._envelope = transaction
        if self._reset:
            self._reset = False
            commands.insert(0, (b"RSET\r\n", (Stage.RSET, None, "")))
        if self.capabilities.pipelining:
            self._out += [line for line, _ in commands]
            self._expected += [expected for _, expected in commands]
        else:
            self._unsent.extend(commands)
            self._send_next()
        return []

    def send_content(self) -> list[Event]:
        """Sends the content after an `Envelope` that asked for it, or whose session is over now."""
        transaction = self._go
        if transaction is None:
            if self._failure is None:
                raise RuntimeError("send_content() without an envelope")
            return [Content(None, self._failure)]
        self._go, self._content = None, transaction
        self._send(syntax.dot_stuffed(transaction.mail.content), (Stage.CONTENT, transaction, ""))
        return []

    def quit(self) -> None:
        """Says QUIT; its reply, whatever it is, ends the session."""
        if not self.over:
            self._send(b"QUIT\r\n", (Stage.QUIT, None, ""))

    # -- inside

    def _commands(self, transaction: _Transaction) -> list[_Command]:
        """MAIL, RCPT… and DATA; empty if it makes no sense to send them, with the reasons in the
        transaction.
        """
        rcpt: list[_Command] = []
        utf8 = False
        for recipient in transaction.mail.recipients:
            line = syntax.rcpt_command(recipient, self.capabilities)
            if isinstance(line, Unsendable):
                transaction.refused[recipient] = self._fail(Stage.RCPT, line.cause)
            else:
                utf8 = utf8 or not line.isascii()
                rcpt.append((line, (Stage.RCPT, transaction, recipient)))
        if not rcpt:
            return []  # that MAIL can't be sent either is no fault of the sender then
        line = syntax.mail_command(transaction.mail, self.capabilities, utf8=utf8)
        if isinstance(line, Unsendable):
            transaction.failure = self._fail(Stage.MAIL, line.cause, None, line.detail)
            return []
        end: _Command = (b"DATA\r\n", (Stage.DATA, transaction, ""))
        if transaction.asking:
            end = (b"RSET\r\n", (Stage.RSET, transaction, ""))
        return [(line, (Stage.MAIL, transaction, "")), *rcpt, end]

    def _send(self, data: bytes, expected: _Expected) -> None:
        self._out.append(data)
        self._expected.append(expected)

    def _send_next(self) -> None:
        if self._unsent and not self._expected:
            self._send(*self._unsent.popleft())

    def _take(self, reply: Reply, events: list[Event]) -> None:
        self.replies += 1
        code = reply.code
        if not self._expected:
            # RFC 5321 3.8: a server that shuts down may say 421 at any time.
            stage = self._front()
            if code == 421:
                self._end(self._fail(stage, "reply", reply), events)
            else:
                self._end(self._fail(stage, "protocol", reply, words.TO_NOTHING), events)
            return
        stage, transaction, recipient = self._expected.popleft()
        if not self.opened or self._settings.trace:
            events.append(Answered(stage, reply, self._about))
        if stage is Stage.QUIT:
            self._end(None, events)
        elif code == 421:
            self._end(self._fail(stage, "reply", reply), events)
        elif transaction is not None:
            self._answer(stage, transaction, recipient, reply, events)
        elif not self.opened:
            self._open(reply, events)
        if self._unsent:
            self._send_next()

    def _answer(
        self,
        stage: Stage,
        transaction: _Transaction,
        recipient: str,
        reply: Reply,
        events: list[Event],
    ) -> None:
        # RFC 5321 4.2.1: the first digit decides. 3yz is an answer to DATA and to nothing else.
        code = reply.code
        refused = code >= 400
        if not refused and (code >= 300) is not (stage is Stage.DATA):
            self._end(self._fail(stage, "protocol", reply, words.NOT_FITTING), events)
        elif stage is Stage.RCPT:
            if not refused:
                transaction.accepted += 1
            elif transaction.failure is None:
                transaction.refused[recipient] = self._fail(stage, "reply", reply)
            if len(self._unsent) == 1 and not transaction.accepted:
                self._unsent.clear()  # DATA would have nobody to go to
                self._settle(transaction, events)
        elif stage is Stage.MAIL:
            if not refused:
                transaction.begun = True
                return
            transaction.failure = self._fail(stage, "reply", reply)
            if self._unsent:
                self._unsent.clear()
                self._settle(transaction, events)
        elif stage is Stage.RSET:
            transaction.begun = refused
            self._settle(transaction, events)
        elif stage is Stage.DATA:
            if refused:
                if transaction.accepted and transaction.failure is None:
                    transaction.failure = self._fail(stage, "reply", reply)
                self._settle(transaction, events)
            elif transaction.failure is None and transaction.accepted:
                self._envelope = None
                self._go = transaction
                events.append(Envelope(transaction.refused))
            else:
                # RFC 2920 3.1: a server may say 354 although it took no recipient.
                self._send(b".\r\n", (Stage.DATA, None, ""))
                self._settle(transaction, events)
        else:
            self._content = None
            self._carried = True
            failure = self._fail(stage, "reply", reply) if refused else None
            events.append(Content(None if refused else reply, failure))

    def _settle(self, transaction: _Transaction, events: list[Event]) -> None:
        self._envelope = None
        self._reset = transaction.begun
        events.append(Envelope(transaction.refused, transaction.failure))

    def _open(self, reply: Reply, events: list[Event]) -> None:
        try:
            step = self._opening.send(reply)
        except StopIteration as done:
            if isinstance(done.value, Opened):
                self.capabilities = done.value.capabilities
            self.opened = True
            events.append(done.value)
        except DeliveryFailure as refused:
            self._end(refused.failure, events)
            self._out.append(b"QUIT\r\n")  # RFC 5321 4.1.1.10: no closing without it
        else:
            if isinstance(step, Say):
                self._about = step.about
                self._settings.mask.add_response(step.response)
                self._send(step.line + b"\r\n", (step.stage, None, ""))
            else:
                self._tls = True
                events.append(step)

    def _front(self) -> Stage:
        return self.awaiting or (Stage.MAIL if self._go is None else Stage.DATA)

    def _fail(
        self, stage: Stage, cause: Cause, reply: Reply | None = None, detail: str | Text = ""
    ) -> Failure:
        server = self._settings.server
        return Failure.of(stage, server, cause, reply, detail, reused=self._carried)

    def _end(self, failure: Failure | None, events: list[Event]) -> None:
        later = failure or self._fail(Stage.MAIL, "closed")
        if self._content is not None:
            events.append(Content(None, later))
            # For the next mail it is the loss of a kept connection, and before its own content.
            later = replace(later, stage=Stage.MAIL, reused=True)
        if self._envelope is not None:
            events.append(Envelope({}, later))
        self._failure = later
        self._envelope = self._go = self._content = None
        self._tls = False
        self._expected.clear()
        self._unsent.clear()
        self._out.clear()
        self.over = True
        events.append(Ended(failure))
