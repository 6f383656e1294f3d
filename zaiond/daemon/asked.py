"""In which language a request of the control socket is answered: zaiond-web's readers have one of
their own.
"""

from contextvars import ContextVar

from zaiond.text import Language

# Of the request that is being answered in this task; None: the configuration's.
LANGUAGE: ContextVar[Language | None] = ContextVar("language", default=None)
