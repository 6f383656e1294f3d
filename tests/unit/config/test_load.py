"""Reading the configuration from disk: drop-ins, secrets, permissions, credentials, last good."""

import os
import subprocess
from pathlib import Path

import pytest
import trustme

from zaiond.config import access, sources
from zaiond.config.load import (
    Loaded,
    load,
    load_files,
    read_last_good,
    revert,
    save_last_good,
)
from zaiond.config.schema import Config, Secret

BASE = "mail_server: {host: mailhost}\nadmins: admin@zaion.jp\n"
LOGIN = """\
mail_server:
  host: mailhost
  auth:
    mechanism: basic
    username: zaion
    password_file: smtp-password
admins: admin@zaion.jp
"""


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "conf.d").mkdir()
    return tmp_path


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def config(found: Loaded) -> Config:
    assert found.errors == ()
    assert found.config is not None
    return found.config


def errors(found: Loaded) -> list[str]:
    assert found.config is None
    return [f"{Path(e.file).name}:{e.line}:{e.column}: {e.key}: {e.text.en}" for e in found.errors]


def only_error(found: Loaded) -> str:
    (error,) = errors(found)
    return error


# -- drop-ins


def test_drop_ins_count_in_name_order_mapping_by_mapping(etc: Path) -> None:
    write(etc / "zaiond.yaml", BASE + "queue: {retry_first: 2m, expire: 2d}\n")
    write(etc / "conf.d/20.yaml", "queue: {retry_first: 4m}\nmail_server: {port: 587}\n")
    write(etc / "conf.d/10.yaml", "queue: {retry_first: 3m}\nadmins: [b@zaion.jp, c@zaion.jp]\n")
    found = config(load(str(etc / "zaiond.yaml")))
    assert found.queue.retry_first == 240
    assert found.queue.expire == 2 * 86400
    assert found.mail_server.address == "mailhost:587"
    assert found.mail_server.security == "starttls"
    assert found.admins == ("b@zaion.jp", "c@zaion.jp")


def test_null_in_a_drop_in_brings_the_default_back(etc: Path) -> None:
    write(etc / "zaiond.yaml", BASE + "language: en\nqueue: {expire: 2d}\nsender: x\n")
    write(etc / "conf.d/10.yaml", "language: null\nqueue: null\nsender:\n")
    found = config(load(str(etc / "zaiond.yaml")))
    assert (found.language, found.queue.expire, found.sender) == ("ja", 5 * 86400, "zaionnex")


def test_what_is_no_yaml_file_in_conf_d_does_not_count(etc: Path) -> None:
    write(etc / "zaiond.yaml", BASE)
    for name in ("10.yaml~", "20.yaml.reverted", ".30.yaml", "README", "40.yml"):
        write(etc / "conf.d" / name, "language: en\n")
    assert config(load(str(etc / "zaiond.yaml"))).language == "ja"


def test_each_setting_says_from_which_file_and_line_it_comes(etc: Path) -> None:
    main = write(etc / "zaiond.yaml", BASE + "language: en\n")
    drop_in = write(etc / "conf.d/10.yaml", "# more\nmail_server:\n  port: 465\n")
    found = {s.key: (s.value, s.file, s.line) for s in load(str(main)).settings}
    assert found["mail_server.host"] == ("mailhost", str(main), 1)
    assert found["mail_server.port"] == ("465", str(drop_in), 3)
    assert found["mail_server.security"] == ("tls", None, None)
    assert found["language"] == ("en", str(main), 3)
    assert found["queue.keep"] == ("30d", None, None)
    assert found["limits.bytes_waiting"] == ("256M", None, None)


def test_errors_of_all_files_come_in_the_order_of_the_files(etc: Path) -> None:
    write(etc / "zaiond.yaml", BASE + "language: de\n")
    write(etc / "conf.d/10.yaml", "sender: ''\nzzz: 1\n")
    write(etc / "conf.d/20.yaml", "[")
    found = errors(load(str(etc / "zaiond.yaml")))
    places = [each.rsplit(": ", 3)[0].split(": ")[0] for each in found]
    assert places == ["zaiond.yaml:3:1", "10.yaml:1:1", "10.yaml:2:1", "20.yaml:1:1"]


