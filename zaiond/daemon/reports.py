"""What became of mails and servers, told to the journal and, where it matters, to the admins."""

from collections.abc import Callable, Coroutine
from typing import Any

from zaiond import wire
from zaiond.daemon.notices import Notices
from zaiond.delivery.dispatcher import Observer
from zaiond.delivery.servers import ServerState
from zaiond.holds import Hold
from zaiond.journal import Journal, Kind
from zaiond.model import AttemptResult, QueuedMail
from zaiond.smtp.verdict import DeliveryFailure, Verdict
from zaiond.text import Text

_OUTCOMES = {
    "deferred": (Text("再送待ち", "deferred"), Kind.DELIVERY_DEFERRED),
    "held": (Text("保留", "held"), Kind.DELIVERY_HELD),
    "failed": (Text("送信失敗", "failed"), Kind.DELIVERY_FAILED),
    "expired": (Text("期限切れ", "expired"), Kind.DELIVERY_EXPIRED),
}


class Reports(Observer):
    """`in_background` runs what takes a commit; what else an Observer is told is the owner's.
    `alarm` is called where no mail can tell of it; `may_reach` says whether a notice reaches an
    administrator although this address is held.
    """

    def __init__(
        self,
        journal: Journal,
        notices: Notices,
        clock: Callable[[], float],
        in_background: Callable[[Coroutine[Any, Any, None]], None],
        alarm: Callable[[Text], None],
        may_reach: Callable[[], bool],
    ) -> None:
        self._journal = journal
        self._notices = notices
        self._clock = clock
        self._in_background = in_background
        self._alarm = alarm
        self._may_reach = may_reach

    def attempted(
        self, mail: QueuedMail, attempted: AttemptResult, verdict: Verdict | None
    ) -> None:
        """An attempt that did not deliver is worth a line."""
        if verdict is not None:
            self._tell(mail, attempted)

    def expired(self, mail: QueuedMail, attempted: AttemptResult) -> None:
        """A delivery has had all its time."""
        self._tell(mail, attempted)
        self._in_background(self._notices.expired(mail, attempted, self._journal.language))

    def held(self, hold: Hold) -> None:
        """The admins hear of it by mail, as long as there is one whom a mail reaches."""
        why = DeliveryFailure(hold.failure).text
        if hold.scope == "queue":
            text = Text(
                f"すべてのメールを保留しています。原因: {why.ja}", f"all mail is held: {why.en}"
            )
            self._stopped(text, Kind.QUEUE_HELD, hold.failure.said)
            return
        if hold.scope == "address" and not self._may_reach():
            text = Text(
                f"{hold.subject} が拒否され、ほかに通知できる管理者がいません: {why.ja}",
                f"{hold.subject} is refused, and there is no other administrator to be told:"
                f" {why.en}",
            )
            self._stopped(text, Kind.DELIVERY_HELD, hold.failure.said)
        self._in_background(self._notices.held(hold, self._journal.language))

    def _stopped(self, text: Text, kind: Kind, reply: str) -> None:
        self._journal.critical(text, kind, reply=reply)
        self._alarm(text)

    def _tell(self, mail: QueuedMail, attempted: AttemptResult) -> None:
        ids = " ".join(event.id for event in mail.events)
        outcome, kind = _OUTCOMES.get(attempted.outcome, _OUTCOMES["deferred"])
        recipient = attempted.delivery.recipient
        server, reply = attempted.server, attempted.reply
        said = ": ".join(filter(None, (server, reply)))
        self._journal.warning(
            Text(
                f"{outcome.ja}: {recipient}（{ids}）: {said}",
                f"{outcome.en}: {recipient} ({ids}): {said}",
            ),
            kind,
            by=f"delivery by {server}",
            event=ids,
            type=" ".join(wire.parse(event.body).type for event in mail.events),
            recipient=recipient,
            outcome=attempted.outcome,
            server=server,
            reply=reply,
        )

    def server_changed(self, state: ServerState, works: bool) -> None:
        """The admins hear of a server out of use by mail, if another one can carry it."""
        failure, address = state.failure, state.server.address
        if failure is None:
            self._journal.info(
                Text(
                    f"メールサーバー {address} に送信できるようになりました",
                    f"the mail server {address} can be used again",
                ),
                Kind.SERVER_USABLE,
                by=f"{address} up",
                server=address,
            )
            return
        text = Text(
            f"メールサーバー {address} が使えません: {failure.text.ja}",
            f"the mail server {address} can't be used: {failure.text.en}",
        )
        fields = {"server": address, "reply": failure.said}
        if works:
            self._journal.error(text, Kind.SERVER_OUT_OF_USE, by=f"{address} down", **fields)
            self._in_background(
                self._notices.server_out_of_use(
                    address,
                    failure,
                    self._clock(),
                    state.state == "faulty",
                    self._journal.language,
                )
            )
        else:
            self._journal.critical(text, Kind.SERVER_OUT_OF_USE, by=f"{address} down", **fields)
            if state.state == "down":  # what holds the queue is told as such
                self._alarm(text)
