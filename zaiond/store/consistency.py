"""What rows must have of each other, put right after some were lost. Operations of the writer.

Nothing is lost with them but themselves: an event of which it can't be told any more what became of
it waits to be routed again.
"""

import apsw

# Takes away what is left without what it belongs to; the order matters. A message has its content
# as long as one of its deliveries is open: where only one of the two is left, it is made anew.
_ORPHANS = (
    "DELETE FROM deliveries WHERE message NOT IN (SELECT id FROM messages)",
    "DELETE FROM deliveries WHERE message IN (SELECT message FROM deliveries WHERE ended IS NULL"
    " EXCEPT SELECT message FROM contents)",
    "DELETE FROM deliveries WHERE message IN (SELECT message FROM contents"
    " EXCEPT SELECT message FROM deliveries WHERE ended IS NULL)",
    "DELETE FROM attempts WHERE delivery NOT IN (SELECT id FROM deliveries)",
    "DELETE FROM messages WHERE id NOT IN (SELECT message FROM deliveries)",
    "DELETE FROM contents WHERE message NOT IN (SELECT id FROM messages)",
    "DELETE FROM message_events WHERE message NOT IN (SELECT id FROM messages)"
    " OR event NOT IN (SELECT seq FROM events WHERE outcome IS NULL)",
)
_ROUTED_THROUGH = (
    "DELETE FROM routed_early WHERE seq NOT IN (SELECT event FROM message_events)"
    " AND seq NOT IN (SELECT seq FROM events WHERE outcome IS NOT NULL)",
    "INSERT OR REPLACE INTO meta SELECT 'routed_through', max("
    "coalesce((SELECT value FROM meta WHERE name = 'routed_through'), 0),"
    " coalesce((SELECT max(event) FROM message_events"
    " WHERE event NOT IN (SELECT seq FROM routed_early)), 0),"
    " coalesce((SELECT max(seq) FROM events WHERE outcome IS NOT NULL"
    " AND seq NOT IN (SELECT seq FROM routed_early)), 0))",
    "DELETE FROM routed_early WHERE seq <= (SELECT value FROM meta WHERE name = 'routed_through')",
)
_ROUTED_TO_NOWHERE = (
    "SELECT seq FROM events WHERE outcome IS NULL"
    " AND seq <= (SELECT value FROM meta WHERE name = 'routed_through')"
    " AND seq NOT IN (SELECT event FROM message_events) ORDER BY seq"
)
_ROUTE_AGAIN = (  # behind all others, where it waits to be routed
    "UPDATE events SET seq = (SELECT max(value, (SELECT max(seq) FROM events)) + 1"
    " FROM meta WHERE name = 'routed_through') WHERE seq = ?"
)


def make_consistent(db: apsw.Connection) -> None:
    """Makes what is left of a queue one that could be: each event waits to be routed, is in a
    message with deliveries, or has ended.
    """
    for statement in _ORPHANS:
        db.execute(statement)
    find_routed_through(db)
    route_again(db)


def find_routed_through(db: apsw.Connection) -> None:
    """Says how far events were routed, by what became of them."""
    for statement in _ROUTED_THROUGH:
        db.execute(statement)


def route_again(db: apsw.Connection) -> int:
    """Lets events wait to be routed that were, and became neither mail nor anything else; says how
    many.
    """
    nowhere = db.execute(_ROUTED_TO_NOWHERE).fetchall()
    db.executemany(_ROUTE_AGAIN, nowhere)
    return len(nowhere)
