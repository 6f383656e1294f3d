"""However a configuration is written, a change is of that value and nothing else, or refused."""

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from zaiond.config.edit import EditError, change
from zaiond.config.schema import declaration
from zaiond.config.yaml import read
from zaiond.errors import ConfigError

signs = st.sampled_from(list("'\"#:,[]{}&*!|>%@`- "))
words = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]) | signs | st.just("\ufeff"),
    min_size=1,
    max_size=20,
).filter(str.strip)
comments = st.sampled_from(["", "", "  # 日本語", " # x: y"])
lines_between = st.sampled_from(["", "", "\n", "# a comment\n", "  # deeper\n", "\n# two\n\n"])


@st.composite
def scalars(draw: st.DrawFn) -> str:
    """A value as one may write it."""
    text = draw(words)
    style = draw(st.sampled_from(["plain", "'", '"', "null", "|"]))
    if style == "null":
        return draw(st.sampled_from(["", "~", "null"]))
    if style == "plain":
        return draw(st.sampled_from(["a", "mail.example", "25", "true", "x y", "日本"]))
    dumped: str = yaml.safe_dump(text, default_style=style, allow_unicode=True, width=10**6)
    return dumped.rstrip("\n") if style != "|" else '"x"'


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A file with some of the settings, in any order and layout."""
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    step = " " * draw(st.integers(1, 4))
    parts = []
    for name in draw(st.permutations(["mail_server", "sender", "admins", "queue"])):
        kind = draw(st.sampled_from(["absent", "block", "flow", "scalar"]))
        if kind == "absent":
            continue
        parts.append(draw(lines_between))
        if name == "admins":
            addresses = draw(st.lists(st.sampled_from(["a@b", "'c@d'", '"e@f"']), max_size=3))
            if kind == "block" and addresses:
                indent = draw(st.sampled_from(["", step]))
                parts.append(f"admins:{draw(comments)}\n")
                parts += [f"{indent}- {each}{draw(comments)}\n" for each in addresses]
            elif kind == "flow":
                parts.append(f"admins: [{', '.join(addresses)}]{draw(comments)}\n")
            else:
                parts.append(f"admins: a@b{draw(comments)}\n")
        elif name == "sender" or kind == "scalar":
            parts.append(f"{name}: {draw(scalars())}{draw(comments)}\n")
        else:
            keys = draw(st.lists(st.sampled_from(["host", "port", "auth"]), unique=True))
            if kind == "flow" or not keys:
                inner = ", ".join(f"{k}: {'{username: u}' if k == 'auth' else 'v'}" for k in keys)
                parts.append(f"{name}: {{{inner}}}{draw(comments)}\n")
                continue
            parts.append(f"{name}:{draw(comments)}\n")
            for key in keys:
                parts.append(draw(lines_between))
                if key == "auth":
                    parts.append(f"{step}auth:\n{step}{step}username:  u{draw(comments)}\n")
                else:
                    parts.append(f"{step}{key}: {draw(scalars())}{draw(comments)}\n")
    text = "".join(parts)
    if draw(st.booleans()):
        text = text.rstrip("\n")
    return text.replace("\n", newline)


Value = str | int | bool | tuple[str, ...]
changes: st.SearchStrategy[tuple[str, Value]] = st.one_of(
    st.tuples(st.just("mail_server.host"), words),
    st.tuples(st.just("mail_server.port"), st.integers(1, 65535)),
    st.tuples(st.just("mail_server.auth.username"), words),
    st.tuples(st.just("mail_server.pop_before_smtp.enabled"), st.booleans()),
    st.tuples(st.just("sender"), words),
    st.tuples(
        st.just("admins"),
        st.lists(st.sampled_from(["a@b", "c@d", "N <x@y>"]), min_size=1, unique=True).map(tuple),
    ),
)


def said(text: str) -> Any:
    """What it says, by a parser that has nothing to do with ours."""
    return yaml.safe_load(text) or {}


@given(text=texts(), wanted=changes)
def test_a_change_is_of_one_value_and_of_no_other_line(
    text: str, wanted: tuple[str, Value]
) -> None:
    key, value = wanted
    path = key.split(".")
    try:
        _, problems = read("", text)
    except ConfigError:
        return
    if problems:
        return
    try:
        after = change("", text, {key: declaration(key).kind.write(value)})
    except EditError:
        below = said(text)
        for name in path[:-1]:  # only where something else stands in the way
            below = below.get(name) if isinstance(below, dict) else below
        assert below is not None and not isinstance(below, dict)  # noqa: PT018
        return
    expected = said(text)
    below = expected
    for name in path[:-1]:
        below[name] = below.get(name) or {}
        below = below[name]
    was_list = isinstance(below.get(path[-1]), list)
    if isinstance(value, tuple):
        below[path[-1]] = list(value) if was_list else ", ".join(value)
    else:
        below[path[-1]] = value
    assert said(after) == expected
    before_lines, after_lines = text.splitlines(), after.splitlines()
    kept = [line for line in before_lines if line in after_lines]
    if not isinstance(wanted[1], tuple):
        assert len(before_lines) - len(kept) <= 1
    assert [c for c in before_lines if c.startswith("#")] == [
        c for c in after_lines if c.startswith("#")
    ] or was_list
