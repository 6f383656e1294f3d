"""What the daemon itself has to tell the administrators: events of its own, by the one way out.

One notice an incident. The id says which incident it is, so that idempotency keeps it to one, also
across restarts. A notice's own failure makes no notice.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import NamedTuple

from zaiond.config.schema import MailServer
from zaiond.errors import Diagnostic, StoreError
from zaiond.event_rules import NOTICE_SOURCE
from zaiond.holds import Hold
from zaiond.journal import Journal
from zaiond.message.clean import one_line
from zaiond.message.layout import operands
from zaiond.model import URGENT, AttemptResult, QueuedMail, Severity
from zaiond.smtp.verdict import Failure, judge
from zaiond.store import events, queue
from zaiond.store.damage import Damage
from zaiond.store.events import Acceptance
from zaiond.store.recovery import Salvage
from zaiond.store.turns import Turns
from zaiond.store.writer import Writer
from zaiond.text import Language, Text

MOST_DIAGNOSTICS = 50
MOST_SPOOL_FILES = 20
SPOOL_INTERVAL = 3600.0  # seconds between two notices of files in the spool


class _SpoolFile(NamedTuple):
    path: str
    uid: int
    why: Text
    excerpt: str


class Notices:
    """Emits the daemon's own events. `user_name` says who a uid is."""

    def __init__(
        self,
        writer: Writer,
        on_accepted: Callable[[Acceptance], None],
        clock: Callable[[], float],
        queue_time: Callable[[], float],
        journal: Journal,
        user_name: Callable[[int], str],
        turns: Turns,
    ) -> None:
        self._writer = writer
        self._queue_time = queue_time
        self._on_accepted = on_accepted
        self._clock = clock
        self._journal = journal
        self._user_name = user_name
        self._turns = turns
        self._spool_files: list[_SpoolFile] = []  # refused, and not told yet
        self._spool_files_more = 0
        self._spool_told_at = -SPOOL_INTERVAL  # by the loop's clock

    async def configuration_broken(
        self, incident: str, errors: tuple[Diagnostic, ...], language: Language
    ) -> None:
        """The configuration on disk can't be taken; told once, until it is mended."""
        lines = [error.formatted.in_language(language) for error in errors[:MOST_DIAGNOSTICS]]
        advice = Text(
            "直前の有効な設定のまま動作を続けています。修正すると自動的に反映されます。"
            "元に戻すには zaiond-ctl config revert を実行してください。",
            "The last good configuration stays in force. Once mended, the file takes effect by"
            " itself; to go back, run: zaiond-ctl config revert",
        )
        await self._emit(
            f"zaiond.config.broken/{incident}",
            "zaiond.config.broken",
            "err",
            Text("設定ファイルに誤りがあります", "The configuration is not valid"),
            "\n".join([*lines, "", advice.in_language(language)]),
            {},
            language,
        )

    async def server_out_of_use(
        self, server: str, failure: Failure, since: float, faulty: bool, language: Language
    ) -> None:
        """A server (`host:port`) can't be used, and another one sends in its place."""
        subject = Text(
            f"メールサーバー {server} が使えません",
            f"The mail server {server} can't be used",
        )
        said = Text(
            f"予備のメールサーバーで送信しています。原因: {failure.text.ja}",
            f"Mail goes out by another server. Cause: {failure.text.en}",
        )
        await self._emit(
            f"zaiond.server.{'fault' if faulty else 'down'}/{server}/{int(since)}",
            "zaiond.server.fault" if faulty else "zaiond.server.down",
            "err" if faulty else "warning",
            subject,
            said.in_language(language),
            {"server": server},
            language,
        )

    async def expired(self, mail: QueuedMail, attempted: AttemptResult, language: Language) -> None:
        """A mail was not delivered in its time; told once a day for a recipient."""
        if mail.notice:
            return
        recipient = attempted.delivery.recipient
        ids = " ".join(event.id for event in mail.events)
        again = f"zaiond-ctl queue retry {operands([event.id for event in mail.events])}"
        said = ": ".join(filter(None, (attempted.server, attempted.reply)))
        await self._not_delivered(
            f"{self._day()}/expired/{recipient}",
            recipient,
            Text(
                f"{recipient} に期限内に送信できませんでした",
                f"Not delivered in time to {recipient}",
            ),
            Text(
                f"送信できなかったイベント: {ids}\n理由: {said or '不明'}\n\n"
                f"もう一度送信するには、次のコマンドを実行してください。\n"
                f"{again}\n\n"
                "期限切れの一覧: zaiond-ctl history --failed\n"
                "この宛先についての通知は 1 日に 1 回です。",
                f"The event that did not arrive: {ids}\nWhy: {said or 'not known'}\n\n"
                f"To send it all the same, run:\n{again}\n\n"
                "All that has expired: zaiond-ctl history --failed\n"
                "There is one such notice a day for a recipient.",
            ),
            language,
        )

    async def held(self, hold: Hold, language: Language) -> None:
        """An address or a mail is held: somebody has to mend something; told once for an address
        until it has got a mail again, and once a day for mails.
        """
        from zaiond.selftest.advice import hint  # which nothing else in the daemon needs

        advice, server = hint(hold.failure), hold.failure.server
        goes_on = Text(
            "設定を直すと自動的に送信します。それ以外を直したときは、次のコマンドですぐに送信"
            "できます（実行しなくても 1 時間ごとに確認します）。\nzaiond-ctl queue retry",
            "Once the configuration is mended, it goes out by itself. If something else was to"
            " be mended, this sends it now (it is tried once an hour anyway):\n"
            "zaiond-ctl queue retry",
        )
        recipient = ""
        if hold.scope == "address":
            recipient = hold.subject
            # The configuration may change and the address be held anew: that is the same incident.
            last, before = 0, sys.maxsize
            while before and not last:
                find = partial(queue.last_delivered, recipient=recipient, before=before)
                last, before = await self._writer.submit(find)
            incident = f"{last}/{recipient}"
            subject = Text(
                f"{hold.subject} へのメールを保留しています",
                f"Mail to {hold.subject} is held",
            )
            what = Text(
                "このアドレスがメールサーバーに拒否されました。ほかの宛先には送信しています。",
                "A mail server refuses this address. The other recipients get their mail.",
            )
        elif judge(hold.failure).outcome == "ambiguous":
            incident = f"{self._day()}/unknown"
            subject = Text(
                "届いたかどうか分からないメールを保留しています",
                "A mail is held: it may have arrived",
            )
            what = Text(
                "何度送信しても、受け付けたという応答がなかったメールがあります。"
                "ほかのメールは送信しています。",
                "A mail was sent several times, and no server said that it took it. The others"
                " go out.",
            )
            goes_on = Text(
                "届いていなければ、次のコマンドで送信できます。\nzaiond-ctl queue retry\n"
                "届いていれば、次のコマンドで削除できます。\nzaiond-ctl queue delete ID",
                "If it hasn't arrived, this sends it:\nzaiond-ctl queue retry\n"
                "If it has, this deletes it:\nzaiond-ctl queue delete ID",
            )
        else:
            incident = f"{self._day()}/mail"
            subject = Text(
                "内容を拒否されたメールを保留しています", "A mail is held: its content is refused"
            )
            what = Text(
                "メールサーバーが内容を拒否したメールがあります。ほかのメールは送信しています。",
                "A mail server refuses the content of a mail. The others go out.",
            )
        await self._not_delivered(
            incident,
            recipient,
            subject,
            Text(
                f"{what.ja}\nメールサーバー: {server}\n\n{advice.ja}\n\n{goes_on.ja}\n\n"
                "保留中のメールの一覧: zaiond-ctl queue list",
                f"{what.en}\nMail server: {server}\n\n{advice.en}\n\n{goes_on.en}\n\n"
                "What is held: zaiond-ctl queue list",
            ),
            language,
        )

    def _day(self) -> str:
        return str(datetime.fromtimestamp(self._clock()).astimezone().date())

    async def _not_delivered(
        self, incident: str, recipient: str, subject: Text, said: Text, language: Language
    ) -> None:
        await self._emit(
            f"zaiond.delivery.failed/{incident}"[:255],
            "zaiond.delivery.failed",
            "err",
            subject,
            said.in_language(language),
            {"recipient": recipient} if recipient else {},
            language,
        )

    async def refresh_token_ends(
        self, server: MailServer, expires: float | None, refusal: str, language: Language
    ) -> None:
        """The refresh token of a server ends soon, or is refused already; told once a day at most,
        and once for each end.
        """
        file = server.auth.oauth2.refresh_token_file
        day = datetime.fromtimestamp(self._clock() if expires is None else expires).astimezone()
        if refusal:
            subject = Text(
                f"{server.address} のリフレッシュ トークンが使えなくなっています",
                f"The refresh token for {server.address} is no longer taken",
            )
            why = Text(f"応答: {refusal}", f"The answer: {refusal}")
        else:
            at = day.isoformat(" ", "minutes")
            subject = Text(
                f"{server.address} のリフレッシュ トークンの期限が近づいています",
                f"The refresh token for {server.address} is about to end",
            )
            why = Text(f"期限: {at}", f"It holds until {at}")
        advice = Text(
            "もう一度許可して、新しいリフレッシュ トークンを次のファイルに書いてください。"
            f"自動的に反映されます。このままでは、このサーバーでメールを送れなくなります。\n{file}",
            "Give consent anew, and write the new refresh token into this file; it takes effect by"
            f" itself. Without it no mail can be sent by this server.\n{file}",
        )
        self._journal.warning(
            Text(f"{subject.ja}（{why.ja}）", f"{subject.en} ({why.en})"), server=server.address
        )
        await self._emit(
            f"zaiond.oauth2.expires/{server.address}/{day.date()}{'/refused' if refusal else ''}",
            "zaiond.oauth2.expires",
            "err" if refusal else "warning",
            subject,
            f"{why.in_language(language)}\n\n{advice.in_language(language)}",
            {"server": server.address},
            language,
        )

    async def salvaged(self, salvage: Salvage, language: Language) -> None:
        """The database could not be used as it was, and what could be read was taken over."""
        advice = Text(
            "ディスクとファイルシステムを確認してください。",
            "Check disk and file system.",
        )
        parts = (salvage.why.ja + "。", salvage.taken_over.ja, advice.ja)
        if language == "en":
            parts = (
                f"Cause: {salvage.why.en}.",
                f"Taken over: {salvage.taken_over.en}.",
                advice.en,
            )
        await self._emit(
            f"zaiond.store.recovered/{int(salvage.at)}",
            "zaiond.store.recovered",
            "crit",
            Text("キューのデータベースを復旧しました", "The queue's database was recovered"),
            "\n".join(parts),
            {},
            language,
        )

    async def damaged(self, damage: Damage, language: Language) -> None:
        """Rows of the database could not be read, and were set aside."""
        said = Text(
            f"{damage.text.ja}。\nディスクとファイルシステムを確認してください。",
            f"{damage.text.en}.\nCheck disk and file system.",
        )
        await self._emit(
            f"zaiond.store.recovered/rows/{int(self._clock())}",
            "zaiond.store.recovered",
            "crit",
            Text(
                "キューのデータベースに読めない行がありました",
                "Rows of the queue's database could not be read",
            ),
            said.in_language(language),
            {},
            language,
        )

    async def spool_refused(
        self, path: str, uid: int, why: Text, excerpt: str, language: Language
    ) -> None:
        """Something in a file of the spool can't be taken; the file is at `path` now. Many within
        an hour are one notice.
        """
        if self._spool_files:  # there is one already who will tell
            if len(self._spool_files) < MOST_SPOOL_FILES:
                self._spool_files.append(_SpoolFile(path, uid, why, excerpt))
            else:
                self._spool_files_more += 1
            return
        self._spool_files.append(_SpoolFile(path, uid, why, excerpt))
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._spool_told_at + SPOOL_INTERVAL - loop.time())
        self._spool_told_at = loop.time()
        files, more = self._spool_files, self._spool_files_more
        self._spool_files, self._spool_files_more = [], 0
        count = len(files) + more
        said: list[str] = []
        for file in files:
            name = self._user_name(file.uid)
            path = one_line(file.path)
            head = Text(
                f"ファイル: {path}\nユーザー: {name}\n原因: {file.why.ja}",
                f"File: {path}\nUser: {name}\nCause: {file.why.en}",
            )
            said += [head.in_language(language), file.excerpt, ""]
        if more:
            further = Text(f"ほかに {more} 件あります。", f"And {more} more.")
            said += [further.in_language(language), ""]
        advice = Text(
            "ほかの行のイベントは受け付けました。イベントを書いたプログラムを修正し、必要なイベントは"
            "送り直してください（zaiond-ctl emit）。保管しているファイルの一覧は zaiond-ctl spool"
            " list、ファイルを直してもう一度受け付けるには zaiond-ctl spool retry、不要になったら"
            " zaiond-ctl spool delete を実行してください。",
            "The events of the other lines were taken. Correct the program that wrote them, and"
            " emit again what is wanted (zaiond-ctl emit). What is kept: zaiond-ctl spool list; to"
            " have a file taken again that was mended: zaiond-ctl spool retry; when it is of no"
            " more use: zaiond-ctl spool delete.",
        )
        await self._emit(
            f"zaiond.spool.refused/{ascii(os.path.basename(files[0].path))[1:-1]}"[:255],
            "zaiond.spool.refused",
            "err",
            Text(
                f"スプールに受け付けられないイベントがあります（ファイル {count} 件）",
                f"Events in the spool can't be taken ({count} file{'s' * (count > 1)})",
            ),
            "\n".join([*said, advice.in_language(language)]),
            {},
            language,
        )

    async def _emit(
        self,
        id: str,
        type: str,
        severity: Severity,
        subject: Text,
        message: str,
        data: dict[str, str],
        language: Language,
    ) -> None:
        body = json.dumps(
            {
                "type": type,
                "source": NOTICE_SOURCE,
                "severity": severity,
                "subject": subject.in_language(language),
                "message": message,
                "data": data,
            },
            ensure_ascii=False,
        ).encode("utf-8", "replace")
        urgent = severity in URGENT
        new = (id, os.getuid(), NOTICE_SOURCE, self._clock(), body, urgent, None)
        try:
            accept = partial(
                events.accept,
                batch=[new],
                queued=self._queue_time(),
                places=self._turns.give([new], notice=True),
                notice=True,
            )
            acceptance = await self._writer.submit(accept)
        except StoreError as error:
            self._journal.error(
                Text(
                    f"管理者への通知を記録できません: {subject.ja}: {error.text.ja}",
                    f"can't record a notice to the admins: {subject.en}: {error.text.en}",
                ),
                by="notices",
            )
            return
        if acceptance.events:
            self._on_accepted(acceptance)
