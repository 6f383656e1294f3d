"""Hints for AUTH: what the server offers, and what it says to our login."""

from zaiond.smtp.failure import Failure
from zaiond.smtp.hint import token
from zaiond.smtp.hint.pair import Pair, first_that_fits, words
from zaiond.smtp.hint.providers import PROVIDERS
from zaiond.smtp.reply import Reply
from zaiond.text import Text

# What `mail_server.auth.mechanism` is for the names of EHLO.
_SETTINGS = {
    "PLAIN": "basic",
    "LOGIN": "basic",
    "CRAM-MD5": "cram-md5",
    "NTLM": "ntlm",
    "XOAUTH2": "xoauth2",
}


def impossible(failure: Failure) -> Pair:
    """For a login that wasn't begun."""
    if failure.cause == "unprotected":
        return _UNPROTECTED
    offered = failure.detail.removeprefix("the server offers ")
    if offered == "nothing":
        return _NO_LOGIN_HERE
    usable = list(
        dict.fromkeys(_SETTINGS[name] for name in offered.split(", ") if name in _SETTINGS)
    )
    remedy = Text(
        "サーバーの管理者に、使える認証方式を確認してください。認証が不要なら "
        "mail_server.auth.mechanism を none にします。",
        "Ask the server's administrator which login can be used. If none is wanted, set "
        "mail_server.auth.mechanism to none.",
    )
    if usable:
        remedy = Text(
            f"設定 mail_server.auth.mechanism を {' か '.join(usable)} にしてください。暗号化した"
            "接続やポート 587 では、ほかの方式を提供するサーバーもあります"
            "（mail_server.security、mail_server.port）。",
            f"Set mail_server.auth.mechanism to {' or '.join(usable)}. Once the connection is "
            "encrypted, or on port 587, some servers offer another one (mail_server.security, "
            "mail_server.port).",
        )
    return (
        Text(
            f"設定した方式の SMTP 認証を、サーバーが提供していません（提供する方式: {offered}）。",
            f"The server doesn't offer the configured way to log in. It offers {offered}.",
        ),
        remedy,
    )


def refused(failure: Failure, reply: Reply) -> Pair:
    """For the server's answer to AUTH."""
    said = reply.text
    if reply.code >= 500 and failure.detail.startswith("XOAUTH2"):
        return token.REFUSED
    found = first_that_fits(_SAID, said)
    if found is not None:
        return found
    if reply.code < 500:
        return _LATER
    if failure.mechanism in _WRONG_BY:
        return _WRONG_BY[failure.mechanism]
    host = failure.server.rpartition(":")[0].rstrip(".").lower()
    return first_that_fits(PROVIDERS, f"{host} {said}") or _WRONG


