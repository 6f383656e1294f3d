"""One connection's way through the mails: take, send, record, take the next.

Two commits frame each mail's final dot: `start` before it may go out, `finish` after its reply. The
finish of one mail and the start of the next are one transaction, so that a connection costs one
commit a mail, and one connection has at most one mail between its dot and its outcome on disk.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from zaiond.delivery.transport import Connection
from zaiond.model import QueuedMail
from zaiond.smtp.syntax import Reply
from zaiond.smtp.verdict import DeliveryFailure, Failure, Scope, judge

Answers = Mapping[str, Reply | Failure]


class Mails(Protocol):
    """Where a sender gets mails from, and whom it tells of its connection (`Pool`)."""

    stopping: bool

    def take(self, index: int) -> QueuedMail | None: ...
    async def wait(self, sender: "Sender", at_most: float) -> QueuedMail | None: ...
    def connected(self, index: int) -> None: ...
    def connection_failed(self, index: int, failure: Failure) -> None: ...


class Outcomes(Protocol):
    """Who records what becomes of a mail, and takes it out of a sender's hands (`Dispatcher`)."""

    async def start(self, mail: QueuedMail) -> None: ...
    async def take_back(self, mail: QueuedMail) -> None: ...
    async def put_back(self, mail: QueuedMail) -> None: ...
    async def finish(
        self, sender: "Sender", mail: QueuedMail, answers: Answers, upcoming: QueuedMail | None
    ) -> None: ...


class Sender:
    """A connection at work. `index` is its server's place in the configuration in force, -1 if that
    has changed since, `address` that server's; `mail` is the one in its hands, `after_dot` while
    that is between its final dot and its outcome on disk, and `upcoming` the one behind it.
    """

    def __init__(
        self,
        mails: Mails,
        outcomes: Outcomes,
        index: int,
        address: str,
        open_: Callable[[], Awaitable[Connection]],
    ) -> None:
        self.index = index
        self.opened = False
        self.after_dot = False
        self.mail: QueuedMail | None = None
        self.upcoming: QueuedMail | None = None
        self.address = address
        self._mails = mails
        self._outcomes = outcomes
        self._open = open_

    async def run(self) -> None:
        """Connects, sends until nothing is left for `keep_idle`, closes; anew, where that helps."""
        again = await self._connect(None)
        while again is not None:
            again = await self._connect(again)

    async def _connect(self, again: QueuedMail | None) -> QueuedMail | None:
        """One connection. `again` comes first on it, and what is said to that is believed; returns
        a mail that is to be tried again on a new one, as the server may have forgotten our login
        by POP.
        """
        mails = self._mails
        try:
            connection = await self._open()
        except DeliveryFailure as error:
            if again is not None:
                self.mail = None
                await self._outcomes.put_back(again)
            mails.connection_failed(self.index, error.failure)
            return None
        self.opened = True
        mails.connected(self.index)
        try:
            while not connection.lost and connection.reusable:
                mail = again or mails.take(self.index)
                mail = mail or await mails.wait(self, connection.fresh_for)
                if mail is None:
                    break
                self.mail = mail
                if connection.lost:  # it was lost while it waited
                    again = mail
                    break
                connection.prepare(mail.message)
                forgotten = await self._send_while_there_is_mail(connection, mail, again)
                if forgotten is not None:
                    return forgotten
                self.mail = again = None
            if again is not None:  # nothing came of the connection
                self.mail = None
                await self._outcomes.put_back(again)
            await connection.close()
        finally:
            connection.abort()
        return None

    async def _send_while_there_is_mail(
        self, connection: Connection, first: QueuedMail, again: QueuedMail | None
    ) -> QueuedMail | None:
        """`first` is prepared. Ends when no mail is at hand, or the connection is lost; or with the
        mail that is to be tried again (see `_connect`).
        """
        outcomes = self._outcomes
        mail: QueuedMail | None = first
        while mail is not None:
            self.mail = mail
            recipients = mail.message.recipients
            is_of_session = False
            try:
                refused: Mapping[str, Failure] = await connection.ready()
            except DeliveryFailure as error:
                refused = dict.fromkeys(recipients, error.failure)
                is_of_session = judge(error.failure).scope is Scope.SESSION
            is_expired = False
            if refused and mail is again:
                connection.refused_all_the_same(refused.values())
            elif refused and self.index >= 0:
                is_expired = connection.login_expired(refused.values())
            if is_expired:
                await outcomes.take_back(mail)
                return mail
            if is_of_session:
                self.mail = None
                await outcomes.put_back(mail)
                await connection.close()  # if it isn't lost, it is of no more use
                return None
            if len(refused) == len(recipients):
                await outcomes.finish(self, mail, refused, None)
                return None
            if mail.started is None:
                await outcomes.start(mail)
            self.after_dot = True
            finishing = connection.send_content()
            upcoming = self._mails.take(self.index) if connection.reusable else None
            self.upcoming = upcoming
            if upcoming is not None:
                connection.prepare(upcoming.message)
            answers: Answers
            try:
                answers = {**refused, **await finishing}
            except DeliveryFailure as error:
                answers = {**dict.fromkeys(recipients, error.failure), **refused}
            if upcoming is not None and self._mails.stopping:
                # It can still be left: its envelope is at the server, nothing of its content.
                await outcomes.finish(self, mail, answers, None)
                self.after_dot = False
                connection.abort()
                await outcomes.put_back(upcoming)
                return None
            await outcomes.finish(self, mail, answers, upcoming)
            self.after_dot = False
            mail, self.upcoming = upcoming, None
        return None
