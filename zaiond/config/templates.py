"""The templates that routes name: their files are read with the configuration, kept with the last
good one, and tried on sample events before they count.
"""

import posixpath
from collections.abc import Iterator
from dataclasses import replace

from zaiond.config.declare import Scope
from zaiond.config.outside import SourceError, Sources
from zaiond.config.patterns import PlainName
from zaiond.errors import Diagnostic
from zaiond.message.custom import HTML, SUBJECT, TEXT, TemplateError, TemplateFiles
from zaiond.message.words import custom as said

DIRECTORY = "templates"
_MOST_FILES, _MOST_BYTES = 50, 1024 * 1024


class TemplateName(PlainName):
    """The name of a template, as the rest of zaiond has it: the path of its files without ends."""

    def absolute(self, value: str, directory: str) -> str:
        return posixpath.join(directory, DIRECTORY, value)

    def write(self, value: str) -> str:
        return posixpath.basename(value)


def read_template(path: str, scope: Scope) -> TemplateFiles | None:
    """The files of the template at `path`; None, and told to the mapping's `scope`, where one can't
    be read or is wrong.
    """
    from zaiond.message.samples import try_template  # with Jinja2, for those who have templates

    directory, name = posixpath.split(path)
    try:
        files = TemplateFiles(name, directory, tuple(_texts(directory, name, scope.sources)))
        try_template(files)
    except SourceError as error:
        scope.error("template", error.text)
    except TemplateError as error:
        key = scope.dotted("template")
        found = Diagnostic(error.path, error.line, 1, key, error.why)
        # Other routes may have the same template: it is wrong once.
        if not any(replace(one, key=key) == found for one in scope.errors):
            scope.errors.append(found)
    else:
        return files
    return None


def _texts(directory: str, name: str, sources: Sources) -> Iterator[tuple[str, str]]:
    """Each file that the template needs, with its text; raises SourceError or TemplateError."""
    from zaiond.message.sandbox import includes

    wanted: dict[str, tuple[str, int] | None] = {name + SUBJECT: None, name + TEXT: None}
    optional = {name + HTML}
    wanted[name + HTML] = None
    done: set[str] = set()
    size = 0
    while left := [each for each in wanted if each not in done]:
        file = left[0]
        done.add(file)
        used_in = wanted[file]
        try:
            text = sources.template_file(posixpath.join(directory, file))
        except SourceError as error:
            if error.missing and file in optional:
                continue
            if used_in is None:
                raise
            raise TemplateError(
                posixpath.join(directory, used_in[0]), used_in[1], error.text
            ) from None
        size += len(text.encode())
        if len(done) > _MOST_FILES or size > _MOST_BYTES:
            raise SourceError(said.TOO_MANY(most=_MOST_FILES, kib=_MOST_BYTES // 1024))
        yield file, text
        for used, line, needed in includes(directory, file, text):
            wanted.setdefault(used, (file, line))
            if needed:
                optional.discard(used)
            elif used not in done:
                optional.add(used)
