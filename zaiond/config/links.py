"""The symbolic links on the way to a file."""

import os

_MOST_LINKS = 40  # as the kernel's own limit


def follow(path: str) -> tuple[list[str], str]:
    """The symbolic links on the way to `path` (absolute), and where it ends, existing or not."""
    links: list[str] = []
    done = "/"
    ahead = [part for part in reversed(path.split("/")) if part]
    while ahead:
        part = ahead.pop()
        if part == "..":
            done = os.path.dirname(done)
            continue
        step = os.path.join(done, part)
        if part == ".":
            continue
        try:
            target = os.readlink(step) if len(links) < _MOST_LINKS else ""
        except OSError:  # no link
            target = ""
        if target:
            links.append(step)
            if target.startswith("/"):
                done = "/"
            ahead += [each for each in reversed(target.split("/")) if each]
        else:
            done = step
    return links, done
