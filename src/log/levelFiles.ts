/**
 * The files that LevelDB keeps in a recording's folder. LevelDB opens cleanly on most damage: it drops what
 * it cannot read and deletes the file that held it. So its files are looked at before it is let at them.
 * Reads files and syncs them; changes nothing.
 *
 * The format of its log files is told in LevelDB's db/log_format.h.
 */
import { type FileHandle, open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RowReader } from '../../events/codec.ts';
import { hasCode } from '../system/errno.ts';

/** Something in a file that LevelDB would pass over in silence. */
export interface Damage {
  /** A phrase: which file, where, and what. */
  readonly why: string;
  /** The last write that is whole before it, in the same file. */
  readonly before?: Uint8Array;
}

/** Whether the folder holds the files of a LevelDB, or what is left of them. */
export async function holdsLevel(folder: string): Promise<boolean> {
  const names = await readdir(folder);
  return names.some((name) => name === 'CURRENT' || isLevelFile(name));
}

/** The first damage that LevelDB would not report; undefined when there is none. */
export async function findDamage(folder: string): Promise<Damage | undefined> {
  const names = await readdir(folder);
  if (!names.includes('CURRENT') && names.some(isLevelFile)) {
    // LevelDB would take this for a new database and delete all files of the old one.
    return { why: 'the file CURRENT, which names the files that count, is missing' };
  }
  for (const name of names.filter(isLogFile).sort()) {
    const file = await readIfThere(join(folder, name));
    const damage = file && damageIn(name, file);
    if (damage) return damage;
  }
  return undefined;
}

/** A file that has become a table since it was listed, by a recorder in this process, is gone. */
async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** The puts in one write to LevelDB (the format is told in its db/write_batch.cc). */
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

/**
 * Makes everything durable that LevelDB was given. LevelDB's own synced write does less: it syncs its newest
 * log file only, and what was written to the one before, until that has become a table, would be lost with
 * the power.
 */
export class LevelSync {
  readonly #folder: string;
  #syncedNames = '';

  constructor(folder: string) {
    this.#folder = folder;
  }

  async run(): Promise<void> {
    const names = (await readdir(this.#folder)).filter(isLogFile);
    for (const name of names) await syncLogFile(join(this.#folder, name));
    // A new file outlives a loss of power only when its name in the folder does.
    const joined = names.join();
    if (joined !== this.#syncedNames) await syncFolder(this.#folder);
    this.#syncedNames = joined;
  }
}

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncLogFile(path: string): Promise<void> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    // It has become a table by now, and LevelDB syncs that before it removes the file.
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}

function isLogFile(name: string): boolean {
  return /^\d+\.log$/.test(name);
}

function isLevelFile(name: string): boolean {
  return /^(\d+\.(log|ldb|sst)|MANIFEST-\d+)$/.test(name);
}

// LevelDB's log file is blocks of 32 KiB. In them are fragments of writes, each with a checksum, a length
// and whether it is a whole write, its first part, a middle one or its last.

/** A write begins with LevelDB's own sequence number and a count. */
const writeHeaderBytes = 12;
const putMark = 1;

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

/** A fragment is not as it was written. */
class DamagedError extends Error {
  constructor(at: number, what: string) {
    super(`at byte ${at} ${what}`);
  }
}

function damageIn(name: string, file: Buffer): Damage | undefined {
  let before: Buffer | undefined;
  try {
    for (const write of writesIn(file)) before = write;
    return undefined;
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error;
    return { why: `the file ${name} is damaged: ${error.message}`, ...(before && { before }) };
  }
}

function* writesIn(file: Buffer): Generator<Buffer> {
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
  if (file.readUInt32LE(at) !== masked(crc32c(file.subarray(at + 6, end)))) {
    throw new DamagedError(at, 'a checksum does not fit');
  }
  return { at, type, payload: file.subarray(at + headerBytes, end), end };
}

/** CRC-32C (Castagnoli, RFC 3720 appendix B.4), bit-reversed. */
const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crcTable[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** LevelDB stores checksums masked, so that the checksum of a block with checksums in it is no special one. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
