"""What is said of a text that should be an address and is none: `{0}` is the text."""

from zaiond.text import Text

EMPTY = Text("アドレスがありません", "there is no address")
EMPTY_ELEMENT = Text(
    "アドレスが空です: {0}。余分な「,」を取り除いてください",
    "an address is empty: {0}: take out the ',' that is too many",
)
NOT_PRINTABLE = Text(
    "アドレスに使えない文字（改行や制御文字など）があります: {0}",
    "the address has characters that none can have (as line ends): {0}",
)
SIGNS_DO_NOT_FIT = Text(
    '「<」「>」や「"」の使い方が正しくありません: {0}。'
    "「名前 <user@example.co.jp>」の形で書いてください",
    "the signs < > or \" don't fit together: {0}: write it as: Name <user@example.co.jp>",
)
FULL_WIDTH = Text(
    "全角の文字があります: {0}。半角で {1} と書いてください",
    "these are full-width characters: {0}: write {1}",
)
NO_AT = Text(
    "「@」がありません: {0}。user@example.co.jp のように書いてください",
    "there is no '@': {0}: write it as user@example.co.jp",
)
TOO_LONG = Text(
    "アドレスが長すぎます（{1} バイトまで）: {0}",
    "the address is too long ({1} octets at most): {0}",
)
NO_LOCAL_PART = Text("「@」の前がありません: {0}", "nothing stands before the '@': {0}")
LOCAL_PART_TOO_LONG = Text(
    "「@」の前が長すぎます（{1} バイトまで）: {0}",
    "the part before the '@' is too long ({1} octets at most): {0}",
)
WRONG_LOCAL_PART = Text(
    "「@」の前に使えない文字（空白や括弧など）があります: {0}",
    "the part before the '@' has a character that it can't have (as a space or a parenthesis): {0}",
)
BARE_IP_ADDRESS = Text(
    "IP アドレスは角括弧で囲んでください: {0}（例: user@[{1}]）",
    "put an IP address into square brackets: {0} (as user@[{1}])",
)
NO_DOMAIN = Text(
    "「@」の後ろがドメイン名として正しくありません: {0}",
    "what stands after the '@' is no domain name: {0}",
)
SIGN_IN_NAME = Text(
    "表示名に「{1}」があるときは、表示名を引用符で囲んでください: {0}",
    "a display name with a '{1}' must be in quotation marks: {0}",
)
ONLY_ONE = Text("アドレスは 1 つだけ書いてください: {0}", "write one address only: {0}")
ONE_AT_A_TIME = Text("アドレスは 1 つずつ書いてください: {0}", "write one address at a time: {0}")
NO_COMMA = Text(
    "アドレスの区切りの「,」がありません: {0}", "a ',' is missing between two addresses: {0}"
)
WRONG_SEPARATOR = Text(
    "アドレスの区切りには{1}ではなく半角の「,」を使ってください: {0}",
    "separate addresses by ',', not by {1}: {0}",
)
BLANK = Text("空白", "a blank")
BLANKS = {
    "\u3000": Text("全角の空白（U+3000）", "a full-width blank (U+3000)"),
    "\n": Text("改行", "a line end"),
    "\t": Text("タブ", "a tab"),
}
