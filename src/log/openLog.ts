/**
 * Opening a log in LevelDB: to write it, which one in a process may do; to read it, beside that or alone; or to check it.
 *
 * The process that holds a recording may read it on other threads too, each through `openLogReader`. Such a
 * thread is started after the log is opened, and ends before the log is closed, or LevelDB stays open until
 * the process ends.
 */
import type { Head, SetAside, Verification } from '../ports.ts';
import { hasNote, leaveNote } from './beginningNote.ts';
import { headOf, origin } from './commit.ts';
import { RecordingHeldError, UnsoundLogError } from './errors.ts';
import { lastLink } from './lastLink.ts';
import { LevelLog } from './levelLog.ts';
import { LevelReader } from './levelReader.ts';
import { assertUndamaged, openStore, type Store } from './levelStore.ts';
import { openFolder } from './opening.ts';
import { isHalfSetAside, setAside } from './setAside.ts';
import { type VerifyOptions, verify } from './verify.ts';

export type { LevelLog } from './levelLog.ts';
export type { VerifyOptions } from './verify.ts';

export interface LevelLogOptions {
  /** The recording's folder. */
  readonly folder: string;
}

export interface WriterOptions extends LevelLogOptions {
  /** The time, wall-clock microseconds: where it is given, what is not sound is set aside. */
  readonly setAsideUs?: number;
  /** What reading has found, after which nothing can be told of: it is set aside as well. */
  readonly unsound?: UnsoundLogError;
}

/** Where a file is not as LevelDB wrote it, the next recorder looks at all of them as well. */
async function assertTables(folder: string): Promise<void> {
  try {
    await assertUndamaged(await openFolder(folder, false), true);
  } catch (error) {
    if (error instanceof UnsoundLogError) await leaveNote(folder);
    throw error;
  }
}

/** The recordings that a `LevelLog` of this thread holds: LevelDB keeps out other processes only. */
const held = new Set<string>();

/**
 * Opens a recording to write it, and begins one where there is none. What is not sealed in it is read and checked first.
 * Fails with a `RecordingError`: a `RecordingHeldError` when another has it open, an `UnsoundLogError` when it is not
 * what was recorded. With `setAsideUs` that is set aside instead, and the log goes on behind what is sound.
 */
export async function openLevelLog({ folder, setAsideUs, unsound }: WriterOptions): Promise<LevelLog> {
  if (setAsideUs === undefined) return openSound(folder);
  try {
    if (await isHalfSetAside(folder))
      throw new UnsoundLogError(folder, 1, 'it was found at an earlier start');
    if (unsound) throw unsound;
    if (await hasNote(folder)) await assertUndamaged(folder, true);
    await leaveNote(folder);
    return await openSound(folder);
  } catch (error) {
    if (!(error instanceof UnsoundLogError)) throw error;
    await leaveNote(folder);
    return openSound(folder, await setAside(error.folder, error, setAsideUs, unsound?.seq));
  }
}

async function openSound(folder: string, aside?: SetAside): Promise<LevelLog> {
  const store = await openStore(folder, true);
  if (held.has(store.folder)) {
    await store.close();
    throw new RecordingHeldError(store.folder, process.pid);
  }
  held.add(store.folder);
  try {
    const reader = new LevelReader(store);
    const sealedSeq = (await reader.lastBlock())?.lastSeq ?? 0;
    return new LevelLog(store, {
      link: await lastLink(reader),
      sealedSeq,
      keptFrom: reader.keptFrom(),
      aside,
      letGo: () => held.delete(store.folder),
    });
  } catch (error) {
    held.delete(store.folder);
    await store.close();
    throw error;
  }
}

/**
 * Opens a recording to read it, beside the log that this process holds or alone; other processes are kept out all the
 * same. Checks its end, and what it reads, and fails as `openLevelLog` does. What is committed while it reads is read
 * too.
 */
export async function openLogReader({ folder }: LevelLogOptions): Promise<LevelReader> {
  const store = await openStore(folder, false);
  try {
    const reader = new LevelReader(store);
    await lastLink(reader);
    return reader;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Where a recording ends that no log holds; checked as far as it is not sealed. Fails as `openLogReader` does. */
export async function readHead({ folder }: LevelLogOptions): Promise<Head> {
  const store = await openStore(folder, false);
  try {
    return headOf(await lastLink(new LevelReader(store)));
  } finally {
    await store.close();
  }
}

/**
 * Reads and checks a recording, which the log of this process may hold, from its first event on unless less is asked
 * for. Unsoundness is a result; all else is a `RecordingError`.
 */
export async function verifyLog(
  { folder }: LevelLogOptions,
  options: VerifyOptions = {},
): Promise<Verification> {
  let store: Store;
  try {
    if (options.since === undefined) await assertTables(folder);
    store = await openStore(folder, false);
  } catch (error) {
    if (!(error instanceof UnsoundLogError)) throw error;
    const unsound = { seq: error.seq, why: error.why };
    return { firstSeq: 1, events: 0, commits: 0, ...headOf(origin), source: '', unsound };
  }
  try {
    return await verify(new LevelReader(store), options);
  } finally {
    await store.close();
  }
}
