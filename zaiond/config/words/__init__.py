"""What is said of a configuration: of its files (`files`), of its settings (`settings`), of
those that say who gets what (`routes`), of zaiond-web's (`web`) and of a fleet's (`fleet`).

They are imported when something is said: of a valid configuration nothing is.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zaiond.config.words.files import *  # noqa: F403
    from zaiond.config.words.fleet import *  # noqa: F403
    from zaiond.config.words.routes import *  # noqa: F403
    from zaiond.config.words.settings import *  # noqa: F403
    from zaiond.config.words.web import *  # noqa: F403
else:
    _ROOMS = ("settings", "files", "routes", "web", "fleet")

    def __getattr__(name: str) -> Any:
        rooms = [import_module(f"{__name__}.{each}") for each in _ROOMS]
        room = next((each for each in rooms if hasattr(each, name)), rooms[0])
        return getattr(room, name)
