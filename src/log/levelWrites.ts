/**
 * LevelDB's writes, as its log files hold them: pure functions over a file's bytes. The format of the files is told in
 * LevelDB's db/log_format.h, that of a write in its db/write_batch.cc.
 *
 * A log file is blocks of 32 KiB. In them are fragments of writes, each with a checksum, a length and whether it is a
 * whole write, its first part, a middle one or its last.
 */
import { RowReader } from '../../events/rows.ts';
import { maskedChecksum } from './crc32c.ts';
import { DamagedError } from './damagedError.ts';

/** A write begins with LevelDB's own sequence number and a count. */
const writeHeaderBytes = 12;
const putMark = 1;

/** The puts in one write to LevelDB. */
export function* putsIn(write: Uint8Array): Generator<{ key: Uint8Array; value: Uint8Array }> {
  const reader = new RowReader(write, writeHeaderBytes);
  const next = (): Uint8Array => {
    const length = reader.uint();
    const start = reader.offset;
    reader.offset += length;
    return write.subarray(start, reader.offset);
  };
  while (reader.offset < write.length) {
    if (reader.uint() === putMark) yield { key: next(), value: next() };
    else next();
  }
}

const blockBytes = 32 * 1024;
const headerBytes = 7;
const whole = 1;
const firstPart = 2;
const lastPart = 4;

interface Fragment {
  readonly at: number;
  readonly type: number;
  readonly payload: Buffer;
  readonly end: number;
}

/** The whole writes in a log file, in order. Throws a `DamagedError` where one is not as it was written. */
export function* writesIn(file: Buffer): Generator<Buffer> {
  let parts: Buffer[] = [];
  let fragment = fragmentAt(file, 0);
  for (; fragment; fragment = fragmentAt(file, fragment.end)) {
    const { at, type, payload } = fragment;
    const begins = type === whole || type === firstPart;
    if (begins !== (parts.length === 0)) throw new DamagedError(at, 'a part of a write is missing');
    parts.push(payload);
    if (type !== whole && type !== lastPart) continue;
    yield Buffer.concat(parts);
    parts = [];
  }
}

/**
 * The fragment that begins at `start`, or in the next block where a header does not fit any more; undefined
 * at the end of what was written. A process or a machine that stops in the middle of a write leaves a
 * fragment that is cut short by the file's end, or zeros up to there: that is an end, and no damage.
 */
function fragmentAt(file: Buffer, start: number): Fragment | undefined {
  const rest = blockBytes - (start % blockBytes);
  const at = rest < headerBytes ? start + rest : start;
  if (at + headerBytes > file.length) return undefined;
  const length = file.readUInt16LE(at + 4);
  const type = file.readUInt8(at + 6);
  const end = at + headerBytes + length;
  const blockEnd = at - (at % blockBytes) + blockBytes;
  if (type === 0 && length === 0 && file.subarray(at).every((byte) => byte === 0)) return undefined;
  if (end > blockEnd) throw new DamagedError(at, 'a write is longer than it can be');
  if (end > file.length) return undefined;
  if (file.readUInt32LE(at) !== maskedChecksum(file.subarray(at + 6, end))) {
    throw new DamagedError(at, 'a checksum does not fit');
  }
  return { at, type, payload: file.subarray(at + headerBytes, end), end };
}
