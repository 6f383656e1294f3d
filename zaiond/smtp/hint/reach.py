"""Hints for what fails before a session: the name and the connection."""

from zaiond.smtp.failure import Failure
from zaiond.smtp.hint.pair import Pair
from zaiond.text import Text


def connecting(failure: Failure) -> Pair:
    """For the look-up and the connection."""
    host, _, port = failure.server.rpartition(":")
    match failure.cause:
        case "no_name":
            return (
                Text(
                    f"「{host}」という名前のサーバーが見つかりません。",
                    f'There is no server by the name "{host}".',
                ),
                Text(
                    "設定 mail_server.host のつづりを確認してください。正しければ、このマシンの "
                    "DNS の設定（/etc/resolv.conf）か /etc/hosts を確認してください。",
                    "Check the spelling of mail_server.host. If it is right, check this machine's "
                    "DNS settings (/etc/resolv.conf) or /etc/hosts.",
                ),
            )
        case "dns_later":
            return (
                Text(
                    f"「{host}」の名前を調べましたが、DNS から今は答えがありません。",
                    f'DNS gives no answer for "{host}" at present.',
                ),
                Text(
                    "このマシンのネットワーク接続と、DNS の設定（/etc/resolv.conf）を確認し、"
                    "しばらくしてからもう一度お試しください。",
                    "Check this machine's network and its DNS settings (/etc/resolv.conf), then "
                    "try again after a while.",
                ),
            )
        case "refused":
            return (
                Text(
                    f"「{host}」はポート {port} への接続を受け付けていません。",
                    f'"{host}" takes no connections on port {port}.',
                ),
                Text(
                    "メールサーバーが動いていることと、設定 mail_server.host と mail_server.port（"
                    "25、587、465 など）を確認してください。ファイアウォールが"
                    "拒否している場合もあります。",
                    "Check that the mail server is running, and check mail_server.host and "
                    "mail_server.port (25, 587 or 465, usually). A firewall may refuse it, too.",
                ),
            )
        case "timeout" if port == "25":
            return (
                Text(
                    f"「{failure.server}」に接続しようとしましたが、時間内に返事がありません。",
                    f"There was no answer from {failure.server} in time.",
                ),
                Text(
                    "多くのプロバイダーは、迷惑メール対策としてポート 25 を止めています（OP25B）。"
                    "社外のサーバーには、mail_server.port を 587 にし、SMTP 認証（mail_server.auth"
                    "）を使ってください。社内のサーバーなら、電源、ネットワーク、ファイアウォールと、"
                    "mail_server.host を確認してください。",
                    "Many providers block port 25 towards the Internet: for a server outside, set "
                    "mail_server.port to 587 and log in (mail_server.auth). For a server in your "
                    "own network check that it is up, the network, firewalls, and "
                    "mail_server.host.",
                ),
            )
        case "timeout":
            return (
                Text(
                    f"「{failure.server}」に接続しようとしましたが、時間内に返事がありません。",
                    f"There was no answer from {failure.server} in time.",
                ),
                Text(
                    "サーバーの電源、ネットワーク、ファイアウォールと、設定 mail_server.host と "
                    "mail_server.port を確認してください。",
                    "Check that the server is up, the network, firewalls, and mail_server.host "
                    "and mail_server.port.",
                ),
            )
        case "net_unreachable" | "host_unreachable":
            return (
                Text(
                    f"このマシンから「{host}」への通信経路がありません。",
                    f'There is no way through the network from this machine to "{host}".',
                ),
                Text(
                    "このマシンのネットワーク接続（ケーブル、IP アドレス、ルーター）と、サーバーの"
                    "電源を確認してください。",
                    "Check this machine's network (cable, IP address, router), and that the "
                    "server is up.",
                ),
            )
    return (
        Text(
            f"「{failure.server}」に接続できません（{failure.detail}）。",
            f"Can't connect to {failure.server} ({failure.detail}).",
        ),
        Text(
            "ファイアウォールやセキュリティソフトが接続を止めていないか、設定 mail_server.host と "
            "mail_server.port が正しいかを確認してください。",
            "Check whether a firewall or security software cuts the connection, and check "
            "mail_server.host and mail_server.port.",
        ),
    )
