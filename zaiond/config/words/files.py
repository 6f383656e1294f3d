"""What is said of the configuration's files and of their text, in both languages."""

from zaiond.text import Sentence, Text

# -- who can read them

cannot_read = Sentence(
    "{path} をデーモン（ユーザー {name}）が読めません。次のコマンドを実行してください: {command}",
    "the daemon (user {name}) can't read {path}; run: {command}",
)
cannot_enter = Sentence(
    "{path} までの途中のディレクトリ {directory} を、デーモン（ユーザー {name}）が開けません。ファ"
    "イルを /etc/zaiond の下に移すか、次のコマンドを実行してください: {command}",
    "the daemon (user {name}) can't enter the directory {directory} on the way to {path}; move "
    "the file below /etc/zaiond, or run: {command}",
)
EVERYBODY_CAN_READ = Text("だれでも読める状態です", "everybody can read it")
group_can_read = Sentence("グループ {group} から読めます", "the group {group} can read it")
exposed = Sentence(
    "{path} は秘密（パスワードなど）を含みますが、{who}。次のコマンドを実行してください: {command}",
    "{path} holds a secret, and {who}; run: {command}",
)

# -- changing them

cannot_change = Sentence(
    "{key} は、この設定ファイルの書き方のままでは自動的に変更できません。エディターで {key} を "
    "{written} に書き換えてください",
    "{key} can't be changed automatically, the way this file is written: edit it, and set {key} "
    "to {written}",
)

# -- full-width signs and encodings

INDENTATION = Text(
    "字下げに全角の空白（U+3000）が使われています。半角の空白に置き換えてください",
    "the line is indented with a full-width blank (U+3000): use spaces",
)
BLANK_LINE = Text(
    "空に見える行に全角の空白（U+3000）があります。取り除いてください",
    "there is a full-width blank (U+3000) on a line that looks empty: take it out",
)
NO_COMMENT = Text(
    "「＃」は全角なので、コメントになりません。半角の「#」を使ってください（値のあとに書くときは、"
    "その前に半角の空白も必要です）",
    "'＃' is full-width and begins no comment: use '#', with a space before it where a value "
    "stands before it",
)
BLANK_BEFORE_COMMENT = Text(
    "「#」の前の空白が全角（U+3000）なので、コメントになりません。半角の空白にしてください",
    "the blank before '#' is full-width (U+3000), so that no comment begins: use a space",
)
COLON = Text(
    "「：」は全角です。項目名のあとには、半角の「:」と半角の空白を書いてください",
    "'：' is full-width: write ':' and a space after a key",
)
BLANK_AFTER_COLON = Text(
    "「:」のあとの空白が全角（U+3000）です。半角の空白にしてください",
    "the blank after ':' is full-width (U+3000): use a space",
)
DASH = Text(
    "リストの行頭の「-」と、そのあとの空白は、どちらも半角で書いてください",
    "the '-' that begins an element of a list, and the blank after it, must be ASCII: '- '",
)
COMMA = Text(
    "[ ] や { } の中の区切りには、全角の「，」「、」ではなく半角の「,」を使ってください（文字とし"
    "て書くときは引用符で囲みます）",
    "between [ ] or { } separate by ',', not by '，' or '、' (if it is meant as text, put it in "
    "quotes)",
)
QUOTES = Text(
    "値が全角の引用符（“ ” など）で囲まれています。半角の「\"」か「'」で囲んでください",
    "the value stands in full-width quotation marks (“ ” and the like): use \" or '",
)
BRACKETS = Text(
    "リストの括弧が全角です。半角の「[」と「]」で囲んでください",
    "the brackets of the list are full-width: use '[' and ']'",
)
AROUND = Text(
    "値の前か後ろに全角の空白（U+3000）があります。取り除いてください（値の一部なら、引用符で囲み"
    "ます）",
    "there is a full-width blank (U+3000) before or behind the value: take it out (if it belongs "
    "to the value, put it in quotes)",
)
NOT_UTF8 = Text(
    "文字コードが UTF-8 ではありません。UTF-8 で保存し直してください",
    "this is not UTF-8: save the file in UTF-8",
)
other_encoding = Sentence(
    "文字コードが UTF-8 ではなく、{called} のようです。UTF-8 で保存し直すか、次のコマンドで変換し"
    "てください: {command}",
    "this is not UTF-8 but {called}, it seems: save the file in UTF-8, or run: {command}",
)

