"""Hints for what a server says to a mail: its recipient, its content, how many there are."""

from zaiond.smtp.failure import Failure, Stage
from zaiond.smtp.hint import origin
from zaiond.smtp.hint.login import WANTS_OAUTH
from zaiond.smtp.hint.pair import Pair, first_that_fits, words
from zaiond.smtp.hint.session import TOO_BIG
from zaiond.smtp.reply import Reply
from zaiond.smtp.verdict import Scope, judge, wants_login
from zaiond.text import Text


def refused(failure: Failure, reply: Reply) -> Pair:
    """For a reply at any stage but TLS and AUTH."""
    stage, code, said = failure.stage, reply.code, reply.text
    enhanced = reply.enhanced or (0, 0, 0)
    verdict = judge(failure)
    if verdict.wait:
        return _CONNECTIONS
    if stage in (Stage.GREETING, Stage.EHLO):
        return first_that_fits(origin.ABOUT_US, said) or (
            _BUSY if code == 421 else origin.TURNED_AWAY
        )
    if code == 421:
        return first_that_fits(_LIMITS, said) or _LATER
    if stage is not Stage.RCPT and code >= 500 and WANTS_OAUTH.said.search(said):
        return WANTS_OAUTH.pair
    # "Unauthenticated" is what the sender's domain can be, too.
    if wants_login(reply) and not origin.OF_DOMAIN.said.search(said):
        return first_that_fits(origin.LOGIN, said) or origin.WANTS_LOGIN
    # Who checks the sender or us only where the recipient is known (as Postfix does) says so there.
    found = first_that_fits(origin.SENDER, said) or first_that_fits(origin.ABOUT_US, said)
    if found is not None:
        return found
    if verdict.outcome == "held":
        return _RELAY if verdict.scope is Scope.RECIPIENT else origin.OTHER_SENDER
    if (code == 552 and stage is not Stage.RCPT) or enhanced[1:] in ((3, 4), (2, 3)):
        return TOO_BIG
    found = first_that_fits(_LIMITS, said)
    if found is not None:
        return found
    if code < 500:
        return _LATER
    if stage is Stage.RCPT:
        return first_that_fits(_RECIPIENT, said) or _NO_RECIPIENT
    return first_that_fits(_CONTENT, said) or _REFUSED_CONTENT


