"""Sentences about settings, for who reads them on the page."""

import re

from zaiond.config.words import settings as errors
from zaiond.selftest.advice import ADVICE, hint
from zaiond.smtp.failure import Failure, Stage
from zaiond.smtp.syntax import Reply
from zaiond.text import Language, Text
from zaiond.web.fields import advice, both, on_page

REMEDIES: list[tuple[str, Language]] = [
    pair for _, _, ja, en in ADVICE.values() for pair in ((ja, "ja"), (en, "en"))
]
WITH_FIELD = re.compile(
    r"mail_server\.(?:host|port|auth(?:\.(?:mechanism|username|password))?"
    r"|pop_before_smtp(?:\.(?:enabled|username|password))?)(?![.\w])"
    r"|(?<!the )\b(?:mechanism|username)\b"
)


def test_no_remedy_names_by_its_key_what_has_a_field_on_the_page() -> None:
    for remedy, language in REMEDIES:
        assert not WITH_FIELD.search(on_page(remedy, language)), remedy


def test_a_remedy_says_where_in_the_file_each_setting_stands_that_has_no_field() -> None:
    for remedy, language in REMEDIES:
        told = on_page(remedy, language)
        for key in re.findall(r"mail_server\.[a-z0-9_.]*[a-z0-9_]", told):
            *parents, last = key.split(".")
            place = " ".join(f"{one}:" for one in parents)
            assert f"{last}: " in told.partition(place)[2], told


def test_fields_are_named_by_their_labels_and_choices_by_theirs() -> None:
    text = Text(
        "mail_server.port を 587 にします。認証が不要なら mail_server.auth.mechanism を none に"
        "します。",
        "Set mail_server.port to 587. If none is wanted, set mail_server.auth.mechanism to none.",
    )
    assert both(text) == Text(
        "「SMTP ポート番号」を 587 にします。認証が不要なら「SMTP 認証」を「未使用」にします。",
        'Set "SMTP port" to 587. If none is wanted, set "SMTP authentication" to "Not used".',
    )


def test_what_has_no_field_is_set_in_the_file_and_how_is_said() -> None:
    text = Text("mail_server.security を starttls にします。", "Set mail_server.security.")
    assert both(text) == Text(
        "mail_server.security を starttls にします。（設定画面にない項目は、設定ファイルに書きます"
        ": 「mail_server:」の下に「security: 値」）",
        "Set mail_server.security. (What is not on the settings page is set in the configuration's"
        ' file: below "mail_server:" "security: VALUE".)',
    )


def test_settings_of_a_second_server_are_no_fields() -> None:
    told = on_page("fallback_mail_servers[0].port を 587 にします。", "ja")
    assert "SMTP" not in told
    assert "「fallback_mail_servers[0]:」の下に「port: 値」" in told


def test_a_name_beside_a_setting_is_that_of_its_mapping() -> None:
    alone = both(errors.NAME_ALONE, "mail_server")
    assert alone.ja.endswith("ポート番号は「SMTP ポート番号」に書きます")
    assert alone.en.endswith('the port belongs into "SMTP port"')
    disabled = both(errors.POP_DISABLED, "mail_server.pop_before_smtp")
    assert "「POP Before SMTP を使用」を「使用」に" in disabled.ja
    assert '"POP before SMTP" to "Use"' in disabled.en
    user = both(errors.NO_POP_USER, "mail_server.pop_before_smtp")
    assert "「POP のユーザーID」か「ユーザーID」" in user.ja


def test_a_servers_own_words_are_left_as_they_are() -> None:
    said = b"bad username, see mail_server.port"
    failure = Failure(stage=Stage.AUTH, server="m:25", cause="reply", reply=Reply(535, (said,)))
    languages: tuple[Language, ...] = "ja", "en"
    for language in languages:
        cause, _ = hint(failure).in_language(language).splitlines()
        assert advice(cause, language) == cause