_UNPROTECTED: Pair = (
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
_NO_LOGIN_HERE: Pair = (
    Text(
        "サーバーは、この接続では SMTP 認証を提供していません。",
        "The server offers no login on this connection.",
    ),
    Text(
        "認証を暗号化した接続だけで提供するサーバーでは、mail_server.port を 587 に、"
        "mail_server.security を starttls にしてください。認証が不要なサーバーなら "
        "mail_server.auth.mechanism を none にします。",
        "Where a login is offered only on an encrypted connection, set mail_server.port to 587 and "
        "mail_server.security to starttls. If the server wants no login, set "
        "mail_server.auth.mechanism to none.",
    ),
)
_LATER: Pair = (
    Text("サーバーは今は認証を行えません。", "The server can't check the login at present."),
    Text(
        "しばらくしてからもう一度お試しください。続くときはサーバーの管理者に"
        "問い合わせてください。",
        "Try again after a while. If it goes on, ask the server's administrator.",
    ),
)
_WRONG: Pair = (
    Text("サーバーがログインを断りました。", "The server refuses the login."),
    Text(
        "設定 mail_server.auth の username とパスワードを確認してください。username には、@ "
        "以下までのメールアドレスが必要なサーバーもあります。二段階認証を使うサービスでは、"
        "専用の「アプリ パスワード」が必要なことがあります。",
        "Check username and password of mail_server.auth. Some servers want the whole mail "
        "address, with its domain, as the username; services with two-step verification may want "
        "an app password.",
    ),
)
_WRONG_BY: dict[str, Pair] = {
    "NTLM": (
        Text(
            "サーバーが統合 Windows 認証（NTLM）によるログインを断りました。",
            "The server refuses the login by integrated Windows authentication (NTLM).",
        ),
        Text(
            "設定 mail_server.auth の username を DOMAIN\\user か user@domain の形にし、"
            "パスワードを確認してください。正しければ、古いサーバーでは "
            "mail_server.auth.ntlm_version を 1 にします。ドメインの管理者が NTLM を禁止している"
            "こともあります。",
            "Write username of mail_server.auth as DOMAIN\\user or user@domain, and check the "
            "password. If both are right, an old server may want mail_server.auth.ntlm_version 1; "
            "or the domain's administrator has forbidden NTLM.",
        ),
    ),
    "CRAM-MD5": (
        Text(
            "サーバーが CRAM-MD5 によるログインを断りました。",
            "The server refuses the login by CRAM-MD5.",
        ),
        Text(
            "設定 mail_server.auth の username とパスワードを確認してください。正しければ、この"
            "アカウントには CRAM-MD5 用のパスワードが登録されていないことがあります。TLS を使える"
            "サーバーなら、mail_server.auth.mechanism を basic にしてください。",
            "Check username and password of mail_server.auth. If they are right, the server may "
            "have no password for CRAM-MD5 of this account: with a server that knows TLS, set "
            "mail_server.auth.mechanism to basic.",
        ),
    ),
}
# Microsoft 365: 550 5.7.30, 535 5.7.139 "basic authentication is disabled".
WANTS_OAUTH = words(
    r"5\.7\.30\b|basic auth\w* (?:is|has been) (?:disabled|not supported)|no longer supports? basic"
    r"|oauth|less secure app",
    (
        Text(
            "このサーバーは、ユーザー ID とパスワードでの認証（基本認証）を受け付けません。OAuth "
            "2.0 のトークンが必要です。",
            "This server no longer takes a login by username and password (basic authentication): "
            "it wants a token of OAuth 2.0.",
        ),
        Text(
            "設定 mail_server.auth.mechanism を xoauth2 にし、mail_server.auth.oauth2 にトークンの"
            "取得方法を設定してください（README の「お使いのメールサーバー」に例があります）。"
            "Microsoft 365 では、認証なしで中継するコネクタを管理者に用意してもらう"
            "方法もあります。",
            "Set mail_server.auth.mechanism to xoauth2, and in mail_server.auth.oauth2 how to get "
            'a token (examples: "Your mail server" in the README). The administrator of Microsoft '
            "365 can also set up a connector that relays without a login.",
        ),
    ),
)
_SAID = (
    WANTS_OAUTH,
    words(
        r"smtpclientauthentication is disabled|smtp_auth_disabled",
        (
            Text(
                "このアカウントでは、SMTP 認証が無効になっています。",
                "SMTP AUTH is turned off for this account.",
            ),
            Text(
                "Microsoft 365 の管理センターで、このユーザーの「メール アプリの管理」"
                "から「認証済み SMTP」を有効にしてもらってください。基本認証が廃止されている組織で"
                "は、そのうえで mail_server.auth.mechanism を xoauth2 にします。",
                'Have "Authenticated SMTP" turned on for this user in the Microsoft 365 admin '
                'center ("Manage email apps"). Where basic authentication is gone, set '
                "mail_server.auth.mechanism to xoauth2 as well.",
            ),
        ),
    ),
    # Google: 534-5.7.9 "Application-specific password required".
    words(
        r"5\.7\.9\b.*password|application-specific|app[- ]?(?:specific )?password"
        r"|invalidsecondfactor",
        (
            Text(
                "このサービスには、通常のパスワードではなく「アプリ パスワード」が必要です。",
                "This service wants an app password, not the account's own.",
            ),
            Text(
                "アカウントの管理画面で二段階認証を有効にしてアプリ パスワードを作り、"
                "mail_server.auth のパスワードに設定してください。",
                "Turn on two-step verification for the account, make an app password on its "
                "security page, and set it as the password of mail_server.auth.",
            ),
        ),
    ),
    # Google: 534-5.7.14 "Please log in via your web browser".
    words(
        r"5\.7\.14\b|web ?browser",
        (
            Text(
                "このサービスは、見慣れないマシンからのログインとして保留しました。",
                "The service holds the login up, as it comes from a machine that it doesn't know.",
            ),
            Text(
                "一度 Web ブラウザーでそのアカウントにログインして、このログインを"
                "許可してください。それでも断られるときは、アプリ パスワードを作って "
                "mail_server.auth に設定してください。",
                "Log in to that account by a web browser once, and allow it. If it is refused all "
                "the same, make an app password and set it in mail_server.auth.",
            ),
        ),
    ),
    words(
        r"too many (?:\w+ )*(?:log[io]n|auth|attempt|fail)|auth005|try(?:ing)? to log ?in too",
        (
            Text(
                "ログインの回数が多すぎるため、サーバーが一時的に断っています。",
                "There were too many logins, and the server turns us away for a while.",
            ),
            Text(
                "しばらく（数十分から数時間）待ってください。パスワードの間違いが続いた後なら、先に"
                " mail_server.auth のパスワードを確かめてください。正しいのに続くときは、"
                "mail_server.max_connections を小さくします。",
                "Wait for a while (from minutes to some hours). If wrong passwords came before, "
                "check the password of mail_server.auth first. If it is right and this goes on, "
                "lower mail_server.max_connections.",
            ),
        ),
    ),
    # RFC 4954 6: 534 5.7.9 "mechanism is too weak", 538 5.7.11, and 530 where TLS is wanted.
    words(
        r"^538|^5\d\d 5\.7\.11|must issue a? ?starttls|encryption (?:is )?required|ssl required"
        r"|secure connection|use tls",
        (
            Text(
                "サーバーは、暗号化した接続でだけ認証を受け付けます。",
                "The server takes a login only on an encrypted connection.",
            ),
            Text(
                "設定 mail_server.security を starttls にし、mail_server.port は 587 に"
                "してください。",
                "Set mail_server.security to starttls and mail_server.port to 587.",
            ),
        ),
    ),
    words(
        r"^50[0-4]|^5\d\d 5\.(?:5\.[124]|7\.4)\b|unrecognized auth|not advertised"
        r"|mechanism.*(?:not|un)\w*|too weak",
        (
            Text(
                "サーバーは、この認証方式を受け付けません。",
                "The server doesn't take this kind of login.",
            ),
            Text(
                "サーバーの管理者に、使える認証方式（mail_server.auth.mechanism）とポート"
                "（mail_server.port、多くは 587）を確認してください。",
                "Ask the server's administrator for the mechanism (mail_server.auth.mechanism) and "
                "the port (mail_server.port, 587 usually).",
            ),
        ),
    ),
    # RFC 4954 6: 432 4.7.12 and 525 5.7.13.
    words(
        r"[45]\.7\.12\b|password (?:has )?(?:expired|must be changed)|transition is needed",
        (
            Text(
                "パスワードの有効期限が切れたため、変更が必要です。",
                "The password has expired and must be changed.",
            ),
            Text(
                "サーバーの管理者に確認してパスワードを変更し、mail_server.auth に"
                "設定してください。",
                "Change it as the server's administrator says, and set the new one in "
                "mail_server.auth.",
            ),
        ),
    ),
    words(
        r"5\.7\.13\b|account.*(?:disabled|locked|suspended|inactive)|(?:disabled|locked) "
        r"(?:account|user)|user is locked",
        (
            Text(
                "このアカウントは、停止またはロックされています。",
                "This account is disabled or locked.",
            ),
            Text(
                "サーバーの管理者に、mail_server.auth の username のアカウントを使えるようにして"
                "もらってください。",
                "Have the server's administrator unlock the account in username of "
                "mail_server.auth.",
            ),
        ),
    ),
)