def test_a_relative_name_is_used_in_errors_as_given(
    etc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(etc)
    write(etc / "zaiond.yaml", LOGIN + "zzz: 1\n")
    write(etc / "conf.d/10.yaml", "language: de\n")
    write(etc / "smtp-password", "s3cret")
    found = load("zaiond.yaml")
    assert [error.file for error in found.errors] == ["zaiond.yaml", "conf.d/10.yaml"]
    assert str(etc / "smtp-password") in found.watched


@pytest.mark.parametrize("kind", ["missing", "directory", "fifo", "dangling"])
def test_a_main_file_that_can_not_be_read_is_the_only_error(etc: Path, kind: str) -> None:
    main = etc / "zaiond.yaml"
    if kind == "directory":
        main.mkdir()
    elif kind == "fifo":
        os.mkfifo(main)
    elif kind == "dangling":
        main.symlink_to("nowhere")
    assert str(main) in only_error(load(str(main)))


def test_a_drop_in_that_can_not_be_read_is_an_error(etc: Path) -> None:
    write(etc / "zaiond.yaml", BASE)
    (etc / "conf.d/10.yaml").symlink_to("nowhere")
    (etc / "conf.d/20.yaml").mkdir()
    assert len(errors(load(str(etc / "zaiond.yaml")))) == 2


def test_an_endless_file_is_refused(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_YAML", 1000)
    write(etc / "zaiond.yaml", BASE + "#" * 1000)
    assert "too large" in only_error(load(str(etc / "zaiond.yaml")))


def test_a_byte_order_mark_and_dos_line_ends_are_no_error(etc: Path) -> None:
    (etc / "zaiond.yaml").write_bytes(("\ufeff" + BASE + "language: en\n").encode())
    assert config(load(str(etc / "zaiond.yaml"))).language == "en"
    (etc / "zaiond.yaml").write_bytes((BASE + "zzz: 1\n").replace("\n", "\r\n").encode())
    assert only_error(load(str(etc / "zaiond.yaml"))).startswith("zaiond.yaml:3:1: zzz:")


def test_an_alias_stands_for_a_value_written_before(etc: Path) -> None:
    text = "mail_server: &first\n  host: mailhost\n  timeout: 1m\nfallback_mail_servers: [*first]\n"
    write(etc / "zaiond.yaml", text + "admins: admin@zaion.jp\n")
    found = config(load(str(etc / "zaiond.yaml")))
    assert found.fallback_mail_servers == (found.mail_server,)


def test_an_explicit_tag_makes_a_number_a_text(etc: Path) -> None:
    write(etc / "zaiond.yaml", BASE + "subject_prefix: !!str 42\n")
    assert config(load(str(etc / "zaiond.yaml"))).subject_prefix == "42"


# -- secrets


@pytest.mark.parametrize(
    ("content", "secret"),
    [("s3cret", "s3cret"), ("s3cret\n", "s3cret"), ("s3cret\r\n", "s3cret"), (" パス ", " パス ")],
)
def test_a_secret_file_gives_its_text_without_one_newline(
    etc: Path, content: str, secret: str
) -> None:
    write(etc / "zaiond.yaml", LOGIN)
    (etc / "smtp-password").write_bytes(content.encode())
    (etc / "smtp-password").chmod(0o600)
    found = load(str(etc / "zaiond.yaml"))
    assert config(found).mail_server.auth.password == Secret(secret)
    assert secret.strip() not in repr(found)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"s3cret\n\n", "several lines"),
        (b"s3cret\nmore", "several lines"),
        (b"s3cret\0", "several lines"),
        (b"s3cret\xff", "UTF-8"),
        (b"s3cret" * 20_000, "too large"),
    ],
)
def test_a_secret_file_that_holds_no_secret_is_an_error_at_its_key(
    etc: Path, content: bytes, complaint: str
) -> None:
    write(etc / "zaiond.yaml", LOGIN)
    (etc / "smtp-password").write_bytes(content)
    (etc / "smtp-password").chmod(0o600)
    error = only_error(load(str(etc / "zaiond.yaml")))
    assert error.startswith("zaiond.yaml:6:5: mail_server.auth.password_file: ")
    assert complaint in error
    assert "s3cret" not in error


