"""Advice for the way to the server, TLS, POP before SMTP, and what ends a session."""

from zaiond.selftest.words import Row
from zaiond.smtp.diagnosis import Diagnosis


def _other_kind(ja: str, en: str) -> Row:
    return (
        f"「{{server}}」は {ja}のようです{{more}}。",
        f"{{server}} seems to be {en}{{more}}.",
        "設定 mail_server.host と、mail_server.port（SMTP では 25、587、465 など）を確認して"
        "ください。",
        "Check mail_server.host, and mail_server.port (of SMTP: 25, 587 or 465, usually).",
    )


_NO_ANSWER = (
    "「{server}」に接続しようとしましたが、時間内に応答がありません。",
    "There was no answer from {server} in time.",
)
_BROKEN_OFF = (
    "サーバーとの通信が途中で終わりました。{told}",
    "The session with the server broke off. {told}.",
)
_ASK_ABOUT_FIREWALLS = (
    "途中のファイアウォールやセキュリティソフトが SMTP の通信を書き換えていないかを確認し、サーバー"
    "の管理者にこの内容を伝えてください。",
    "Check whether a firewall or security software on the way changes what is said by SMTP, and "
    "tell the server's administrator of it.",
)
ADVICE: dict[Diagnosis, Row] = {
    # The name and the connection
    Diagnosis.NO_SUCH_SERVER: (
        "「{host}」という名前のサーバーが見つかりません。",
        'There is no server by the name "{host}".',
        "設定 mail_server.host のつづりを確認してください。正しければ、このマシンの DNS の設定（"
        "/etc/resolv.conf）か /etc/hosts を確認してください。",
        "Check the spelling of mail_server.host. If it is right, check this machine's DNS "
        "settings (/etc/resolv.conf) or /etc/hosts.",
    ),
    Diagnosis.NO_DNS: (
        "「{host}」の名前解決をしましたが、DNS から今は応答がありません。",
        'DNS gives no answer for "{host}" at present.',
        "このマシンのネットワーク接続と、DNS の設定（/etc/resolv.conf）を確認し、しばらくしてから"
        "もう一度お試しください。",
        "Check this machine's network and its DNS settings (/etc/resolv.conf), then try again "
        "after a while.",
    ),
    Diagnosis.PORT_CLOSED: (
        "「{host}」はポート {port} への接続を受け付けていません。",
        '"{host}" takes no connections on port {port}.',
        "メールサーバーが動いていることと、設定 mail_server.host と mail_server.port（25、587、"
        "465 など）を確認してください。ファイアウォールが拒否している場合もあります。",
        "Check that the mail server is running, and check mail_server.host and mail_server.port "
        "(25, 587 or 465, usually). A firewall may refuse it, too.",
    ),
    Diagnosis.PORT_25_SILENT: (
        *_NO_ANSWER,
        "多くのプロバイダーは、迷惑メール対策としてポート 25 の通信を遮断しています（OP25B）。社外"
        "のサーバーには、mail_server.port を 587 にし、SMTP 認証（mail_server.auth）を使ってくださ"
        "い。社内のサーバーなら、電源、ネットワーク、ファイアウォールと、mail_server.host を確認し"
        "てください。",
        "Many providers block port 25 towards the Internet: for a server outside, set "
        "mail_server.port to 587 and log in (mail_server.auth). For a server in your own network "
        "check that it is up, the network, firewalls, and mail_server.host.",
    ),
    Diagnosis.SERVER_SILENT: (
        *_NO_ANSWER,
        "サーバーの電源、ネットワーク、ファイアウォールと、設定 mail_server.host と "
        "mail_server.port を確認してください。",
        "Check that the server is up, the network, firewalls, and mail_server.host and "
        "mail_server.port.",
    ),
    Diagnosis.NO_ROUTE: (
        "このマシンから「{host}」に到達できません。",
        'There is no way through the network from this machine to "{host}".',
        "このマシンのネットワーク接続（ケーブル、IP アドレス、ルーター）と、サーバーの電源を確認し"
        "てください。",
        "Check this machine's network (cable, IP address, router), and that the server is up.",
    ),
    Diagnosis.CANT_CONNECT: (
        "「{server}」に接続できません{more}。",
        "Can't connect to {server}{more}.",
        "ファイアウォールやセキュリティソフトが接続を止めていないか、設定 mail_server.host と "
        "mail_server.port が正しいかを確認してください。",
        "Check whether a firewall or security software cuts the connection, and check "
        "mail_server.host and mail_server.port.",
    ),
    # TLS
    Diagnosis.TLS_NOT_OFFERED: (
        "設定では暗号化（STARTTLS）が必須ですが、サーバーが対応していません。",
        "The settings demand encryption (STARTTLS), and the server doesn't offer it.",
        "TLS を使えるポート（587、または 465 で mail_server.security: tls）をサーバーの管理者に確"
        "認してください。暗号化なしで送ってよい場合は、mail_server.security を opportunistic にし"
        "ます。",
        "Ask the server's administrator for a port with TLS (587; or 465 with "
        "mail_server.security: tls). If mail may go unencrypted, set mail_server.security to "
        "opportunistic.",
    ),
    Diagnosis.TLS_REFUSED: (
        "サーバーが TLS の開始を拒否しました。",
        "The server refuses to start TLS.",
        "しばらくしてからもう一度お試しください。続くときは、サーバーの TLS の設定（証明書など）の"
        "問題なので、サーバーの管理者にこの応答を伝えてください。",
        "Try again after a while. If it goes on, the server's own TLS settings (its certificate, "
        "for example) are at fault: tell its administrator these words.",
    ),
    Diagnosis.TLS_TAMPERED: (
        "TLS を開始する前に、暗号化されていない余分なデータが届きました。通信に割り込まれているお"
        "それがあります。",
        "Unencrypted data came in before TLS began: somebody may be tampering with the connection.",
        "サーバーとの間のネットワークと、サーバーのソフトウェアが新しいかを確認してください。",
        "Check the network between here and the server, and whether the server's software is up "
        "to date.",
    ),
    Diagnosis.TLS_NOT_SPOKEN: (
        "サーバーのこのポートは、接続開始時からの TLS（security: tls）に対応していません。",
        "The server doesn't speak TLS from the first byte on this port (security: tls).",
        "設定 mail_server.security を starttls にするか、mail_server.port を 465 にしてください。",
        "Set mail_server.security to starttls, or mail_server.port to 465.",
    ),
    Diagnosis.TLS_TOO_OLD: (
        "サーバーの TLS が古く、このマシンが安全と認める方式（TLS 1.2 以降）で通信できません。",
        "The server's TLS is so old that no way is left which this machine takes for safe (TLS "
        "1.2 or newer).",
        "サーバーの管理者に、TLS 1.2 以降への対応を依頼してください。社内の安全なネットワークの中"
        "であれば、mail_server.security を none にして暗号化なしで送ることもできます。",
        "Ask the server's administrator for TLS 1.2 or newer. Inside of a network that is safe, "
        "mail can go unencrypted: mail_server.security: none.",
    ),
    Diagnosis.TLS_FAILED: (
        "安全な接続（TLS）を開始できません{more}。",
        "The secure connection (TLS) can't be started{more}.",
        "設定 mail_server.port と mail_server.security の組み合わせ（587 と starttls、465 と tls）"
        "を確認してください。正しければ、途中のファイアウォールやセキュリティソフトが通信に割り込"
        "んでいないかを、サーバーの管理者と確認してください。",
        "Check that mail_server.port and mail_server.security fit together (587 and starttls, 465 "
        "and tls). If they do, check with the server's administrator whether a firewall or "
        "security software on the way interferes.",
    ),
    Diagnosis.CERTIFICATE_EXPIRED: (
        "サーバーの証明書は有効期限が切れています{until}。",
        "The server's certificate has expired{until}.",
        "サーバーの管理者に、証明書の更新を依頼してください。このマシンの時計が合っているかも確認"
        "してください。",
        "Ask the server's administrator to renew it. Check this machine's clock, too.",
    ),
    Diagnosis.CERTIFICATE_TOO_NEW: (
        "サーバーの証明書は、まだ有効期間に入っていません{since}。",
        "The server's certificate is not valid yet{since}.",
        "このマシンの時計が合っているかを確認してください。",
        "Check this machine's clock.",
    ),
    Diagnosis.CERTIFICATE_NAME: (
        "サーバーの証明書は、設定されたサーバー名「{host}」のものではありません（証明書の名前: "
        "{names}）。",
        'The server\'s certificate is not for "{host}", which is configured. Its names: {names}.',
        "設定 mail_server.host に、証明書に書かれている名前のうち、そのサーバーのものを設定してく"
        "ださい。心当たりのない名前なら、別のサーバーに接続しています。名前がないときは、サーバー"
        "の管理者に、「{host}」を subjectAltName に含む証明書への入れ替えを依頼してください。",
        "Set mail_server.host to that one of the certificate's names that is this server's. If "
        "you don't know any of them, it is another server that we are connected to. If there is "
        'none, ask the server\'s administrator for a certificate with "{host}" as a '
        "subjectAltName.",
    ),
    Diagnosis.CA_FILE_UNREADABLE: (
        "設定 mail_server.ca_file のファイルから CA 証明書を読み込めません{more}。",
        "No certificate can be read from the file in mail_server.ca_file{more}.",
        "設定 mail_server.ca_file の場所、ファイルの権限、内容（PEM 形式）を確認してください。",
        "Check the path in mail_server.ca_file, the file's permissions, and that it holds PEM.",
    ),
    Diagnosis.CERTIFICATE_UNKNOWN: (
        "サーバーの証明書を検証できません{more}。",
        "The server's certificate can't be verified{more}.",
        "社内の認証局などの証明書や自己署名の証明書を使うサーバーでは、その CA 証明書（PEM 形式）"
        "を設定 mail_server.ca_file に指定してください。",
        "If the server has a certificate of a private authority, or one signed by itself, set "
        "mail_server.ca_file to that authority's certificate (PEM).",
    ),
    # POP before SMTP
    Diagnosis.POP_LOGIN_REFUSED: (
        "POP サーバー「{server}」がログインを拒否しました。応答: {detail}",
        "The POP server {server} refuses the login. It said: {detail}",
        "設定 mail_server.pop_before_smtp の username とパスワード（なければ mail_server.auth のも"
        "の）を確認してください。正しければ、暗号化した接続でだけログインできるサーバーかもしれま"
        "せん（mail_server.pop_before_smtp.security を starttls か tls に）。APOP 用のパスワードが"
        "ないアカウントでは、暗号化するか、mail_server.auth.allow_unprotected_password を true に"
        "します。",
        "Check username and password of mail_server.pop_before_smtp (without them, those of "
        "mail_server.auth). If they are right, the server may take logins only over encrypted "
        "connections: set mail_server.pop_before_smtp.security to starttls or tls. An account "
        "without a password for APOP needs that, too, or "
        "mail_server.auth.allow_unprotected_password true.",
    ),
    Diagnosis.POP_NOT_NOW: (
        "POP サーバー「{server}」には今はログインできません。応答: {detail}",
        "The POP server {server} can't be logged in to at present. It said: {detail}",
        "しばらくしてからもう一度お試しください。同じメールボックスをほかのメールソフトが開いてい"
        "ないかも確認してください（専用のアカウントを勧めます）。続くときはサーバーの管理者に、こ"
        "の応答を伝えて確認してください。",
        "Try again after a while. See that no other mail program has the mailbox open (an account "
        "of its own is best). If it goes on, tell the server's administrator these words.",
    ),
    Diagnosis.POP_UNPROTECTED: (
        "POP サーバー「{server}」が APOP に対応しておらず、接続が暗号化されていないため、パスワー"
        "ドを送りませんでした。",
        "The POP server {server} has no APOP, and the connection is not encrypted: the password "
        "was not sent, as it would not be protected.",
        "どちらかを設定してください。(1) mail_server.pop_before_smtp.security を starttls か、tls"
        "（ポート 995）にする。(2) 読まれてもよいネットワークなら、"
        "mail_server.auth.allow_unprotected_password を true にする。",
        "Do one of two things: (1) set mail_server.pop_before_smtp.security to starttls, or to "
        "tls (port 995); (2) if others on the network may read the password, set "
        "mail_server.auth.allow_unprotected_password to true.",
    ),
    Diagnosis.NO_SUCH_POP_SERVER: (
        "POP サーバー「{server}」の名前解決ができません{more}。",
        "The name of the POP server {server} can't be looked up{more}.",
        "設定 mail_server.pop_before_smtp.host（なければ mail_server.host）のつづりと、このマシン"
        "の DNS の設定（/etc/resolv.conf）を確認してください。",
        "Check the spelling of mail_server.pop_before_smtp.host (without it, mail_server.host), "
        "and this machine's DNS settings (/etc/resolv.conf).",
    ),
    Diagnosis.POP_TLS_NOT_OFFERED: (
        "POP サーバー「{server}」が TLS の開始（STLS）を拒否しました{more}。",
        "The POP server {server} refuses to start TLS{more}.",
        "ポート 995 と mail_server.pop_before_smtp.security: tls を使えるか、サーバーの管理者に確"
        "認してください。",
        "Ask the server's administrator whether port 995 with "
        "mail_server.pop_before_smtp.security tls can be used.",
    ),
    Diagnosis.POP_TLS_FAILED: (
        "POP サーバー「{server}」との安全な接続（TLS）を開始できません{more}。",
        "The secure connection (TLS) to the POP server {server} can't be started{more}.",
        "設定 mail_server.pop_before_smtp の port と security の組み合わせ（110 と starttls、995 "
        "と tls）、host がサーバーの証明書に書かれた名前であること、社内の認証局なら "
        "mail_server.ca_file を確認してください。",
        "Check that port and security of mail_server.pop_before_smtp fit together (110 and "
        "starttls, 995 and tls), that host is a name that the server's certificate is for, and, "
        "for a private authority, mail_server.ca_file.",
    ),
    Diagnosis.NO_POP_SERVER: (
        "「{server}」は POP サーバーではないようです{more}。",
        "{server} doesn't seem to be a POP server{more}.",
        "設定 mail_server.pop_before_smtp の host、port、security（110 と none か starttls、995 "
        "と tls）を確認してください。",
        "Check host, port and security of mail_server.pop_before_smtp (110 and none or starttls, "
        "995 and tls).",
    ),
    Diagnosis.POP_UNREACHABLE: (
        "POP サーバー「{server}」と通信できません（{told}）。",
        "There is no talking to the POP server {server} ({told}).",
        "POP サーバーが動いていること、設定 mail_server.pop_before_smtp の host、port、security（"
        "110 と none か starttls、995 と tls）、ネットワークとファイアウォールを確認してください。",
        "Check that the POP server is running; host, port and security of "
        "mail_server.pop_before_smtp (110 and none or starttls, 995 and tls); the network and "
        "firewalls.",
    ),
    # What broke off, and servers of another kind
    Diagnosis.POP_SERVER: _other_kind("POP サーバー", "a POP server"),
    Diagnosis.IMAP_SERVER: _other_kind("IMAP サーバー", "an IMAP server"),
    Diagnosis.SSH_SERVER: _other_kind("SSH サーバー", "an SSH server"),
    Diagnosis.WEB_SERVER: _other_kind("Web サーバー", "a web server"),
    Diagnosis.NO_SMTP_SERVER: _other_kind("SMTP ではないサーバー", "no SMTP server"),
    Diagnosis.TLS_EXPECTED: (
        "「{server}」に接続できましたが、最初の応答がありません。ポート 465 は、接続開始時から "
        "TLS を使うポートです。",
        "{server} can be connected to, but doesn't greet us: port 465 is one with TLS from the "
        "first byte.",
        "設定 mail_server.security を tls にしてください（行を消しても、ポート 465 では tls になり"
        "ます）。",
        "Set mail_server.security to tls (or take the line away: on port 465 it is the default).",
    ),
    Diagnosis.CLOSED_AT_ONCE: (
        "「{server}」に接続できましたが、サーバーは応答せずに切断しました。",
        "{server} took the connection and closed it without a word.",
        "このマシンの IP アドレスを、サーバーかファイアウォールが拒否していることがあります。"
        "サーバーの管理者に許可してもらってください。接続開始時から TLS を使うポートなら、"
        "mail_server.security を tls にします。",
        "The server or a firewall may refuse this machine's IP address: ask the server's "
        "administrator to allow it. If it is a port with TLS from the first byte, set "
        "mail_server.security to tls.",
    ),
    Diagnosis.NO_GREETING: (
        "「{server}」に接続できましたが、SMTP の応答がありません。",
        "{server} can be connected to, but doesn't speak SMTP to us.",
        "ポート 465 のように接続開始時から TLS を使うポートなら、設定 mail_server.security を tls "
        "にしてください。そうでなければ、mail_server.port とファイアウォールを確認してください。"
        "応答の遅いサーバーでは mail_server.timeout を長くします。",
        "If it is a port with TLS from the first byte, as 465, set mail_server.security to tls. "
        "Else check mail_server.port, and firewalls on the way. For a slow server, raise "
        "mail_server.timeout.",
    ),
    Diagnosis.SERVER_BUSY: (
        "サーバーは今は接続を受け付けません（混雑や保守など）。",
        "The server takes no connections at present (it is busy, or being maintained).",
        "しばらくしてからもう一度お試しください。続くときは、サーバーの管理者にこの応答を伝えてく"
        "ださい。",
        "Try again after a while. If it goes on, tell the server's administrator these words.",
    ),
    Diagnosis.TOO_MANY_CONNECTIONS: (
        "サーバーへの同時接続が多すぎます。",
        "There are too many connections to the server.",
        "しばらくしてからもう一度お試しください。続くときは mail_server.max_connections を小さくし"
        "てください。",
        "Try again after a while. If it goes on, lower mail_server.max_connections.",
    ),
    Diagnosis.BROKEN_OFF: (
        *_BROKEN_OFF,
        "もう一度お試しください。続くときは、サーバーのログと、途中のネットワークやファイアウォー"
        "ルを確認してください。",
        "Try again. If it goes on, check the server's log, and the network and firewalls on the "
        "way.",
    ),
    Diagnosis.TIMED_OUT: (
        *_BROKEN_OFF,
        "もう一度お試しください。続くときは、サーバーの負荷と、途中のネットワークやファイアウォー"
        "ルを確認してください。遅いサーバーでは mail_server.timeout を長くします。",
        "Try again. If it goes on, check the server's load, and the network and firewalls on the "
        "way. For a slow server, raise mail_server.timeout.",
    ),
    Diagnosis.NOT_UNDERSTOOD: (*_BROKEN_OFF, *_ASK_ABOUT_FIREWALLS),
    Diagnosis.OUT_OF_STEP: (
        "サーバーが、通信の手順が正しくないとして拒否しました。",
        "The server takes this for a bad sequence of commands.",
        *_ASK_ABOUT_FIREWALLS,
    ),
    Diagnosis.MAY_HAVE_ARRIVED: (
        "メールを送り終えましたが、サーバーが受け付けたという応答がありません。",
        "The mail was sent, but the server didn't say that it took it: it may have arrived.",
        "届いている場合もあるので、まず受信トレイを確認してください。届いていなければ、サーバーの"
        "負荷や途中のファイアウォールを確認してください。",
        "Look into the inbox first. If it hasn't arrived, check the server's load and firewalls "
        "on the way.",
    ),
}