# -- reading them

CREDENTIAL_UNKNOWN = Text(
    "クレデンシャルは systemd のサービスとして起動したときにだけ読めます。ここでは確かめられません",
    "a credential can only be read by the service that systemd started: it can't be checked here",
)
no_credential = Sentence(
    "クレデンシャル {name} がありません。ユニットの LoadCredential= を確かめ、サービスを再起動して"
    "ください",
    "there is no credential {name}: check LoadCredential= in the unit, and restart the service",
)
no_certificate = Sentence(
    "{path} に有効な証明書がありません。「-----BEGIN CERTIFICATE-----」で始まる PEM 形式のファイル"
    "を指定してください",
    "{path} holds no valid certificate: name a file in PEM, with -----BEGIN CERTIFICATE----- in it",
)
no_program = Sentence(
    "{program} は実行できるファイルではありません", "{program} is no program that can be run"
)
not_kept = Sentence("{path} の控えがありません", "{path} was not kept with the configuration")
not_regular = Sentence("{path} は通常のファイルではありません", "{path} is not a regular file")
too_large = Sentence(
    "{path} が大きすぎます（{kib} KiB まで）", "{path} is too large ({kib} KiB at most)"
)
empty_secret = Sentence(
    "{path} が空です。パスワードなどの秘密を書いてください",
    "{path} is empty: write the secret into it",
)
unfit_secret = Sentence(
    "{path} に改行や制御文字があります。秘密だけを 1 行で書いてください",
    "{path} has several lines or control characters: write the secret alone, on one line",
)
of_path = Sentence("{path} の{why}", "{path}: {why}")
no_file = Sentence("ファイル {path} がありません", "there is no file {path}")
not_permitted = Sentence(
    "{path} を読む権限がありません。zaiond グループから読めるようにしてください（所有者 "
    "root:zaiond、権限 0640）",
    "{path} can't be read for want of permission: make it readable by the group zaiond (owner "
    "root:zaiond, mode 0640)",
)
unreadable = Sentence("{path} を読めません: {why}", "{path} can't be read: {why}")

# -- watching them

unwatchable = Sentence(
    "{directory} の変更通知をカーネルから受けられないため（{why}）、設定の変更は {seconds:g} 秒ごと"
    "に調べます。sysctl で fs.inotify.max_user_instances と fs.inotify.max_user_watches を増やして"
    "ください",
    "the kernel refuses to tell of changes in {directory} ({why}): the configuration is looked at "
    "every {seconds:g} s. Raise fs.inotify.max_user_instances and fs.inotify.max_user_watches "
    "(sysctl)",
)

# -- YAML

CR_ALONE = Text(
    "行末が CR だけになっています。改行コードを LF（または CRLF）にして保存してください",
    "a line ends with CR alone: save the file with LF (or CRLF) line ends",
)
unfit_sign = Sentence(
    "使えない文字（U+{code:04X}）があります。この文字を取り除いてください",
    "U+{code:04X} can't be used in this file: take it out",
)
NO_KEYS = Text(
    "ファイルの全体が「項目: 値」の形になっていません（「:」のあとには半角の空白が必要です）",
    "the file must be made of `key: value`, with a space after the ':'",
)
SECOND_DOCUMENT = Text(
    "「---」で 2 つ目の文書が始まっています。1 つのファイルには 1 つの文書だけを書いてください",
    "'---' begins a second document: a file holds one only",
)
too_deep = Sentence(
    "入れ子が深すぎます（{most} 段まで）", "this is nested too deeply ({most} levels at most)"
)
too_many = Sentence(
    "値が多すぎます（別名「*」の展開を含めて {most} 個まで）",
    "there are too many values ({most} at most, those of aliases '*' counted)",
)
NO_ANCHOR = Text(
    "「*」は、前に「&」で名前を付けた値を表しますが、その名前の値がありません。「*」で始まる文字列"
    "は引用符で囲んでください",
    "'*' stands for a value marked by '&' before, and none has that name; if it is meant as text, "
    "put it in quotes",
)
KEY_NO_TEXT = Text("項目名は文字で書いてください", "a key must be text")
MERGE_KEY = Text(
    "「<<」（マージキー）は使えません。項目を書き並べるか、値の全体を別名「*」で参照してください",
    "'<<' (a merge key) can't be used: write the settings out, or take the whole mapping by an "
    "alias '*'",
)
duplicate_key = Sentence(
    "同じ項目が {first} 行目にもあります。どちらか 1 つにしてください",
    "this key is already on line {first}: keep one of the two",
)
odd_sign = Sentence(
    "「{sign}」で始まる値は YAML では特別な意味になります。引用符で囲んでください",
    "a value that begins with '{sign}' has a special meaning in YAML: put it in quotes",
)

