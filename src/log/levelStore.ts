/**
 * A recording's LevelDB: which keys it has, how it is opened, and how its commits are read and checked.
 *
 *     'c' + first seq (8 bytes, big-endian)   a commit, as commit.ts says
 *     'meta'                                  JSON: format number, recording id; written with the first commit
 *
 * LevelDB keeps the folder to one process. Within it, threads share it.
 */
import { ClassicLevel } from 'classic-level';
import { DecodeError } from '../../events/codec.ts';
import type { Event } from '../../events/event.ts';
import { Chain, eventsFrom, format, linkOf, UnsoundError } from './commit.ts';
import { hasCode, RecordingClosedError, RecordingError, reasonOf, UnsoundLogError } from './errors.ts';
import { noRecording, openFolder, openingError } from './folder.ts';
import { findDamage, holdsLevel, putsIn } from './levelFiles.ts';
import { sha256 } from './sha256.ts';

type Level = ClassicLevel<Uint8Array, Uint8Array>;

/** What the `meta` key holds. */
export interface Meta {
  readonly format: number;
  /** The id in the `recording` event. */
  readonly id: string;
}

export interface Store {
  /** The folder's one real path. */
  readonly folder: string;
  readonly level: Level;
  /** Undefined where the recording has not begun. */
  readonly meta: Meta | undefined;
}

const utf8 = new TextEncoder();
export const metaKey = utf8.encode('meta');
const commitMark = 0x63;
const commitKeyBytes = 9;
const commitsEnd = Uint8Array.of(commitMark + 1);

export function commitKey(firstSeq: number): Uint8Array {
  const key = new Uint8Array(commitKeyBytes);
  const view = new DataView(key.buffer);
  view.setUint8(0, commitMark);
  view.setUint32(1, Math.floor(firstSeq / 2 ** 32));
  view.setUint32(5, firstSeq % 2 ** 32);
  return key;
}

export function metaValue(meta: Meta): Uint8Array {
  return utf8.encode(JSON.stringify(meta));
}

/**
 * Opens the LevelDB in a folder. With `create` the folder and the LevelDB are made where they are missing.
 * Fails with a `RecordingError`; then nothing of a recording has changed.
 */
export async function openStore(path: string, create: boolean): Promise<Store> {
  const folder = await openFolder(path, create);
  const damage = await findDamage(folder);
  if (damage) throw new UnsoundLogError(folder, lastSeqIn(damage.before) + 1, damage.why);
  if (!create && !(await holdsLevel(folder))) throw noRecording(folder);
  const level: Level = new ClassicLevel(folder, {
    keyEncoding: 'view',
    valueEncoding: 'view',
    compression: false,
    multithreading: true,
    createIfMissing: create,
  });
  try {
    await level.open();
  } catch (error) {
    throw await openingError(folder, error);
  }
  try {
    const meta = await readMeta(folder, level);
    if (meta === undefined && !create) throw noRecording(folder);
    return { folder, level, meta };
  } catch (error) {
    await level.close();
    throw error;
  }
}

/**
 * The commits that follow the chain's link, one by one. An `UnsoundLogError` ends them at the first that is
 * not what was written, or not there.
 */
export async function* readSound(store: Store, chain: Chain): AsyncGenerator<readonly Event[]> {
  try {
    for await (const [key, value] of entries(store.level, chain.link.seq + 1)) {
      yield chain.next(seqOfKey(key, chain), value, sha256);
    }
  } catch (error) {
    throw readingError(store.folder, chain.link.seq + 1, error);
  }
}

/** The events from `fromSeq` to `lastSeq`, one commit at a time, checked as they are read. */
export async function* readFrom(
  store: Store,
  fromSeq: number,
  lastSeq: number,
): AsyncGenerator<readonly Event[]> {
  for await (const events of readSound(store, await chainBefore(store, fromSeq))) {
    if ((events[0]?.seq ?? 0) > lastSeq) return;
    const wanted = eventsFrom(fromSeq, events);
    if (wanted.length > 0) yield wanted;
  }
}

