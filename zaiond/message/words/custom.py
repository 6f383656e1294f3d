"""What is said of templates: of their files, and of why one can't be used."""

from zaiond.text import Sentence, Text

WRONG = Sentence("テンプレートを解釈できません（Jinja2: {why}）", "Jinja2 can't read it: {why}")
FAILED = Sentence("テンプレートの実行に失敗しました（{why}）", "it failed: {why}")
UNKNOWN = Sentence("使えない名前、または項目です（{why}）", "there is no such name or field: {why}")
LACKING = Sentence(
    "イベントにない項目を計算や比較に使っています（{why}）。"
    "default() か is defined を使ってください",
    "it computes with a field that the event lacks ({why}): use default() or is defined",
)
TIME_IS_UP = Sentence("実行に {ms} ミリ秒を超える時間がかかりました", "it takes more than {ms} ms")
TOO_LARGE = Sentence("結果が {kib} KiB を超えました", "it makes more than {kib} KiB")
NOT_LITERAL = Text(
    "include、import、extends には、ファイル名を引用符で囲んで直接書いてください",
    "include, import and extends take the name of a file in quotes, and nothing else",
)
OUTSIDE = Sentence(
    "templates/ の外にあるファイルは使えません: {name}", "it is not within templates/: {name}"
)
NOT_THERE = Sentence("ファイルがありません: {path}", "there is no such file: {path}")
NO_AUTOESCAPE = Text(
    "autoescape は使えません。HTML では、イベントの内容は必ずエスケープします",
    "autoescape can't be used: in HTML what an event says is always escaped",
)
TOO_MANY = Sentence(
    "include などで使うファイルが多すぎます（{most} 個、合計 {kib} KiB まで）",
    "it includes too much: {most} files and {kib} KiB in all are the most",
)
# In the history of a mail.
FELL_BACK = Sentence(
    "テンプレートを使えなかったため標準の文面で作成: {why}",
    "made without its template, which could not be used: {why}",
)
