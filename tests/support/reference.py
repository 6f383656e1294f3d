"""The settings' reference, made from their declarations: `python -m tests.support.reference`.

Run in the repository, it writes etc/zaiond.yaml anew, and in the manual pages zaiond.yaml(5) the
part between the two comments BEGIN and END; the rest of the pages is written by hand.
"""

import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from zaiond.config.declare import Declaration
from zaiond.config.edit import in_yaml
from zaiond.config.kinds import Below, Group, Named
from zaiond.config.patterns import Several
from zaiond.config.schema import every_setting
from zaiond.text import Language, Text

BEGIN = '.\\" BEGIN settings: made by python -m tests.support.reference'
END = '.\\" END settings'
PAGES: dict[str, Language] = {"zaiond.yaml.5": "en", "zaiond.yaml.ja.5": "ja"}
_WIDTH = 92
_NEVER_FIRST = "、。，）」ーぁぃぅぇぉっゃゅょァィゥェォッャュョ"  # on a line (JIS X 4051)
# What stands where there is no default.
_EXAMPLES = {"mail_server.host": "mailhost", "admins": "postmaster@example.co.jp"}
# What has names of the user's own, or no default that could stand there.
COMMENTED = {
    "routes": """\
routes:
  database:
    order: 50
    match:
      type: ["backup.db.*"]
      severity: warning+
      source: "*/web*"
      data.dataset: "prod/*"
    continue: false
    to: [dba@example.co.jp]
    group_by: [type, data.host]
    group_wait: 30s
    active_time: office
""",
    "times": """\
times:
  office:
    days: mon-fri
    hours: "08:30-18:00"
    timezone: Asia/Tokyo
""",
    "jobs": """\
jobs:
  nightly-backup:
    schedule: "0 2 * * *"
    timezone: Asia/Tokyo
    grace: 2h
    max_runtime: 6h
    failures: 1
    to: []
""",
    "heartbeat": """\
heartbeat:
  url_file: ping-url
  every: 5m
""",
    "fleet": """\
fleet:
  servers: [tls://nats1.example.co.jp:4222, tls://nats2.example.co.jp:4222]
  ca_file: fleet-ca.pem
  user: web1
  password_file: fleet-password
  role: member
  fallback_after: 10m
""",
}
_HEAD = """\
# zaiond の設定 / The configuration of zaiond
#
# どの項目も既定値で書いてあります。必要なのは mail_server.host と admins だけです。
# 保存すると 2 秒以内に反映されます。誤りがあれば、直前の有効な設定のまま動き続けます。
# 同じ場所の conf.d/*.yaml は、名前の順にこのファイルの上に重ねられます。
# 書き終えたら: zaiond-ctl check、zaiond-ctl test（質問に答えて書くには: zaiond-ctl setup）
#
# Every setting is here, at its default; only mail_server.host and admins are needed.
# What is saved takes effect within two seconds; while it is broken, the last good one stays.
# conf.d/*.yaml beside this file are laid over it, in the order of their names.
# Afterwards: zaiond-ctl check, zaiond-ctl test (or be asked for it all: zaiond-ctl setup)
#
# zaiond.yaml(5)
"""


def yaml_file() -> str:
    """etc/zaiond.yaml: every setting at its default, with comments in both languages."""
    return _HEAD + "".join(f"{line}\n" for line in _yaml())


def _yaml() -> Iterator[str]:
    for key, declared in every_setting():
        within, _, name = key.rpartition(".")
        indent = "  " * key.count(".")
        if not within:
            yield ""
        elif key.partition(".")[0] in COMMENTED:
            continue
        for sentence in declared.help:
            for line in _wrapped(sentence, _WIDTH - len(indent)):
                yield f"{indent}# {line}"
        default = _EXAMPLES.get(key, declared.default)
        if key in COMMENTED:
            yield from (f"# {line}" for line in COMMENTED[key].splitlines())
        elif isinstance(declared.kind, Group):
            yield f"{indent}{name}:"
        elif declared.kind.tag == "str" and default not in ("null", "[]"):
            yield f"{indent}{name}: {in_yaml(default)}"
        else:
            yield f"{indent}{name}: {default}"


def manual(language: Language) -> str:
    """The settings' part of zaiond.yaml(5), in roff: a section for each mapping."""
    top = Text("最上位の項目", "At the top")
    sections = {"": [f".SS {top.in_language(language)}"]}
    for key, declared in every_setting():
        text = _escaped(declared.help.in_language(language))
        if isinstance(declared.kind, Group | Named):
            name = f"{key}.NAME" if isinstance(declared.kind, Named) else key
            sections[name] = [f".SS {name}", text]
        else:
            key = f"{key}.FIELD" if isinstance(declared.kind, Below) else key
            form = _escaped(_form(declared).in_language(language))
            sections[_within(key)] += [".TP", f".B {key}", form, ".br", text]
    return "".join(f"{line}\n" for section in sections.values() for line in section)


def _within(key: str) -> str:
    """The mapping of a setting: data.FIELD has a dot of its own."""
    return key.removesuffix(".FIELD").rpartition(".")[0]


def _form(declared: Declaration) -> Text:
    """What may be written, and the default, in a few words."""
    form = declared.kind.form
    if declared.required:
        return Text(f"{form.ja}。必須", f"{form.en}; required")
    if declared.default in ("null", "{}") or isinstance(declared.kind, Several):
        return form
    return Text(f"{form.ja}。既定値は {declared.default}", f"{form.en}; default {declared.default}")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-")


def _wrapped(text: str, width: int) -> Iterator[str]:
    """Lines of at most `width` columns: broken at spaces, and between Japanese signs."""
    line, last = "", 0  # `last` is where the line may be broken
    for place, sign in enumerate(text):
        if _columns(line + sign) > width and last:
            yield line[:last].rstrip()
            line, last = line[last:], 0
        line = (line + sign).lstrip()
        following = text[place + 1 : place + 2]
        if sign == " " or (_columns(sign) == 2 and following not in tuple(_NEVER_FIRST)):
            last = 0 if sign in "（「" else len(line)
    yield line


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def page(written: str, language: Language) -> str:
    """The manual page `written` with its settings' part made anew."""
    head, _, rest = written.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{manual(language)}{END}{tail}"


def main() -> int:
    """Writes the files below the current directory."""
    Path("etc/zaiond.yaml").write_text(yaml_file())
    for name, language in PAGES.items():
        path = Path("docs", name)
        path.write_text(page(path.read_text(), language))
    return 0


if __name__ == "__main__":
    sys.exit(main())