_CONNECTIONS: Pair = (
    Text("サーバーへの同時接続が多すぎます。", "There are too many connections to the server."),
    Text(
        "しばらくしてからもう一度お試しください。続くときは mail_server.max_connections を"
        "小さくしてください。",
        "Try again after a while. If it goes on, lower mail_server.max_connections.",
    ),
)
_BUSY: Pair = (
    Text(
        "サーバーは今は接続を受け付けません（混雑や保守など）。",
        "The server takes no connections at present (it is busy, or being maintained).",
    ),
    Text(
        "しばらくしてからもう一度お試しください。続くときは、サーバーの管理者にこの応答を伝えて"
        "ください。",
        "Try again after a while. If it goes on, tell the server's administrator these words.",
    ),
)
_RELAY: Pair = (
    Text(
        "サーバーが、この宛先への中継を断りました。",
        "The server doesn't pass on mail to this recipient for us.",
    ),
    Text(
        "宛先のドメインのつづりを確認してください。正しければ、設定 mail_server.auth で SMTP "
        "認証を使うか（古いサーバーでは mail_server.pop_before_smtp）、サーバーの管理者にこのマシン"
        "からの中継を許可してもらってください。",
        "Check the spelling of the address's domain. If it is right, log in by mail_server.auth "
        "(on an old server by mail_server.pop_before_smtp), or ask the server's administrator to "
        "allow this machine to relay.",
    ),
)
_LATER: Pair = (
    Text(
        "サーバーは今はメールを受け付けません。",
        "The server doesn't take the mail at present.",
    ),
    Text(
        "しばらくしてからもう一度お試しください（初めての相手を数分間待たせるサーバーもあります）。"
        "続くときは、サーバーの管理者にこの応答を伝えて確認してください。",
        "Try again after a while (some servers let a newcomer wait for some minutes). If it goes "
        "on, tell the server's administrator these words.",
    ),
)
_LIMITS = (
    words(
        r"^4.*(?:gr[ae]y-?list|postgrey|try again in|come back (?:later|in))",
        (
            Text(
                "サーバーは、初めての相手からのメールをしばらく待たせます（グレーリスト）。",
                "The server lets mail of a newcomer wait for a while (greylisting).",
            ),
            Text(
                "数分たってからもう一度お試しください。通知のメールは、自動的に再送するので届きます。"
                "毎回続くときは、サーバーの管理者に、このマシンを対象から外してもらってください。",
                "Try again after some minutes. The mails about events are sent again by themselves "
                "and do arrive. If it happens each time, ask the server's administrator to exempt "
                "this machine.",
            ),
        ),
    ),
    words(
        r"too many (?:\w+ )*recipients|too many rcpt|[45]\.5\.3\b",
        (
            Text(
                "1 通のメール、または一定時間の宛先の数が、サーバーの制限を超えました。",
                "There are more recipients in one mail, or in a while, than the server takes.",
            ),
            Text(
                "admins の宛先を減らすか、メーリングリストのアドレス 1 つにまとめてください。",
                "Have fewer addresses in admins, or one address of a mailing list.",
            ),
        ),
    ),
    words(
        r"rate ?limit|limit (?:is |was )?(?:exceeded|reached)|(?:sending|submission|message) "
        r"(?:\w+ )?(?:quota|limit)|too (?:many|much) (?:\w+ )*(?:mails?|messages|e-mails)|\bdaily\b"
        r"|(?:sender )?thread limit|5\.4\.5\b|4\.7\.28\b|unusual rate|throttl|server busy",
        (
            Text(
                "送信したメールの数が、サーバーの制限を超えました。",
                "More mails were sent than the server takes in a while.",
            ),
            Text(
                "しばらく待ってください。サーバーの制限に合わせて mail_server.rate（例: 30/m）を"
                "設定すると、超えないように送ります。",
                "Wait for a while. Set mail_server.rate (30/m, for example) to what the server "
                "allows, and no more will be sent.",
            ),
        ),
    ),
    words(
        r"[45]\.2\.2\b|^(?:452|552) 5?\.?.*(?:mailbox|over ?quota|quota)|mailbox (?:is )?full"
        r"|over ?quota",
        (
            Text("宛先のメールボックスがいっぱいです。", "The recipient's mailbox is full."),
            Text(
                "宛先の人に、メールボックスを空けてもらってください。",
                "Ask the recipient to make room in it.",
            ),
        ),
    ),
    words(
        r"[45]\.3\.1\b|insufficient (?:system )?storage|disk (?:is )?full|no space",
        (
            Text(
                "サーバーのディスクに空きがありません。",
                "The server's disk is full.",
            ),
            Text(
                "サーバーの管理者に、この応答を伝えてください。空きができれば、通知のメールは自動的に"
                "再送します。",
                "Tell the server's administrator these words. Once there is room, the mails about "
                "events are sent again by themselves.",
            ),
        ),
    ),
)
_NO_RECIPIENT: Pair = (
    Text("サーバーがこの宛先を断りました。", "The server refuses this recipient."),
    Text(
        "宛先アドレスのつづりと、実在するかを確認してください。正しければ、サーバーの管理者に"
        "この応答を伝えて確認してください。",
        "Check the spelling of the address, and that it exists. If it is right, tell the "
        "server's administrator these words.",
    ),
)
_RECIPIENT = (
    words(
        r"5\.1\.(?:2|10)\b|(?:domain|host) (?:\S+ )?(?:not found|unknown|does not)|null ?mx",
        (
            Text(
                "宛先の @ 以下（ドメイン）が見つからないか、メールを受け取らないドメインです。",
                "The recipient's domain doesn't exist, or takes no mail.",
            ),
            Text(
                "宛先アドレスの @ より後ろのつづりを確認してください。",
                "Check the spelling of the address after the @.",
            ),
        ),
    ),
    words(
        r"5\.2\.1\b|(?:mailbox|account|user).*(?:disabled|inactive|suspended|unavailable)",
        (
            Text(
                "宛先のメールボックスは停止されています。",
                "The recipient's mailbox is disabled.",
            ),
            Text(
                "別の宛先を admins に設定するか、宛先の管理者に確認してください。",
                "Set another address in admins, or ask the administrator of that mailbox.",
            ),
        ),
    ),
)
_REFUSED_CONTENT: Pair = (
    Text("サーバーがメールの内容を断りました。", "The server refuses the mail."),
    Text(
        "迷惑メールやウイルスの検査、サーバーの送信の決まりが原因のことがあります。サーバーの"
        "管理者に、この応答を伝えて確認してください。",
        "A filter against spam or viruses, or the server's rules may be the reason. Tell its "
        "administrator these words.",
    ),
)
_CONTENT = (
    words(
        r"spam|virus|malware|unsolicited|junk|phish|5\.7\.0 .*blocked|infected",
        (
            Text(
                "サーバーの迷惑メールまたはウイルスの検査が、このメールを断りました。",
                "The server's filter against spam or viruses refuses the mail.",
            ),
            Text(
                "サーバーの管理者にこの応答を伝え、このマシンまたは送信元アドレス（設定 sender）"
                "からの通知を許可してもらってください。",
                "Tell the server's administrator these words, and ask for an exception for this "
                "machine, or for the sender's address (sender).",
            ),
        ),
    ),
)
