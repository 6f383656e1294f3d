"""The mails in Japanese (interface 6)."""

from datetime import datetime

from zaiond.message.locale.words import BackupWords, Words
from zaiond.message.value import offset, units

_WEEKDAYS = "月火水木金土日"


def _moment(moment: datetime) -> str:
    weekday = _WEEKDAYS[moment.weekday()]
    return f"{moment.year:04d}/{moment:%m/%d}({weekday}) {moment:%H:%M:%S} {offset(moment)}"


def _subject(mark: str, what: str, where: tuple[str, ...]) -> str:
    return f"{mark}{what}（{'：'.join(where)}）"


WORDS = Words(
    test_body="Zaionnex からのメール送信テストです。",
    greeting="管理者各位",
    severity={
        "emerg": "緊急",
        "alert": "警報",
        "crit": "重大",
        "err": "エラー",
        "warning": "警告",
        "notice": "通知",
        "info": "情報",
        "debug": "デバッグ",
    },
    problem="障害発生",
    recovered="復旧",
    outcome={
        "started": "開始",
        "finished": "完了",
        "completed": "完了",
        "succeeded": "成功",
        "failed": "失敗",
        "job.missed": "未実行",
        "job.overdue": "実行時間超過",
    },
    subject_of={
        "backup.auto_update": "データバックアップの自動アップデート",
        "job": "ジョブ",
        "mail.local": "ローカルメール",
        "unit": "ユニット",
    },
    moment=_moment,
    duration=lambda seconds: units(seconds, ("日", "時間", "分", "秒"), ""),
    mark=lambda marks: f"【{'・'.join(marks)}】",
    subject=_subject,
    left_out=lambda number, command: f"（ほかに {number:,} 項目を省略。すべて表示: {command}）",
    on_problem="障害が発生しました。\n内容を確認し、必要に応じて対応してください。",
    on_recovery="障害が復旧しました。\nこのメールへの対応は不要です。",
    at_once="至急の対応が必要な問題が報告されました。\n直ちに内容を確認してください。",
    on_warning="問題が報告されました。\n内容を確認し、必要に応じて対応してください。",
    to_know="以下の内容をお知らせします。",
    no_notice=lambda user: (
        f"※これは zaiond 自身の通知ではありません。ユーザー {user} が送ったイベントです。"
    ),
    summary="■ 概要",
    message="■ メッセージ",
    details="■ 詳細",
    extensions="■ その他の属性",
    result="結果",
    server="サーバー名",
    target="対象",
    started_at="開始日時",
    took="所要時間",
    history="詳しい経過",
    about="件名",
    type="種類",
    severity_label="重大度",
    status="状態",
    key="識別キー",
    time="日時",
    accepted="受付日時",
    source="発行元",
    user="ユーザー",
    job="ジョブ",
    backup_started=BackupWords(
        mark="開始",
        sentences="データバックアップの自動アップデートを開始しました。\n"
        "このメールへの対応は不要です。",
        result=None,
        ended_at="完了日時",
        message="■ メッセージ",
        message_first=False,
    ),
    backup_finished=BackupWords(
        mark="完了",
        sentences="データバックアップの自動アップデートが完了しました。\n"
        "このメールへの対応は不要です。",
        result="正常終了",
        ended_at="完了日時",
        message="■ メッセージ",
        message_first=False,
    ),
    backup_finished_with_warning=BackupWords(
        mark="完了・警告あり",
        sentences="データバックアップの自動アップデートが完了しました。\n"
        "警告の内容をご確認ください。",
        result="警告あり",
        ended_at="完了日時",
        message="■ 警告内容",
        message_first=True,
    ),
    backup_failed=BackupWords(
        mark="失敗",
        sentences="データバックアップの自動アップデートに失敗しました。\n"
        "エラー内容を確認し、必要に応じて再実行してください。",
        result="失敗",
        ended_at="失敗日時",
        message="■ エラー内容",
        message_first=True,
    ),
    automatic="※このメールは Zaionnex が自動送信しています。返信されてもお答えできません。",
    stop_backup="※この通知を停止するには、設定 notify.backup_auto_update を false に"
    "変更してください。",
    event_id="イベント ID",
)
