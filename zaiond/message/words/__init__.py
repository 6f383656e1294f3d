"""The words of the mails (interface 6), and what is said of addresses, in both languages."""

from dataclasses import dataclass

from zaiond.model import Severity
from zaiond.text import Language, Sentence, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupWords:
    """One phase of a backup's automatic update: how it stands, and what to do."""

    mark: str
    sentences: str
    result: str | None  # None while it has none
    ended_at: str
    message: str  # the heading above the event's message
    message_first: bool  # before the summary: it says what is wrong


class Words:
    """The words of one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.is_ja = language == "ja"

        def say(ja: str, en: str) -> str:
            return ja if language == "ja" else en

        self.test_body = say(
            "Zaionnex からのメール送信テストです。", "This is a test mail from Zaionnex."
        )
        self.greeting = say("管理者各位", "Dear administrator,")
        self.severity: dict[Severity, str] = {
            "emerg": say("緊急", "emergency"),
            "alert": say("警報", "alert"),
            "crit": say("重大", "critical"),
            "err": say("エラー", "error"),
            "warning": say("警告", "warning"),
            "notice": say("通知", "notice"),
            "info": say("情報", "information"),
            "debug": say("デバッグ", "debug"),
        }
        self.problem = say("障害発生", "problem")
        self.recovered = say("復旧", "recovered")
        # By the last word of an event's type, or by a whole type.
        self.outcome: dict[str, str] = {
            "started": say("開始", "started"),
            "finished": say("完了", "finished"),
            "completed": say("完了", "completed"),
            "succeeded": say("成功", "succeeded"),
            "failed": say("失敗", "failed"),
            "job.missed": say("未実行", "missed"),
            "job.overdue": say("実行時間超過", "overdue"),
        }
        # By a type of our own, without its outcome.
        self.subject_of: dict[str, str] = {
            "backup.auto_update": say(
                "データバックアップの自動アップデート", "Automatic update of the data backup"
            ),
            "job": say("ジョブ", "Job"),
            "mail.local": say("ローカルメール", "Local mail"),
            "unit": say("ユニット", "Unit"),
        }

        # What to do about an event.
        self.on_problem = say(
            "障害が発生しました。\n内容を確認し、必要に応じて対応してください。",
            "A problem has occurred. Please check, and take action if necessary.",
        )
        self.on_recovery = say(
            "障害が復旧しました。\nこのメールへの対応は不要です。",
            "The problem has been resolved. No action is needed.",
        )
        self.at_once = say(
            "至急の対応が必要な問題が報告されました。\n直ちに内容を確認してください。",
            "A problem that needs immediate action was reported. Please look at it now.",
        )
        self.on_warning = say(
            "問題が報告されました。\n内容を確認し、必要に応じて対応してください。",
            "A problem has been reported. Please check, and take action if necessary.",
        )
        self.to_know = say("以下の内容をお知らせします。", "This is for your information.")

        # What stands around the host and what else says where, in a subject.
        self.around_place = ("（", "）") if self.is_ja else (" (", ")")
        self.between_places = say("：", ": ")
        # A line each in Japanese; Outlook would join an English one to the next.
        self.between_sentences = say("\n", " ")

        # Headings.
        self.summary = say("■ 概要", "== Summary ==")
        self.message = say("■ メッセージ", "== Message ==")
        self.details = say("■ 詳細", "== Details ==")
        self.extensions = say("■ その他の属性", "== Other attributes ==")

        # Labels.
        self.result = say("結果", "Result")
        self.server = say("サーバー名", "Server")
        self.target = say("対象", "Target")
        self.started_at = say("開始日時", "Started")
        self.took = say("所要時間", "Duration")
        self.history = say("詳しい経過", "History")
        self.about = say("件名", "Subject")
        self.type = say("種類", "Type")
        self.severity_label = say("重大度", "Severity")
        self.status = say("状態", "Status")
        self.key = say("識別キー", "Key")
        self.time = say("日時", "Time")
        self.accepted = say("受付日時", "Received")
        self.source = say("発行元", "Source")
        self.user = say("ユーザー", "User")
        self.job = say("ジョブ", "Job")

        # A backup's automatic update.
        self.backup_started = BackupWords(
            mark=say("開始", "started"),
            sentences=say(
                "データバックアップの自動アップデートを開始しました。\n"
                "このメールへの対応は不要です。",
                "The automatic update of the data backup has started. No action is needed.",
            ),
            result=None,
            ended_at=say("完了日時", "Finished"),
            message=say("■ メッセージ", "== Message =="),
            message_first=False,
        )
        self.backup_finished = BackupWords(
            mark=say("完了", "finished"),
            sentences=say(
                "データバックアップの自動アップデートが完了しました。\n"
                "このメールへの対応は不要です。",
                "The automatic update of the data backup has finished. No action is needed.",
            ),
            result=say("正常終了", "success"),
            ended_at=say("完了日時", "Finished"),
            message=say("■ メッセージ", "== Message =="),
            message_first=False,
        )
        self.backup_finished_with_warning = BackupWords(
            mark=say("完了・警告あり", "finished with warnings"),
            sentences=say(
                "データバックアップの自動アップデートが完了しました。\n"
                "警告の内容をご確認ください。",
                "The automatic update of the data backup has finished with warnings.\n\n"
                "Please check the warnings.",
            ),
            result=say("警告あり", "finished with warnings"),
            ended_at=say("完了日時", "Finished"),
            message=say("■ 警告内容", "== Warnings =="),
            message_first=True,
        )
        self.backup_failed = BackupWords(
            mark=say("失敗", "failed"),
            sentences=say(
                "データバックアップの自動アップデートに失敗しました。\n"
                "エラー内容を確認し、必要に応じて再実行してください。",
                "The automatic update of the data backup has failed.\n\n"
                "Please check the error, and run the update again if necessary.",
            ),
            result=say("失敗", "failed"),
            ended_at=say("失敗日時", "Failed"),
            message=say("■ エラー内容", "== Error =="),
            message_first=True,
        )

        # Below.
        self.automatic = say(
            "※このメールは Zaionnex が自動送信しています。返信されてもお答えできません。",
            "This mail was sent automatically by Zaionnex. Replies to it are not read.",
        )
        self.stop_backup = say(
            "※この通知を停止するには、設定 notify.backup_auto_update を false に変更してください。",
            "To stop these notifications, set notify.backup_auto_update to false.",
        )
        self.event_id = say("イベント ID", "Event ID")

    def mark(self, marks: tuple[str, ...]) -> str:
        """The beginning of a subject, of one word or more that say how it stands."""
        return f"【{'・'.join(marks)}】" if self.is_ja else f"{', '.join(marks).capitalize()}: "

    def left_out(self, number: int, command: str) -> str:
        """That so many fields are not shown, and which command shows them."""
        if self.is_ja:
            return f"（ほかに {number:,} 項目を省略。すべて表示: {command}）"
        return f"({number:,} more not shown here; to see all: {command})"

    def no_notice(self, user: str) -> str:
        """Of an event that could be taken for a notice of the daemon's own."""
        if self.is_ja:
            return (
                f"※これは zaiond 自身の通知ではありません。ユーザー {user} が送ったイベントです。"
            )
        return f"Note: this is no notice of zaiond itself. User {user} sent the event."


