"""What a person can do about a failure: its cause and its remedy, for who is no mail specialist.

Each sentence names the settings by their keys, so that it can be followed without a manual. The
server's own words stand in the cause: they are what a server's administrator can be asked about.
"""

import re

from zaiond.smtp import hint_login
from zaiond.smtp.failure import Failure, Stage
from zaiond.smtp.hint_pop import logging_in_by_pop
from zaiond.smtp.hint_reach import Pair, connecting, securing
from zaiond.smtp.reply import Reply
from zaiond.smtp.verdict import Scope, judge, wants_login
from zaiond.text import Text


def hint(failure: Failure, keys: str = "mail_server") -> Text:
    """Cause and remedy, each on its own line; `keys` is the dotted key of the server's settings."""
    cause, remedy = _pair(failure)
    if keys != "mail_server":
        remedy = Text(*(words.replace("mail_server.", f"{keys}.") for words in remedy))
    return Text(
        ja=f"原因: {cause.ja}\n対処: {remedy.ja}",
        en=f"Cause: {cause.en}\nRemedy: {remedy.en}",
    )


def _pair(failure: Failure) -> Pair:
    reply = failure.reply
    if failure.stage is Stage.POP:
        return logging_in_by_pop(failure)
    if failure.stage in (Stage.RESOLVE, Stage.CONNECT):
        return connecting(failure)
    if failure.stage is Stage.TOKEN:
        return hint_login.token(failure)
    if failure.cause in ("tls", "certificate", "tls_not_offered", "injection") or (
        failure.stage in (Stage.TLS, Stage.STARTTLS)
    ):
        return securing(failure)
    if failure.cause in ("no_mechanism", "unprotected"):
        return _login_impossible(failure)
    if failure.cause == "reply" and reply is not None:
        cause, remedy = _refusal(failure, reply)
        said = reply.text
        return Text(f"{cause.ja}応答: {said}", f"{cause.en} It said: {said}"), remedy
    return _session(failure)


def _login_impossible(failure: Failure) -> Pair:
    if failure.cause == "unprotected":
        return (
            Text(
                "パスワードが保護されないため、送りませんでした。接続が暗号化されていないか、"
                "サーバーの証明書を確かめられません。",
                "The password was not sent, as it would not be protected: the connection is not "
                "encrypted, or the server's certificate could not be verified.",
            ),
            Text(
                "どちらかを設定してください。(1) mail_server.security を starttls か tls に"
                "する（必要なら mail_server.ca_file も）。(2) 読まれてもよいネットワークなら、"
                "mail_server.auth.allow_unprotected_password を true にする。",
                "Do one of two things: (1) set mail_server.security to starttls or tls (and "
                "mail_server.ca_file, if need be); (2) if others on the network may read the "
                "password, set mail_server.auth.allow_unprotected_password to true.",
            ),
        )
    offered = failure.detail.removeprefix("the server offers ")
    return (
        Text(
            "設定した方式の SMTP 認証を、サーバーが提供していません（サーバーが提供する方式: "
            f"{'なし' if offered == 'nothing' else offered}）。",
            f"The server doesn't offer the configured way to log in. It offers {offered}.",
        ),
        Text(
            "サーバーに認証が不要なら mail_server.auth.mechanism を none にします。必要なら、"
            "サーバーの管理者に方式とポート（587 など）を確認してください。暗号化した接続で"
            "だけ認証を提供するサーバーもあります（mail_server.security）。",
            "If the server wants no login, set mail_server.auth.mechanism to none. Else ask its "
            "administrator for the mechanism and the port (587, usually). Some servers offer a "
            "login only once the connection is encrypted (mail_server.security).",
        ),
    )


_WANTS_TLS = re.compile(rb"starttls|encrypt|\btls\b|\bssl\b", re.IGNORECASE)


