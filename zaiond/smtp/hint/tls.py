"""Hints for TLS: not offered, refused, handshake, certificate."""

from zaiond.smtp.certificate import Certificate, day
from zaiond.smtp.failure import Failure, Stage
from zaiond.smtp.hint.pair import Pair, first_that_fits, words
from zaiond.text import Text


def securing(failure: Failure) -> Pair:
    """For all that goes wrong between the wish for TLS and its beginning."""
    if failure.cause == "tls_not_offered":
        return _NOT_OFFERED
    if failure.cause == "injection":
        return _INJECTION
    if failure.reply is not None:
        return (
            Text(
                f"サーバーが TLS の開始を断りました。応答: {failure.reply.text}",
                f"The server refuses to start TLS. It said: {failure.reply.text}",
            ),
            _LATER if failure.reply.code < 500 else _ASK,
        )
    if failure.cause == "certificate":
        return _certificate(failure)
    found = first_that_fits(_HANDSHAKES, failure.detail)
    if found is not None:
        return found
    if failure.stage is Stage.TLS and failure.cause in ("tls", "timeout", "closed", "reset"):
        return (
            Text(
                f"安全な接続（TLS）を始められません（{failure.detail or '応答がありません'}）。",
                f"The secure connection (TLS) can't be started ({failure.detail or 'no answer'}).",
            ),
            Text(
                "設定 mail_server.port と mail_server.security の組み合わせ（587 と starttls、465 "
                "と tls）を確認してください。正しければ、途中のファイアウォールやセキュリティ"
                "ソフトが通信に割り込んでいないかを、サーバーの管理者と確認してください。",
                "Check that mail_server.port and mail_server.security fit together (587 and "
                "starttls, 465 and tls). If they do, check with the server's administrator whether "
                "a firewall or security software on the way interferes.",
            ),
        )
    ja, en = failure.text
    return (
        Text(
            f"TLS を始めるところで、サーバーとの通信が終わりました。{ja}",
            f"The session with the server broke off where TLS was to begin. {en}.",
        ),
        _ASK,
    )


def _certificate(failure: Failure) -> Pair:
    detail, seen = failure.detail, failure.certificate
    host = failure.server.rpartition(":")[0]
    if "mismatch" in detail:
        return _other_name(host, seen)
    if "not yet valid" in detail:
        since_ja = f"（{day(seen.not_before)} から）" if seen is not None else ""
        since = f" (only from {day(seen.not_before)} on)" if seen is not None else ""
        return (
            Text(
                f"サーバーの証明書は、まだ有効期間に入っていません{since_ja}。",
                f"The server's certificate is not valid yet{since}.",
            ),
            Text(
                "このマシンの時計が合っているかを確認してください。",
                "Check this machine's clock.",
            ),
        )
    if "expired" in detail:
        until_ja = f"（{day(seen.not_after)} まで）" if seen is not None else ""
        until = f" (it was valid until {day(seen.not_after)})" if seen is not None else ""
        return (
            Text(
                f"サーバーの証明書は有効期限が切れています{until_ja}。",
                f"The server's certificate has expired{until}.",
            ),
            Text(
                "サーバーの管理者に、証明書の更新を依頼してください。このマシンの時計が合っているか"
                "も確認してください。",
                "Ask the server's administrator to renew it. Check this machine's clock, too.",
            ),
        )
    if found := first_that_fits(_FILES, detail):
        cause, remedy = found
        return Text(f"{cause.ja}（{detail}）。", f"{cause.en} ({detail})."), remedy
    return (
        Text(
            f"サーバーの証明書を確かめられません（{detail}）。",
            f"The server's certificate can't be verified ({detail}).",
        ),
        Text(
            "社内の認証局などの証明書や自己署名の証明書を使うサーバーでは、その CA 証明書（PEM "
            "形式）を設定 mail_server.ca_file に指定してください。",
            "If the server has a certificate of a private authority, or one signed by itself, set "
            "mail_server.ca_file to that authority's certificate (PEM).",
        ),
    )


