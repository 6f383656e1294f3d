"""Why there is no token, and what became of a refresh token, for a person."""

from zaiond.text import Sentence, Text

UNKNOWN_TYPE = Text("トークンの種類が不明です", "a token of an unknown type")
NO_TOKEN_AT_ALL = Text("トークンとして使えない値です", "a token that can't be one")
REDIRECT = Text("リダイレクトには従いません", "a redirect, which is not followed")
WITHOUT_TOKEN = Text("応答にトークンがありません", "an answer without a token")
NOT_IN_FIRST_LINE = Text(
    "出力の 1 行目にトークンがありません", "no token in the first line of its output"
)
NO_STATE_DIRECTORY = Text("状態ディレクトリがありません", "no state directory")
IN_USE = Text("使用中の状態が続いています", "in use for too long")
odd_status = Sentence("状態コード {status} の応答です", "an answer with status {status}")
not_done = Sentence("{limit:g} 秒以内に終わりません", "not done within {limit:g} s")
# How a command ended, and its words
killed = Sentence("シグナル {signal} により終了{said}", "killed by signal {signal}{said}")
ended = Sentence("終了ステータス {status}{said}", "exit status {status}{said}")

# Where a token comes from, and how long it holds
by_command = Sentence("{program} から取得", "by {program}")
by_refresh_token = Sentence(
    "リフレッシュ トークンにより {url} から取得", "by refresh token from {url}"
)
by_client = Sentence(
    "クライアントの資格情報により {url} から取得", "by client credentials from {url}"
)
got_before = Sentence("{source}（前に取得したもの）", "{source}, got before")
valid_until = Sentence("{source}、{at} まで有効", "{source}; valid until {at}")
end_unknown = Sentence("{source}、有効期限は不明", "{source}; until when it is valid is not known")
not_kept = Sentence(
    "新しいリフレッシュ トークンを {file} に保存できません（{error}）。このまま終了すると失われ、"
    "もう一度許可が必要になることがあります",
    "a new refresh token can't be kept in {file} ({error}): at the end of this process it is lost, "
    "and consent may have to be given anew",
)