def _refusal(failure: Failure, reply: Reply) -> Pair:
    """For a reply; the server's words are put behind the cause."""
    stage, code = failure.stage, reply.code
    enhanced = reply.enhanced or (0, 0, 0)
    said = b" ".join(reply.lines)
    verdict = judge(failure)
    if verdict.wait:
        return (
            Text(
                "サーバーへの同時接続が多すぎます。",
                "There are too many connections to the server.",
            ),
            Text(
                "しばらくしてからもう一度お試しください。続くときは mail_server.max_connections を"
                "小さくしてください。",
                "Try again after a while. If it goes on, lower mail_server.max_connections.",
            ),
        )
    if stage in (Stage.GREETING, Stage.EHLO):
        return (
            Text(
                "サーバーがこのマシンからの接続を断りました。",
                "The server turns this machine away.",
            ),
            Text(
                "サーバーの管理者に、このマシンの IP アドレスからの送信を"
                "許可してもらってください。名乗る名前を断られたときは mail_server.helo_name を"
                "設定します。",
                "Ask the server's administrator to allow this machine's IP address. If it is our "
                "name that is refused, set mail_server.helo_name.",
            ),
        )
    if stage is Stage.AUTH:
        return hint_login.refused(failure, reply)
    if hint_login.wants_oauth(reply) and failure.stage is not Stage.RCPT:
        return hint_login.OAUTH_DEMANDED
    if code == 421:
        return _LATER
    if verdict.outcome == "held":
        if verdict.scope is Scope.RECIPIENT:
            return _RELAY
        if code == 530 and _WANTS_TLS.search(said):
            return (
                Text("サーバーが暗号化を求めています。", "The server demands encryption."),
                Text(
                    "設定 mail_server.security を starttls にしてください。",
                    "Set mail_server.security to starttls.",
                ),
            )
        if wants_login(reply):
            return (
                Text("サーバーが SMTP 認証を求めています。", "The server demands a login."),
                Text(
                    "設定 mail_server.auth の mechanism を basic にし、username とパスワードを"
                    "設定してください。",
                    "Set mechanism of mail_server.auth to basic, and its username and password.",
                ),
            )
        return (
            Text(
                "サーバーが送信元アドレスを断りました。", "The server refuses the sender's address."
            ),
            Text(
                "設定 sender に、@ 以下まであり、このサーバーに実在するアドレス（例: "
                "zaionnex@example.co.jp）を設定してください。",
                "Set sender to an address that exists on this server, with its domain after the @ "
                "(for example zaionnex@example.co.jp).",
            ),
        )
    if code < 500:
        return _LATER
    if stage is Stage.RCPT:
        return _recipient(enhanced)
    if code == 552 or enhanced[1:] in ((3, 4), (2, 3)):
        return _TOO_BIG
    return (
        Text("サーバーがメールの内容を断りました。", "The server refuses the mail."),
        Text(
            "迷惑メールやウイルスの検査、サーバーの送信の決まりが原因のことがあります。サーバーの"
            "管理者に、この応答を伝えて確認してください。",
            "A filter against spam or viruses, or the server's rules may be the reason. Tell its "
            "administrator these words.",
        ),
    )


def _recipient(enhanced: tuple[int, int, int]) -> Pair:
    if enhanced[1:] == (2, 2):
        return (
            Text("宛先のメールボックスがいっぱいです。", "The recipient's mailbox is full."),
            Text(
                "宛先の人に、メールボックスを空けてもらってください。",
                "Ask the recipient to make room in it.",
            ),
        )
    return (
        Text("サーバーがこの宛先を断りました。", "The server refuses this recipient."),
        Text(
            "宛先アドレスのつづりと、実在するかを確認してください。正しければ、サーバーの管理者に"
            "この応答を伝えて確認してください。",
            "Check the spelling of the address, and that it exists. If it is right, tell the "
            "server's administrator these words.",
        ),
    )