def test_a_secret_file_is_looked_for_beside_the_file_that_names_it(etc: Path) -> None:
    write(etc / "zaiond.yaml", BASE)
    login = "mechanism: basic, username: zaion, password_file: smtp-password"
    write(etc / "conf.d/10.yaml", f"mail_server: {{auth: {{{login}}}}}\n")
    write(etc / "conf.d/smtp-password", "s3cret")
    found = config(load(str(etc / "zaiond.yaml")))
    assert found.mail_server.auth.password_file == str(etc / "conf.d/smtp-password")
    assert found.mail_server.auth.password == Secret("s3cret")


def test_without_a_login_the_secret_file_may_be_missing_but_not_open_to_all(etc: Path) -> None:
    write(etc / "zaiond.yaml", LOGIN.replace("basic", "none"))
    found = load(str(etc / "zaiond.yaml"))
    assert config(found).mail_server.auth.password is None
    assert [warning.key for warning in found.warnings] == ["mail_server.auth.password_file"]
    write(etc / "smtp-password", "s3cret", 0o644)
    assert "everybody can read it" in only_error(load(str(etc / "zaiond.yaml")))


# -- permissions


@pytest.mark.parametrize(
    ("mode", "complaint"),
    [(0o600, ""), (0o640, ""), (0o660, ""), (0o644, "everybody"), (0o604, "everybody")],
)
def test_a_file_that_holds_a_secret_is_not_read_by_others(
    etc: Path, mode: int, complaint: str
) -> None:
    write(etc / "zaiond.yaml", LOGIN)
    write(etc / "smtp-password", "s3cret", mode)
    os.chown(etc / "smtp-password", -1, os.getegid())
    found = load(str(etc / "zaiond.yaml"))
    assert complaint in only_error(found) if complaint else config(found)


@pytest.mark.parametrize("inline", [True, False])
def test_a_secret_is_read_by_no_group_but_the_daemons_own(
    etc: Path, monkeypatch: pytest.MonkeyPatch, inline: bool
) -> None:
    own = os.getegid()
    text = LOGIN.replace("password_file: smtp-password", 'password: "s3cret"') if inline else LOGIN
    write(etc / "zaiond.yaml", text, 0o640 if inline else 0o644)
    write(etc / "smtp-password", "s3cret", 0o640)
    config(load(str(etc / "zaiond.yaml")))
    monkeypatch.setattr(os, "getegid", lambda: own + 1)
    monkeypatch.setattr(os, "getgroups", lambda: [own])  # a supplementary group doesn't count
    error = only_error(load(str(etc / "zaiond.yaml")))
    assert "the group" in error
    assert "s3cret" not in error
    monkeypatch.setattr(access, "_group_name", lambda gid: "zaiond")
    config(load(str(etc / "zaiond.yaml")))


def test_a_drop_in_with_a_password_is_checked_by_itself(etc: Path) -> None:
    write(etc / "zaiond.yaml", LOGIN.replace("    password_file: smtp-password\n", ""), 0o644)
    drop_in = write(
        etc / "conf.d/10.yaml", "mail_server:\n  auth:\n    password: 's3cret'\n", 0o644
    )
    error = only_error(load(str(etc / "zaiond.yaml")))
    assert error.startswith("10.yaml:3:5: mail_server.auth.password: ")
    drop_in.chmod(0o600)
    assert config(load(str(etc / "zaiond.yaml"))).mail_server.auth.password == Secret("s3cret")


def test_a_file_without_a_secret_may_be_read_by_all(etc: Path) -> None:
    write(etc / "zaiond.yaml", BASE, 0o644)
    config(load(str(etc / "zaiond.yaml")))


# -- credentials


