"""Advice for a login that is wanted, refused, or lacks its token."""

from zaiond.selftest.words import Row
from zaiond.smtp.diagnosis import Diagnosis


def _refused_by(name: str, ja: str, en: str) -> Row:
    """Each of the large providers wants something of its own."""
    return (
        f"{name} がログインを拒否しました。",
        f"{name} refuses the login.",
        "設定 mail_server.auth の username は @ 以下までのメールアドレスにしてください。" + ja,
        "Set username of mail_server.auth to the whole mail address, with its domain. " + en,
    )


_NOT_OFFERED = (
    "設定した方式の SMTP 認証に、サーバーが対応していません（対応する方式: {offered}）。",
    "The server doesn't offer the configured way to log in. It offers {offered}.",
)
_NO_TOKEN = ("トークンの発行を拒否されました{more}。", "No token was given{more}.")
_NO_TOKEN_BY_COMMAND = (
    "token_command からトークンを得られません{more}。",
    "token_command brings no token{more}.",
    "設定 mail_server.auth.oauth2 の token_command を、zaiond を動かしているユーザーで実行して確認"
    "してください（例: sudo -u zaiond コマンド）。標準出力の 1 行目に、トークンだけを書く必要が"
    "あります。",
    "Run token_command of mail_server.auth.oauth2 as the user that runs zaiond, as in: sudo -u "
    "zaiond COMMAND. The first line of its output must be the token.",
)
ADVICE: dict[Diagnosis, Row] = {
    # The login
    Diagnosis.LOGIN_WANTED: (
        "サーバーは、SMTP 認証をしない相手からのメールを受け付けません。",
        "The server demands a login.",
        "設定 mail_server.auth の mechanism を basic にし、username とパスワードを設定して"
        "ください。パスワードを保護するため、mail_server.port は 587 にします。SMTP 認証のない古い"
        "サーバーでは、代わりに mail_server.pop_before_smtp を使います。",
        "Set mechanism of mail_server.auth to basic, and its username and password; "
        "mail_server.port to 587, so that the password is protected. An old server without a "
        "login by SMTP wants mail_server.pop_before_smtp instead.",
    ),
    Diagnosis.POP_LOGIN_WANTED: (
        "サーバーは、送信の前に POP でのログインを求めています（POP before SMTP）。",
        "The server demands a login by POP before mail is sent (POP before SMTP).",
        "設定 mail_server.pop_before_smtp の enabled を true にし、host（POP サーバーの名前）、"
        "username、パスワードを設定してください。SMTP 認証にも対応しているサーバーなら、"
        "mail_server.auth のほうが確実です。",
        "Set enabled of mail_server.pop_before_smtp to true, and its host (the POP server), "
        "username and password. If the server knows a login by SMTP, too, mail_server.auth is "
        "safer.",
    ),
    Diagnosis.ENCRYPTION_WANTED: (
        "サーバーが暗号化を求めています。",
        "The server demands encryption.",
        "設定 mail_server.security を starttls にしてください。サーバーがこのポートで STARTTLS に"
        "対応していなければ、mail_server.port も 587 にします。",
        "Set mail_server.security to starttls. If the server doesn't offer STARTTLS on this port, "
        "set mail_server.port to 587 as well.",
    ),
    Diagnosis.LOGIN_NOT_OFFERED: (
        "サーバーは、この接続では SMTP 認証に対応していません。",
        "The server offers no login on this connection.",
        "暗号化した接続でだけ認証できるサーバーでは、mail_server.port を 587 に、"
        "mail_server.security を starttls にしてください。認証が不要なサーバーなら "
        "mail_server.auth.mechanism を none にします。",
        "Where a login is offered only on an encrypted connection, set mail_server.port to 587 "
        "and mail_server.security to starttls. If the server wants no login, set "
        "mail_server.auth.mechanism to none.",
    ),
    Diagnosis.OTHER_LOGIN_OFFERED: (
        *_NOT_OFFERED,
        "設定 mail_server.auth.mechanism を {usable} にしてください。暗号化した接続やポート 587 で"
        "は、ほかの方式に対応するサーバーもあります（mail_server.security、mail_server.port）。",
        "Set mail_server.auth.mechanism to {usable}. Once the connection is encrypted, or on port "
        "587, some servers offer another one (mail_server.security, mail_server.port).",
    ),
    Diagnosis.NO_COMMON_LOGIN: (
        *_NOT_OFFERED,
        "サーバーの管理者に、使える認証方式を確認してください。認証が不要なら "
        "mail_server.auth.mechanism を none にします。",
        "Ask the server's administrator which login can be used. If none is wanted, set "
        "mail_server.auth.mechanism to none.",
    ),
    Diagnosis.PASSWORD_UNPROTECTED: (
        "パスワードが保護されないため、送りませんでした。接続が暗号化されていないか、サーバーの証"
        "明書を検証できません。",
        "The password was not sent, as it would not be protected: the connection is not "
        "encrypted, or the server's certificate could not be verified.",
        "どちらかを設定してください。(1) mail_server.security を starttls か tls にする（必要なら "
        "mail_server.ca_file も）。(2) 読まれてもよいネットワークなら、"
        "mail_server.auth.allow_unprotected_password を true にする。",
        "Do one of two things: (1) set mail_server.security to starttls or tls (and "
        "mail_server.ca_file, if need be); (2) if others on the network may read the password, "
        "set mail_server.auth.allow_unprotected_password to true.",
    ),
    Diagnosis.OAUTH_WANTED: (
        "このサーバーは、ユーザー ID とパスワードでの認証（基本認証）を受け付けません。OAuth 2.0 "
        "のトークンが必要です。",
        "This server no longer takes a login by username and password (basic authentication): it "
        "wants a token of OAuth 2.0.",
        "設定 mail_server.auth.mechanism を xoauth2 にし、mail_server.auth.oauth2 にトークンの取得"
        "方法を設定してください（README の「お使いのメールサーバー」に例があります）。Microsoft "
        "365 では、認証なしで中継するコネクタを管理者に用意してもらう方法もあります。",
        "Set mail_server.auth.mechanism to xoauth2, and in mail_server.auth.oauth2 how to get a "
        'token (examples: "Your mail server" in the README). The administrator of Microsoft 365 '
        "can also set up a connector that relays without a login.",
    ),
    Diagnosis.SMTP_AUTH_DISABLED: (
        "このアカウントでは、SMTP 認証が無効になっています。",
        "SMTP AUTH is turned off for this account.",
        "Microsoft 365 の管理センターで、このユーザーの「メール アプリの管理」から「認証済み SMTP」"
        "を有効にしてもらってください。基本認証が廃止されている組織では、そのうえで "
        "mail_server.auth.mechanism を xoauth2 にします。",
        'Have "Authenticated SMTP" turned on for this user in the Microsoft 365 admin center '
        '("Manage email apps"). Where basic authentication is gone, set '
        "mail_server.auth.mechanism to xoauth2 as well.",
    ),
    Diagnosis.APP_PASSWORD_WANTED: (
        "このサービスには、通常のパスワードではなく「アプリ パスワード」が必要です。",
        "This service wants an app password, not the account's own.",
        "アカウントの管理画面で二段階認証を有効にしてアプリ パスワードを作り、mail_server.auth の"
        "パスワードに設定してください。",
        "Turn on two-step verification for the account, make an app password on its security "
        "page, and set it as the password of mail_server.auth.",
    ),
    Diagnosis.BROWSER_WANTED: (
        "このサービスは、見慣れないマシンからのログインとして保留しました。",
        "The service holds the login up, as it comes from a machine that it doesn't know.",
        "一度 Web ブラウザーでそのアカウントにログインして、このログインを許可してください。それで"
        "も拒否されるときは、アプリ パスワードを作って mail_server.auth に設定してください。",
        "Log in to that account by a web browser once, and allow it. If it is refused all the "
        "same, make an app password and set it in mail_server.auth.",
    ),
    Diagnosis.TOO_MANY_LOGINS: (
        "ログインの回数が多すぎるため、サーバーが一時的に拒否しました。",
        "There were too many logins, and the server turns us away for a while.",
        "しばらく（数十分から数時間）待ってください。パスワードの誤りが続いた後なら、先に "
        "mail_server.auth のパスワードを確認してください。正しいのに続くときは、"
        "mail_server.max_connections を小さくします。",
        "Wait for a while (from minutes to some hours). If wrong passwords came before, check the "
        "password of mail_server.auth first. If it is right and this goes on, lower "
        "mail_server.max_connections.",
    ),
    Diagnosis.MECHANISM_REFUSED: (
        "サーバーは、この認証方式を受け付けません。",
        "The server doesn't take this kind of login.",
        "サーバーの管理者に、使える認証方式（mail_server.auth.mechanism）とポート（"
        "mail_server.port、多くは 587）を確認してください。",
        "Ask the server's administrator for the mechanism (mail_server.auth.mechanism) and the "
        "port (mail_server.port, 587 usually).",
    ),
    Diagnosis.PASSWORD_EXPIRED: (
        "パスワードの有効期限が切れたため、変更が必要です。",
        "The password has expired and must be changed.",
        "サーバーの管理者に確認してパスワードを変更し、mail_server.auth に設定してください。",
        "Change it as the server's administrator says, and set the new one in mail_server.auth.",
    ),
    Diagnosis.ACCOUNT_DISABLED: (
        "このアカウントは、停止またはロックされています。",
        "This account is disabled or locked.",
        "サーバーの管理者に、mail_server.auth の username のアカウントを使えるようにしてもらってく"
        "ださい。",
        "Have the server's administrator unlock the account in username of mail_server.auth.",
    ),
    Diagnosis.TOKEN_LOGIN_REFUSED: (
        "サーバーがトークンによるログインを拒否しました。",
        "The server refuses the login by token.",
        "設定 mail_server.auth の username が、トークンを発行されたメールボックスであること、"
        "oauth2 の scope が SMTP の送信を許すものであること（Microsoft 365 では SMTP.SendAsApp な"
        "どの権限と、メールボックスの「認証済み SMTP」）を確認してください。",
        "Check that username of mail_server.auth is the mailbox that the token is for, and that "
        "scope of its oauth2 allows mail to be sent by SMTP (at Microsoft 365: a permission as "
        'SMTP.SendAsApp, and "Authenticated SMTP" of the mailbox).',
    ),
    Diagnosis.NTLM_REFUSED: (
        "サーバーが統合 Windows 認証（NTLM）によるログインを拒否しました。",
        "The server refuses the login by integrated Windows authentication (NTLM).",
        "設定 mail_server.auth の username を DOMAIN\\user か user@domain の形にし、パスワードを確"
        "認してください。正しければ、古いサーバーでは mail_server.auth.ntlm_version を 1 にします。"
        "ドメインの管理者が NTLM を禁止していることもあります。",
        "Write username of mail_server.auth as DOMAIN\\user or user@domain, and check the "
        "password. If both are right, an old server may want mail_server.auth.ntlm_version 1; or "
        "the domain's administrator has forbidden NTLM.",
    ),
    Diagnosis.CRAM_MD5_REFUSED: (
        "サーバーが CRAM-MD5 によるログインを拒否しました。",
        "The server refuses the login by CRAM-MD5.",
        "設定 mail_server.auth の username とパスワードを確認してください。正しければ、このアカウ"
        "ントには CRAM-MD5 用のパスワードが登録されていないことがあります。TLS に対応したサーバー"
        "なら、mail_server.auth.mechanism を basic にしてください。",
        "Check username and password of mail_server.auth. If they are right, the server may have "
        "no password for CRAM-MD5 of this account: with a server that knows TLS, set "
        "mail_server.auth.mechanism to basic.",
    ),
    Diagnosis.GOOGLE_REFUSED: _refused_by(
        "Google",
        "パスワードには、通常のものではなく、二段階認証を有効にして作った「アプリ パスワード」（16 "
        "文字）を設定します。アプリ パスワードが使えない組織では mail_server.auth.mechanism を "
        "xoauth2 にします。",
        "The password is not the account's own but an app password of 16 letters, made with "
        "two-step verification turned on. Where there are none, set mail_server.auth.mechanism to "
        "xoauth2.",
    ),
    Diagnosis.YAHOO_REFUSED: _refused_by(
        "Yahoo!",
        "パスワードには、アカウント管理画面で作った「アプリ パスワード」を設定します。Yahoo! JAPAN "
        "では、メールの設定で IMAP/POP/SMTP アクセスを有効にします。",
        "The password is an app password made on the account's security page. With Yahoo! JAPAN, "
        "turn on access by IMAP/POP/SMTP in the mail settings.",
    ),
    Diagnosis.ICLOUD_REFUSED: _refused_by(
        "iCloud",
        "パスワードには、Apple アカウントの管理画面で作った「App 用パスワード」を設定します。",
        "The password is an app-specific one, made on the Apple account's page.",
    ),
    Diagnosis.MICROSOFT_REFUSED: _refused_by(
        "Microsoft",
        "パスワードが正しければ、組織の設定（セキュリティの既定値群、多要素認証、SMTP 認証の"
        "無効化）が原因です。mail_server.auth.mechanism を xoauth2 にするか、Microsoft 365 の管理者"
        "に確認してください。",
        "If the password is right, the organization's settings are the reason (security defaults, "
        "multi-factor authentication, SMTP AUTH turned off): set mail_server.auth.mechanism to "
        "xoauth2, or ask the administrator of Microsoft 365.",
    ),
    Diagnosis.LOGIN_REFUSED: (
        "サーバーがログインを拒否しました。",
        "The server refuses the login.",
        "設定 mail_server.auth の username とパスワードを確認してください。username には、@ 以下ま"
        "でのメールアドレスが必要なサーバーもあります。二段階認証を使うサービスでは、専用の「アプ"
        "リ パスワード」が必要なことがあります。",
        "Check username and password of mail_server.auth. Some servers want the whole mail "
        "address, with its domain, as the username; services with two-step verification may want "
        "an app password.",
    ),
    Diagnosis.LOGIN_NOT_CHECKED: (
        "サーバーは今は認証を行えません。",
        "The server can't check the login at present.",
        "しばらくしてからもう一度お試しください。続くときはサーバーの管理者に問い合わせてください。",
        "Try again after a while. If it goes on, ask the server's administrator.",
    ),
    Diagnosis.LOGIN_BROKEN_OFF: (
        "認証の途中で、サーバーとの通信が終わりました。{told}",
        "The session with the server broke off in the middle of the login. {told}.",
        "サーバーがこのログインを受け付けていないことがあります。設定 mail_server.auth を確認して"
        "ください。正しければ、サーバーのログを確認するか、mail_server.timeout を長くします。",
        "The server may not want this login: check mail_server.auth. If it is right, check the "
        "server's log, or raise mail_server.timeout.",
    ),
    # The token
    Diagnosis.REFRESH_TOKEN_REFUSED: (
        *_NO_TOKEN,
        "リフレッシュ トークンの期限が切れたか、取り消されています（パスワードの変更でも取り消され"
        "ることがあります）。もう一度許可して、新しいリフレッシュ トークンを設定 "
        "mail_server.auth.oauth2 の refresh_token_file のファイルに書いてください。",
        "The refresh token has expired or was revoked (a changed password may do that). Give "
        "consent anew, and write the new one into the file that refresh_token_file of "
        "mail_server.auth.oauth2 names.",
    ),
    Diagnosis.CLIENT_SECRET_REFUSED: (
        *_NO_TOKEN,
        "設定 mail_server.auth.oauth2 の client_id と、client_secret_file のファイルの内容を確認し"
        "てください。クライアント シークレットには期限があります。切れていれば、新しいものを発行し"
        "て書いてください。",
        "Check client_id of mail_server.auth.oauth2, and the content of its client_secret_file. "
        "Client secrets expire: if it has, have a new one made and write it there.",
    ),
    Diagnosis.TOKEN_REFUSED: (
        *_NO_TOKEN,
        "設定 mail_server.auth.oauth2 の grant、token_url、client_id、scope を、サービスの管理画面"
        "や説明書と照らし合わせてください。",
        "Compare grant, token_url, client_id and scope of mail_server.auth.oauth2 with what the "
        "service's console and manual say.",
    ),
    Diagnosis.TOKEN_COMMAND_FAILED: _NO_TOKEN_BY_COMMAND,
    Diagnosis.TOKEN_COMMAND_UNFIT: _NO_TOKEN_BY_COMMAND,
    Diagnosis.TOKEN_UNKEPT: (
        "新しいリフレッシュ トークンが発行されても保存できないため、トークンを要求しませんでした"
        "{more}。",
        "No token was asked for: a new refresh token could not be kept{more}.",
        "zaiond-ctl を root で実行するか、書き込める状態ディレクトリを --state-dir で指定してくだ"
        "さい。",
        "Run zaiond-ctl as root, or name a state directory that can be written to by --state-dir.",
    ),
    Diagnosis.NO_TOKEN: (
        "ログインに使うトークンを取得できません。{told}",
        "No token for the login. {told}.",
        "設定 mail_server.auth.oauth2 の token_url と、このマシンからその URL への通信がファイアウ"
        "ォールで止められていないことを確認してください。証明書が原因なら mail_server.ca_file も確"
        "認します。",
        "Check token_url of mail_server.auth.oauth2, and that no firewall stops this machine on "
        "its way there; if it is the certificate, mail_server.ca_file, too.",
    ),
}
