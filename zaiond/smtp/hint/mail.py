"""Advice for what a server says to a mail: its recipient, its content, how many there are."""

from zaiond.smtp.diagnosis import Diagnosis
from zaiond.smtp.hint.advice import Table, advice

ADVICE: Table = {
    Diagnosis.SENDING_LIMIT: advice(
        "送信したメールの数が、サーバーの制限を超えました。",
        "More mails were sent than the server takes in a while.",
        "しばらく待ってください。サーバーの制限に合わせて mail_server.rate（例: 30/m）を設定する"
        "と、超えないように送ります。",
        "Wait for a while. Set mail_server.rate (30/m, for example) to what the server allows, "
        "and no more will be sent.",
    ),
    Diagnosis.TOO_MANY_MAILS: advice(
        "1 回の接続で送るメールの数が、サーバーの制限を超えました。",
        "More mails were sent over one connection than the server takes.",
        "続きは新しい接続で自動的に送るため、対応は不要です。毎回続くときは、mail_server.rate（例"
        ": 30/m）を設定してください。",
        "The rest goes out over a new connection by itself. If it happens each time, set "
        "mail_server.rate (30/m, for example).",
    ),
    Diagnosis.TOO_MANY_RECIPIENTS: advice(
        "1 通のメール、または一定時間の宛先の数が、サーバーの制限を超えました。",
        "There are more recipients in one mail, or in a while, than the server takes.",
        "admins の宛先を減らすか、メーリングリストのアドレス 1 つにまとめてください。",
        "Have fewer addresses in admins, or one address of a mailing list.",
    ),
    Diagnosis.TOO_BIG: advice(
        "メールがサーバーの許す大きさを超えています。",
        "The mail is larger than the server allows.",
        "イベントのデータを小さくするか、サーバーの管理者に上限を上げてもらってください。",
        "Make the event's data smaller, or ask the server's administrator for a higher limit.",
    ),
    Diagnosis.GREYLISTED: advice(
        "サーバーは、初めての相手からのメールをしばらく待たせます（グレーリスト）。",
        "The server lets mail of a newcomer wait for a while (greylisting).",
        "数分たってからもう一度お試しください。通知のメールは、自動的に再送するので届きます。毎回"
        "続くときは、サーバーの管理者に、このマシンを対象から外してもらってください。",
        "Try again after some minutes. The mails about events are sent again by themselves and do "
        "arrive. If it happens each time, ask the server's administrator to exempt this machine.",
    ),
    Diagnosis.RECIPIENT_BUSY: advice(
        "宛先のメールボックスに、短い時間に多くのメールが届いています。",
        "The recipient's mailbox gets more mail at present than the server lets it.",
        "しばらく待ってください。通知のメールは、自動的に再送するので届きます。",
        "Wait for a while: the mails about events are sent again by themselves and do arrive.",
    ),
    Diagnosis.MAILBOX_FULL: advice(
        "宛先のメールボックスがいっぱいです。",
        "The recipient's mailbox is full.",
        "宛先の人に、メールボックスを空けてもらってください。",
        "Ask the recipient to make room in it.",
    ),
    Diagnosis.RECIPIENT_UNKNOWN: advice(
        "宛先のメールアドレスが、サーバーに存在しません。",
        "There is no such recipient on the server.",
        "宛先アドレス（admins など）のつづりと、実在するかを確認してください。",
        "Check the spelling of the address (in admins, for example), and that it exists.",
    ),
    Diagnosis.RECIPIENT_DOMAIN_UNKNOWN: advice(
        "宛先の @ 以下（ドメイン）が見つからないか、メールを受け取らないドメインです。",
        "The recipient's domain doesn't exist, or takes no mail.",
        "宛先アドレスの @ より後ろのつづりを確認してください。",
        "Check the spelling of the address after the @.",
    ),
    Diagnosis.RECIPIENT_DISABLED: advice(
        "宛先のメールボックスは停止されています。",
        "The recipient's mailbox is disabled.",
        "別の宛先を admins に設定するか、宛先の管理者に確認してください。",
        "Set another address in admins, or ask the administrator of that mailbox.",
    ),
    Diagnosis.RECIPIENT_NEEDS_SMTPUTF8: advice(
        "英数字以外を含む宛先アドレスに必要な SMTPUTF8 に、サーバーが対応していません。",
        "The recipient's address has other than ASCII characters, which needs SMTPUTF8, and the "
        "server doesn't offer that.",
        "英数字だけの宛先アドレスを設定してください。",
        "Use an address of ASCII characters only.",
    ),
    Diagnosis.RECIPIENT_UNFIT: advice(
        "宛先アドレスに使えない文字があります。",
        "There are characters in the address that no mail address can have.",
        "宛先アドレスを直してください。",
        "Correct the address.",
    ),
    Diagnosis.RECIPIENT_REFUSED: advice(
        "サーバーがこの宛先を拒否しました。",
        "The server refuses this recipient.",
        "宛先アドレスのつづりと、実在するかを確認してください。正しければ、サーバーの管理者にこの"
        "応答を伝えて確認してください。",
        "Check the spelling of the address, and that it exists. If it is right, tell the server's "
        "administrator these words.",
    ),
    Diagnosis.CONTENT_REFUSED: advice(
        "サーバーの迷惑メールまたはウイルスの検査が、このメールを拒否しました。",
        "The server's filter against spam or viruses refuses the mail.",
        "サーバーの管理者にこの応答を伝え、このマシンまたは送信元アドレス（設定 sender）からの通知"
        "を許可してもらってください。",
        "Tell the server's administrator these words, and ask for an exception for this machine, "
        "or for the sender's address (sender).",
    ),
    Diagnosis.MESSAGE_REFUSED: advice(
        "サーバーがこのメールを拒否しました。",
        "The server refuses the mail.",
        "迷惑メールやウイルスの検査、サーバーの送信の決まりが原因のことがあります。サーバーの管理"
        "者に、この応答を伝えて確認してください。",
        "A filter against spam or viruses, or the server's rules may be the reason. Tell its "
        "administrator these words.",
    ),
    Diagnosis.DISK_FULL: advice(
        "サーバーのディスクに空きがありません。",
        "The server's disk is full.",
        "サーバーの管理者に、この応答を伝えてください。空きができれば、通知のメールは自動的に再送"
        "します。",
        "Tell the server's administrator these words. Once there is room, the mails about events "
        "are sent again by themselves.",
    ),
    Diagnosis.SERVER_TROUBLE: advice(
        "サーバーに一時的な障害があります。",
        "The server has trouble of its own at present.",
        "しばらくしてからもう一度お試しください。続くときは、サーバーの管理者にこの応答を伝えて確"
        "認してください。",
        "Try again after a while. If it goes on, tell the server's administrator these words.",
    ),
    Diagnosis.NOT_NOW: advice(
        "サーバーは今はメールを受け付けません。",
        "The server doesn't take the mail at present.",
        "しばらくしてからもう一度お試しください（初めての相手を数分間待たせるサーバーもあります）。"
        "続くときは、サーバーの管理者にこの応答を伝えて確認してください。",
        "Try again after a while (some servers let a newcomer wait for some minutes). If it goes "
        "on, tell the server's administrator these words.",
    ),
}
