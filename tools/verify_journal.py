#!/usr/bin/env python3
"""Verify an Interlock journal, or one segment of it, as docs/journal-format.md describes them.

Needs Python 3.7 and nothing else, never changes anything, and may run while the node does.
"""
import argparse, hashlib, pathlib, re, sqlite3, struct, zlib


def need(condition, why):
    if not condition:
        raise ValueError(why)


def connect(path, ids):
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
    need(found[0] in ids and found[1] == 2, "this is not a journal of format 2, nor a segment")
    (site,) = connection.execute("SELECT value FROM meta WHERE key = 'site'").fetchone()
    return connection, site, found[0] == 0x494C4A53


class Chain:
    def __init__(self, seq, tip, expect):
        self.seq, self.tip, self.expect = seq, tip, expect
        self.count, self.size, self.times, self.away = 0, 0, [None, None], []
        self.meet()

    def meet(self):
        need(self.seq != self.expect[0] or self.tip.hex() == self.expect[1],
             f"entry {self.seq}: it is not the expected one")

    def follow(self, rows):
        """Rows of a number, a time, a head, a message or its length and digest, and a hash."""
        try:
            for found, at, head, raw, stored in rows:
                self.seq += 1
                need(found == self.seq,
                     f"entry {self.seq}: it is missing; the next row is {found}")
                types = [type(at), type(head), type(raw) in (bytes, tuple), type(stored)]
                need(types == [int, bytes, True, bytes],
                     f"entry {self.seq}: its columns are misshapen")
                if type(raw) is bytes:
                    raw = len(raw), hashlib.sha256(raw).digest()
                long, digest = raw
                data = self.tip + struct.pack(">QqI", self.seq, at, long) + digest
                self.tip = hashlib.sha256(data + struct.pack(">I", len(head)) + head).digest()
                need(stored in (b"", self.tip),
                     f"entry {self.seq}: its hash does not follow from it and the one before")
                self.meet()
                self.count, self.size = self.count + 1, self.size + len(head) + long
                self.times = [at if self.count == 1 else self.times[0], at]
        except (sqlite3.Error, zlib.error, struct.error) as error:
            raise ValueError(f"entry {self.seq + 1}: it cannot be read ({error})") from error


def journal_rows(connection, last):
    """The entries of the main file, in short transactions so that the node is not held up."""
    query = "SELECT seq, at, head, raw, hash FROM entry WHERE seq > ? ORDER BY seq LIMIT 256"
    more = True
    while more:
        more = False
        for row in connection.execute(query, (last,)):
            yield row
            last, more = row[0], True


def segment_rows(chain, connection):
    query = "SELECT first, last, before, tip, items, heads, raws FROM block ORDER BY first"
    for seq, last, before, tip, *packed in connection.execute(query):
        need((seq, before) == (chain.seq + 1, chain.tip),
             f"entry {chain.seq + 1}: its block does not follow on the one before")
        items, heads, raws = map(zlib.decompress, packed)
        while items:
            at, head, raw, gone = struct.unpack_from(">qIIB", items)
            kept, items, rest = raw * (not gone), items[17 + 32 * gone:], items[17:49]
            yield seq, at, heads[:head], (raw, rest) if gone else raws[:kept], b"" if items else tip
            seq, heads, raws = seq + 1, heads[head:], raws[kept:]
        need(last == chain.seq, f"entry {chain.seq}: its block does not end there")


def verify_segment(chain, path):
    chain.follow(segment_rows(chain, connect(path, [0x494C4A53])[0]))
    seal = path.with_suffix(".seal")
    need(not seal.exists() or read_seal(seal)["to"] == f"{chain.seq}:{chain.tip.hex()}",
         f"entry {chain.seq}: it is not the end that its seal says")


def read_seal(path):
    return dict(line.partition(" ")[::2] for line in path.read_text().splitlines())


def verify_journal(chain, connection, path):
    base, hash_of_base = connection.execute("SELECT seq, hash FROM base").fetchone()
    need(base or chain.tip == hash_of_base, "entry 1: it does not follow from the site's name")
    for path in sorted(pathlib.Path(f"{path.resolve()}-segments").glob("[0-9]*-*.seal")):
        seal, segment = read_seal(path), path.with_suffix(".segment")
        need(seal["from"] == f"{chain.seq}:{chain.tip.hex()}",
             f"entry {chain.seq + 1}: its seal does not follow on the one before")
        last, end = seal["to"].split(":")
        if segment.exists():
            verify_segment(chain, segment)
        elif int(last) <= base:
            chain.seq, chain.tip = int(last), bytes.fromhex(end)
            chain.away.append(segment.name)
            chain.meet()
    need(chain.seq != base or chain.tip == hash_of_base,
         f"entry {base}: it is not the one on which the main file goes on")
    (least,) = connection.execute("SELECT min(seq) FROM entry").fetchone()
    need(base <= chain.seq and least in (None, base + 1),
         f"entry {chain.seq + 1}: it is missing; the next row is {least}")
    chain.follow(journal_rows(connection, chain.seq if base or chain.seq else -(2**63)))


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("journal", type=pathlib.Path, help="a journal's main file, or a .segment")
parser.add_argument("--expect", metavar="SEQ:HASH", help="a position the journal must hold")
options = parser.parse_args()
expect = "-1:" if options.expect is None else options.expect.lower()
if options.expect is not None and not re.fullmatch("[0-9]+:[0-9a-f]{64}", expect):
    parser.error("--expect takes a number, a colon and a hash of 64 hexadecimal digits")
try:
    wanted = (int(expect.split(":")[0]), expect.split(":")[1])
    database, site, is_segment = connect(options.journal, [0x494C4A31, 0x494C4A53])
    if is_segment:
        first, tip = database.execute("SELECT first, before FROM block ORDER BY first").fetchone()
        chain = Chain(first - 1, tip, wanted)
        verify_segment(chain, options.journal)
    else:
        chain = Chain(0, hashlib.sha256(b"interlock journal v2\n" + site.encode()).digest(), wanted)
        verify_journal(chain, database, options.journal)
    need(chain.seq >= wanted[0], f"entry {chain.seq + 1}: the journal ends before it")
    utc = "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', ? / 1000000, 'unixepoch')"
    first, last = [database.execute(utc, (at,)).fetchone()[0] for at in chain.times]
except (sqlite3.Error, OSError, TypeError, ValueError, KeyError) as error:
    raise SystemExit(f"BROKEN {error}")
print(f"entries {chain.count}\nbytes   {chain.size}\nfirst   {first}\nlast    {last}")
print("".join(f"away    {name}\n" for name in chain.away) + f"tip     {chain.seq}:{chain.tip.hex()}")
