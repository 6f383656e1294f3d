"""Where a reader goes on: a command at the terminal, a link on the page."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType

import pytest

from zaiond import places
from zaiond.places import Advice
from zaiond.text import Sentence, Text
from zaiond.web import words
from zaiond.web.app import ROUTES

# What a page shows. Who may log in, and with which token, is set at the terminal alone.
_SHOWN = [
    "zaiond.ctl.labels",
    "zaiond.daemon.words.by_hand",
    "zaiond.daemon.words.routes",
    "zaiond.delivery.words",
    "zaiond.routing.words",
    "zaiond.web.words",
    *(f"zaiond.web.words.{one.name}" for one in pkgutil.iter_modules(words.__path__)),
]
_AT_TERMINAL = {"zaiond.web.words.login", "zaiond.web.words.doors"}
_OPTION = re.compile(r"(?<![\w-])--[a-z]")


def texts(of: object) -> Iterator[str]:
    """The sentences of a module, in both languages."""
    if isinstance(of, Text | Sentence):
        yield from of
    elif isinstance(of, ModuleType | dict | tuple | list):
        inner = vars(of) if isinstance(of, ModuleType) else of
        for one in inner.values() if isinstance(inner, dict) else inner:
            if not isinstance(one, ModuleType):
                yield from texts(one)


@pytest.mark.parametrize("name", sorted({*_SHOWN} - _AT_TERMINAL))
def test_what_a_page_shows_names_no_command_and_no_option(name: str) -> None:
    for text in texts(importlib.import_module(name)):
        assert "zaiond-ctl" not in text, text
        assert _OPTION.search(text) is None or "pip install" in text, text


def test_each_place_of_the_page_is_a_page() -> None:
    pages = {route.path for route in ROUTES}
    assert len(places.named(["queue", "spool", "problems", "none such"])) == 3
    for one in vars(places).values():
        if isinstance(one, places.Place) and one.page is not None:
            assert re.split("[?#]", one.page)[0] in pages
            assert places.named([one.name]) == (one,)


def test_at_a_terminal_the_commands_stand_behind_the_sentence() -> None:
    said = Advice(Text("ありません", "there is none"), (places.QUEUE, places.SPOOL)).at_terminal()
    assert said == (
        "ありません（キュー: zaiond-ctl queue list、スプール: zaiond-ctl spool list）",
        "there is none (the queue: zaiond-ctl queue list; the spool: zaiond-ctl spool list)",
    )
    assert Advice(Text("ある", "there is")).at_terminal() == ("ある", "there is")


def test_the_command_of_an_event_can_be_typed_whatever_its_id_is() -> None:
    assert places.event("a b").command == "zaiond-ctl history 'a b'"
    assert places.event("-x").command == "zaiond-ctl history -- -x"
