"""The style sheet and the script, from memory. Their addresses change with their content, so that a
browser may keep them."""

import hashlib
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


class Static:
    """All files of the directory `static`."""

    def __init__(self) -> None:
        found = [one for one in (files("zaiond.web") / "static").iterdir() if one.is_file()]
        self._files = {one.name: one.read_bytes() for one in found}

    def address(self, name: str) -> str:
        """Where a browser finds it."""
        return f"/static/{name}?{hashlib.sha256(self._files[name]).hexdigest()[:12]}"

    def find(self, name: str) -> Response:
        """The file, or 404."""
        content = self._files.get(name)
        if content is None:
            return Response(status_code=404)
        kept = {"cache-control": "public, max-age=31536000, immutable"}
        return Response(content, 200, kept, _TYPES[name.rpartition(".")[2]])


async def show(request: Request) -> Response:
    static: Static = request.app.state.web.static
    return static.find(request.path_params["name"])


routes = [Route("/static/{name}", show)]
