"""What is said of a text that should be an address and is none: `{text}`."""

from zaiond.text import Sentence, Text

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