JA, EN = Words("ja"), Words("en")

# Of a text that should be an address and is none: `{text}`.
EMPTY = Text("アドレスがありません", "there is no address")
EMPTY_ELEMENT = Sentence(
    "アドレスが空です: {text}。余分な「,」を取り除いてください",
    "an address is empty: {text}: take out the ',' that is too many",
)
NOT_PRINTABLE = Sentence(
    "アドレスに使えない文字（改行や制御文字など）があります: {text}",
    "the address has characters that none can have (as line ends): {text}",
)
SIGNS_DO_NOT_FIT = Sentence(
    '「<」「>」や「"」の使い方が正しくありません: {text}。'
    "「名前 <user@example.co.jp>」の形で書いてください",
    "the signs < > or \" don't fit together: {text}: write it as: Name <user@example.co.jp>",
)
FULL_WIDTH = Sentence(
    "全角の文字があります: {text}。半角で {value} と書いてください",
    "these are full-width characters: {text}: write {value}",
)
NO_AT = Sentence(
    "「@」がありません: {text}。user@example.co.jp のように書いてください",
    "there is no '@': {text}: write it as user@example.co.jp",
)
TOO_LONG = Sentence(
    "アドレスが長すぎます（{value} バイトまで）: {text}",
    "the address is too long ({value} octets at most): {text}",
)
NO_LOCAL_PART = Sentence("「@」の前がありません: {text}", "nothing stands before the '@': {text}")
LOCAL_PART_TOO_LONG = Sentence(
    "「@」の前が長すぎます（{value} バイトまで）: {text}",
    "the part before the '@' is too long ({value} octets at most): {text}",
)
WRONG_LOCAL_PART = Sentence(
    "「@」の前に使えない文字（空白や括弧など）があります: {text}",
    "the part before the '@' has a character that it can't have (as a space or a parenthesis): "
    "{text}",
)
BARE_IP_ADDRESS = Sentence(
    "IP アドレスは角括弧で囲んでください: {text}（例: user@[{value}]）",
    "put an IP address into square brackets: {text} (as user@[{value}])",
)
NO_DOMAIN = Sentence(
    "「@」の後ろがドメイン名として正しくありません: {text}",
    "what stands after the '@' is no domain name: {text}",
)
SIGN_IN_NAME = Sentence(
    "表示名に「{value}」があるときは、表示名を引用符で囲んでください: {text}",
    "a display name with a '{value}' must be in quotation marks: {text}",
)
ONLY_ONE = Sentence("アドレスは 1 つだけ書いてください: {text}", "write one address only: {text}")
ONE_AT_A_TIME = Sentence(
    "アドレスは 1 つずつ書いてください: {text}", "write one address at a time: {text}"
)
NO_COMMA = Sentence(
    "アドレスの区切りの「,」がありません: {text}", "a ',' is missing between two addresses: {text}"
)
WRONG_SEPARATOR = Sentence(
    "アドレスの区切りには{value}ではなく半角の「,」を使ってください: {text}",
    "separate addresses by ',', not by {value}: {text}",
)
BLANK = Text("空白", "a blank")
BLANKS = {
    "\u3000": Text("全角の空白（U+3000）", "a full-width blank (U+3000)"),
    "\n": Text("改行", "a line end"),
    "\t": Text("タブ", "a tab"),
}