/** A chain that stands right before the commit that holds `seq`. */
async function chainBefore({ folder, level }: Store, seq: number): Promise<Chain> {
  try {
    const range = { gte: commitKey(1), lte: commitKey(Math.max(seq, 1)), reverse: true, limit: 2 };
    const [, previous] = await level.values(range).all();
    return new Chain(previous && linkOf(previous));
  } catch (error) {
    throw readingError(folder, 1, error);
  }
}

const batchSize = 1000;
const batchBytes = 1024 * 1024;

/**
 * Keys and values of commits, in order, from `fromSeq` on. Where LevelDB fails in the middle of a batch, the
 * batch is read again one by one, so that all that can be read is.
 */
async function* entries(level: Level, fromSeq: number): AsyncGenerator<[Uint8Array, Uint8Array]> {
  const range = { lt: commitsEnd, highWaterMarkBytes: batchBytes };
  let from = commitKey(fromSeq);
  for (let size = batchSize; ; size = 1) {
    const iterator = level.iterator({ ...range, gte: from });
    try {
      for (;;) {
        const batch = await iterator.nextv(size);
        yield* batch;
        const last = batch.at(-1);
        if (!last) return;
        from = after(last[0]);
      }
    } catch (error) {
      if (size === 1 || !hasCode(error, 'LEVEL_CORRUPTION')) throw error;
    } finally {
      await iterator.close();
    }
  }
}

/** The key right behind this one. */
function after(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

function seqOfKey(key: Uint8Array, chain: Chain): number {
  if (key.length !== commitKeyBytes) throw new UnsoundError(chain.link.seq + 1, 'a key there is damaged');
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  return view.getUint32(1) * 2 ** 32 + view.getUint32(5);
}

async function readMeta(folder: string, level: Level): Promise<Meta | undefined> {
  const value = await level.get(metaKey);
  if (value !== undefined) return parseMeta(folder, value);
  const [key] = await level.keys({ limit: 1 }).all();
  if (key === undefined) return undefined;
  if (key[0] === commitMark) throw new UnsoundLogError(folder, 1, 'the key that says its format is missing');
  throw new RecordingError(
    `${folder} holds a LevelDB that is no recording of tasktrail: use another folder (--data).`,
  );
}

function parseMeta(folder: string, value: Uint8Array): Meta {
  const meta = jsonOf(value);
  if (!isMeta(meta)) throw new UnsoundLogError(folder, 1, 'the key that says its format is damaged');
  if (meta.format === format) return meta;
  throw new RecordingError(
    `The recording in ${folder} is format ${meta.format}, this tasktrail reads format ${format}: use a newer tasktrail.`,
  );
}

function isMeta(value: unknown): value is Meta {
  if (typeof value !== 'object' || value === null) return false;
  return (
    'format' in value && typeof value.format === 'number' && 'id' in value && typeof value.id === 'string'
  );
}

/** What the text says as JSON; undefined where it says nothing. */
function jsonOf(text: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(text));
  } catch {
    // Damaged text has no value, which is for the caller to name.
    return undefined;
  }
}

/** The last seq of the commits in a write; 0 when it holds none. */
function lastSeqIn(write: Uint8Array | undefined): number {
  const puts = write ? [...putsIn(write)] : [];
  const commit = puts.findLast(({ key }) => key[0] === commitMark);
  return commit ? linkOf(commit.value).seq : 0;
}

function readingError(folder: string, seq: number, error: unknown): unknown {
  if (error instanceof UnsoundError) return new UnsoundLogError(folder, error.seq, error.message);
  if (error instanceof DecodeError) return new UnsoundLogError(folder, seq, error.message);
  if (hasCode(error, 'LEVEL_CORRUPTION'))
    return new UnsoundLogError(folder, seq, `LevelDB: ${reasonOf(error)}`);
  if (hasCode(error, 'LEVEL_DATABASE_NOT_OPEN') || hasCode(error, 'LEVEL_ITERATOR_NOT_OPEN')) {
    return new RecordingClosedError();
  }
  return new RecordingError(`The recording in ${folder} cannot be read: ${reasonOf(error)}.`, {
    cause: error,
  });
}
