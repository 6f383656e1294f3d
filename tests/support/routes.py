"""Configurations with routes, as they stand in a file."""

from pathlib import Path
from tempfile import TemporaryDirectory

from zaiond.config.load import load
from zaiond.config.schema import Config


def routed(port: int, routes: str, admins: str = "a@x.example") -> Config:
    """A configuration with a server at 127.0.0.1 and these top-level settings, in YAML."""
    text = f"""
mail_server: {{host: 127.0.0.1, port: {port}, security: none, helo_name: client.example,
  keep_idle: 0.1s}}
admins: {admins}
language: en
{routes}
"""
    with TemporaryDirectory(prefix="zaiond-config-") as directory:
        path = Path(directory, "zaiond.yaml")
        path.write_text(text, encoding="utf-8")
        loaded = load(str(path))
    assert loaded.config is not None, [error.formatted.en for error in loaded.errors]
    return loaded.config
