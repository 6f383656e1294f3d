"""What is said of the settings of zaiond-web, in both languages."""

from zaiond.text import Sentence, Text

NO_LISTEN = Text(
    "IP アドレスとポートを、127.0.0.1:8025 や [::1]:8025 のように書いてください",
    "write an IP address and a port, as 127.0.0.1:8025 or [::1]:8025",
)
NO_PAGE_URL = Text(
    "https://zaiond.example.co.jp のように、パス（「/」から後ろ）を付けずに書いてください",
    "write it without a path, as https://zaiond.example.co.jp",
)
both_files = Sentence(
    "{name} だけでは使えません。{missing} も設定してください",
    "{name} needs {missing}, too: set both",
)
listen_needs_tls = Sentence(
    "{listen} はほかのマシンから接続できるアドレスなので、証明書が必要です。cert_file と key_file "
    "を設定するか、127.0.0.1 にしてください（ほかのマシンからは ssh -L などで使えます）",
    "{listen} can be reached from other machines, which takes a certificate: set cert_file and "
    "key_file, or make it 127.0.0.1 (which ssh -L, for one, reaches from elsewhere)",
)
everybody_reads_key = Sentence(
    "{path} は秘密鍵ですが、だれでも読める状態です。次のコマンドを実行してください: {command}",
    "{path} is a private key, and everybody can read it; run: {command}",
)
not_its_key = Sentence(
    "{path} は、証明書 {certificate} の秘密鍵ではありません。その証明書の秘密鍵（PEM 形式、"
    "パスフレーズなし）を指定してください",
    "{path} is not the private key of the certificate {certificate}: name that one (PEM, without "
    "a passphrase)",
)
