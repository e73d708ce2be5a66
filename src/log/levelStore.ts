/**
 * A recording's LevelDB: how it is opened, and how single values are got from it. It knows nothing of what is in them.
 *
 * LevelDB keeps the folder to one process. Within it, threads share it.
 */
import { ClassicLevel } from 'classic-level';
import { firstSeqOf } from './block.ts';
import { format as commitFormat, linkOf } from './commit.ts';
import { RecordingError, UnsoundLogError } from './errors.ts';
import { Handle } from './handles.ts';
import { blockKey, blockOfKey, commitMark, cursorKey, metaKey, seqOfCommitKey } from './keys.ts';
import { findDamage, holdsLevel } from './levelFiles.ts';
import { syncFolder } from './levelSync.ts';
import { putsIn } from './levelWrites.ts';
import { markName, readMark } from './mark.ts';
import { noRecording, openFolder, openingError } from './opening.ts';

export type Level = ClassicLevel<Uint8Array, Uint8Array>;
/** LevelDB as it was at one moment; to be closed. */
export type Snapshot = ReturnType<Level['snapshot']>;

/**
 * The format of recordings that this tasktrail writes. Format 0, which it reads and goes on with too, had a tail of
 * commits and nothing else.
 */
export const format = 1;

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
  /** The same, of one that nobody else in this process has open, though threads may have ended without a word. */
  closeAlone(): Promise<void>;
}

const utf8 = new TextEncoder();

export function metaValue(meta: Meta): Uint8Array {
  return utf8.encode(JSON.stringify(meta));
}

/**
 * Opens the LevelDB in a folder. With `create` the folder and the LevelDB are made where they are missing.
 * Fails with a `RecordingError`; then nothing of a recording has changed.
 */
export async function openStore(path: string, create: boolean): Promise<Store> {
  const folder = await openFolder(path, create);
  await assertUndamaged(folder);
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
    return {
      folder,
      level,
      meta,
      cursor,
      close,
      closeAlone: () => handle.releaseAlone(() => level.close()),
    };
  } catch (error) {
    await close();
    throw error instanceof RecordingError ? error : await openingError(folder, error);
  }
}

/** Fails with an `UnsoundLogError` where LevelDB would pass over something in silence; with `tables` those are read too. */
export async function assertUndamaged(folder: string, tables = false): Promise<void> {
  const damage = await findDamage(folder, tables);
  if (damage === undefined) return;
  const seq = damage.after ? firstSeqBehind(damage.after) : lastSeqIn(damage.before) + 1;
  throw new UnsoundLogError(folder, seq, damage.why);
}

/** The first seq that may be lost with keys behind this one. */
function firstSeqBehind(key: Uint8Array): number {
  const whole = new Uint8Array(blockKey(0).length);
  whole.set(key.subarray(0, whole.length));
  const number = blockOfKey(whole);
  return number === undefined ? 1 : firstSeqOf(number + 1);
}

/** Nothing is stored: then nothing may have been, and nothing may be asked for. */
async function assertNew(folder: string, create: boolean): Promise<void> {
  const mark = await readMark(folder);
  if (mark !== 0) throw new UnsoundLogError(folder, 1, `all of it is missing, though ${markName} is there`);
  if (!create) throw noRecording(folder);
}

async function readMeta(folder: string, level: Level): Promise<Meta | undefined> {
  const value = await level.get(metaKey);
  if (value !== undefined) return parseMeta(folder, value);
  const [key] = await level.keys({ limit: 1 }).all();
  if (key === undefined) return undefined;
  if (seqOfCommitKey(key) !== undefined || blockOfKey(key) !== undefined)
    throw new UnsoundLogError(folder, 1, 'the key that says its format is missing');
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
  if (meta.format <= format) return meta;
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
  const commit = puts.findLast(({ key, value }) => key[0] === commitMark && value[0] === commitFormat);
  return commit ? linkOf(commit.value).seq : 0;
}
