"""The segments of an Interlock journal: what verify_journal.py needs to read them."""
import pathlib, struct, zlib

BLOCKS = "SELECT first, last, before, tip, items, heads, raws FROM block ORDER BY first"


def begin(chain, database, path):
    """Verifies one segment alone, from the hash that it says is before it."""
    seq, _, before = database.execute(BLOCKS).fetchone()[:3]
    chain.go_to(seq - 1, before)
    follow(chain, database, path)


def follow_all(chain, connect, path, base):
    """Follows the chain through the segments up to the base of the main file, by the seals where
    a segment is away."""
    for path in sorted(pathlib.Path(f"{path.resolve()}-segments").glob("[0-9]*-*.seal")):
        seal, segment = read_seal(path), path.with_suffix(".segment")
        last, tip = seal["to"].split(":")
        if int(seal["from"].split(":")[0]) >= base:
            break
        if seal["from"] != chain.position:
            raise ValueError(f"entry {chain.seq + 1}: its seal does not follow on the one before")
        if segment.exists():
            follow(chain, connect(segment)[0], segment)
        else:
            chain.away += (segment.name,)
            chain.go_to(int(last), bytes.fromhex(tip))


def follow(chain, database, path):
    """Follows the chain through a segment; it has to end where its seal says."""
    chain.follow(blocks(chain, database))
    to = read_seal(path.with_suffix(".seal")).get("to", chain.position)
    if to != chain.position:
        raise ValueError(f"entry {chain.seq}: it is not the end that its seal says")


def blocks(chain, database):
    """The entries of all blocks, as rows of the chain."""
    for seq, last, before, tip, *packed in database.execute(BLOCKS):
        if (seq, before) != (chain.seq + 1, chain.tip):
            raise ValueError(f"entry {chain.seq + 1}: its block does not follow on the one before")
        items, heads, raws = map(zlib.decompress, packed)
        while items:
            at, head, raw, gone = struct.unpack_from(">qIIB", items)
            kept, items, rest = raw * (not gone), items[17 + 32 * gone:], items[17:49]
            message = (raw, rest) if gone else raws[:kept]
            yield seq, at, heads[:head], message, b"" if items else tip
            seq, heads, raws = seq + 1, heads[head:], raws[kept:]
        if last != chain.seq:
            raise ValueError(f"entry {chain.seq}: its block does not end there")


def read_seal(path):
    """The lines of a seal by their first words; nothing where there is none."""
    lines = path.read_text().splitlines() if path.exists() else []
    return dict(line.partition(" ")[::2] for line in lines)
