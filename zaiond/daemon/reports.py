"""What became of mails and servers, told to the journal and, where it matters, to the admins."""

from collections.abc import Callable, Coroutine
from typing import Any

from zaiond import wire
from zaiond.daemon.dispatcher import Observer
from zaiond.daemon.journal import Journal, Kind
from zaiond.daemon.notices import Notices
from zaiond.daemon.servers import ServerState
from zaiond.smtp.verdict import Verdict
from zaiond.store.queue import Attempted, QueuedMail
from zaiond.text import Text

_OUTCOMES = {
    "deferred": (Text("再送待ち", "deferred"), Kind.DELIVERY_DEFERRED),
    "held": (Text("保留", "held"), Kind.DELIVERY_HELD),
    "failed": (Text("送信失敗", "failed"), Kind.DELIVERY_FAILED),
    "expired": (Text("期限切れ", "expired"), Kind.DELIVERY_EXPIRED),
}


class Reports(Observer):
    """`in_background` runs what takes a commit; what else an Observer is told is the owner's."""

    def __init__(
        self,
        journal: Journal,
        notices: Notices,
        clock: Callable[[], float],
        in_background: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._journal = journal
        self._notices = notices
        self._clock = clock
        self._in_background = in_background

    def attempted(self, mail: QueuedMail, attempted: Attempted, verdict: Verdict | None) -> None:
        """An attempt that did not deliver is worth a line; one that never will, a notice."""
        if verdict is not None:
            self._tell(mail, attempted)
            if attempted.state in ("failed", "expired"):
                self._notify(mail, attempted)

    def lost(self, mail: QueuedMail, attempted: Attempted) -> None:
        """A delivery has expired while nothing was tried."""
        self._tell(mail, attempted)
        self._notify(mail, attempted)

    def _tell(self, mail: QueuedMail, attempted: Attempted) -> None:
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
            event=ids,
            type=" ".join(wire.parse(event.body).type for event in mail.events),
            recipient=recipient,
            outcome=attempted.outcome,
            server=server,
            reply=reply,
        )

    def _notify(self, mail: QueuedMail, attempted: Attempted) -> None:
        self._in_background(self._notices.delivery_lost(mail, attempted, self._journal.language))

    def server_changed(self, state: ServerState, works: bool) -> None:
        """The admins hear of a server out of use only if another one can carry the notice."""
        failure, address = state.failure, state.server.address
        if failure is None:
            self._journal.info(
                Text(
                    f"メールサーバー {address} に送信できるようになりました",
                    f"the mail server {address} can be used again",
                ),
                Kind.SERVER_USABLE,
                server=address,
            )
            return
        self._journal.error(
            Text(
                f"メールサーバー {address} が使えません: {failure.text.ja}",
                f"the mail server {address} can't be used: {failure.text.en}",
            ),
            Kind.SERVER_OUT_OF_USE,
            server=address,
            reply=failure.said,
        )
        if works:
            self._in_background(
                self._notices.server_out_of_use(
                    address,
                    failure,
                    self._clock(),
                    state.state == "faulty",
                    self._journal.language,
                )
            )