# -- text that is not YAML

_QUOTE = Text(
    "値をそのまま書くときは、引用符（\"…\" または '…'）で囲んでください",
    "if it is meant as text, put it in quotes (\"…\" or '…')",
)

# By what libyaml says, whose own words hold nothing of the text: a line may be a password's.
SYNTAX = {
    "mapping values are not allowed in this context": Text(
        "ここに「: 」は書けません。字下げ（インデント）がそろっているか、前の行が正しく"
        f"終わっているかを確かめてください。{_QUOTE.ja}",
        f"': ' can't stand here: check the indentation and how the line before ends; {_QUOTE.en}",
    ),
    "found character that cannot start any token": Text(
        f"この記号から値を始めることはできません。{_QUOTE.ja}",
        f"no value can begin with this sign; {_QUOTE.en}",
    ),
    "could not find expected ':'": Text(
        "この行が「項目: 値」の形になっていません（「:」のあとには半角の空白が必要です）",
        "this line is not `key: value`, with a space after the ':'",
    ),
    "did not find expected key": Text(
        "ここには項目名が必要です。字下げがそろっているか、値のあとに余分な文字がないかを"
        f"確かめてください。{_QUOTE.ja}",
        "a key is expected here: check the indentation, and that nothing follows a value; "
        f"{_QUOTE.en}",
    ),
    "found unexpected end of stream": Text(
        "ここで始まる引用符が、閉じられていません",
        "the quotation mark that begins here is never closed",
    ),
    "did not find expected ',' or ']'": Text(
        "ここで「[」で始まるリストの途中に「,」がないか、「]」で閉じられていません",
        "the list that begins here with '[' lacks a ',' or its ']'",
    ),
    "did not find expected ',' or '}'": Text(
        "ここで「{」で始まる項目の並びの途中に「,」がないか、「}」で閉じられていません",
        "the settings that begin here with '{' lack a ',' or their '}'",
    ),
    "did not find expected '-' indicator": Text(
        "リストの続きには、同じ字下げの「- 」が必要です",
        "the list goes on here without '- ', or with another indentation",
    ),
    "block sequence entries are not allowed in this context": Text(
        "ここに「- 」は書けません。「項目:」の次の行から書き始めてください",
        "'- ' can't stand here: begin the list on the line after its key",
    ),
    "found unknown escape character": Text(
        '"…" の中で「\\」のあとに使えない文字があります。「\\」そのものは「\\\\」と書くか、'
        "'…' で囲んでください",
        "a '\\' within \"…\" is followed by a sign that has no meaning there: write '\\\\' for "
        "a '\\', or use '…'",
    ),
    "did not find expected <document start>": Text(
        "字下げが、ファイルの先頭の項目とそろっていません",
        "the indentation doesn't agree with the file's first key",
    ),
    "did not find expected node content": Text("ここには値が必要です", "a value is expected here"),
}
NOT_YAML = Text(
    f"YAML の書き方が正しくありません。字下げと記号を確かめてください。{_QUOTE.ja}",
    f"this is not YAML: check the indentation and the signs; {_QUOTE.en}",
)
TAB = Text(
    "字下げにタブが使われています。半角の空白に置き換えてください",
    "the line is indented with a tab: use spaces",
)
