"""What is said of a configuration: of its files (`files`) and of its settings (`settings`).

They are imported when something is said: of a valid configuration nothing is.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zaiond.config.words.files import *  # noqa: F403
    from zaiond.config.words.settings import *  # noqa: F403
else:

    def __getattr__(name: str) -> Any:
        settings, files = (import_module(f"{__name__}.{each}") for each in ("settings", "files"))
        return getattr(settings if hasattr(settings, name) else files, name)
