"""Hints for what fails before a session: the name, the connection, TLS."""

from zaiond.smtp.failure import Failure
from zaiond.text import Text

Pair = tuple[Text, Text]  # cause and remedy


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
        case "timeout":
            return (
                Text(
                    f"「{failure.server}」に接続しようとしましたが、時間内に返事がありません。",
                    f"There was no answer from {failure.server} in time.",
                ),
                Text(
                    "サーバーの電源、ネットワーク、ファイアウォールと、設定 mail_server.host と "
                    "mail_server.port を確認してください。プロバイダーがポート 25 を"
                    "止めている場合（OP25B）は、ポート 587 と SMTP 認証を使います。",
                    "Check that the server is up, the network, firewalls, and mail_server.host "
                    "and mail_server.port. Many providers block port 25: then use port 587 with a "
                    "login (mail_server.auth).",
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


_CERTIFICATES: tuple[tuple[str, Pair], ...] = (
    (
        "expired",
        (
            Text(
                "サーバーの証明書は有効期限が切れています。",
                "The server's certificate has expired.",
            ),
            Text(
                "サーバーの管理者に、証明書の更新を依頼してください。このマシンの時計が"
                "合っているかも確認してください。",
                "Ask the server's administrator to renew it. Check this machine's clock, too.",
            ),
        ),
    ),
    (
        "not yet valid",
        (
            Text(
                "サーバーの証明書は、まだ有効期間に入っていません。",
                "The server's certificate is not valid yet.",
            ),
            Text(
                "このマシンの時計が合っているかを確認してください。",
                "Check this machine's clock.",
            ),
        ),
    ),
    (
        "mismatch",
        (
            Text(
                "サーバーの証明書は、設定されたサーバー名のものではありません。",
                "The server's certificate is for another name than the one that is configured.",
            ),
            Text(
                "設定 mail_server.host に、証明書に書かれている名前を設定してください。",
                "Set mail_server.host to a name that the certificate is for.",
            ),
        ),
    ),
)


def securing(failure: Failure) -> Pair:
    """For TLS: not offered, refused, handshake, certificate."""
    detail = failure.detail
    if failure.cause == "tls_not_offered":
        return (
            Text(
                "設定では暗号化（STARTTLS）が必須ですが、サーバーがそれを提供していません。",
                "The settings demand encryption (STARTTLS), and the server doesn't offer it.",
            ),
            Text(
                "TLS を使えるポート（587、または 465 で mail_server.security: tls）をサーバーの"
                "管理者に確認してください。暗号化なしで送ってよい場合は、mail_server.security を "
                "opportunistic にします。",
                "Ask the server's administrator for a port with TLS (587; or 465 with "
                "mail_server.security: tls). If mail may go unencrypted, set mail_server.security "
                "to opportunistic.",
            ),
        )
    if failure.cause == "injection":
        return (
            Text(
                "TLS を始める前に、暗号化されていない余分なデータが届きました。通信に"
                "割り込まれているおそれがあります。",
                "Unencrypted data came in before TLS began: somebody may be tampering with the "
                "connection.",
            ),
            Text(
                "サーバーとの間のネットワークと、サーバーのソフトウェアが新しいかを"
                "確認してください。",
                "Check the network between here and the server, and whether the server's software "
                "is up to date.",
            ),
        )
    if failure.reply is not None:
        return (
            Text(
                f"サーバーが TLS の開始を断りました。応答: {failure.reply.text}",
                f"The server refuses to start TLS. It said: {failure.reply.text}",
            ),
            Text(
                "サーバーの管理者に、この応答を伝えて確認してください。",
                "Tell the server's administrator these words.",
            ),
        )
    if failure.cause == "certificate":
        for words, pair in _CERTIFICATES:
            if words in detail:
                return pair
        return (
            Text(
                f"サーバーの証明書を確かめられません（{detail}）。",
                f"The server's certificate can't be verified ({detail}).",
            ),
            Text(
                "社内の認証局などの証明書を使うサーバーでは、その CA 証明書（PEM 形式）を設定 "
                "mail_server.ca_file に指定してください。",
                "If the server has a certificate of a private authority, set mail_server.ca_file "
                "to that authority's certificate (PEM).",
            ),
        )
    if "wrong version number" in detail or "record layer" in detail:
        return (
            Text(
                "サーバーのこのポートは、接続の初めからの TLS（security: tls）を話しません。",
                "The server doesn't speak TLS from the first byte on this port (security: tls).",
            ),
            Text(
                "設定 mail_server.security を starttls にするか、mail_server.port を 465 に"
                "してください。",
                "Set mail_server.security to starttls, or mail_server.port to 465.",
            ),
        )
    return (
        Text(
            f"安全な接続（TLS）を始められません（{detail}）。",
            f"The secure connection (TLS) can't be started ({detail}).",
        ),
        Text(
            "設定 mail_server.port と mail_server.security の組み合わせ（587 と starttls、465 と "
            "tls）を確認し、正しければサーバーの管理者に問い合わせてください。",
            "Check that mail_server.port and mail_server.security fit together (587 and starttls, "
            "465 and tls). If they do, ask the server's administrator.",
        ),
    )
