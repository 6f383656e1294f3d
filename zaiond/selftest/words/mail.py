"""Advice for what a server has against a mail: where it comes from or goes, how much it is."""

from zaiond.selftest.words import Row
from zaiond.smtp.diagnosis import Diagnosis

ADVICE: dict[Diagnosis, Row] = {
    # Where mail comes from: the sender, this machine
    Diagnosis.NOT_ALLOWED_AS_SENDER: (
        "送信元アドレスが、SMTP 認証でログインしたアカウントのものではありません。",
        "The sender's address doesn't belong to the account that we log in as.",
        "設定 sender に、mail_server.auth の username のアカウントのメールアドレスを設定してくださ"
        "い。別のアドレスで送るには、サーバーの管理者に、このアカウントへの「差出人として送信」の"
        "権限を付けてもらいます。",
        "Set sender to the mail address of the account in username of mail_server.auth. To send "
        "by another address, have the server's administrator allow this account to send as that "
        "one.",
    ),
    Diagnosis.SENDER_UNVERIFIED: (
        "送信元アドレスが、このメール送信サービスに登録されていません。",
        "The sender's address is not registered with this mail service.",
        "サービスの管理画面で送信元のアドレスまたはドメインを登録して認証を済ませるか、設定 "
        "sender を登録済みのアドレスにしてください。",
        "Register and verify the sender's address or domain on the service's console, or set "
        "sender to an address that is registered.",
    ),
    Diagnosis.SENDER_WITHOUT_DOMAIN: (
        "サーバーが送信元アドレスを正しい形と認めず、拒否しました。@ 以下（ドメイン）がない場合に"
        "よく起こります。",
        "The server doesn't take the sender's address for a valid one, most often because it has "
        "no domain after an @.",
        "設定 sender を、@ 以下まであるアドレス（例: zaionnex@example.co.jp）にしてください。",
        "Set sender to an address with its domain after the @ (for example "
        "zaionnex@example.co.jp).",
    ),
    Diagnosis.SENDER_DOMAIN_UNKNOWN: (
        "送信元アドレスの @ 以下（ドメイン）が DNS に見つからないため、サーバーが拒否しました。",
        "The server refuses the sender's address because its domain is not found in DNS.",
        "設定 sender を、実在するドメインのアドレス（例: zaionnex@example.co.jp）にしてください（"
        "@ の前後のつづりも確認してください）。",
        "Set sender to an address of a domain that exists (for example zaionnex@example.co.jp); "
        "check its spelling after the @, too.",
    ),
    Diagnosis.SENDER_UNKNOWN: (
        "送信元アドレスがサーバーに実在しないため、拒否されました。",
        "The server refuses the sender's address because there is no such mailbox.",
        "サーバーに送信元用のアカウントを作ってもらうか、すでにあるアカウントのアドレスを、設定 "
        "sender に設定してください。",
        "Have an account made for it on the server, or set sender to the address of one that "
        "exists.",
    ),
    Diagnosis.SENDER_DOMAIN_POLICY: (
        "送信元ドメインの送信ドメイン認証（SPF、DKIM、DMARC）に合わないため、サーバーが拒否しまし"
        "た。",
        "The server refuses it because the sender's domain (SPF, DKIM, DMARC) doesn't allow this "
        "machine to send for it.",
        "送信元ドメインの正規のメールサーバーを mail_server.host に設定するか、そのドメインの DNS "
        "の管理者に、このマシンを SPF に加えてもらってください。",
        "Set mail_server.host to that domain's own mail server, or have the administrator of its "
        "DNS add this machine to its SPF record.",
    ),
    Diagnosis.SENDER_MAILBOX_FULL: (
        "送信元のメールボックスがいっぱいのため、サーバーが送信を拒否しました。",
        "The server sends nothing because the sender's own mailbox is full.",
        "設定 sender のメールボックス（または mail_server.auth の username のアカウント）を空けて"
        "ください。",
        "Make room in the mailbox of sender, or of the account in username of mail_server.auth.",
    ),
    Diagnosis.SENDER_NEEDS_SMTPUTF8: (
        "英数字以外を含むアドレスに必要な SMTPUTF8 に、サーバーが対応していません。",
        "The mail has an address with other than ASCII characters, which needs SMTPUTF8, and the "
        "server doesn't offer that.",
        "設定 sender と宛先（admins など）を、英数字だけのアドレスにしてください。",
        "Set sender, and the recipients (as admins), to addresses of ASCII characters only.",
    ),
    Diagnosis.SENDER_UNFIT: (
        "送信元アドレスに使えない文字があります。",
        "There are characters in the sender that no mail address can have.",
        "設定 sender のアドレスを直してください。",
        "Correct the address in sender.",
    ),
    Diagnosis.SENDER_REFUSED: (
        "サーバーが送信元アドレスを拒否しました。",
        "The server refuses the sender's address.",
        "設定 sender に、@ 以下まであり、このサーバーに実在するアドレス（例: "
        "zaionnex@example.co.jp）を設定してください。",
        "Set sender to an address that exists on this server, with its domain after the @ (for "
        "example zaionnex@example.co.jp).",
    ),
    Diagnosis.MACHINE_BLOCKED: (
        "このマシンの IP アドレスが、迷惑メール対策のブロックリストで拒否されています。",
        "This machine's IP address is refused by a block list against spam.",
        "固定 IP アドレスでない回線から直接は送れないことがあります。契約しているプロバイダーや社"
        "内のメールサーバーを mail_server.host に設定し、mail_server.port は 587 に、"
        "mail_server.auth も設定してください。固定 IP アドレスなら、ブロックリストの運営元に解除を"
        "申請します。",
        "From an address that changes, mail often can't be sent directly: set mail_server.host to "
        "your provider's or company's mail server, with port 587 and a login (mail_server.auth). "
        "From a fixed address, have it taken off the list.",
    ),
    Diagnosis.HELO_REFUSED: (
        "サーバーが、このマシンの名乗った名前（EHLO）を拒否しました。",
        "The server refuses the name that this machine gives in EHLO.",
        "設定 mail_server.helo_name に、DNS に登録されている、ドメインまで含むこのマシンの名前を設"
        "定してください。",
        "Set mail_server.helo_name to this machine's name in DNS, with its domain.",
    ),
    Diagnosis.NO_REVERSE_DNS: (
        "このマシンの IP アドレスに逆引きの設定がない（名前がわからない）ため、サーバーが拒否しま"
        "した。",
        "The server refuses this machine because its IP address has no name (reverse DNS).",
        "回線の事業者に逆引き（PTR）を設定してもらうか、mail_server.auth でログインできるサーバー"
        "を経由して送ってください。",
        "Have your provider set up reverse DNS (PTR), or send by a server that you log in to "
        "(mail_server.auth).",
    ),
    Diagnosis.MACHINE_REFUSED: (
        "サーバーがこのマシンからの接続を拒否しました。",
        "The server turns this machine away.",
        "サーバーの管理者に、このマシンの IP アドレスからの送信を許可してもらうか、"
        "mail_server.port を 587 にして mail_server.auth でログインしてください。",
        "Ask the server's administrator to allow this machine's IP address, or set "
        "mail_server.port to 587 and log in (mail_server.auth).",
    ),
    Diagnosis.RELAYING_REFUSED: (
        "サーバーが、この宛先への中継を拒否しました。",
        "The server doesn't pass on mail to this recipient for us.",
        "宛先のドメインのつづりを確認してください。正しければ、設定 mail_server.auth で SMTP 認証"
        "を使うか（古いサーバーでは mail_server.pop_before_smtp）、サーバーの管理者にこのマシンか"
        "らの中継を許可してもらってください。",
        "Check the spelling of the address's domain. If it is right, log in by mail_server.auth "
        "(on an old server by mail_server.pop_before_smtp), or ask the server's administrator to "
        "allow this machine to relay.",
    ),
    # Where it goes, how many there are, what is in it
    Diagnosis.SENDING_LIMIT: (
        "送信したメールの数が、サーバーの制限を超えました。",
        "More mails were sent than the server takes in a while.",
        "しばらく待ってください。サーバーの制限に合わせて mail_server.rate（例: 30/m）を設定する"
        "と、超えないように送ります。",
        "Wait for a while. Set mail_server.rate (30/m, for example) to what the server allows, "
        "and no more will be sent.",
    ),
    Diagnosis.TOO_MANY_MAILS: (
        "1 回の接続で送るメールの数が、サーバーの制限を超えました。",
        "More mails were sent over one connection than the server takes.",
        "続きは新しい接続で自動的に送るため、対応は不要です。毎回続くときは、mail_server.rate（例"
        ": 30/m）を設定してください。",
        "The rest goes out over a new connection by itself. If it happens each time, set "
        "mail_server.rate (30/m, for example).",
    ),
    Diagnosis.TOO_MANY_RECIPIENTS: (
        "1 通のメール、または一定時間の宛先の数が、サーバーの制限を超えました。",
        "There are more recipients in one mail, or in a while, than the server takes.",
        "admins の宛先を減らすか、メーリングリストのアドレス 1 つにまとめてください。",
        "Have fewer addresses in admins, or one address of a mailing list.",
    ),
    Diagnosis.TOO_BIG: (
        "メールがサーバーの許す大きさを超えています。",
        "The mail is larger than the server allows.",
        "イベントのデータを小さくするか、サーバーの管理者に上限を上げてもらってください。",
        "Make the event's data smaller, or ask the server's administrator for a higher limit.",
    ),
    Diagnosis.GREYLISTED: (
        "サーバーは、初めての相手からのメールをしばらく待たせます（グレーリスト）。",
        "The server lets mail of a newcomer wait for a while (greylisting).",
        "数分たってからもう一度お試しください。通知のメールは、自動的に再送するので届きます。毎回"
        "続くときは、サーバーの管理者に、このマシンを対象から外してもらってください。",
        "Try again after some minutes. The mails about events are sent again by themselves and do "
        "arrive. If it happens each time, ask the server's administrator to exempt this machine.",
    ),
    Diagnosis.RECIPIENT_BUSY: (
        "宛先のメールボックスに、短い時間に多くのメールが届いています。",
        "The recipient's mailbox gets more mail at present than the server lets it.",
        "しばらく待ってください。通知のメールは、自動的に再送するので届きます。",
        "Wait for a while: the mails about events are sent again by themselves and do arrive.",
    ),
    Diagnosis.MAILBOX_FULL: (
        "宛先のメールボックスがいっぱいです。",
        "The recipient's mailbox is full.",
        "宛先の人に、メールボックスを空けてもらってください。",
        "Ask the recipient to make room in it.",
    ),
    Diagnosis.RECIPIENT_UNKNOWN: (
        "宛先のメールアドレスが、サーバーに存在しません。",
        "There is no such recipient on the server.",
        "宛先アドレス（admins など）のつづりと、実在するかを確認してください。",
        "Check the spelling of the address (in admins, for example), and that it exists.",
    ),
    Diagnosis.RECIPIENT_DOMAIN_UNKNOWN: (
        "宛先の @ 以下（ドメイン）が見つからないか、メールを受け取らないドメインです。",
        "The recipient's domain doesn't exist, or takes no mail.",
        "宛先アドレスの @ より後ろのつづりを確認してください。",
        "Check the spelling of the address after the @.",
    ),
    Diagnosis.RECIPIENT_DISABLED: (
        "宛先のメールボックスは停止されています。",
        "The recipient's mailbox is disabled.",
        "別の宛先を admins に設定するか、宛先の管理者に確認してください。",
        "Set another address in admins, or ask the administrator of that mailbox.",
    ),
    Diagnosis.RECIPIENT_NEEDS_SMTPUTF8: (
        "英数字以外を含む宛先アドレスに必要な SMTPUTF8 に、サーバーが対応していません。",
        "The recipient's address has other than ASCII characters, which needs SMTPUTF8, and the "
        "server doesn't offer that.",
        "英数字だけの宛先アドレスを設定してください。",
        "Use an address of ASCII characters only.",
    ),
    Diagnosis.RECIPIENT_UNFIT: (
        "宛先アドレスに使えない文字があります。",
        "There are characters in the address that no mail address can have.",
        "宛先アドレスを直してください。",
        "Correct the address.",
    ),
    Diagnosis.RECIPIENT_REFUSED: (
        "サーバーがこの宛先を拒否しました。",
        "The server refuses this recipient.",
        "宛先アドレスのつづりと、実在するかを確認してください。正しければ、サーバーの管理者にこの"
        "応答を伝えて確認してください。",
        "Check the spelling of the address, and that it exists. If it is right, tell the server's "
        "administrator these words.",
    ),
    Diagnosis.CONTENT_REFUSED: (
        "サーバーの迷惑メールまたはウイルスの検査が、このメールを拒否しました。",
        "The server's filter against spam or viruses refuses the mail.",
        "サーバーの管理者にこの応答を伝え、このマシンまたは送信元アドレス（設定 sender）からの通知"
        "を許可してもらってください。",
        "Tell the server's administrator these words, and ask for an exception for this machine, "
        "or for the sender's address (sender).",
    ),
    Diagnosis.MESSAGE_REFUSED: (
        "サーバーがこのメールを拒否しました。",
        "The server refuses the mail.",
        "迷惑メールやウイルスの検査、サーバーの送信の決まりが原因のことがあります。サーバーの管理"
        "者に、この応答を伝えて確認してください。",
        "A filter against spam or viruses, or the server's rules may be the reason. Tell its "
        "administrator these words.",
    ),
    Diagnosis.DISK_FULL: (
        "サーバーのディスクに空きがありません。",
        "The server's disk is full.",
        "サーバーの管理者に、この応答を伝えてください。空きができれば、通知のメールは自動的に再送"
        "します。",
        "Tell the server's administrator these words. Once there is room, the mails about events "
        "are sent again by themselves.",
    ),
    Diagnosis.SERVER_TROUBLE: (
        "サーバーに一時的な障害があります。",
        "The server has trouble of its own at present.",
        "しばらくしてからもう一度お試しください。続くときは、サーバーの管理者にこの応答を伝えて確"
        "認してください。",
        "Try again after a while. If it goes on, tell the server's administrator these words.",
    ),
    Diagnosis.NOT_NOW: (
        "サーバーは今はメールを受け付けません。",
        "The server doesn't take the mail at present.",
        "しばらくしてからもう一度お試しください（初めての相手を数分間待たせるサーバーもあります）。"
        "続くときは、サーバーの管理者にこの応答を伝えて確認してください。",
        "Try again after a while (some servers let a newcomer wait for some minutes). If it goes "
        "on, tell the server's administrator these words.",
    ),
    Diagnosis.NOT_HANDED_ON: (
        "イベントをフリートのハブに引き継げません{more}。",
        "Events can't be handed on to the hubs of the fleet{more}.",
        "zaiond-ctl fleet status で、NATS のノードとハブの状態を確認してください。引き継げるように"
        "なるまで、fleet.fallback_after のあとは、このマシンからメールを送ります。",
        "See how the nodes of NATS and the hubs are with zaiond-ctl fleet status. After "
        "fleet.fallback_after this machine mails by itself, until they can be handed on again.",
    ),
    Diagnosis.TOO_BIG_TO_HAND_ON: (
        "このイベントは、フリートの NATS サーバーの上限を超えています{more}。",
        "The event is over what the fleet's NATS servers take{more}.",
        "nats-server の設定の max_payload を 1MB にしてください。それまで、大きなイベントは "
        "fleet.fallback_after のあとに、このマシンからメールで送ります。",
        "Set max_payload to 1MB in nats-server's configuration. Until then such events are mailed "
        "from this machine after fleet.fallback_after.",
    ),
}
