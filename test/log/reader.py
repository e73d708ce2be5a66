"""
A second reader of recordings, in another language, that knows nothing but the documentation: which fields events have it
reads from docs/reference/events.md, codes and words from docs/reference/log-format.md, and the rest is what that page
says. It shares no line with tasktrail, so what both of them read is what the page describes.

Arguments: the folder of the documentation; then `export` (an export file on standard input) or `keys` (a recording's keys
and values as lines of hex). Prints one line of JSON: the events' digest, how many there are, and the head.
"""
import hashlib
import json
import re
import struct
import sys
import zlib
from pathlib import Path

BLOCK_EVENTS = 1024
CHUNK_STRINGS = 256


def tables(text):
    """The tables of a text: each a list of rows, the first of which is the head."""
    for table in re.findall(r"(?:^\|.*\|\n)+", text, re.M):
        rows = [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in table.splitlines()]
        yield rows[:1] + rows[2:]


def described(folder):
    """Fields by type, types by code, and words by kind, as the pages tell them."""
    fields = {}
    events = (folder / "events.md").read_text()
    for name, text in re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", events, re.M | re.S):
        rows = next(tables(text), [])
        fields[name] = [(row[0], row[1]) for row in rows[1:]]
    codes, words = {}, {}
    for head, *rows in tables((folder / "log-format.md").read_text().split("## Codes")[1]):
        if head[0] == "code":
            codes = {int(code): name for code, name in rows}
        else:
            words = {kind: listed.split(", ") for kind, listed in rows}
    return fields, codes, words


FIELDS, CODES, WORDS = described(Path(sys.argv[1]))


class Reader:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def raw(self, length):
        assert self.at + length <= len(self.data), "the bytes end"
        self.at += length
        return self.data[self.at - length : self.at]

    def byte(self):
        return self.raw(1)[0]

    def uint(self):
        value, shift = 0, 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def int(self):
        value = self.uint()
        return value // 2 if value % 2 == 0 else -(value + 1) // 2

    def bytes(self):
        return self.raw(self.uint())

    def link(self):
        return {"seq": self.uint(), "timeUs": self.uint(), "hash": self.raw(32)}


def uint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def signed(value):
    return uint(2 * value if value >= 0 else -2 * value - 1)


def string(value):
    return uint(len(value)) + value


# Events hold strings as bytes in here, and become text when they are printed.


def read_field(reader, kind):
    if kind == "int":
        return reader.int()
    if kind in ("bytes", "text"):
        return reader.bytes()
    if kind == "uints":
        return [reader.uint() for _ in range(reader.uint())]
    if kind == "by":
        return [reader.uint() for _ in range(4)]
    return reader.uint()


def write_field(kind, value):
    if kind == "int":
        return signed(value)
    if kind in ("bytes", "text"):
        return string(value)
    if kind == "uints":
        return uint(len(value)) + b"".join(map(uint, value))
    if kind == "by":
        return b"".join(map(uint, value))
    return uint(value)


def commit_events(value):
    """The events of a commit, and its hash."""
    assert value[0] == 0, "the format of a commit"
    seq, count, time_us = struct.unpack(">QIQ", value[33:53])
    reader = Reader(value, 53)
    events = []
    for i in range(count):
        name = CODES[reader.uint()]
        time_us += reader.uint()
        lag = reader.uint()
        events.append((seq + i, time_us, lag, name, [read_field(reader, kind) for _, kind in FIELDS[name]]))
    assert reader.at == len(value), "nothing follows the last row"
    return events


def commit_body(events):
    """The bytes that are hashed."""
    numbers = {name: code for code, name in CODES.items()}
    body = struct.pack(">QIQ", events[0][0], len(events), events[0][1])
    before = events[0][1]
    for _, time_us, lag, name, values in events:
        body += uint(numbers[name]) + uint(time_us - before) + uint(lag)
        before = time_us
        for (_, kind), value in zip(FIELDS[name], values):
            body += write_field(kind, value)
    return body


