"""The queue on disk: one SQLite database, one connection, one writer thread."""
