"""HTML of templates: a Text among the values is put in by the page's language, a Place as a link,
everything else is escaped, and what would act on a reader (controls, marks of direction) is shown
by its code.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from zaiond.ctl import labels
from zaiond.ctl.terminal import Painted
from zaiond.places import Advice, Place, event_page
from zaiond.safe import with_codes
from zaiond.text import Language, Text
from zaiond.web import guard, words
from zaiond.web.context import language_of, web
from zaiond.web.fields import on_page
from zaiond.web.listing import address

_AT_A_GLANCE = 20  # things that the question before deleting names
_AROUND = Text("（{}）", " ({})")  # places behind a sentence
_BETWEEN = Text("、", ", ")


def _shown(language: Language, here: str | None, value: Any) -> Any:
    match value:
        case Markup():
            return value
        case Text():
            return with_codes(value.in_language(language))
        case Painted():
            text = _shown(language, here, value.text)
            return Markup('<span class="{}">{}</span>').format(value.colour, text)
        case Place(page=None):
            what = value.what.in_language(language)
            return Markup("{}: <code>{}</code>").format(what, value.command)
        case Place():
            what = value.what.in_language(language)
            return Markup('<a href="{}">{}</a>').format(value.page, what)
        case Advice():
            text = Markup("{}").format(_shown(language, here, value.text))
            others = [_shown(language, here, one) for one in value.places if one.page != here]
            between = Markup(_BETWEEN.in_language(language))  # noqa: S704
            around = Markup(_AROUND.in_language(language))  # noqa: S704
            return text + around.format(between.join(others)) if others else text
        case str():
            return with_codes(value)
        case None:
            return ""
    return value


@cache
def _templates(language: Language) -> jinja2.Environment:
    @jinja2.pass_context
    def shown(context: jinja2.runtime.Context, value: Any) -> Any:
        return _shown(language, context.get("here"), value)

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("zaiond.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals |= {
        "common": words,
        "labels": labels,
        "language": language,
        "event_page": event_page,
        "address": address,
        "remedy": lambda text: on_page(text, language),
    }
    return environment


def page(
    request: Request, template: str, *, title: Text, status_code: int = 200, **values: Any
) -> HTMLResponse:
    """The page of a template, which gets `values`; and by itself `language`, `title`, `session`
    (None without one), `messages` (results of what was done before), `csrf` (the hidden field of
    every form), `here` (the path), `common` (words of all pages), `labels` (those of zaiond-ctl),
    `pages` (of the menu: their names by path).
    """
    values["messages"] = _messages(request)
    html = html_of(request, template, title=title, **values)
    return HTMLResponse(html, status_code, {"content-language": language_of(request)})


def complain(request: Request, status_code: int, title: Text, why: Text | Advice) -> HTMLResponse:
    """The page that says what is wrong."""
    return page(request, "error.html", title=title, why=why, again=False, status_code=status_code)


def sure(
    request: Request,
    title: Text,
    really: Text,
    head: Sequence[Text],
    rows: Sequence[Sequence[Text | str]],
    *,
    carried: Sequence[tuple[str, str]],
    back: str,
) -> HTMLResponse:
    """The question before what `rows` tell of is deleted: the same address again, with the fields
    `carried`; `back` is where Cancel leads.
    """
    return page(
        request,
        "delete.html",
        title=title,
        really=really,
        head=head,
        rows=rows[:_AT_A_GLANCE],
        more=max(0, len(rows) - _AT_A_GLANCE),
        carried=carried,
        back=back,
    )


def html_of(request: Request, template: str, **values: Any) -> str:
    """As `page`, as text: for a piece of a page that is streamed."""
    session, token = request.scope.get("zaiond.session"), request.scope.get("zaiond.token", "")
    field = Markup('<input type="hidden" name="csrf" value="{}">').format(guard.form_token(token))
    return (
        _templates(language_of(request))
        .get_template(template)
        .render(
            {
                "session": session,
                "messages": [],
                "csrf": field,
                "here": request.scope["path"],
                "static": web(request).static.address,
                "pages": words.pages(of_fleet=web(request).daemon.is_of_fleet),
                **values,
            }
        )
    )


def _messages(request: Request) -> list[tuple[str, Text | Advice]]:
    """Results of what was done before, each for one page."""
    session, messages = request.scope.get("zaiond.session"), []
    if session is not None and not guard.is_live(request.headers):
        messages, session.messages = session.messages, []
    return messages


def done(request: Request, text: Text | Advice, to: str, *, kind: str = "ok") -> Response:
    """The end of a POST: `text` is shown by the page at `to`, to which the browser goes on. `kind`:
    "ok", "warning" where something is to be thought of, "error" where it was refused.
    """
    request.scope["zaiond.session"].tell(kind, text)
    return RedirectResponse(guard.page_of_ours(to), 303)