def test_a_credential_comes_from_systemds_directory(etc: Path) -> None:
    text = LOGIN.replace("password_file: smtp-password", "password_credential: smtp")
    write(etc / "zaiond.yaml", text)
    write(etc / "credentials/smtp", "s3cret\n", 0o440)
    found = load(str(etc / "zaiond.yaml"), str(etc / "credentials"))
    assert config(found).mail_server.auth.password == Secret("s3cret")
    assert "s3cret" not in "".join(found.files.texts.values())
    again = load_files(found.files, str(etc / "credentials"))
    assert again.config == found.config
    (etc / "credentials/smtp").unlink()
    assert "LoadCredential=" in only_error(load(str(etc / "zaiond.yaml"), str(etc / "credentials")))


def test_outside_of_the_service_a_credential_is_an_error_or_for_check_a_warning(etc: Path) -> None:
    text = LOGIN.replace("password_file: smtp-password", "password_credential: smtp")
    write(etc / "zaiond.yaml", text)
    assert "mail_server.auth.password_credential" in only_error(load(str(etc / "zaiond.yaml")))
    found = load(str(etc / "zaiond.yaml"), credentials_optional=True)
    config(found)
    assert [warning.key for warning in found.warnings] == ["mail_server.auth.password_credential"]


# -- certificates


