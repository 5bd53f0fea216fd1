//! The tables, and how the file is made and recognised.

/// `ILR1` in SQLite's application id: what tells a record from any other SQLite file.
pub(crate) const APPLICATION_ID: i32 = 0x494C_5231;
/// The version of the tables and of what is in them, in SQLite's user version. A record of
/// another version is thrown away and rebuilt, never migrated.
pub(crate) const FORMAT_VERSION: i64 = 15;

/// Two resource bodies of the usual 1.6 KB, or six state rows, fit a page of this size without an
/// overflow page.
pub(crate) const PAGE_BYTES: u32 = 4096;

/// Why the tables look as they do:
///
/// - Wide rows are rowid tables with a narrow index, because a `WITHOUT ROWID` table keeps whole
///   rows in its interior pages, and bodies of 1.6 KB would leave two to a page.
/// - `n` numbers rows in the order of the facts, so it is the same after every rebuild and serves
///   as the order of first storing, as the order of deliveries and as the key of a page.
/// - A resource that was deleted keeps its row under the number of its type with a minus before
///   it: no query for the type finds it, its older versions keep their number `n`, and there is
///   one lookup for whether it was ever there.
/// - A message's channel, type, answer and the part of its key before the control id are the same
///   for thousands of messages, so that they stand once, as its kind. `key` is there only where it
///   is no such part and the control id. The SHA-256 of the bytes is the journal's.
/// - `message_key` has a hash of channel and key, 32 bits, which leads to the row that tells
///   whether it is the same key: one row in four hundred too many at ten million messages.
/// - The body of a resource is compressed with a dictionary of its type ([`crate::body`]). With it
///   a row takes some 300 bytes.
/// - `version` holds only what is no longer current, so that a resource that never changes costs
///   one row.
/// - `p` is the number under which the current version stands in the postings
///   ([`crate::postings`]): greater than that of anything that was stored before. `run` and `block`
///   hold the postings, `dead` the numbers that a merge of runs is to leave out. The
///   numbers of a run go from `first` to the one before `last`; its blocks have consecutive ids.
/// - Delivery states below 2 are open. The literal stands in the partial indexes and in the
///   queries alike, so that SQLite sees that the one implies the other.
/// - `behind` says that an earlier open delivery of the same channel and key has to end first, and
///   `blocks` that a delivery is such a one. They are kept with the rows, so that what may be sent
///   next is found without reading past all that may not: a patient with a hundred thousand
///   messages behind one that is held costs the others nothing.
/// - `queue` counts the open deliveries, since counting a million of them takes too long to be
///   done for every page.
/// - `register` is what the transfers of controlled drugs enter on the pages of the registers. It
///   follows from `transfer` and is kept with its balances so that a page of years is shown without
///   adding it up. `k` counts the entries of a page; rows are only ever added. `what` is 0 for a
///   transfer, 1 for a count, 2 for a note that corrects.
/// - Looks are asked for by time, of one patient or of all: their indexes end with it. They come in
///   the order of their times, so that the index of all grows at its end.
/// - Times are nanoseconds since 1970; what carries a zone or a lesser precision is in the JSON.
pub(crate) const TABLES: &str = "
CREATE TABLE meta (
  key TEXT PRIMARY KEY NOT NULL,
  value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE position (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  seq INTEGER NOT NULL,
  hash BLOB NOT NULL
);
CREATE TABLE message (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  control_id TEXT NOT NULL,
  key TEXT,
  patient TEXT
);
CREATE TABLE message_kind (
  n INTEGER PRIMARY KEY,
  channel TEXT NOT NULL,
  type TEXT NOT NULL,
  outcome TEXT NOT NULL,
  prefix TEXT NOT NULL
);
CREATE UNIQUE INDEX message_kind_all ON message_kind (channel, type, outcome, prefix);
CREATE TABLE message_key (
  hash INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (hash, seq)
) WITHOUT ROWID;
CREATE TABLE resource (
  n INTEGER PRIMARY KEY,
  type INTEGER NOT NULL,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  last_updated INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  p INTEGER,
  subject TEXT,
  status TEXT,
  body BLOB NOT NULL
);
CREATE UNIQUE INDEX resource_id ON resource (type, id);
CREATE UNIQUE INDEX resource_posting ON resource (type, p) WHERE p IS NOT NULL;
CREATE INDEX resource_subject ON resource (subject, type) WHERE subject IS NOT NULL;
CREATE INDEX resource_changed ON resource (type, last_updated);
CREATE INDEX resource_live ON resource (type, status)
  WHERE status IN ('active', 'on-hold', 'in-progress');
CREATE TABLE dictionary (
  n INTEGER PRIMARY KEY,
  type INTEGER NOT NULL,
  body BLOB NOT NULL
);
CREATE INDEX dictionary_type ON dictionary (type);
CREATE TABLE version (
  n INTEGER NOT NULL,
  version INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  PRIMARY KEY (n, version)
) WITHOUT ROWID;
CREATE TABLE identifier (
  type INTEGER NOT NULL,
  value TEXT NOT NULL,
  system TEXT NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (type, value, system, n)
) WITHOUT ROWID;
CREATE TABLE run (
  id INTEGER PRIMARY KEY,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL
);
CREATE TABLE block (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL,
  first BLOB NOT NULL,
  body BLOB NOT NULL
);
CREATE INDEX block_first ON block (run, first);
CREATE TABLE dead (
  p INTEGER PRIMARY KEY
);
CREATE TABLE state (
  kind INTEGER NOT NULL,
  key TEXT NOT NULL,
  live INTEGER NOT NULL,
  body BLOB NOT NULL
);
CREATE UNIQUE INDEX state_key ON state (kind, key);
CREATE INDEX state_live ON state (kind) WHERE live = 1;
CREATE TABLE delivery (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  channel TEXT NOT NULL,
  key TEXT NOT NULL,
  at INTEGER NOT NULL,
  state INTEGER NOT NULL,
  profile INTEGER NOT NULL,
  blocks INTEGER NOT NULL,
  behind INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  detail TEXT,
  body TEXT NOT NULL
);
CREATE UNIQUE INDEX delivery_id ON delivery (id);
CREATE INDEX delivery_open ON delivery (channel) WHERE state < 2;
CREATE INDEX delivery_open_profile ON delivery (channel) WHERE state < 2 AND profile = 1;
CREATE INDEX delivery_free ON delivery (channel) WHERE state < 2 AND behind = 0;
CREATE INDEX delivery_lane ON delivery (channel, key) WHERE state < 2;
CREATE INDEX delivery_blocks ON delivery (channel, key) WHERE state < 2 AND blocks = 1;
CREATE INDEX delivery_accepted ON delivery (channel) WHERE state = -2;
CREATE TABLE queue (
  channel TEXT PRIMARY KEY NOT NULL,
  depth INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE case_ (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  opened INTEGER NOT NULL,
  patient TEXT,
  closed INTEGER,
  body TEXT NOT NULL,
  closing TEXT
);
CREATE INDEX case_open ON case_ (kind) WHERE closed IS NULL;
CREATE INDEX case_opened ON case_ (opened);
CREATE INDEX case_patient ON case_ (patient) WHERE patient IS NOT NULL;
CREATE TABLE transfer (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  seq INTEGER NOT NULL,
  state INTEGER NOT NULL,
  movement TEXT NOT NULL,
  told INTEGER NOT NULL,
  item TEXT NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX transfer_item ON transfer (item);
CREATE INDEX transfer_posted ON transfer (told, movement) WHERE state = 1;
CREATE TABLE pocket_activity (
  n INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL,
  cabinet TEXT NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX pocket_activity_cabinet ON pocket_activity (cabinet);
CREATE TABLE register_item (
  item TEXT PRIMARY KEY NOT NULL,
  seq INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE register_page (
  page INTEGER PRIMARY KEY,
  place TEXT NOT NULL,
  item TEXT NOT NULL
);
CREATE UNIQUE INDEX register_page_of ON register_page (place, item);
CREATE TABLE register (
  n INTEGER PRIMARY KEY,
  page INTEGER NOT NULL,
  k INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  entered INTEGER NOT NULL,
  what INTEGER NOT NULL,
  source TEXT NOT NULL,
  received TEXT NOT NULL,
  issued TEXT NOT NULL,
  handled TEXT NOT NULL,
  balance TEXT NOT NULL
);
CREATE UNIQUE INDEX register_page_k ON register (page, k);
CREATE INDEX register_page_at ON register (page, at);
CREATE INDEX register_counts ON register (page, at) WHERE what = 1;
CREATE INDEX register_source ON register (source);
CREATE TABLE register_note (
  id TEXT PRIMARY KEY NOT NULL,
  seq INTEGER NOT NULL,
  body TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE register_correction (
  of TEXT NOT NULL,
  id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (of, id)
) WITHOUT ROWID;
CREATE TABLE register_step (
  n INTEGER PRIMARY KEY,
  of TEXT NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX register_step_of ON register_step (of);
CREATE TABLE access (
  n INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL,
  refused INTEGER NOT NULL,
  at INTEGER NOT NULL,
  patient TEXT,
  body TEXT NOT NULL
);
CREATE INDEX access_at ON access (at);
CREATE INDEX access_patient ON access (patient, at) WHERE patient IS NOT NULL;
";
