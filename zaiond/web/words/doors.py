"""What the doors for programs say: /metrics and /v1/."""

from zaiond.text import Sentence, Text

NO_TOKEN = Text(
    "トークンが必要です（Authorization: Bearer トークン）。発行:"
    " zaiond-ctl web token 名前 --metrics または --emit",
    "a token is required (Authorization: Bearer TOKEN). To get one: zaiond-ctl web token NAME"
    " --metrics or --emit",
)
WRONG_TOKEN = Text(
    "このトークンは登録されていません。再発行: zaiond-ctl web token 名前 --metrics または --emit",
    "this token is not known. To get a new one: zaiond-ctl web token NAME --metrics or --emit",
)
FOR_METRICS = Text(
    "このトークンはメトリクス用です。イベントの送信には --emit で発行したトークンを使ってください",
    "this token is for metrics: to send events, use one that was made with --emit",
)
FOR_EVENTS = Text(
    "このトークンはイベント送信用です。メトリクスには --metrics で発行したトークンを使ってください",
    "this token is for events: to read metrics, use one that was made with --metrics",
)
token_refused = Sentence(
    "{path} へのアクセスを拒否しました（{address}）: {why}",
    "refused access to {path} ({address}): {why}",
)
NO_EVENT = Text(
    "本文が空です。イベント 1 件の JSON、1 行 1 件の JSON、または CloudEvents のバッチを"
    "送ってください",
    "the body is empty: it must be one event in JSON, an event a line, or a CloudEvents batch",
)
NO_BATCH = Text(
    "JSON の配列として読めません。CloudEvents のバッチはイベントの配列です",
    "not an array in JSON: a CloudEvents batch is an array of events",
)
NO_JSON_DATA = Text(
    "本文が Content-Type のとおりの JSON ではありません",
    "the body is not JSON, as its Content-Type says",
)
NO_WEBHOOK = Text(
    "Alertmanager の webhook の形式ではありません（alerts がない、または status が firing でも"
    " resolved でもありません）",
    "not a webhook of Alertmanager (it has no alerts, or one whose status is neither firing nor"
    " resolved)",
)
NO_ALERT = Text("alerts が空です", "it has no alerts")
NO_RESULT = Text(
    "アドレスの末尾は start、success、fail、または終了ステータス（0～255）にしてください",
    "the address must end in start, success, fail or an exit status (0 to 255)",
)
NO_NAME = Text(
    "アドレスにジョブの名前がありません（/v1/jobs/名前/success）",
    "there is no job's name in the address (/v1/jobs/NAME/success)",
)
LONG_NAME = Text("ジョブの名前が長すぎます", "the job's name is too long")
PACKED = Text(
    "圧縮された本文（Content-Encoding）は受け付けません",
    "a body with a Content-Encoding is not taken: send it as it is",
)
too_many = Sentence(
    "1 回に送れるイベントは {most} 件までです。分けて送ってください",
    "more than {most} events in one request: send them in several",
)
too_large = Sentence(
    "本文が {most} を超えています。分けて送ってください",
    "the body is over {most}: send it in several requests",
)
log_too_large = Sentence(
    "ログが {most} を超えています。末尾だけを送ってください（例: tail -c 1M）",
    "the log is over {most}: send its end only (as by tail -c 1M)",
)
too_slow = Sentence(
    "本文の受信が遅すぎます（{rate} 以上の速さが必要です）",
    "the body came too slowly: it takes {rate} at least",
)
UNKNOWN_END = Text(
    "zaiond の応答が途中で切れました。受け付けられたかどうか不明です。同じ id で送り直してください",
    "zaiond's answers broke off, so it is not known whether this one was taken: send it again, with"
    " the same id",
)
BUSY = Text(
    "ほかの送信を処理中です。少し待ってから送り直してください",
    "busy with what others send: send it again in a moment",
)
NOT_FOUND = Text("このアドレスはありません", "there is no such address")
wrong_method = Sentence(
    "このアドレスで使えるメソッドは {allowed} です（{method} は使えません）",
    "this address takes {allowed}, not {method}",
)
