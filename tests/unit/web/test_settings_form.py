"""The settings page's rows: which are shown, with what, and what stands at them."""

import re
from importlib.resources import files
from typing import Any

from zaiond.setup import words as setup
from zaiond.setup.answers import PASSWORD, POP_PASSWORD
from zaiond.web.context import Form
from zaiond.web.fields import on_page
from zaiond.web.settings_form import Entered, Row, entered, view

KEYS = {
    "mail_server.host": "mailhost",
    "mail_server.port": "25",
    "mail_server.auth.mechanism": "none",
    "mail_server.auth.username": "",
    PASSWORD: "",
    "mail_server.pop_before_smtp.enabled": "false",
    "mail_server.pop_before_smtp.username": "",
    POP_PASSWORD: "",
    "sender": "zaionnex",
    "admins": "a@zaion.jp",
}


def shown(lent: bool = True, **texts: str) -> dict[str, Any]:
    """A reply to "show"; __ stands for a dot."""
    now = KEYS | {key.replace("__", "."): text for key, text in texts.items()}
    return {
        "settings": {
            key: {
                "text": text,
                "locked": None,
                "proposed": False,
                "lent": lent and "pop_before_smtp" in key,
            }
            for key, text in now.items()
        }
    }


def rows(reply: dict[str, Any], **more: Any) -> dict[str, Row]:
    return {row.key: row for row in view(reply, **more).rows}


def test_the_rows_are_in_the_seeds_order_a_login_behind_its_choice() -> None:
    assert [(row.number, row.key) for row in view(shown()).rows] == [
        ("①", "mail_server.host"),
        ("②", "mail_server.port"),
        ("③", "mail_server.auth.mechanism"),
        ("", "mail_server.auth.username"),
        ("", PASSWORD),
        ("④", "mail_server.pop_before_smtp.enabled"),
        ("", "mail_server.pop_before_smtp.username"),
        ("", POP_PASSWORD),
        ("⑤", "sender"),
        ("⑥", "admins"),
    ]


def test_a_login_is_shown_with_the_choices_that_setup_asks_for_it_with() -> None:
    found = rows(shown())
    assert found["mail_server.auth.username"].shown_with == (
        "basic:true basic:false ntlm:true ntlm:false cram-md5:true cram-md5:false "
        "xoauth2:true xoauth2:false"
    )
    assert found[POP_PASSWORD].shown_with == "none:true xoauth2:true"
    own = rows(shown(lent=False, mail_server__pop_before_smtp__username="popper"))
    assert own[POP_PASSWORD].shown_with == (
        "basic:true ntlm:true cram-md5:true none:true xoauth2:true"
    )


def test_the_style_sheet_knows_every_choice_with_which_a_login_may_be_shown() -> None:
    sheet = (files("zaiond.web") / "static" / "settings.css").read_text()
    known = re.findall(
        r':has\(\[value="([\w-]+)"\]:checked\):has\(\[value="(\w+)"\]:checked\) '
        r'\[data-with\]:not\(\[data-with~="([\w-]+):(\w+)"\]\)',
        sheet,
    )
    assert [(m, p) for m, p, _, _ in known] == [(m, p) for _, _, m, p in known]
    assert {(m, p) for m, p, _, _ in known} == {
        (mechanism, pop) for mechanism in setup.MECHANISMS for pop in setup.SWITCH
    }


def test_xoauth2_is_a_choice_only_where_it_is_set_up() -> None:
    key = setup.MECHANISM.key
    assert "xoauth2" not in rows(shown())[key].choices
    assert "xoauth2" in rows(shown(mail_server__auth__mechanism="xoauth2"))[key].choices


def test_a_secret_has_no_value_whatever_was_entered() -> None:
    form = Form({PASSWORD: ["hush"], POP_PASSWORD: [""], "admins": ["b@zaion.jp"]})
    given = entered(form)
    assert given.secrets == {"mail_server.auth": "hush"}
    found = view(shown(), given=given)
    assert "hush" not in repr(found)
    assert {row.value for row in found.rows if row.is_secret} == {""}


def test_what_is_wrong_stands_at_its_row_and_what_has_none_above_with_its_place() -> None:
    def error(key: str, **more: Any) -> dict[str, Any]:
        return {"key": key, "ja": f"誤り {key}", "en": f"wrong {key}", **more}

    errors = [
        error("sender"),
        error("addresses"),
        error(f"{PASSWORD}_file"),
        error("charset", file="/etc/x.yaml", line=3),
        error("", file="/etc/x.yaml", line=1),
    ]
    seen = view(shown(), errors=errors, warnings=[error("admins"), error("queue.keep")])
    by_key = {row.key: row for row in seen.rows}
    assert [text.en for text in by_key["sender"].errors] == ["wrong sender"]
    wrong = on_page(f"wrong {PASSWORD}_file", "en")
    assert [text.en for text in by_key[PASSWORD].errors] == [wrong]
    assert [text.en for text in by_key["admins"].warnings] == ["wrong admins"]
    assert [text.en for text in seen.address_errors] == ["wrong addresses"]
    assert [text.ja for text in seen.errors] == [
        "/etc/x.yaml:3: charset: 誤り charset",
        "/etc/x.yaml:1: 誤り ",
    ]
    assert [text.en for text in seen.warnings] == ["queue.keep: wrong queue.keep"]


def test_what_another_has_set_meanwhile_stands_beside_what_was_entered() -> None:
    given = Entered(
        {"sender": "zaionnex", "admins": "b@zaion.jp", setup.POP.key: "true"}, {}, "", "1"
    )
    found = rows(shown(), given=given, compare=True)
    assert found["sender"].other is None
    assert found["admins"].value == "b@zaion.jp"
    assert found["admins"].other is not None
    assert found["admins"].other.en == "Changed by someone else to: a@zaion.jp"
    pop = found[setup.POP.key].other
    assert pop is not None
    assert pop.ja == "ほかから変更された値: 未使用"
    assert rows(shown(), given=given)["admins"].other is None
