/**
 * A recording's LevelDB: which keys it has, how it is opened, and how its commits are read and checked.
 *
 *     'c' + first seq (8 bytes, big-endian)   a commit, as commit.ts says
 *     'meta'                                  JSON: format number, recording id; written with the first commit
 *     'queue'                                 where the source's queue stands that the commits came from, as text
 *
 * LevelDB keeps the folder to one process. Within it, threads share it.
 */
import { ClassicLevel } from 'classic-level';
import type { Event } from '../../events/event.ts';
import { DecodeError } from '../../events/rows.ts';
import { hasCode } from '../system/errno.ts';
import { Chain, eventsFrom, format, linkOf, UnsoundError } from './commit.ts';
import {
  damageText,
  isLevelDamage,
  RecordingClosedError,
  RecordingError,
  reasonOf,
  UnsoundLogError,
} from './errors.ts';
import { Handle } from './handles.ts';
import { findDamage, holdsLevel } from './levelFiles.ts';
import { syncFolder } from './levelSync.ts';
import { putsIn } from './levelWrites.ts';
import { markName, readMark } from './mark.ts';
import { noRecording, openFolder, openingError } from './opening.ts';
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
  /** What the `queue` key holds; empty where it is not there. */
  readonly cursor: string;
  /** Lets go of the LevelDB. */
  close(): Promise<void>;
}

const utf8 = new TextEncoder();
export const metaKey = utf8.encode('meta');
/** No commit's key begins like this one. */
export const cursorKey = utf8.encode('queue');
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
  const handle = new Handle(folder);
  const close = (): Promise<void> => handle.release(() => level.close());
  try {
    await level.open();
    // LevelDB has renamed the file that says which files count, and left that to chance.
    if (handle.isFirst) await syncFolder(folder);
    const meta = await readMeta(folder, level);
    if (meta === undefined) await assertNew(folder, create);
    const cursor = textIn(await level.get(cursorKey));
    return { folder, level, meta, cursor, close };
  } catch (error) {
    await close();
    throw error instanceof RecordingError ? error : await openingError(folder, error);
  }
}

/** Nothing is stored: then nothing may have been, and nothing may be asked for. */
async function assertNew(folder: string, create: boolean): Promise<void> {
  const mark = await readMark(folder);
  if (mark !== 0) throw new UnsoundLogError(folder, 1, `all of it is missing, though ${markName} is there`);
  if (!create) throw noRecording(folder);
}

/**
 * Takes the chain along all commits behind its link, and hands over the events of each. An `UnsoundLogError`
 * ends this at the first that is not what was written, or not there.
 */
export async function readAll(
  store: Store,
  chain: Chain,
  onCommit: (events: readonly Event[]) => void,
): Promise<void> {
  for await (const batch of batchesBehind(store, chain)) {
    for (const entry of batch) onCommit(nextEvents(store, chain, entry));
  }
}

/** The events from `fromSeq` to `lastSeq`, one commit at a time, checked as they are read. */
export async function* readFrom(
  store: Store,
  fromSeq: number,
  lastSeq: number,
): AsyncGenerator<readonly Event[]> {
  const chain = await chainBefore(store, fromSeq);
  for await (const batch of batchesBehind(store, chain)) {
    for (const entry of batch) {
      if (chain.link.seq >= lastSeq) return;
      const events = eventsFrom(fromSeq, nextEvents(store, chain, entry));
      if (events.length > 0) yield events;
    }
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

/** A commit's key and value. */
type Entry = readonly [Uint8Array, Uint8Array];

const batchSize = 1000;
const batchBytes = 1024 * 1024;

/**
 * What is stored behind the chain's link, in order. The chain is to be taken along each batch before the
 * next: where LevelDB fails in the middle of one, reading goes on from there one by one, so that everything
 * that can be read is.
 */
async function* batchesBehind({ folder, level }: Store, chain: Chain): AsyncGenerator<readonly Entry[]> {
  for (let size = batchSize; ; size = 1) {
    const from = commitKey(chain.link.seq + 1);
    try {
      const iterator = level.iterator({ gte: from, lt: commitsEnd, highWaterMarkBytes: batchBytes });
      try {
        for (;;) {
          const batch = await iterator.nextv(size);
          if (batch.length === 0) return;
          yield batch;
        }
      } finally {
        await iterator.close();
      }
    } catch (error) {
      if (size === 1 || !isLevelDamage(error)) throw readingError(folder, chain.link.seq + 1, error);
    }
  }
}

function nextEvents({ folder }: Store, chain: Chain, [key, value]: Entry): readonly Event[] {
  try {
    return chain.next(seqOfKey(key, chain), value, sha256);
  } catch (error) {
    throw readingError(folder, chain.link.seq + 1, error);
  }
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
    `${folder} holds a LevelDB that is no recording of tasktrail: use another folder (--data)`,
  );
}

/** As text; whatever has become of it, the source can tell whether it means anything. */
function textIn(value: Uint8Array | undefined): string {
  return new TextDecoder().decode(value);
}

export function textValue(text: string): Uint8Array {
  return utf8.encode(text);
}

function parseMeta(folder: string, value: Uint8Array): Meta {
  const meta = jsonOf(value);
  if (!isMeta(meta)) throw new UnsoundLogError(folder, 1, 'the key that says its format is damaged');
  if (meta.format === format) return meta;
  throw new RecordingError(
    `the recording in ${folder} is format ${meta.format}, this tasktrail reads format ${format}: use a newer tasktrail`,
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

/** The last seq of the commits in a write; 0 when it holds none that this tasktrail can read. */
function lastSeqIn(write: Uint8Array | undefined): number {
  const puts = write ? [...putsIn(write)] : [];
  const commit = puts.findLast(({ key, value }) => key[0] === commitMark && value[0] === format);
  return commit ? linkOf(commit.value).seq : 0;
}

/** The error for a person; what neither the recording nor LevelDB is the cause of stays as it is. */
function readingError(folder: string, seq: number, error: unknown): unknown {
  if (error instanceof UnsoundError) return new UnsoundLogError(folder, error.seq, error.message);
  if (error instanceof DecodeError) return new UnsoundLogError(folder, seq, error.message);
  if (isLevelDamage(error)) return new UnsoundLogError(folder, seq, damageText(folder, error));
  if (hasCode(error, 'LEVEL_DATABASE_NOT_OPEN', 'LEVEL_ITERATOR_NOT_OPEN')) {
    return new RecordingClosedError();
  }
  if (!hasCode(error, 'LEVEL_IO_ERROR')) return error;
  return new RecordingError(`the recording in ${folder} cannot be read: ${reasonOf(error)}`, {
    cause: error,
  });
}
