"""What is said of a configuration: of its files (`files`), of its settings (`settings`), and of
those that say who gets what (`routes`).

They are imported when something is said: of a valid configuration nothing is.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zaiond.config.words.files import *  # noqa: F403
    from zaiond.config.words.routes import *  # noqa: F403
    from zaiond.config.words.settings import *  # noqa: F403
else:

    def __getattr__(name: str) -> Any:
        rooms = [import_module(f"{__name__}.{each}") for each in ("settings", "files", "routes")]
        room = next((each for each in rooms if hasattr(each, name)), rooms[0])
        return getattr(room, name)
