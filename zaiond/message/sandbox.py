"""Jinja2 in a sandbox: a template sees what it is given and nothing else, reads no file but those
of its directory, ends in time, and makes no more than a mail has room for.

Its author is an administrator; what it is applied to may be hostile. In HTML everything that an
event says is escaped, and no template can have it otherwise. A field of `data` that an event lacks
is empty; any other name that there isn't is an error.

Python can interrupt lines of a template, but not one call of a function of its own. So what could
take long or make much in one step is looked at before it is done.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from posixpath import join, normpath
from types import FrameType
from typing import Any, ClassVar

from jinja2 import (
    ChainableUndefined,
    StrictUndefined,
    Template,
    TemplateNotFound,
    TemplateSyntaxError,
    UndefinedError,
    nodes,
)
from jinja2.compiler import CodeGenerator, Frame
from jinja2.loaders import DictLoader
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from zaiond.message.custom import (
    HTML,
    MOST_BYTES,
    MOST_SECONDS,
    SUBJECT,
    TEXT,
    Fixed,
    Rendered,
    TemplateError,
    TemplateFiles,
)
from zaiond.message.fields import scalar
from zaiond.message.guards import MOST_BITS, MOST_IN_ALL, TooLargeError, bits, bound, guard, weight
from zaiond.message.words import custom as said
from zaiond.safe import one_line, with_codes
from zaiond.text import Text
from zaiond.time_limit import TimeIsUp, within

_LONGEST_SUBJECT = 255
# `safe` would show what an event says as it is; the others take long, or are different each time.
_NOT_FOR_MAILS = ("safe", "random", "urlize", "pprint")
_WORKS_FOR_TEMPLATES = ("jinja2.", "zaiond.message.", "textwrap")


_is_missing = re.compile(r"'([^']+)' is undefined|.* has no (?:attribute|element) '?([^']+)").match


class _MissingError(UndefinedError):
    """A field that an event lacks, used as if it had a value."""


class _Generator(CodeGenerator):
    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - as in Jinja2
        self.write("environment.bounded(")
        super().visit_Concat(node, frame)
        self.write(")")


class _Environment(ImmutableSandboxedEnvironment):
    code_generator_class = _Generator
    intercepted_binops: ClassVar[frozenset[str]] = frozenset(  # type: ignore[misc]
        ("+", "*", "**", "%")
    )

    def __init__(self, texts: Mapping[str, str], *, is_html: bool) -> None:
        super().__init__(
            loader=DictLoader(texts),
            autoescape=is_html,
            undefined=StrictUndefined,
            finalize=_shown,
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
            cache_size=-1,
            auto_reload=False,
        )
        del self.globals["lipsum"]
        for name in _NOT_FOR_MAILS:
            del self.filters[name]
        for name, filter_ in list(self.filters.items()):
            self.filters[name] = self._guarded(name, filter_)
        self.concat = self._concat  # type: ignore[method-assign]
        self.made = 0

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, dict) and (
            attribute in obj or attribute not in ("get", "items", "keys", "values")
        ):
            return self.getitem(obj, attribute)
        if isinstance(obj, ChainableUndefined):
            return obj
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, (dict, list)):
            try:
                return obj[argument]
            except (LookupError, TypeError):
                if isinstance(obj, Fixed):
                    return self.undefined(obj=obj, name=argument)
                return ChainableUndefined(obj=obj, name=argument, exc=_MissingError)
        if isinstance(obj, ChainableUndefined):
            return obj
        return super().getitem(obj, argument)

    def call(self, context: Context, obj: Any, *args: Any, **kwargs: Any) -> Any:
        of, name = getattr(obj, "__self__", None), getattr(obj, "__name__", "")
        if isinstance(of, (str, int)):
            if name == "join":
                args = tuple(list(each) for each in args)
            guard(name, of, args, kwargs)
        return self.bounded(super().call(context, obj, *args, **kwargs))

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """`'{}'.format`, in the sandbox of Jinja2, and with a bound."""
        wrapped = super().wrap_str_format(value)
        if wrapped is None:
            return None

        def guarded(*args: Any, **kwargs: Any) -> str:
            guard("format", value.__self__, args, kwargs)
            return wrapped(*args, **kwargs)

        return guarded

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "%" and isinstance(left, str):
            guard("format", left, (), {})
        elif operator == "**":
            bound(abs(right) * bits(left), MOST_BITS)
        elif operator == "*":
            for sized, times in ((left, right), (right, left)):
                if isinstance(sized, (str, list, tuple)):
                    self._charge(weight(sized) * times)
            bound(bits(left) + bits(right), MOST_BITS)
        elif operator == "+" and isinstance(left, (str, list, tuple)):
            self._charge(weight(left) + weight(right))
        return self.bounded(super().call_binop(context, operator, left, right))

    def bounded(self, value: Any) -> Any:
        """The value, if a mail has room for it."""
        if isinstance(value, str):
            bound(len(value), MOST_BYTES)
            self._charge(len(value))
        return value

    def _charge(self, size: float) -> None:
        self.made += size  # type: ignore[assignment]
        bound(self.made, MOST_IN_ALL)

    def _guarded(self, name: str, filter_: Callable[..., Any]) -> Callable[..., Any]:
        takes = getattr(filter_, "jinja_pass_arg", None)  # some get the environment first
        at = 0 if takes is None else 1

        def guarded(*args: Any, **kwargs: Any) -> Any:
            if name == "join" and len(args) > at:
                args = (*args[:at], list(args[at]), *args[at + 1 :])
            guard(name, args[at] if len(args) > at else None, args[at + 1 :], kwargs)
            return self.bounded(filter_(*args, **kwargs))

        if takes is not None:
            guarded.jinja_pass_arg = takes  # type: ignore[attr-defined]
        return guarded

    def _concat(self, parts: Iterable[str]) -> str:
        found, size = [], 0
        for part in parts:
            size += len(part)
            bound(size, MOST_BYTES)
            found.append(part)
        return "".join(found)


def _shown(value: Any) -> Any:
    """A value as JSON has it, but for text; nothing for null."""
    if value is None:
        return ""
    return scalar(value) if isinstance(value, (bool, dict, list)) else value


class Sandboxed:
    """A template, read and ready to be applied."""

    def __init__(self, files: TemplateFiles) -> None:
        self._files = files
        texts = dict(files.texts)
        self._plain = _Environment(texts, is_html=False)
        self._html = _Environment(texts, is_html=True)
        self.has_html = files.name + HTML in texts
        for name, text in files.texts:
            includes(files.directory, name, text)
            for environment in (self._plain, self._html):
                self._compile(environment, name)

    def render(self, view: Mapping[str, Any]) -> Rendered:
        """What it makes of what it sees; raises TemplateError."""
        name = self._files.name
        run = partial(self._run, view=view)
        try:
            subject, text, html = within(
                MOST_SECONDS,
                lambda: (
                    run(self._plain, name + SUBJECT),
                    run(self._plain, name + TEXT),
                    run(self._html, name + HTML) if self.has_html else None,
                ),
                _may_end,
            )
        except TimeIsUp as error:
            raise self._error(error, name + TEXT) from None
        return Rendered(
            one_line(subject)[:_LONGEST_SUBJECT],
            self._lines(text, name + TEXT),
            None if html is None else self._lines(html, name + HTML),
        )

    def _run(self, environment: _Environment, name: str, view: Mapping[str, Any]) -> str:
        template = self._compile(environment, name)
        environment.made = 0
        try:
            return environment._concat(template.root_render_func(template.new_context(dict(view))))
        except TimeIsUp as error:
            raise self._error(error, name) from None
        except Exception as error:  # noqa: BLE001 - whatever a template does
            raise self._error(error, name) from None

    def _compile(self, environment: _Environment, name: str) -> Template:
        try:
            return environment.get_template(name)
        except Exception as error:  # noqa: BLE001 - of a template nested too deep, RecursionError
            raise self._error(error, name) from None

    def _lines(self, text: str, name: str) -> str:
        text = with_codes(text).rstrip() + "\n"
        if len(text.encode(errors="surrogatepass")) > MOST_BYTES:
            raise self._error(TooLargeError(), name)
        return text

    def _error(self, error: BaseException, name: str) -> TemplateError:
        if isinstance(error, TemplateSyntaxError):
            path = join(self._files.directory, error.name or name)
            return TemplateError(path, error.lineno, said.WRONG(why=one_line(error.message or "")))
        name, line = _place(error, name)
        path = join(self._files.directory, name)
        return TemplateError(
            path, line, _why(error), is_certain=not isinstance(error, _MissingError)
        )


def _why(error: BaseException) -> Text:
    shown = one_line(str(error))[:300]
    if isinstance(error, TimeIsUp):
        return said.TIME_IS_UP(ms=round(MOST_SECONDS * 1000))
    if isinstance(error, (TooLargeError, MemoryError)):
        return said.TOO_LARGE(kib=MOST_BYTES // 1024)
    if isinstance(error, TemplateNotFound):
        return said.NOT_THERE(path=error.name)
    if isinstance(error, UndefinedError):
        # Jinja2's words are of types of ours: the name is what stands in the template.
        named = _is_missing(shown)
        name = shown if named is None else named[1] or named[2]
        return (said.LACKING if isinstance(error, _MissingError) else said.UNKNOWN)(why=name)
    return said.FAILED(why=f"{type(error).__name__}: {shown}")


def _may_end(frame: FrameType) -> bool:
    """In a template, and in what works for it, nothing catches all exceptions."""
    of = frame.f_globals
    return "__jinja_template__" in of or of.get("__name__", "").startswith(_WORKS_FOR_TEMPLATES)


def _place(error: BaseException, name: str) -> tuple[str, int]:
    """The file and the line of a template in which an error occurred; else the file's first."""
    place = name, 1
    at = error.__traceback__
    while at is not None:
        template = at.tb_frame.f_globals.get("__jinja_template__")
        if template is not None:
            place = template.name or name, template.get_corresponding_lineno(at.tb_lineno)
        at = at.tb_next
    return place


