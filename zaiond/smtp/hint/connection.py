"""Advice for what fails before a session: the name and the connection."""

from zaiond.smtp.diagnosis import Diagnosis
from zaiond.smtp.hint.advice import Table, advice

ADVICE: Table = {
    Diagnosis.NO_SUCH_SERVER: advice(
        "「{host}」という名前のサーバーが見つかりません。",
        'There is no server by the name "{host}".',
        "設定 mail_server.host のつづりを確認してください。正しければ、このマシンの DNS の設定（"
        "/etc/resolv.conf）か /etc/hosts を確認してください。",
        "Check the spelling of mail_server.host. If it is right, check this machine's DNS "
        "settings (/etc/resolv.conf) or /etc/hosts.",
    ),
    Diagnosis.NO_DNS: advice(
        "「{host}」の名前解決をしましたが、DNS から今は応答がありません。",
        'DNS gives no answer for "{host}" at present.',
        "このマシンのネットワーク接続と、DNS の設定（/etc/resolv.conf）を確認し、しばらくしてから"
        "もう一度お試しください。",
        "Check this machine's network and its DNS settings (/etc/resolv.conf), then try again "
        "after a while.",
    ),
    Diagnosis.PORT_CLOSED: advice(
        "「{host}」はポート {port} への接続を受け付けていません。",
        '"{host}" takes no connections on port {port}.',
        "メールサーバーが動いていることと、設定 mail_server.host と mail_server.port（25、587、"
        "465 など）を確認してください。ファイアウォールが拒否している場合もあります。",
        "Check that the mail server is running, and check mail_server.host and mail_server.port "
        "(25, 587 or 465, usually). A firewall may refuse it, too.",
    ),
    Diagnosis.PORT_25_SILENT: advice(
        "「{server}」に接続しようとしましたが、時間内に応答がありません。",
        "There was no answer from {server} in time.",
        "多くのプロバイダーは、迷惑メール対策としてポート 25 の通信を遮断しています（OP25B）。社外"
        "のサーバーには、mail_server.port を 587 にし、SMTP 認証（mail_server.auth）を使ってくださ"
        "い。社内のサーバーなら、電源、ネットワーク、ファイアウォールと、mail_server.host を確認し"
        "てください。",
        "Many providers block port 25 towards the Internet: for a server outside, set "
        "mail_server.port to 587 and log in (mail_server.auth). For a server in your own network "
        "check that it is up, the network, firewalls, and mail_server.host.",
    ),
    Diagnosis.SERVER_SILENT: advice(
        "「{server}」に接続しようとしましたが、時間内に応答がありません。",
        "There was no answer from {server} in time.",
        "サーバーの電源、ネットワーク、ファイアウォールと、設定 mail_server.host と "
        "mail_server.port を確認してください。",
        "Check that the server is up, the network, firewalls, and mail_server.host and "
        "mail_server.port.",
    ),
    Diagnosis.NO_ROUTE: advice(
        "このマシンから「{host}」に到達できません。",
        'There is no way through the network from this machine to "{host}".',
        "このマシンのネットワーク接続（ケーブル、IP アドレス、ルーター）と、サーバーの電源を確認し"
        "てください。",
        "Check this machine's network (cable, IP address, router), and that the server is up.",
    ),
    Diagnosis.CANT_CONNECT: advice(
        "「{server}」に接続できません{more}。",
        "Can't connect to {server}{more}.",
        "ファイアウォールやセキュリティソフトが接続を止めていないか、設定 mail_server.host と "
        "mail_server.port が正しいかを確認してください。",
        "Check whether a firewall or security software cuts the connection, and check "
        "mail_server.host and mail_server.port.",
    ),
}
