"""What the daemon itself has to tell the administrators: events of its own, by the one way out.
`reports` sends them. Pure.

One notice an incident: the id says which incident it is, so that idempotency keeps it to one, also
across restarts.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from posixpath import basename
from typing import NamedTuple

from zaiond.config.schema import MailServer
from zaiond.errors import Diagnostic
from zaiond.holds import Hold
from zaiond.message.layout import operands
from zaiond.model import AttemptResult, QueuedMail, Severity
from zaiond.safe import one_line
from zaiond.smtp.failure import Failure
from zaiond.smtp.verdict import judge
from zaiond.store.damage import Damage
from zaiond.store.recovery import Salvage
from zaiond.text import Text

MOST_DIAGNOSTICS = 50
_BLANK = Text("", "")


class Notice(NamedTuple):
    """An event of the daemon's own."""

    id: str
    type: str
    severity: Severity
    subject: Text
    message: Text
    data: Mapping[str, str] = {}


class SpoolFile(NamedTuple):
    """A file of the spool with something that can't be taken: where it is now, whose it is, why,
    and the beginning of the first such line.
    """

    path: str
    user: str
    why: Text
    excerpt: str


def _lines(*parts: Text) -> Text:
    return Text("\n".join(part.ja for part in parts), "\n".join(part.en for part in parts))


def _day(at: float) -> str:
    return str(datetime.fromtimestamp(at).astimezone().date())


def configuration_broken(incident: str, errors: Sequence[Diagnostic]) -> Notice:
    """The configuration on disk can't be taken; told once, until it is mended."""
    advice = Text(
        "直前の有効な設定のまま動作を続けています。修正すると自動的に反映されます。"
        "元に戻すには zaiond-ctl config revert を実行してください。",
        "The last good configuration stays in force. Once mended, the file takes effect by"
        " itself; to go back, run: zaiond-ctl config revert",
    )
    return Notice(
        f"zaiond.config.broken/{incident}",
        "zaiond.config.broken",
        "err",
        Text("設定ファイルに誤りがあります", "The configuration is not valid"),
        _lines(*(error.formatted for error in errors[:MOST_DIAGNOSTICS]), _BLANK, advice),
    )


def server_out_of_use(server: str, failure: Failure, since: float, *, faulty: bool) -> Notice:
    """A server (`host:port`) can't be used, and another one sends in its place."""
    return Notice(
        f"zaiond.server.{'fault' if faulty else 'down'}/{server}/{int(since)}",
        "zaiond.server.fault" if faulty else "zaiond.server.down",
        "err" if faulty else "warning",
        Text(f"メールサーバー {server} が使えません", f"The mail server {server} can't be used"),
        Text(
            f"予備のメールサーバーで送信しています。原因: {failure.text.ja}",
            f"Mail goes out by another server. Cause: {failure.text.en}",
        ),
        {"server": server},
    )