def test_a_ca_file_is_an_absolute_path_to_certificates(etc: Path) -> None:
    write(etc / "zaiond.yaml", "mail_server: {host: h, ca_file: ca.pem}\nadmins: a@zaion.jp\n")
    trustme.CA().cert_pem.write_to_path(etc / "ca.pem")
    found = load(str(etc / "zaiond.yaml"))
    assert config(found).mail_server.ca_file == str(etc / "ca.pem")
    assert str(etc / "ca.pem") in found.watched
    write(etc / "ca.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert "holds no valid certificate" in only_error(load(str(etc / "zaiond.yaml")))


# -- last good


@pytest.fixture
def good(etc: Path) -> Loaded:
    write(etc / "zaiond.yaml", LOGIN, 0o640)
    write(etc / "smtp-password", "s3cret\n")
    write(etc / "conf.d/10.yaml", "language: en\nsender: 通知 <zaionnex>\n", 0o644)
    found = load(str(etc / "zaiond.yaml"))
    config(found)
    return found


def test_what_is_kept_gives_the_same_configuration_with_the_same_origins(
    etc: Path, good: Loaded
) -> None:
    state = etc / "state"
    state.mkdir()
    save_last_good(str(state), good.files)
    for path in good.files.texts:
        Path(path).unlink()
    kept = read_last_good(str(state))
    assert kept == good.files
    assert kept is not None
    assert load_files(kept) == good


def test_only_the_owner_reads_what_is_kept(etc: Path, good: Loaded) -> None:
    for _ in range(2):
        save_last_good(str(etc), good.files)
        (kept,) = [name for name in etc.iterdir() if "last-good" in name.name]
        assert kept.stat().st_mode & 0o777 == 0o600
    assert "s3cret" not in repr(good.files)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version":2}', b"\xff", b'{"texts":[]}'])
def test_what_was_kept_and_is_of_no_use_counts_as_nothing(etc: Path, content: bytes) -> None:
    assert read_last_good(str(etc)) is None
    (etc / "last-good.json").write_bytes(content)
    assert read_last_good(str(etc)) is None


def test_revert_writes_back_what_differs_and_keeps_owner_and_mode(etc: Path, good: Loaded) -> None:
    main = etc / "zaiond.yaml"
    write(main, "broken", 0o600)
    untouched = (etc / "smtp-password").stat().st_ino
    changed = revert(good.files)
    assert changed == [str(main)]
    assert main.stat().st_mode & 0o777 == 0o600
    assert (etc / "smtp-password").stat().st_ino == untouched
    assert load(str(main)) == good
    assert revert(good.files) == []


def test_revert_brings_back_what_is_gone_and_moves_away_what_was_not_there(
    etc: Path, good: Loaded
) -> None:
    (etc / "conf.d/10.yaml").unlink()
    (etc / "smtp-password").unlink()
    for text in ("language: de\n", "language: fr\n"):
        write(etc / "conf.d/20.yaml", text)
        changed = revert(good.files)
        assert changed[0] == str(etc / "conf.d/20.yaml")
        assert load(str(etc / "zaiond.yaml")) == good
    assert (etc / "conf.d/20.yaml.reverted").read_text() == "language: de\n"
    assert (etc / "conf.d/20.yaml.reverted.2").read_text() == "language: fr\n"
    assert (etc / "smtp-password").stat().st_mode & 0o077 == 0o040  # as the main file's


@pytest.mark.parametrize("main", [0o640, 0o644, None])
@pytest.mark.parametrize("group", ["own", "another"])
def test_revert_makes_no_secret_everybodys_to_read(
    main: int | None, group: str, etc: Path, good: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    if main is None:
        (etc / "zaiond.yaml").unlink()
    else:
        (etc / "zaiond.yaml").chmod(main)  # which is legal: there is no secret in it
    (etc / "smtp-password").unlink()
    with monkeypatch.context() as patch:
        if group == "another":
            patch.setattr(os, "getegid", lambda: etc.stat().st_gid + 1)
        revert(good.files)
        assert load(str(etc / "zaiond.yaml")).config == good.config
    mode = (etc / "smtp-password").stat().st_mode & 0o777
    assert mode == (0o640 if group == "own" else 0o600)


@pytest.mark.parametrize("text", ["broken", None])
def test_revert_closes_what_holds_a_secret_and_was_opened_and_nothing_else(
    text: str | None, etc: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(etc / "ca.pem"))
    (etc / "ca.pem").chmod(0o644)
    inline = LOGIN.replace("password_file: smtp-password", 'password: "s3cret"')
    main = write(etc / "zaiond.yaml", inline.replace("host:", "ca_file: ca.pem\n  host:"), 0o640)
    good = load(str(main))
    config(good)
    if text is not None:
        for each in (main, etc / "ca.pem"):
            each.write_text(text)
    main.chmod(0o644)  # as an editor makes a new file
    assert revert(good.files)[0] == str(main)
    assert main.stat().st_mode & 0o777 == 0o640
    assert (etc / "ca.pem").stat().st_mode & 0o777 == 0o644
    assert load(str(main)).config == good.config


def test_revert_writes_through_a_link_and_leaves_it_a_link(etc: Path, good: Loaded) -> None:
    main = etc / "zaiond.yaml"
    elsewhere = write(etc / "elsewhere/zaiond.yaml", "broken")
    main.unlink()
    main.symlink_to("elsewhere/zaiond.yaml")
    revert(good.files)
    assert main.is_symlink()
    assert elsewhere.read_text() == LOGIN
    assert not [name for name in os.listdir(etc / "elsewhere") if name != "zaiond.yaml"]


def test_revert_works_where_everything_is_gone(etc: Path, good: Loaded) -> None:
    for path in good.files.texts:
        Path(path).unlink()
    (etc / "conf.d").rmdir()
    revert(good.files)
    assert load(str(etc / "zaiond.yaml")) == good


OAUTH2 = """\
mail_server:
  host: mailhost
  auth:
    mechanism: xoauth2
    username: zaion@zaion.jp
    oauth2:
      grant: refresh_token
      token_url: https://login.zaion.jp/token
      client_id: zaiond
      client_secret_file: secret
      refresh_token_file: /token
admins: admin@zaion.jp
"""


def test_the_secrets_of_oauth2_come_from_their_files_and_are_kept_with_the_last_good(
    etc: Path,
) -> None:
    write(etc / "secret", "s3cret\n")
    token = write(etc / "elsewhere/token", "t0ken\n")
    path = write(etc / "zaiond.yaml", OAUTH2.replace("/token\nadmins", f"{token}\nadmins"))
    found = load(str(path))
    oauth2 = config(found).mail_server.auth.oauth2
    assert oauth2.client_secret == Secret("s3cret")
    assert oauth2.refresh_token == Secret("t0ken")
    assert {str(etc / "secret"), str(token)} <= set(found.watched)
    shown = {setting.key: setting.value for setting in found.settings}
    assert shown["mail_server.auth.oauth2.client_secret_file"] == str(etc / "secret")
    assert "s3cret" not in repr(found)
    assert "t0ken" not in repr(found)
    token.unlink()
    path.unlink()
    assert config(load_files(found.files)) == found.config


def test_the_client_secret_may_come_from_a_credential(etc: Path) -> None:
    login = "grant: client_credentials, token_url: https://x/, client_id: c"
    auth = f"mechanism: xoauth2, username: u, oauth2: {{{login}, client_secret_credential: smtp}}"
    write(etc / "zaiond.yaml", f"mail_server: {{host: h, auth: {{{auth}}}}}\nadmins: a@zaion.jp\n")
    write(etc / "credentials/smtp", "s3cret\n", 0o440)
    found = load(str(etc / "zaiond.yaml"), str(etc / "credentials"))
    assert config(found).mail_server.auth.oauth2.client_secret == Secret("s3cret")
    assert "s3cret" not in "".join(found.files.texts.values())
    key = "mail_server.auth.oauth2.client_secret_credential"
    assert f": {key}: " in only_error(load(str(etc / "zaiond.yaml")))
    found = load(str(etc / "zaiond.yaml"), credentials_optional=True)
    config(found)
    assert [warning.key for warning in found.warnings] == [key]


def test_a_file_with_a_secret_of_oauth2_is_not_read_by_others(etc: Path) -> None:
    write(etc / "secret", "s3cret", 0o644)
    token = write(etc / "token", "t0ken")
    path = write(etc / "zaiond.yaml", OAUTH2.replace("/token\nadmins", f"{token}\nadmins"))
    assert only_error(load(str(path))).startswith(
        "zaiond.yaml:10:7: mail_server.auth.oauth2.client_secret_file: "
    )


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("[env, -x, a b]", ("env", "-x", "a b")),
        ("[./get]", ("ETC/./get",)),
        ("[/bin/true]", ("/bin/true",)),
    ],
)
def test_a_command_is_looked_for_beside_the_file_or_by_its_bare_name(
    etc: Path, command: str, found: tuple[str, ...]
) -> None:
    write(etc / "get", "", 0o700)
    text = f"mail_server: {{host: h, auth: {{oauth2: {{token_command: {command}}}}}}}\n"
    loaded = load(str(write(etc / "zaiond.yaml", text + "admins: admin@zaion.jp\n")))
    expected = tuple(word.replace("ETC", str(etc)) for word in found)
    assert config(loaded).mail_server.auth.oauth2.token_command == expected
    assert [w.key for w in loaded.warnings] == ["mail_server.auth.oauth2"]  # nobody logs in