def _other_name(host: str, seen: Certificate | None) -> Pair:
    names = ", ".join(seen.names) if seen is not None else ""
    if seen is not None and not names:
        return (
            Text(
                "サーバーの証明書に、サーバーの名前（subjectAltName）が書かれていません。",
                "The server's certificate names no server (it has no subjectAltName).",
            ),
            Text(
                f"サーバーの管理者に、「{host}」を subjectAltName に含む証明書への入れ替えを"
                "依頼してください。",
                f'Ask the server\'s administrator for a certificate with "{host}" as a '
                "subjectAltName.",
            ),
        )
    whose, of = (f"「{names}」のもので、", f"for {names}, and ") if names else ("", "")
    return (
        Text(
            f"サーバーの証明書は{whose}設定されたサーバー名「{host}」のものではありません。",
            f'The server\'s certificate is {of}not for "{host}", which is configured.',
        ),
        Text(
            "設定 mail_server.host に、証明書に書かれている名前"
            f"{f'（{names}）' if names else ''}のうち、そのサーバーのものを設定してください。"
            "名前に心当たりがないときは、別のサーバーに接続しています。",
            "Set mail_server.host to a name that the certificate is for"
            f"{f' ({names})' if names else ''}. If you don't know any of them, it is another "
            "server that we are connected to.",
        ),
    )


_ASK = Text(
    "サーバーの管理者に、この応答を伝えて確認してください。",
    "Tell the server's administrator these words.",
)
_LATER = Text(
    "しばらくしてからもう一度お試しください。続くときは、サーバーの TLS の設定（証明書など）の"
    "問題なので、サーバーの管理者にこの応答を伝えてください。",
    "Try again after a while. If it goes on, the server's own TLS settings (its certificate, for "
    "example) are at fault: tell its administrator these words.",
)
_NOT_OFFERED: Pair = (
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
_INJECTION: Pair = (
    Text(
        "TLS を始める前に、暗号化されていない余分なデータが届きました。通信に"
        "割り込まれているおそれがあります。",
        "Unencrypted data came in before TLS began: somebody may be tampering with the connection.",
    ),
    Text(
        "サーバーとの間のネットワークと、サーバーのソフトウェアが新しいかを確認してください。",
        "Check the network between here and the server, and whether the server's software "
        "is up to date.",
    ),
)
_HANDSHAKES = (
    words(
        "wrong version number|record layer|http request",
        (
            Text(
                "サーバーのこのポートは、接続の初めからの TLS（security: tls）を話しません。",
                "The server doesn't speak TLS from the first byte on this port (security: tls).",
            ),
            Text(
                "設定 mail_server.security を starttls にするか、mail_server.port を 465 に"
                "してください。",
                "Set mail_server.security to starttls, or mail_server.port to 465.",
            ),
        ),
    ),
    words(
        "protocol version|unsupported protocol|no protocols|handshake failure|key too small"
        "|no shared cipher|legacy renegotiation",
        (
            Text(
                "サーバーの TLS が古く、このマシンが安全と認める方式（TLS 1.2 以降）で通信できま"
                "せん。",
                "The server's TLS is so old that no way is left which this machine takes for safe "
                "(TLS 1.2 or newer).",
            ),
            Text(
                "サーバーの管理者に、TLS 1.2 以降への対応を依頼してください。社内の安全な"
                "ネットワークの中であれば、mail_server.security を none にして暗号化なしで送る"
                "こともできます。",
                "Ask the server's administrator for TLS 1.2 or newer. Inside of a network that is "
                "safe, mail can go unencrypted: mail_server.security: none.",
            ),
        ),
    ),
)
_FILES = (
    words(
        "no such file|permission denied|is a directory|not a directory|no certificate or crl"
        "|no start line|pem lib|input/output",
        (
            Text(
                "設定 mail_server.ca_file のファイルから CA 証明書を読み込めません",
                "No certificate can be read from the file in mail_server.ca_file",
            ),
            Text(
                "設定 mail_server.ca_file の場所、ファイルの権限、内容（PEM 形式）を確認して"
                "ください。",
                "Check the path in mail_server.ca_file, the file's permissions, and that it holds "
                "PEM.",
            ),
        ),
    ),
)