@lru_cache(maxsize=64)
def sandboxed(files: TemplateFiles) -> Sandboxed:
    """The template of these files; raises TemplateError where one is wrong."""
    return Sandboxed(files)


_parser = _Environment({}, is_html=False)


def includes(directory: str, name: str, text: str) -> list[tuple[str, int, bool]]:
    """The files of `directory` that a template uses: the name, the line, and whether it must be
    there. Raises TemplateError where the template is wrong, or uses what it may not.
    """

    def wrong(line: int, why: Text) -> TemplateError:
        return TemplateError(join(directory, name), line, why)

    try:
        tree = _parser.parse(text, name)
    except TemplateSyntaxError as error:
        raise wrong(error.lineno, said.WRONG(why=one_line(error.message or ""))) from None
    except Exception as error:  # noqa: BLE001 - nested too deep, a number that is too long
        raise wrong(1, _why(error)) from None
    for modifier in tree.find_all(nodes.EvalContextModifier):  # the scoped ones are such, too
        raise wrong(modifier.lineno, said.NO_AUTOESCAPE)
    found: list[tuple[str, int, bool]] = []
    kinds = nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends
    used_by: Iterable[Any] = tree.find_all(kinds)
    for node in used_by:
        if not isinstance(node.template, nodes.Const) or not isinstance(node.template.value, str):
            raise wrong(node.lineno, said.NOT_LITERAL)
        used = node.template.value
        if not used or used.startswith("/") or "\0" in used or normpath(used) != used:
            raise wrong(node.lineno, said.OUTSIDE(name=one_line(used)))
        if used.split("/")[0] == "..":
            raise wrong(node.lineno, said.OUTSIDE(name=one_line(used)))
        found.append((used, node.lineno, not getattr(node, "ignore_missing", False)))
    return found