# -- files as people save them


COMMENTS = [
    "# 送信メールサーバー", "# メール", "# 設定", "# 管理者に通知する",
    "# 中継サーバー（変更禁止）",
    "# ﾒｰﾙｻｰﾊﾞｰ の設定", "# 株式会社財音　情報システム部", "# ①と⑥は画面の番号",
]  # fmt: skip


@pytest.mark.parametrize("comment", COMMENTS)
@pytest.mark.parametrize(
    ("codec", "name", "called"),
    [
        ("cp932", "CP932", "Shift_JIS"),
        ("euc_jis_2004", "EUC-JP-MS", "EUC-JP"),
        ("iso2022_jp_ext", "ISO-2022-JP-3", "ISO-2022-JP"),
        ("utf-16", "UTF-16", "UTF-16"),
    ],
)
def test_a_file_in_another_encoding_is_told_by_its_name_and_mended_by_the_command_shown(
    etc: Path, comment: str, codec: str, name: str, called: str
) -> None:
    main = etc / "zaiond.yaml"
    text = f"language: en\n{comment}\n{BASE}"
    try:
        content = text.encode(codec)
    except UnicodeEncodeError:
        content = text.replace("①と⑥", "1と6").replace("ﾒｰﾙｻｰﾊﾞｰ", "メール").encode(codec)
    main.write_bytes(content)
    (found,) = load(str(main)).errors
    assert f"not UTF-8 but {called}, it seems" in found.text.en
    assert f"{called} のようです" in found.text.ja
    assert f"iconv -f {name} -t UTF-8" in found.text.en
    command = found.text.en.partition("run: ")[2]
    assert command == found.text.ja.partition("ください: ")[2]
    subprocess.run(["sh", "-c", command], check=True)
    assert config(load(str(main))).language == "en"
    assert sorted(path.name for path in etc.iterdir()) == ["conf.d", "zaiond.yaml"]


