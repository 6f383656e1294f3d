"""What is said of routes, times, jobs and the heartbeat, in both languages."""

from zaiond.text import Sentence, Text

NO_NAMES = Text(
    "この下に、字下げした「名前:」を書き、さらに字下げして「項目: 値」を書いてください",
    "this must be names of your own, each followed by settings: `name:`, and below it `key: value`",
)
NO_NAME = Text(
    "名前は、印字できる文字 1～255 文字にしてください", "a name is 1 to 255 printable characters"
)
IDLE_NULL = Text(
    "この名前には設定がなく、使われません。設定は、この下にさらに字下げして書いてください（null は"
    "ほかのファイルにある同じ名前のものを取り消しますが、それもありません）",
    "this name has no settings and is not used: write them below it, indented (null takes one of "
    "another file away, and there is none)",
)
NO_LIMIT = Text(
    "「数/単位」の形で書いてください。単位は s（秒）、m（分）、h（時間）、d（日）です（例: 1 時間に"
    " 60 通までなら 60/h）。上限なしは null です",
    "a rate is a number (1 or more) and s, m, h or d, as 60/h for 60 an hour; null is no limit",
)
NO_ELEMENT = Text(
    "リストが空です。少なくとも 1 つ書くか、この行を削除してください",
    "the list is empty: write one at least, or delete the line",
)
types_in_one_text = Sentence(
    "種類に空白とコンマは使えません。複数あるときはリストにしてください: {listed}",
    "a type has no blanks and no commas; several are a list: {listed}",
)
NO_TYPE = Text(
    "種類に使えるのは英数字と . _ - / です（パターンには * ? [ ] も使えます）",
    "a type has letters, digits, '.', '_', '-' and '/' alone (a pattern of it *, ? and [ ], too)",
)
severity_meant = Sentence(
    "書けるのは {names} と、warning+ のような「それ以上」です（{meant} ではありませんか）",
    "this may be {names}, or one of them or worse, as warning+: did you mean {meant}?",
)
severity_may_be = Sentence(
    "書けるのは {names} と、warning+ のような「それ以上」です",
    "this may be {names}, or one of them or worse, as warning+",
)
no_field = Sentence(
    "書けるのは {names} です（data の中の項目なら data.{below}）",
    "this may be {names}: if it is a field of data, write data.{below}",
)
NO_PLAIN_NAME = Text(
    "名前だけを書いてください（英数字、「_」「-」「.」。ディレクトリと .j2 は付けません）",
    "write a name alone, of letters, digits, '_', '-' and '.': no directory, and no .j2",
)
no_day = Sentence(
    "「{written}」は曜日ではありません。mon-fri、[mon, wed, fri]、sat-mon のように書いてください",
    "'{written}' is no day of the week: write them as mon-fri, [mon, wed, fri] or sat-mon",
)
NO_HOURS = Text(
    '時間帯は "08:30-18:00" のように書いてください（"22:00-06:00" のように翌日にまたがっても'
    "かまいません。終わりは 24:00 まで）",
    'hours are written as "08:30-18:00"; "22:00-06:00" ends on the next day, and the end may be '
    "24:00",
)
HOURS_OF_NO_LENGTH = Text(
    '始まりと終わりが同じ時刻です。1 日中なら "00:00-24:00" と書いてください',
    'these hours begin and end at the same time: for the whole day write "00:00-24:00"',
)
digest_and_group = Sentence(
    "digest があるので、{name} は使われません。どちらか一方だけを残してください",
    "{name} is not used beside digest: keep one or the other",
)
SCHEDULE_AND_EVERY = Text(
    "schedule と every は同時に使えません。どちらか一方だけを残してください",
    "schedule excludes every: keep one of the two",
)
NO_SCHEDULE = Text(
    "ジョブの日時がありません。schedule（cron 式）か every（間隔）を設定してください",
    "nothing says when the job runs: set schedule (a cron expression) or every (how often)",
)
TIMEZONE_UNUSED = Text(
    "schedule がないので、timezone は使われません",
    "timezone is not used without schedule",
)
no_url_in_file = Sentence(
    "{path} に URL がありません。http:// か https:// で始まる URL だけを 1 行で書いてください",
    "{path} holds no URL: write the URL alone, on one line, beginning with http:// or https://",
)
digest_outside = Sentence(
    "digest の日時がすべて active_time（{name}）の時間外なので、毎回、次の時間帯まで保留されます。"
    "どちらかを直すか、active_time を削除してください",
    "all times of digest are outside of active_time ({name}), so that each digest is held until it "
    "begins: change one of them, or take active_time out",
)
unreachable = Sentence(
    "このルートが使われることはありません。当てはまるイベントはすべて、先に試すルート {taker} が"
    "受け取ります。order を小さくするか、{taker} に continue: true を設定してください",
    "this route is never used: {taker}, which is tried before, takes every event that matches; "
    "give this one a lower order, or {taker} continue: true",
)
flat_key = Sentence(
    "{name} の中の項目は「.」でつなげて、{name}.host のように書いてください",
    "a field of {name} is written behind a dot, as {name}.host",
)
NO_TIME = Text(
    "times にこの名前がありません。times に書くか、times にある名前にしてください",
    "times has no such name: add it there, or write one that it has",
)
no_time_but = Sentence(
    "times にこの名前がありません。{meant} ではありませんか",
    "times has no such name: did you mean {meant}?",
)
