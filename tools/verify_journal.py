#!/usr/bin/env python3
"""Verify an Interlock journal: recompute its hash chain, as docs/journal-format.md describes it.

Needs Python 3.7 and nothing else, never changes the journal, and may run while the node does.
"""
import argparse, hashlib, pathlib, re, sqlite3, struct


def need(condition, why):
    if not condition:
        raise ValueError(why)


def connect(path):
    uri, wal = path.resolve(strict=True).as_uri(), pathlib.Path("%s-wal" % path.resolve())
    try:
        connection = sqlite3.connect(uri + "?mode=ro", uri=True, timeout=5)
        connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError:
        if wal.exists() and wal.stat().st_size:
            raise
        # On a read-only medium nobody can be writing, and nothing waits to be recovered.
        connection = sqlite3.connect(uri + "?immutable=1", uri=True)
    found = [connection.execute(f"PRAGMA {n}_{m}").fetchone()[0]
             for n, m in (("application", "id"), ("user", "version"))]
    need(found == [0x494C4A31, 1], "this is not a journal of format 1")
    return connection


def rows(connection):
    """Every entry in order, in short transactions so that the node is not held up."""
    query = "SELECT seq, at, head, raw, hash FROM entry WHERE seq > ? ORDER BY seq LIMIT 256"
    last, more = -(2**63), True
    while more:
        more = False
        for row in connection.execute(query, (last,)):
            yield row
            last, more = row[0], True


def verify(connection, expected_seq, expected_hash):
    (site,) = connection.execute("SELECT value FROM meta WHERE key = 'site'").fetchone()
    tip = hashlib.sha256(b"interlock journal v1\n" + site.encode()).digest()
    need(expected_seq != 0 or expected_hash == tip.hex(), "entry 0: it is not the expected one")
    seq, size, first, last = 0, 0, None, None
    try:
        for found, at, head, raw, stored in rows(connection):
            seq += 1
            need(found == seq, f"entry {seq}: it is missing; the next row is {found}")
            types = [type(column) for column in (at, head, raw, stored)]
            need(types == [int, bytes, bytes, bytes], f"entry {seq}: its columns are misshapen")
            data = tip + struct.pack(">QqI", seq, at, len(head)) + head
            tip = hashlib.sha256(data + struct.pack(">I", len(raw)) + raw).digest()
            need(tip == stored, f"entry {seq}: its hash does not follow from it and the one before")
            need(seq != expected_seq or tip.hex() == expected_hash,
                 f"entry {seq}: it is not the expected one")
            size, first, last = size + len(head) + len(raw), at if seq == 1 else first, at
    except sqlite3.Error as error:
        raise ValueError(f"entry {seq + 1}: it cannot be read ({error})") from error
    need(seq >= expected_seq, f"entry {seq + 1}: the journal ends before it")
    return seq, size, (first, last), tip.hex()


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("journal", type=pathlib.Path)
parser.add_argument("--expect", metavar="SEQ:HASH", help="a position the journal must hold")
options = parser.parse_args()
expect = "-1:" if options.expect is None else options.expect.lower()
if options.expect is not None and not re.fullmatch("[0-9]+:[0-9a-f]{64}", expect):
    parser.error("--expect takes a number, a colon and a hash of 64 hexadecimal digits")
try:
    journal = connect(options.journal)
    seq, size, times, tip = verify(journal, int(expect.split(":")[0]), expect.split(":")[1])
    utc = "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', ? / 1000000, 'unixepoch')"
    first, last = [journal.execute(utc, (at,)).fetchone()[0] for at in times]
except (sqlite3.Error, OSError, TypeError, ValueError) as error:
    raise SystemExit(f"BROKEN {error}")
print(f"entries {seq}\nbytes   {size}\nfirst   {first}\nlast    {last}\ntip     {seq}:{tip}")
