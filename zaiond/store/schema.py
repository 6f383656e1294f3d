"""An empty database."""

import apsw

VERSION = 1


def create(db: apsw.Connection) -> None:
    """Puts the tables and the version of the schema into an empty database, in one transaction."""
    from importlib.resources import files  # for the first start alone

    tables = files("zaiond.store").joinpath("schema.sql").read_text(encoding="utf-8")
    with db:
        db.execute(tables)
        db.execute(f"PRAGMA user_version={VERSION}")
