"""The program `zaiond-web`: its options, its sockets, and its end when nobody has used it."""

import os
import resource
import sys

from zaiond import utf8
from zaiond.client import origin
from zaiond.web.options import parse


def main() -> None:
    """The console script."""
    utf8.enforce()
    options = parse(sys.argv[1:])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no password in a core dump
    try:
        import jinja2  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        from zaiond.web import words

        said = words.no_extra(python=sys.executable).in_language(origin.language())
        print("zaiond-web:", said, file=sys.stderr)
        sys.exit(os.EX_UNAVAILABLE)
    from zaiond.web.serving import serve

    os._exit(serve(options))


if __name__ == "__main__":  # as `zaiond-ctl web` starts it
    main()