def test_a_secret_file_in_another_encoding_is_told_by_its_name_and_not_shown(etc: Path) -> None:
    write(etc / "zaiond.yaml", LOGIN)
    (etc / "smtp-password").write_bytes("s3cretパスワード".encode("cp932"))
    (etc / "smtp-password").chmod(0o600)
    error = only_error(load(str(etc / "zaiond.yaml")))
    assert f"{etc}/smtp-password: this is not UTF-8 but Shift_JIS" in error
    assert "s3cret" not in error


@pytest.mark.parametrize("content", ["\ufeffs3cret", "\ufeffs3cret\n", "\ufeffs3cret\r\n"])
def test_a_byte_order_mark_is_no_part_of_a_secret(etc: Path, content: str) -> None:
    write(etc / "zaiond.yaml", LOGIN)
    write(etc / "smtp-password", content)
    found = load(str(etc / "zaiond.yaml"))
    assert config(found).mail_server.auth.password == Secret("s3cret")
    assert load_files(found.files).config == found.config
    text = LOGIN.replace("password_file: smtp-password", "password_credential: smtp")
    write(etc / "zaiond.yaml", text)
    (etc / "credentials").mkdir()
    (etc / "credentials/smtp").write_text(content)
    found = load(str(etc / "zaiond.yaml"), str(etc / "credentials"))
    assert config(found).mail_server.auth.password == Secret("s3cret")


def test_byte_order_marks_and_dos_line_ends_in_every_file_are_no_error(etc: Path) -> None:
    def dos(path: Path, text: str) -> None:
        write(path, "")
        path.write_bytes(("\ufeff" + text).replace("\n", "\r\n").encode())

    dos(etc / "zaiond.yaml", LOGIN + "sender: |-\n  z@zaion.jp\n")
    dos(etc / "conf.d/10.yaml", "# 追加\nlanguage: en\nadmins:\n- a..b@docomo.ne.jp\n")
    dos(etc / "smtp-password", "s3cret\n")
    found = config(load(str(etc / "zaiond.yaml")))
    assert (found.language, found.sender) == ("en", "z@zaion.jp")
    assert found.admins == ("a..b@docomo.ne.jp",)
    assert found.mail_server.auth.password == Secret("s3cret")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("subject_prefix: 【通知：社内】＃1", ""),
        ("subject_prefix: ［財音］", ""),
        ("subject_prefix: '通知\u3000＃1\u3000'", ""),
        ("subject_prefix: 通知\u3000社内", ""),
        ("subject_prefix: “通知”", "full-width quotation marks"),
        ("subject_prefix: 通知\u3000# ours", "begins: use a space"),
        ("subject_prefix: 通知 ＃ ours", "'＃' is full-width"),
        ("subject_prefix: 通知\u3000", "before or behind the value"),
        ("mail_server: {auth: {username: 財音\u3000＃ us}}", "'＃' is full-width"),
        ("mail_server: {auth: {password: “s3cret”}}", "full-width quotation marks"),
    ],
)
def test_a_full_width_sign_that_makes_another_value_is_a_warning(
    etc: Path, line: str, complaint: str
) -> None:
    write(etc / "zaiond.yaml", BASE)
    write(etc / "conf.d/10.yaml", f"{line}\n")
    found = load(str(etc / "zaiond.yaml"))
    config(found)
    told = [warning.text.en for warning in found.warnings if "full-width" in warning.text.en]
    assert len(told) == bool(complaint)
    assert complaint in "".join(told)
    assert "s3cret" not in "".join(told)
