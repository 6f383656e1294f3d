"""Advice for what fails at POP before SMTP: all of it, from the name to the login."""

from zaiond.smtp.diagnosis import Diagnosis
from zaiond.smtp.hint.advice import Table, advice

ADVICE: Table = {
    Diagnosis.POP_LOGIN_REFUSED: advice(
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
    Diagnosis.POP_NOT_NOW: advice(
        "POP サーバー「{server}」には今はログインできません。応答: {detail}",
        "The POP server {server} can't be logged in to at present. It said: {detail}",
        "しばらくしてからもう一度お試しください。同じメールボックスをほかのメールソフトが開いてい"
        "ないかも確認してください（専用のアカウントを勧めます）。続くときはサーバーの管理者に、こ"
        "の応答を伝えて確認してください。",
        "Try again after a while. See that no other mail program has the mailbox open (an account "
        "of its own is best). If it goes on, tell the server's administrator these words.",
    ),
    Diagnosis.POP_UNPROTECTED: advice(
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
    Diagnosis.NO_SUCH_POP_SERVER: advice(
        "POP サーバー「{server}」の名前解決ができません{more}。",
        "The name of the POP server {server} can't be looked up{more}.",
        "設定 mail_server.pop_before_smtp.host（なければ mail_server.host）のつづりと、このマシン"
        "の DNS の設定（/etc/resolv.conf）を確認してください。",
        "Check the spelling of mail_server.pop_before_smtp.host (without it, mail_server.host), "
        "and this machine's DNS settings (/etc/resolv.conf).",
    ),
    Diagnosis.POP_TLS_NOT_OFFERED: advice(
        "POP サーバー「{server}」が TLS の開始（STLS）を拒否しました{more}。",
        "The POP server {server} refuses to start TLS{more}.",
        "ポート 995 と mail_server.pop_before_smtp.security: tls を使えるか、サーバーの管理者に確"
        "認してください。",
        "Ask the server's administrator whether port 995 with "
        "mail_server.pop_before_smtp.security tls can be used.",
    ),
    Diagnosis.POP_TLS_FAILED: advice(
        "POP サーバー「{server}」との安全な接続（TLS）を開始できません{more}。",
        "The secure connection (TLS) to the POP server {server} can't be started{more}.",
        "設定 mail_server.pop_before_smtp の port と security の組み合わせ（110 と starttls、995 "
        "と tls）、host がサーバーの証明書に書かれた名前であること、社内の認証局なら "
        "mail_server.ca_file を確認してください。",
        "Check that port and security of mail_server.pop_before_smtp fit together (110 and "
        "starttls, 995 and tls), that host is a name that the server's certificate is for, and, "
        "for a private authority, mail_server.ca_file.",
    ),
    Diagnosis.NO_POP_SERVER: advice(
        "「{server}」は POP サーバーではないようです{more}。",
        "{server} doesn't seem to be a POP server{more}.",
        "設定 mail_server.pop_before_smtp の host、port、security（110 と none か starttls、995 "
        "と tls）を確認してください。",
        "Check host, port and security of mail_server.pop_before_smtp (110 and none or starttls, "
        "995 and tls).",
    ),
    Diagnosis.POP_UNREACHABLE: advice(
        "POP サーバー「{server}」と通信できません（{told}）。",
        "There is no talking to the POP server {server} ({told}).",
        "POP サーバーが動いていること、設定 mail_server.pop_before_smtp の host、port、security（"
        "110 と none か starttls、995 と tls）、ネットワークとファイアウォールを確認してください。",
        "Check that the POP server is running; host, port and security of "
        "mail_server.pop_before_smtp (110 and none or starttls, 995 and tls); the network and "
        "firewalls.",
    ),
}
