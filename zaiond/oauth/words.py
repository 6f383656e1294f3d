"""Why there is no token, and what became of a refresh token, for a person."""

from zaiond.text import Text

UNKNOWN_TYPE = Text("トークンの種類が不明です", "a token of an unknown type")
NO_TOKEN_AT_ALL = Text("トークンとして使えない値です", "a token that can't be one")
REDIRECT = Text("リダイレクトには従いません", "a redirect, which is not followed")
WITHOUT_TOKEN = Text("応答にトークンがありません", "an answer without a token")
NO_HTTP = Text("HTTP の応答ではありません", "no answer of HTTP")
NOT_IN_FIRST_LINE = Text(
    "出力の 1 行目にトークンがありません", "no token in the first line of its output"
)
NO_STATE_DIRECTORY = Text("状態ディレクトリがありません", "no state directory")
IN_USE = Text("使用中の状態が続いています", "in use for too long")


def odd_status(status: int) -> Text:
    return Text(f"状態コード {status} の応答です", f"an answer with status {status}")


def too_large(most: int) -> Text:
    return Text(f"応答が {most} KiB を超えています", f"an answer of more than {most} KiB")


def not_done(limit: float) -> Text:
    return Text(f"{limit:g} 秒以内に終わりません", f"not done within {limit:g} s")


def ended(status: int, said: str) -> Text:
    """How a command ended (negative: by a signal), and its words."""
    if status < 0:
        return Text(f"シグナル {-status} により終了{said}", f"killed by signal {-status}{said}")
    return Text(f"終了ステータス {status}{said}", f"exit status {status}{said}")