def expired(mail: QueuedMail, attempted: AttemptResult, now: float) -> Notice:
    """A mail was not delivered in its time; told once a day for a recipient."""
    recipient = attempted.delivery.recipient
    ids = " ".join(event.id for event in mail.events)
    again = f"zaiond-ctl queue retry {operands([event.id for event in mail.events])}"
    said = ": ".join(filter(None, (attempted.server, attempted.reply)))
    return _not_delivered(
        f"{_day(now)}/expired/{recipient}",
        recipient,
        Text(
            f"{recipient} に期限内に送信できませんでした", f"Not delivered in time to {recipient}"
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
    )


def held(hold: Hold, last_delivered: int, now: float) -> Notice:
    """An address or a mail is held: somebody has to mend something. Told once for an address until
    it has got a mail again (`last_delivered` is the row of the last one), once a day for mails.
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
        incident = f"{last_delivered}/{recipient}"
        subject = Text(f"{recipient} へのメールを保留しています", f"Mail to {recipient} is held")
        what = Text(
            "このアドレスがメールサーバーに拒否されました。ほかの宛先には送信しています。",
            "A mail server refuses this address. The other recipients get their mail.",
        )
    elif judge(hold.failure).outcome == "ambiguous":
        incident = f"{_day(now)}/unknown"
        subject = Text(
            "届いたかどうか分からないメールを保留しています",
            "A mail is held: it may have arrived",
        )
        what = Text(
            "何度送信しても、受け付けたという応答がなかったメールがあります。"
            "ほかのメールは送信しています。",
            "A mail was sent several times, and no server said that it took it. The others go out.",
        )
        goes_on = Text(
            "届いていなければ、次のコマンドで送信できます。\nzaiond-ctl queue retry\n"
            "届いていれば、次のコマンドで削除できます。\nzaiond-ctl queue delete ID",
            "If it hasn't arrived, this sends it:\nzaiond-ctl queue retry\n"
            "If it has, this deletes it:\nzaiond-ctl queue delete ID",
        )
    else:
        incident = f"{_day(now)}/mail"
        subject = Text(
            "内容を拒否されたメールを保留しています", "A mail is held: its content is refused"
        )
        what = Text(
            "メールサーバーが内容を拒否したメールがあります。ほかのメールは送信しています。",
            "A mail server refuses the content of a mail. The others go out.",
        )
    return _not_delivered(
        incident,
        recipient,
        subject,
        Text(
            f"{what.ja}\nメールサーバー: {server}\n\n{advice.ja}\n\n{goes_on.ja}\n\n"
            "保留中のメールの一覧: zaiond-ctl queue list",
            f"{what.en}\nMail server: {server}\n\n{advice.en}\n\n{goes_on.en}\n\n"
            "What is held: zaiond-ctl queue list",
        ),
    )


def _not_delivered(incident: str, recipient: str, subject: Text, message: Text) -> Notice:
    return Notice(
        f"zaiond.delivery.failed/{incident}"[:255],
        "zaiond.delivery.failed",
        "err",
        subject,
        message,
        {"recipient": recipient} if recipient else {},
    )


def refresh_token_ends(
    server: MailServer, expires: float | None, refusal: str, now: float
) -> tuple[Notice, Text]:
    """The refresh token of a server ends soon, or is refused already; told once a day at most, and
    once for each end. Gives the line of the journal, too.
    """
    file = server.auth.oauth2.refresh_token_file
    day = datetime.fromtimestamp(now if expires is None else expires).astimezone()
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
    notice = Notice(
        f"zaiond.oauth2.expires/{server.address}/{day.date()}{'/refused' if refusal else ''}",
        "zaiond.oauth2.expires",
        "err" if refusal else "warning",
        subject,
        _lines(why, _BLANK, advice),
        {"server": server.address},
    )
    return notice, Text(f"{subject.ja}（{why.ja}）", f"{subject.en} ({why.en})")


def salvaged(salvage: Salvage) -> Notice:
    """The database could not be used as it was, and what could be read was taken over."""
    return Notice(
        f"zaiond.store.recovered/{int(salvage.at)}",
        "zaiond.store.recovered",
        "crit",
        Text("キューのデータベースを復旧しました", "The queue's database was recovered"),
        Text(
            f"{salvage.why.ja}。\n{salvage.taken_over.ja}\n{_CHECK.ja}",
            f"Cause: {salvage.why.en}.\nTaken over: {salvage.taken_over.en}.\n{_CHECK.en}",
        ),
    )


def damaged(damage: Damage, now: float) -> Notice:
    """Rows of the database could not be read, and were set aside."""
    return Notice(
        f"zaiond.store.recovered/rows/{int(now)}",
        "zaiond.store.recovered",
        "crit",
        Text(
            "キューのデータベースに読めない行がありました",
            "Rows of the queue's database could not be read",
        ),
        Text(f"{damage.text.ja}。\n{_CHECK.ja}", f"{damage.text.en}.\n{_CHECK.en}"),
    )


_CHECK = Text("ディスクとファイルシステムを確認してください。", "Check disk and file system.")


def spool_refused(files: Sequence[SpoolFile], more: int) -> Notice:
    """Something in files of the spool can't be taken: these, and so many more."""
    count = len(files) + more
    said: list[Text] = []
    for file in files:
        path, excerpt = one_line(file.path), file.excerpt
        said.append(
            Text(
                f"ファイル: {path}\nユーザー: {file.user}\n原因: {file.why.ja}\n{excerpt}\n",
                f"File: {path}\nUser: {file.user}\nCause: {file.why.en}\n{excerpt}\n",
            )
        )
    if more:
        said.append(Text(f"ほかに {more} 件あります。\n", f"And {more} more.\n"))
    said.append(
        Text(
            "ほかの行のイベントは受け付けました。イベントを書いたプログラムを修正し、必要なイベントは"
            "送り直してください（zaiond-ctl emit）。保管しているファイルの一覧は zaiond-ctl spool"
            " list、ファイルを直してもう一度受け付けるには zaiond-ctl spool retry、不要になったら"
            " zaiond-ctl spool delete を実行してください。",
            "The events of the other lines were taken. Correct the program that wrote them, and"
            " emit again what is wanted (zaiond-ctl emit). What is kept: zaiond-ctl spool list; to"
            " have a file taken again that was mended: zaiond-ctl spool retry; when it is of no"
            " more use: zaiond-ctl spool delete.",
        )
    )
    return Notice(
        f"zaiond.spool.refused/{ascii(basename(files[0].path))[1:-1]}"[:255],
        "zaiond.spool.refused",
        "err",
        Text(
            f"スプールに受け付けられないイベントがあります（ファイル {count} 件）",
            f"Events in the spool can't be taken ({count} file{'s' * (count > 1)})",
        ),
        _lines(*said),
    )
