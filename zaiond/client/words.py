"""What the client says, in both languages; imported where something is wrong, and not before."""

from zaiond.text import Sentence

not_permitted = Sentence(
    "{path}: 権限がありません。グループ zaiond-emit のメンバーだけがイベントを送れます（追加する"
    "には: usermod -aG zaiond-emit ユーザー名。次のログインから有効です）",
    "{path}: permission denied. Only members of the group zaiond-emit may emit events"
    " (to add one: usermod -aG zaiond-emit USER; it takes effect at the next login)",
)
unreachable = Sentence(
    "zaiond に接続できず（{path}: {why}）、スプールにも書き込めません（{spool}: {why_not}）。"
    "イベントは受け付けられていません",
    "zaiond can't be reached ({path}: {why}), and the spool can't be written ({spool}: {why_not}):"
    " the event was not taken",
)
not_json = Sentence("JSON にできません: {error}", "not JSON: {error}")

# In a message that was shortened
lines_left_out = Sentence(
    "［… {lines} 行（{size} バイト）を省略 …］\n",
    "[... {lines} lines ({size} bytes) left out ...]\n",
)
bytes_left_out = Sentence("［… {size} バイトを省略 …］\n", "[... {size} bytes left out ...]\n")
