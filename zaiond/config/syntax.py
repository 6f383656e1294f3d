"""What libyaml says about text that is not YAML, in sentences for a person.

libyaml's own words are fixed and hold nothing of the text; ours don't either: a line that it can't
read may be a password's.
"""

from zaiond.text import Text

_QUOTE = Text(
    ja="値をそのまま書くときは、引用符（\"…\" または '…'）で囲んでください",
    en="if it is meant as text, put it in quotes (\"…\" or '…')",
)

_SENTENCES = {
    "mapping values are not allowed in this context": Text(
        ja="ここに「: 」は書けません。字下げ（インデント）がそろっているか、前の行が正しく"
        f"終わっているかを確かめてください。{_QUOTE.ja}",
        en="': ' can't stand here: check the indentation and how the line before ends; "
        f"{_QUOTE.en}",
    ),
    "found character that cannot start any token": Text(
        ja=f"この記号から値を始めることはできません。{_QUOTE.ja}",
        en=f"no value can begin with this sign; {_QUOTE.en}",
    ),
    "could not find expected ':'": Text(
        ja="この行が「項目: 値」の形になっていません（「:」のあとには半角の空白が必要です）",
        en="this line is not `key: value`, with a space after the ':'",
    ),
    "did not find expected key": Text(
        ja="ここには項目名が必要です。字下げがそろっているか、値のあとに余分な文字がないかを"
        f"確かめてください。{_QUOTE.ja}",
        en="a key is expected here: check the indentation, and that nothing follows a value; "
        f"{_QUOTE.en}",
    ),
    "found unexpected end of stream": Text(
        ja="ここで始まる引用符が、閉じられていません",
        en="the quotation mark that begins here is never closed",
    ),
    "did not find expected ',' or ']'": Text(
        ja="ここで「[」で始まるリストの途中に「,」がないか、「]」で閉じられていません",
        en="the list that begins here with '[' lacks a ',' or its ']'",
    ),
    "did not find expected ',' or '}'": Text(
        ja="ここで「{」で始まる項目の並びの途中に「,」がないか、「}」で閉じられていません",
        en="the settings that begin here with '{' lack a ',' or their '}'",
    ),
    "did not find expected '-' indicator": Text(
        ja="リストの続きには、同じ字下げの「- 」が必要です",
        en="the list goes on here without '- ', or with another indentation",
    ),
    "block sequence entries are not allowed in this context": Text(
        ja="ここに「- 」は書けません。「項目:」の次の行から書き始めてください",
        en="'- ' can't stand here: begin the list on the line after its key",
    ),
    "found unknown escape character": Text(
        ja='"…" の中で「\\」のあとに使えない文字があります。「\\」そのものは「\\\\」と書くか、'
        "'…' で囲んでください",
        en="a '\\' within \"…\" is followed by a sign that has no meaning there: write '\\\\' for "
        "a '\\', or use '…'",
    ),
    "did not find expected <document start>": Text(
        ja="字下げが、ファイルの先頭の項目とそろっていません",
        en="the indentation doesn't agree with the file's first key",
    ),
    "did not find expected node content": Text(
        ja="ここには値が必要です",
        en="a value is expected here",
    ),
}
AT_CONTEXT = (
    "could not find expected ':'",
    "found unexpected end of stream",
    "did not find expected ',' or ']'",
    "did not find expected ',' or '}'",
)
"""Problems that are found later than where they begin: that is where a person should look."""
_GENERIC = Text(
    ja=f"YAML の書き方が正しくありません。字下げと記号を確かめてください。{_QUOTE.ja}",
    en=f"this is not YAML: check the indentation and the signs; {_QUOTE.en}",
)
_TAB = Text(
    ja="字下げにタブが使われています。半角の空白に置き換えてください",
    en="the line is indented with a tab: use spaces",
)


def sentence(problem: str | None, line: str) -> Text:
    """What libyaml's `problem` means on `line`, the text of the line where it was found."""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return _TAB
    return _SENTENCES.get(problem or "", _GENERIC)