_RELAY = (
    Text(
        "サーバーが、この宛先への中継を断りました。",
        "The server doesn't pass on mail to this recipient for us.",
    ),
    Text(
        "宛先のドメインのつづりを確認してください。正しければ、設定 mail_server.auth で SMTP "
        "認証を使うか、サーバーの管理者にこのマシンからの中継を許可してもらってください。",
        "Check the spelling of the address's domain. If it is right, log in by mail_server.auth, "
        "or ask the server's administrator to allow this machine to relay.",
    ),
)
_LATER = (
    Text(
        "サーバーは今はメールを受け付けません。",
        "The server doesn't take the mail at present.",
    ),
    Text(
        "しばらくしてからもう一度お試しください（初めての相手を"
        "数分間待たせるサーバーもあります）。続くときは、サーバーの管理者にこの応答を"
        "伝えて確認してください。",
        "Try again after a while (some servers let a newcomer wait for some minutes). If it goes "
        "on, tell the server's administrator these words.",
    ),
)
_TOO_BIG = (
    Text(
        "メールがサーバーの許す大きさを超えています。", "The mail is larger than the server allows."
    ),
    Text(
        "イベントのデータを小さくするか、サーバーの管理者に上限を上げてもらってください。",
        "Make the event's data smaller, or ask the server's administrator for a higher limit.",
    ),
)


def _session(failure: Failure) -> Pair:
    """For what ended or hindered a session without a reply."""
    if failure.cause == "too_big":
        return _TOO_BIG
    if failure.cause == "smtputf8":
        return (
            Text(
                "英数字以外を含むアドレス（SMTPUTF8）に、サーバーが対応していません。",
                "The address has other than ASCII characters, which needs SMTPUTF8, and the "
                "server doesn't offer that.",
            ),
            Text(
                "英数字だけのアドレスを設定してください。",
                "Use an address of ASCII characters only.",
            ),
        )
    if failure.cause == "address":
        return (
            Text(
                "メールアドレスに使えない文字があります。",
                "There are characters in the address that no mail address can have.",
            ),
            Text("アドレスを直してください。", "Correct the address."),
        )
    if failure.stage is Stage.CONTENT:
        return (
            Text(
                "メールを送り終えましたが、サーバーが受け付けたという返事がありません。",
                "The mail was sent, but the server didn't say that it took it.",
            ),
            Text(
                "届いている場合もあるので、まず受信トレイを確認してください。届いていなければ、"
                "サーバーの負荷や途中のファイアウォールを確認してください。",
                "It may have arrived all the same: look into the inbox first. If it hasn't, check "
                "the server's load and firewalls on the way.",
            ),
        )
    if failure.stage is Stage.GREETING:
        if failure.cause == "protocol":
            return (
                Text(
                    f"「{failure.server}」は SMTP のメールサーバーではないようです（"
                    f"{failure.detail}）。",
                    f"{failure.server} doesn't seem to be an SMTP server ({failure.detail}).",
                ),
                Text(
                    "設定 mail_server.host と mail_server.port を確認してください。",
                    "Check mail_server.host and mail_server.port.",
                ),
            )
        return (
            Text(
                f"「{failure.server}」に接続できましたが、SMTP の応答がありません。",
                f"{failure.server} can be connected to, but doesn't speak SMTP to us.",
            ),
            Text(
                "ポート 465 のように初めから TLS を使うポートなら、設定 mail_server.security を "
                "tls にしてください。そうでなければ、mail_server.port とファイアウォールを"
                "確認してください。",
                "If it is a port with TLS from the first byte, as 465, set mail_server.security "
                "to tls. Else check mail_server.port, and firewalls on the way.",
            ),
        )
    ja, en = failure.text
    return (
        Text(
            f"サーバーとの通信が途中で終わりました。{ja}",
            f"The session with the server broke off. {en}.",
        ),
        Text(
            "もう一度お試しください。続くときは、サーバーのログと、途中の"
            "ネットワークやファイアウォールを確認してください。遅いサーバーでは "
            "mail_server.timeout を長くします。",
            "Try again. If it goes on, check the server's log, and the network and firewalls on "
            "the way. For a slow server, raise mail_server.timeout.",
        ),
    )