def column(reader, count):
    encoding, width = reader.byte(), reader.byte()
    if encoding == 2:
        values = [reader.int() for _ in range(reader.uint())]
    else:
        base, slope, scale = reader.uint(), reader.int(), reader.uint()
    bits = int.from_bytes(reader.raw((count * width + 7) // 8), "little")
    packed = [bits >> (i * width) & ((1 << width) - 1) for i in range(count)]
    if encoding == 2:
        return [values[p] for p in packed]
    return [(-base if encoding == 1 else base) + i * slope + scale * p for i, p in enumerate(packed)]


def field_columns(reader, kind, name, count, strings, others):
    if kind in ("bytes", "text"):
        return [strings[number] for number in column(reader, count)]
    if kind == "uints":
        lengths = column(reader, count)
        rest = iter(column(reader, sum(lengths)))
        return [[next(rest) for _ in range(length)] for length in lengths]
    if kind == "by":
        return [list(row) for row in zip(*[column(reader, count) for _ in range(4)])]
    like = {"tgid": "pid", "suid": "uid"}.get(name)
    if like and reader.byte() == 1:
        return [a + b for a, b in zip(others[like], column(reader, count))]
    return column(reader, count)


def unsealed(value):
    assert zlib.crc32(value[:-4]) == struct.unpack("<I", value[-4:])[0], "a checksum"
    return Reader(value[:-4])


def block_events(value, strings):
    """The events of a block, the links before and after it, and the seqs with which commits end."""
    reader = unsealed(value)
    assert reader.byte() == 1, "the format of a block"
    first_seq, _tasks, _first_string = reader.uint(), reader.uint(), reader.uint()
    before, after = reader.link(), reader.link()
    ends = [first_seq + place for place in column(reader, reader.uint())]
    codes, times, lags = (column(reader, BLOCK_EVENTS) for _ in range(3))
    values = {}
    for code in sorted(set(codes)):
        by_name, count = {}, codes.count(code)
        for name, kind in FIELDS[CODES[code]]:
            by_name[name] = field_columns(reader, kind, name, count, strings, by_name)
        rows = list(zip(*by_name.values())) if by_name else [()] * count
        values[code] = iter(rows)
    assert reader.at == len(reader.data), "nothing follows the columns"
    events = [
        (first_seq + i, times[i], lags[i], CODES[code], list(next(values[code]))) for i, code in enumerate(codes)
    ]
    return events, before, after, ends


def json_line(event):
    seq, time_us, lag, name, values = event
    out = {"type": name}
    for (field, kind), value in zip(FIELDS[name], values):
        if kind == "bytes":
            value = value.decode("latin-1")
        elif kind == "text":
            value = value.decode("utf-8")
        elif kind == "flag":
            value = value == 1
        elif kind == "by":
            value = dict(zip(("task", "pid", "uid", "gid"), value))
        elif kind in WORDS:
            value = WORDS[kind][value]
        out[field] = value
    out.update(seq=seq, timeUs=time_us, skewUs=-lag)
    return json.dumps(out, ensure_ascii=False, separators=(",", ":")) + "\n"


class Recording:
    """What was read, along the chain."""

    def __init__(self):
        self.digest = hashlib.sha256()
        self.events = self.commits = 0
        self.hash = bytes(32)

    def commit(self, events):
        self.hash = hashlib.sha256(self.hash + commit_body(events)).digest()
        self.commits += 1
        for event in events:
            assert event[0] == self.events + 1, "seqs are dense"
            self.events += 1
            self.digest.update(json_line(event).encode("utf-8"))

    def told(self):
        return {
            "events": self.digest.hexdigest(),
            "commits": self.commits,
            "seq": self.events,
            "hash": self.hash.hex(),
        }


def read_export(data):
    magic = b"tasktrail export\n\x01"
    assert data.startswith(magic), "the beginning of an export"
    reader, recording, end = Reader(data, len(magic)), Recording(), None
    while end is None:
        kind, length = struct.unpack(">cI", reader.raw(5))
        content = reader.raw(length)
        if kind == b"c":
            recording.commit(commit_events(content))
            assert recording.hash == content[1:33], "the hash of a commit"
        elif kind == b"e":
            end = json.loads(content)
    assert reader.at == len(data), "nothing follows the end"
    assert end["head"]["hash"] == recording.hash.hex() and end["commits"] == recording.commits, "the end fits"
    return recording


def read_keys(lines):
    pairs = [tuple(bytes.fromhex(word) for word in line.split(" ")) for line in lines]
    kinds = {kind: sorted((k, v) for k, v in pairs if k[:1] == kind and len(k) > 6) for kind in (b"b", b"c", b"d")}
    strings = {}
    for key, value in kinds[b"d"]:
        reader = unsealed(value)
        first = CHUNK_STRINGS * int.from_bytes(key[1:], "big")
        strings.update((first + i, reader.bytes()) for i in range(reader.uint()))
    recording, waiting = Recording(), []
    for _, value in kinds[b"b"]:
        events, before, after, ends = block_events(value, strings)
        assert before["hash"] == recording.hash, "the link before a block"
        for event in events:
            waiting.append(event)
            if event[0] in ends:
                recording.commit(waiting)
                waiting = []
        assert (after["seq"], after["hash"]) == (recording.events, recording.hash), "the link after a block"
    for _, value in kinds[b"c"]:
        events = commit_events(value)
        assert events[: len(waiting)] == waiting, "what a commit shares with the last block"
        waiting = []
        recording.commit(events)
        assert recording.hash == value[1:33], "the hash of a commit"
    return recording


if sys.argv[2] == "export":
    read = read_export(sys.stdin.buffer.read())
else:
    read = read_keys(sys.stdin.read().splitlines())
print(json.dumps(read.told()))
