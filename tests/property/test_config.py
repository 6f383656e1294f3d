"""Whatever is in the file: errors with places inside it, never another exception, no secret."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from zaiond.config.load import Loaded, load, load_files
from zaiond.ctl.config import differences

SECRET = "s3cr3tS3CR3T"
_WORDS = [
    "mail_server", "fallback_mail_servers", "host", "port", "security", "auth", "mechanism",
    "basic", "username", "password", "password_file", "password_credential", "pop_before_smtp",
    "admins", "sender", "queue", "keep", "limits", "bytes_waiting", "rate", "routes", "charset",
    "a@zaion.jp", "30s", "30/m", "256M", "5", "0x5", "1:30", "2013-05-25", "yes", "null", "~", "''",
    ": ", ":", "- ", "\n", "\n  ", "\n    ", "\t", "{", "}", "[", "]", ",", "&a", "*a", "!x",
    "!!str", "<<", "|", ">",
    "'", '"', "%", "@", "`", "#", "---\n", "...\n", "?", "\\", "、", "，", "１",
    "：", "\u3000", "＃", "\u3000# ", "“", "”", "－ ", "［", "］", "ｈｏｓｔ", "ａ＠x.jp",
    "\n\u3000",
    "\ufeff", "\x00", "\x85", "\u2028", "\r", "\r\n", "{host}", "{x}", SECRET,
]  # fmt: skip
_pieces = st.lists(st.sampled_from(_WORDS) | st.text(max_size=3), max_size=40).map("".join)


def loaded(content: bytes) -> Loaded:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "zaiond.yaml")
        path.write_bytes(content)
        path.chmod(0o600)
        return load(str(path))


def check_places(content: bytes, found: Loaded) -> None:
    assert (found.config is None) == bool(found.errors)
    lines = content.decode(errors="replace").split("\n")
    for each in (*found.errors, *found.warnings):
        assert 1 <= each.line <= len(lines), each
        assert 1 <= each.column <= max(1, len(lines[each.line - 1])), each
        assert each.text.ja
        assert each.text.en
        assert "\n" not in each.text.en + each.text.ja + each.key


_values = st.one_of(
    st.sampled_from(["25", "x", "null", "yes", "30s", "-1", "{}", "[]", "''", "9" * 30, "1.5"]),
    st.text("abc: -#'\"{}[]&*!,@", max_size=8),
)


@given(st.dictionaries(st.sampled_from([*_WORDS[:21], "zzz"]), _values, max_size=12), st.data())
def test_settings_of_any_value_give_a_configuration_or_errors(
    chosen: dict[str, str], data: st.DataObject
) -> None:
    text = "admins: a@zaion.jp\nmail_server:\n  host: h\n"
    for key, value in chosen.items():
        text += " " * data.draw(st.sampled_from([0, 2, 4])) + f"{key}: {value}\n"
    content = text.encode()
    check_places(content, loaded(content))


_glued = st.sampled_from(
    ["password:{}", "password：{}", "password:\u3000{}", "password {}", "password={}",
     "password: {}", "- password:{}", "\u3000password: {}", "“password”:{}", "client_secret:{}",
     "passwort:{}",
     "pasword: {}", "PASSWORD:{}", "password:'{}'", "password:\n        {}",
     "password: |\n        {}"]
)  # fmt: skip


@given(_glued, st.sampled_from(["    {}\n", "{{{}}}\n", "    username: u\n    {}\n"]))
def test_a_secret_whose_key_or_blank_is_wrong_is_shown_by_neither_check_nor_diff(
    line: str, within: str
) -> None:
    written = within.format(line.format(SECRET))
    break_ = "" if within.startswith("{") else "\n"
    text = f"admins: a@zaion.jp\nmail_server:\n  host: h\n  auth: {break_}{written}"
    found = loaded(text.encode())
    for each in (*found.errors, *found.warnings):
        assert SECRET not in each.key + each.text.en + each.text.ja
    shown = differences({"/z.yaml": "admins: b@zaion.jp\n"}, {"/z.yaml": text}, {"/z.yaml"}, "en")
    assert "+admins: a@zaion.jp" in shown
    assert SECRET not in "\n".join(shown)


_styles = st.sampled_from(
    ['"{}"', "'{}'", "{}", "@{}", "*{}", "&{}", "!{}", "%{}", "'{}", "[{}]", "|\n      {}\n",
     "{}: x", "'{}'x", "- {}", "`{}", "{{{}}}", '"\\x{}"', "0123 {}", "!!int {}",
     "“{}”", "\u3000{}", "{}\u3000# x", "{} ＃", "“{}：x”", "［{}］", "１{}", "{}：", "{}、x",
     "¥{}",
     "!!bogus {}", "<{}>"]
)  # fmt: skip


@given(
    _styles,
    st.sampled_from(["password", "password_credential", "mechanism", "username", "ntlm_version"]),
    st.sampled_from(
        ["", "    port: x\n", "  timeout: 1\n", "  - x\n", "\t\n", "    password: a\n"]
    ),
    st.booleans(),
    st.sampled_from(["auth", "pop_before_smtp"]),
)
def test_what_stands_in_a_login_is_never_shown(
    style: str, key: str, after: str, flow: bool, mapping: str
) -> None:
    value = style.format(SECRET)
    login = f"{{{key}: {value}}}\n" if flow else f"\n    {key}: {value}\n"
    content = f"admins: a@zaion.jp\nmail_server:\n  host: h\n  {mapping}: {login}{after}".encode()
    found = loaded(content)
    check_places(content, found)
    shown = repr((found, found.config))
    if key == "password":
        shown += repr(found.settings)
        assert SECRET not in shown
    for each in (*found.errors, *found.warnings):
        assert SECRET not in each.key + each.text.en + each.text.ja


_OAUTH2 = [
    "grant", "token_url", "client_id", "client_secret_file", "refresh_token_file", "scope",
    "token_command", "client_secret", "refresh_token",
]  # fmt: skip
_oauth2_values = st.sampled_from(
    ["refresh_token", "client_credentials", "https://x/", "http://x/", "http://[", "https://x:y/",
     "[env, x]", "[]", "[[]]", "[7]", "[/]", "{}", "null", "7", "''", "secret", "conf.d", "."]
) | st.text("abc: -#'\"{}[]&*!,@/", max_size=8)  # fmt: skip


@given(
    st.sampled_from(["xoauth2", "basic", "none", "zzz"]),
    st.dictionaries(st.sampled_from(_OAUTH2), _oauth2_values),
    st.booleans(),
)
def test_settings_of_oauth2_of_any_value_give_a_configuration_or_errors(
    mechanism: str, chosen: dict[str, str], fallback: bool
) -> None:
    auth = f"    auth:\n      mechanism: {mechanism}\n      username: u\n      oauth2:\n"
    auth += "".join(f"        {key}: {value}\n" for key, value in chosen.items())
    server = f"fallback_mail_servers:\n  - host: g\n{auth}" if fallback else auth
    content = f"admins: a@zaion.jp\nmail_server:\n    host: h\n{server}".encode()
    found = loaded(content)
    check_places(content, found)
    if found.config is not None and mechanism == "xoauth2":
        oauth2 = found.config.mail_servers[-1].auth.oauth2
        assert (oauth2.grant is None) == (oauth2.token_command is not None)
        assert oauth2.grant is None or (oauth2.token_url and oauth2.client_id)


@given(_styles, st.sampled_from(["client_secret", "refresh_token", "grant", "token_url", "scope"]))
def test_a_secret_that_was_put_in_the_wrong_place_is_not_shown(style: str, key: str) -> None:
    login = f"\n      oauth2:\n        {key}: {style.format(SECRET)}\n"
    content = f"admins: a@zaion.jp\nmail_server:\n  host: h\n  auth: {login}".encode()
    found = loaded(content)
    check_places(content, found)
    for each in (*found.errors, *found.warnings):
        assert SECRET not in each.key + each.text.en + each.text.ja


@given(_pieces)
def test_kept_texts_give_what_the_disk_gave(text: str) -> None:
    found = loaded(f"admins: a@zaion.jp\nmail_server: {{host: h}}\n{text}".encode(errors="replace"))
    if found.config is not None:
        again = load_files(found.files)
        assert again.config == found.config
        assert [(s.key, s.value, s.line) for s in again.settings] == [
            (s.key, s.value, s.line) for s in found.settings
        ]


def test_a_file_of_nothing_but_brackets_costs_no_stack_and_no_time() -> None:
    for sign in (b"[", b"{", b"- ", b"? ", b"a: {", b"&a [*a,"):
        found = loaded(sign * 100_000)
        assert [each.line for each in found.errors] == [1]


_BASE = "mail_server: {host: h}\n"
_SHOWN = "; write it as: "
_addresses = st.lists(
    st.sampled_from(
        ["a@x.jp", "a..b@docomo.ne.jp", ".a@ezweb.ne.jp", "a.@x.jp", "山田 <b@x.jp>", "o'o@x.jp",
         "Taro <c@x.jp>", '"Yamada, T" <d@x.jp>', '"a b"@x.jp', "e@日本語.jp", "用户@x.jp"]
    ),
    min_size=2,
    max_size=5,
    unique=True,
)  # fmt: skip
_separators = st.sampled_from([";", "、", "，", "；", " ", "\u3000", "、 ", " ;", "\n", "\t", ",,"])
_forms = st.sampled_from(
    [
        lambda value: json.dumps(value),
        lambda value: "'" + value.replace("'", "''").replace("\n", "\n\n  ") + "'",
        lambda value: "|\n  " + value.replace("\n", "\n  "),
        lambda value: f"[{json.dumps(value)}]",
        lambda value: f"\n  - {json.dumps(value)}\n  - z@x.jp",
    ]
)


@given(_addresses, st.data(), _forms)
def test_admins_separated_by_another_sign_are_good_as_the_error_says_to_write_them(
    addresses: list[str], data: st.DataObject, form: Callable[[str], str]
) -> None:
    value = addresses[0]
    for address in addresses[1:]:
        value += data.draw(_separators) + address
    (error,) = loaded(f"{_BASE}admins: {form(value)}\n".encode()).errors
    for text, mark in ((error.text.en, _SHOWN), (error.text.ja, "次のように書いてください: ")):
        line = text.partition(mark)[2]
        assert line.startswith("admins: ")
        found = loaded(f"{_BASE}{line}\n".encode())
        assert found.errors == ()
        assert found.config is not None
        last = ["z@x.jp"] if form(value).endswith("z@x.jp") else []
        assert list(found.config.admins) == [*addresses, *last]
        assert loaded(f"{{mail_server: {{host: h}}, {line}}}".encode()).config == found.config


@given(st.sampled_from(["admins", "sender"]), st.text("a@x.j ,;、<>\"'\\{}\u3000＠", max_size=14))
def test_what_an_error_says_to_write_is_good(key: str, value: str) -> None:
    base = _BASE if key == "admins" else f"{_BASE}admins: a@x.jp\n"
    for error in loaded(f"{base}{key}: {json.dumps(value)}\n".encode()).errors:
        line = error.text.en.partition(_SHOWN)[2]
        if line:
            assert loaded(f"{base}{line}\n".encode()).errors == ()


_names = st.sampled_from(["a", "b.c", "日本", "'x y'", "12", "max_mails"])
_cron = ["0 8 * * *", "'@daily'", "'*/5 * * * *'", "0 0 29 2 *"]
_right = {
    "to": ["[]", "b@zaion.jp", "null"],
    "language": ["ja", "en"],
    "template": ["database"],
    "attach": ["[]", "data.log"],
    "group_by": ["type", "[type, data.x]", "[]"],
    "group_wait": ["0s", "5m"],
    "group_interval": ["5m"],
    "repeat_interval": ["4h"],
    "active_time": ["office"],
    "digest": _cron,
    "max_mails": ["60/h", "null"],
}
_of_route = {"order": ["50", "-1"], "continue": ["true", "false"], **_right}
_of_match = {
    "type": ["b.*", "[a, '*']"],
    "severity": ["warning+", "[err, 'crit+']"],
    "job": ["12", "x"],
    "data.x": ["80", "true", "1.5"],
    "data.x.y": ["'*'"],
}
_of_time = {
    "days": ["mon-fri", "sat-mon", "[mon, 水]"],
    "hours": ["8:00-18:00", "22:00-06:00", "'0:00-24:00'"],
    "timezone": ["Asia/Tokyo", "UTC", "Australia/Lord_Howe"],
}
_of_job = {
    "schedule": _cron,
    "every": ["1h"],
    "grace": ["0s", "2h"],
    "max_runtime": ["1s"],
    "failures": ["3"],
    "to": ["[]", "b@zaion.jp"],
}
_any_value = st.one_of(
    st.sampled_from(["{}", "''", "0 0 31 2 *", "[err, 5]", "0x5", "７", "月〜金", "x y", "9" * 30]),
    st.text("abc: -#'\"{}[]&*!,@.0", max_size=8),
)


@st.composite
def _settings(draw: st.DrawFn, right: dict[str, list[str]]) -> dict[str, str]:
    """Mostly such as may be, so that there are valid configurations among them."""
    keys = draw(st.lists(st.sampled_from(sorted(right)), max_size=4, unique=True))
    found = {key: draw(st.sampled_from(right[key])) for key in keys}
    if draw(st.integers(0, 15)) == 0:
        wrong = draw(st.sampled_from([*right, "zzz", "data", "data.", "<<"]))
        found[wrong] = draw(_any_value)
    return found


def _named(right: dict[str, list[str]]) -> st.SearchStrategy[dict[str, dict[str, str]]]:
    return st.dictionaries(_names, _settings(right), max_size=3)


def _lines(settings: dict[str, str], indent: str) -> str:
    return (
        "".join(f"{indent}{key}: {value}\n" for key, value in settings.items()) or f"{indent}{{}}\n"
    )


@given(
    _settings(_right), _named(_of_route), _settings(_of_match), _named(_of_time), _named(_of_job)
)
def test_routes_of_any_value_give_a_configuration_that_can_be_used_or_errors(
    defaults: dict[str, str],
    routes: dict[str, dict[str, str]],
    match: dict[str, str],
    times: dict[str, dict[str, str]],
    jobs: dict[str, dict[str, str]],
) -> None:
    text = "admins: a@zaion.jp\nmail_server:\n  host: h\n"
    text += f"route_defaults:\n{_lines(defaults, '  ')}"
    for key, mappings in (("routes", routes), ("times", times), ("jobs", jobs)):
        text += f"{key}:\n" + "".join(
            f"  {name}:\n{_lines(settings, '    ')}" for name, settings in mappings.items()
        )
    matching = f"routes:\n  matching:\n    match:\n{_lines(match, '      ')}"
    text = text.replace("routes:\n", matching, 1).replace("times:\n", "times:\n  office: {}\n", 1)
    content = text.encode()
    found = loaded(content)
    check_places(content, found)
    if found.config is None:
        return
    now = 1369440000.0
    for each in (found.config.route_defaults, *found.config.routes.values()):
        assert each.digest is None or now < each.digest.next(now)
        assert each.hours is None or now <= each.hours.next_start(now)
        assert (each.hours is None) == (each.active_time is None)
        assert each.is_grouping == (each.group_wait is not None)
        assert not (each.is_grouping and each.digest)
    for job in found.config.jobs.values():
        assert (job.schedule is None) != (job.every is None)
    assert load_files(found.files).config == found.config
