"""The exit statuses (interface 5), and the exceptions that end a command with one."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from zaiond.ctl import words as words
    from zaiond.text import Text
else:

    class _Words:
        """The module `words`, imported when a sentence is said: an emit says none."""

        def __getattr__(self, name):
            from zaiond.ctl import words

            return getattr(words, name)

    words = _Words()

FAILED, USAGE = 1, 2
# sysexits.h
BAD_EVENT, UNREACHABLE, TRY_AGAIN, NOT_PERMITTED, BAD_CONFIG = 65, 69, 75, 77, 78


class Failure(Exception):  # noqa: N818 - a command's failure, not an error of the program
    """Ends the command with `status`; `text` says what is wrong and what to do."""

    def __init__(self, status: int, text: "Text") -> None:
        super().__init__(text.en)
        self.status = status
        self.text = text


class Fault(Failure):
    """The command line is wrong."""

    def __init__(self, text: "Text") -> None:
        super().__init__(USAGE, text)


class NoDaemon(Failure):
    """No daemon answers at the control socket."""


class Unwritable(Failure):
    """Standard output can't be written: a full disk, most of the time."""

    def __init__(self, error: OSError) -> None:
        super().__init__(FAILED, words.unwritable(why=error))
