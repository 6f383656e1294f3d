-- The queue on disk. Written by one thread over one connection. Times are seconds since the epoch,
-- for people; what expires or is forgotten is counted in queue time (clock.py), which no clock
-- that is set can move.

CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value NOT NULL
) WITHOUT ROWID;

-- What producers told, in order of acceptance. An event with seq > meta.routed_through and without
-- an outcome waits to be routed; one with an outcome ended without becoming a mail; what became of
-- every other one is what became of its deliveries.
CREATE TABLE events (
  seq      INTEGER PRIMARY KEY,
  id       TEXT    NOT NULL,
  uid      INTEGER NOT NULL,          -- as the kernel says
  source   TEXT    NOT NULL,          -- as sent; '' where none was
  accepted REAL    NOT NULL,
  urgent   INTEGER NOT NULL,          -- emerg to crit: routed before the others
  lane     TEXT,                      -- its key, else its job: mails of one are sent in order
  queued   REAL    NOT NULL,          -- when it was accepted, in queue time
  notice   INTEGER NOT NULL DEFAULT 0,  -- the daemon's own, which no emitter can make
  turn     INTEGER NOT NULL DEFAULT 0,  -- when it is to be routed among those of other users
  ahead    INTEGER NOT NULL DEFAULT 0,  -- urgent, or its turn comes before that of one before it
  outcome  TEXT,                      -- dropped | deleted
  reason   TEXT,                      -- {"ja": …, "en": …}; without an outcome: a remark on its mail
  body     BLOB    NOT NULL           -- the line as sent; last, so that it isn't read with the rest
);
-- The id first: the daemon's own are ordered by time, so this index grows at its end.
CREATE UNIQUE INDEX events_identity ON events (id, uid, source, notice);
CREATE INDEX events_ahead ON events (urgent, turn, seq) WHERE ahead = 1;
CREATE INDEX events_lane ON events (lane, uid, seq) WHERE lane IS NOT NULL;
-- Events beyond meta.routed_through that were routed all the same.
CREATE TABLE routed_early (
  seq INTEGER PRIMARY KEY
);

-- Mails, made once. The content is kept beside, until every delivery has ended.
CREATE TABLE messages (
  id           INTEGER PRIMARY KEY,
  message_id   TEXT    NOT NULL,
  reverse_path TEXT    NOT NULL,
  smtputf8     INTEGER NOT NULL,
  accepted     REAL    NOT NULL,      -- of its oldest event
  queued       REAL    NOT NULL,      -- the same in queue time: expiry counts from here
  notice       INTEGER NOT NULL       -- the daemon's own: its failure makes no further notice
);
CREATE TABLE contents (
  message INTEGER PRIMARY KEY,
  content BLOB NOT NULL
);
CREATE TABLE message_events (
  message INTEGER NOT NULL,
  event   INTEGER NOT NULL,
  PRIMARY KEY (message, event)
) WITHOUT ROWID;
CREATE INDEX message_events_event ON message_events (event);

-- One message, one recipient. `started` is set while the content may be beyond its final dot.
-- A delivery with a lane (the key or job of its event) waits, deferred without a `next_attempt`, as
-- long as an earlier one of its lane and recipient is deferred.
CREATE TABLE deliveries (
  id           INTEGER PRIMARY KEY,
  message      INTEGER NOT NULL,
  recipient    TEXT    NOT NULL,
  state        TEXT    NOT NULL,      -- waiting | deferred | held | delivered | failed | expired |
                                      -- deleted (by hand) | replaced (is no recipient any more)
  attempts     INTEGER NOT NULL DEFAULT 0,
  next_attempt REAL,
  started      REAL,
  tried        REAL,                  -- when the last attempt ended, in queue time
  ended        REAL,                  -- in queue time
  urgent       INTEGER NOT NULL,
  lane         TEXT,                  -- uid and lane of its event
  user         INTEGER NOT NULL DEFAULT 0  -- whose it is: users take turns
);
CREATE INDEX deliveries_message ON deliveries (message);
CREATE INDEX deliveries_open ON deliveries (user, message) WHERE ended IS NULL;
CREATE INDEX deliveries_due ON deliveries (user, next_attempt) WHERE state IN ('deferred', 'held');
CREATE INDEX deliveries_held ON deliveries (recipient) WHERE state = 'held' AND ended IS NULL;
CREATE INDEX deliveries_started ON deliveries (id) WHERE started IS NOT NULL;
CREATE INDEX deliveries_lost ON deliveries (ended) WHERE state IN ('failed', 'expired');
CREATE INDEX deliveries_urgent ON deliveries (user, state, next_attempt, message)
  WHERE urgent = 1 AND ended IS NULL;
CREATE INDEX deliveries_lane ON deliveries (lane, recipient, message)
  WHERE lane IS NOT NULL AND ended IS NULL;

CREATE TABLE attempts (
  delivery INTEGER NOT NULL,
  number   INTEGER NOT NULL,
  started  REAL,
  ended    REAL    NOT NULL,
  outcome  TEXT    NOT NULL,          -- delivered | deferred | held | failed | expired | deleted | unknown
  server   TEXT    NOT NULL,
  reply    TEXT    NOT NULL,
  PRIMARY KEY (delivery, number)
) WITHOUT ROWID;

-- What somebody has to mend before mail goes out again; what is held by it is probed now and then.
CREATE TABLE holds (
  scope   TEXT NOT NULL,              -- queue | address | mail
  subject TEXT NOT NULL,              -- '' | the recipient | the message's id
  since   REAL NOT NULL,
  queued  REAL NOT NULL,              -- the same in queue time
  failure BLOB NOT NULL,              -- what the server said, as JSON
  PRIMARY KEY (scope, subject)
) WITHOUT ROWID;

-- Rows that can't be read any more, as far as they could be (damage.py).
CREATE TABLE damaged (
  id  INTEGER PRIMARY KEY,
  at  REAL NOT NULL,
  of  TEXT NOT NULL,                  -- their table
  row TEXT NOT NULL                   -- as JSON
);
