#!/usr/bin/env python3
"""Verify an Interlock journal, or one segment of it, as docs/journal-format.md describes them.
Needs Python 3.7 and, for segments, verify_segment.py beside it. May run beside the node."""
import argparse, hashlib, pathlib, re, sqlite3, struct, zlib

def need(condition, why):
    if not condition:
        raise ValueError(why)

def connect(path):
    uri, wal = path.resolve(strict=True).as_uri(), pathlib.Path("%s-wal" % path.resolve())
    try:
        database = sqlite3.connect(uri + "?mode=ro", uri=True, timeout=5, isolation_level=None)
        database.execute("BEGIN")  # One state of the file, whatever the node does meanwhile.
        database.execute("SELECT count(*) FROM meta").fetchone()
    except sqlite3.OperationalError:  # A read-only medium: nobody can be writing there.
        need(not (wal.exists() and wal.stat().st_size), "it is busy or was not closed: try again")
        database = sqlite3.connect(uri + "?immutable=1", uri=True, isolation_level=None)
    pragmas = ("PRAGMA application_id", "PRAGMA user_version")
    found = [database.execute(pragma).fetchone()[0] for pragma in pragmas]
    need(found in ([0x494C4A31, 2], [0x494C4A53, 2]), "this is no journal of format 2")
    return database, found[0] == 0x494C4A53

class Chain:
    count, size, times, away = 0, 0, [None, None], ()
    def go_to(self, seq, tip):
        self.seq, self.tip, self.position = seq, tip, f"{seq}:{tip.hex()}"
        need(seq != self.expect[0] or tip.hex() == self.expect[1], f"entry {seq}: not as expected")

    def follow(self, rows):
        """Rows of a number, a time, a head, a message or its length and digest, and a hash."""
        try:
            for found, at, head, raw, stored in rows:
                seq = self.seq + 1
                need(found == seq, f"entry {seq}: it is missing; the next row is {found}")
                types = [type(at), type(head), type(raw) in (bytes, tuple), type(stored)]
                need(types == [int, bytes, True, bytes], f"entry {seq}: its columns are misshapen")
                long, digest = raw if type(raw) is tuple else (len(raw), sha256(raw))
                tip = sha256(self.tip + struct.pack(">QqI", seq, at, long) + digest
                             + struct.pack(">I", len(head)) + head)
                need(stored in (b"", tip), f"entry {seq}: its hash does not follow")
                self.go_to(seq, tip)
                self.count, self.size = self.count + 1, self.size + len(head) + long
                self.times = [at if self.count == 1 else self.times[0], at]
        except (sqlite3.Error, zlib.error, struct.error) as error:
            raise ValueError(f"entry {self.seq + 1}: it cannot be read ({error})") from error

def sha256(data):
    return hashlib.sha256(data).digest()

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("journal", type=pathlib.Path, help="a journal's main file, or a .segment")
parser.add_argument("--expect", metavar="SEQ:HASH", default="-1:" + "0" * 64)
options, chain = parser.parse_args(), Chain()
if not re.fullmatch("(-1|[0-9]+):[0-9A-Fa-f]{64}", options.expect):
    parser.error("--expect takes a number, a colon and a hash of 64 hexadecimal digits")
try:
    chain.expect = (int(options.expect.split(":")[0]), options.expect.lower().split(":")[1])
    database, is_segment = connect(options.journal)
    if is_segment:
        __import__("verify_segment").begin(chain, database, options.journal)
    else:
        site = database.execute("SELECT value FROM meta WHERE key = 'site'").fetchone()[0]
        chain.go_to(0, sha256(b"interlock journal v2\n" + site.encode()))
        base, before = database.execute("SELECT seq, hash FROM base").fetchone()
        if base:
            __import__("verify_segment").follow_all(chain, connect, options.journal, base)
        meets = chain.tip == before if chain.seq == base else chain.seq > base
        need(meets, f"entry {chain.seq + 1}: the main file does not begin there")
        rows = database.execute("SELECT seq, at, head, raw, hash FROM entry ORDER BY seq")
        known = range(base + 1, chain.seq + 1)  # A segment that was read had these as well.
        chain.follow(row for row in rows if row[0] not in known)
    need(chain.seq >= chain.expect[0], f"entry {chain.seq + 1}: the journal ends before it")
    utc = "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', ? / 1000000, 'unixepoch')"
    first, last = (database.execute(utc, (at,)).fetchone()[0] for at in chain.times)
except (sqlite3.Error, OSError, TypeError, ValueError, KeyError) as error:
    raise SystemExit(f"BROKEN {error}")
print(f"entries {chain.count}\nbytes   {chain.size}\nfirst   {first}\nlast    {last}")
print("".join(f"away    {name}\n" for name in chain.away) + f"tip     {chain.position}")
