/**
 * The importer: makes a recording out of an export file, in a folder that is not there yet. Every commit goes along the
 * chain, so that what is imported is what was exported: ids, hashes and all. It is made beside the folder and renamed, and
 * the key that makes it a recording is written last: one that does not end leaves nothing that could be taken for one.
 */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Event } from '../../events/event.ts';
import { DecodeError } from '../../events/rows.ts';
import type { Head } from '../ports.ts';
import { codeOf, hasCode } from '../system/errno.ts';
import { blockOf, firstSeqOf } from './block.ts';
import { Chain, headOf, type Link, origin, UnsoundError } from './commit.ts';
import { crc32 } from './crc32.ts';
import { RecordingError, reasonOf } from './errors.ts';
import {
  type EndFrame,
  ExportError,
  type Frame,
  framesIn,
  type HeadFrame,
  type LinkText,
  linkText,
} from './exportFile.ts';
import { commitKey, metaKey, originKey, snapshotKey } from './keys.ts';
import { LevelReader } from './levelReader.ts';
import { format, metaValue, openStore, type Store } from './levelStore.ts';
import { LevelSync, syncFolder } from './levelSync.ts';
import { writeMark } from './mark.ts';
import { writeOrigin } from './origin.ts';
import type { Batch } from './sealer.ts';
import { sha256 } from './sha256.ts';

/** What was imported. */
export interface Imported {
  readonly recording: string;
  readonly events: number;
  readonly commits: number;
  readonly head: Head;
}

/** Makes out of what is in the tail what is kept for good, as far as there is enough. */
export interface TailKeeper {
  next(): Promise<Batch | undefined>;
}

export type OpenKeeper = (reader: LevelReader) => Promise<TailKeeper>;

/** So much is written to LevelDB at once. */
const batchBytes = 1024 * 1024;

/**
 * Makes the recording that the bytes of an export file hold; `progress` is told the last seq now and then. Fails with a
 * `RecordingError`; then nothing is left of it.
 */
export async function importWith(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  progress: (seq: number) => void,
  keeperOf: OpenKeeper,
): Promise<Imported> {
  const folder = resolve(path);
  const draft = `${folder}.new`;
  await claim(folder, draft);
  try {
    const imported = await fill(draft, chunks, progress, keeperOf);
    await rename(draft, folder);
    await syncFolder(dirname(folder));
    return imported;
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw explained(folder, error);
  }
}

/** Makes the draft's folder, where neither it nor the recording's is there; that one may be, if it is empty. */
async function claim(folder: string, draft: string): Promise<void> {
  try {
    if ((await namesIn(folder)).length > 0) {
      throw new RecordingError(
        `${folder} is there already, and is not empty: import into a folder that is not there (--data)`,
      );
    }
    await mkdir(dirname(draft), { recursive: true, mode: 0o750 });
    await mkdir(draft, { mode: 0o750 });
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw explained(folder, error);
    throw new RecordingError(
      `${draft} is in the way, as an import leaves it that was killed: remove it, then try again`,
    );
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

async function fill(
  draft: string,
  chunks: AsyncIterable<Uint8Array>,
  progress: (seq: number) => void,
  keeperOf: OpenKeeper,
): Promise<Imported> {
  const store = await openStore(draft, true);
  let imported: Imported;
  try {
    const writing = new Writing(store, progress, keeperOf);
    for await (const frame of framesIn(chunks)) await writing.take(frame);
    imported = await writing.end();
  } finally {
    await store.close();
  }
  await writeMark(draft, imported.head.seq);
  return imported;
}

/** The recording as it is written, frame by frame. */
class Writing {
  readonly #store: Store;
  readonly #progress: (seq: number) => void;
  readonly #keeperOf: OpenKeeper;
  #keeper: TailKeeper | undefined;
  #chain = new Chain(origin);
  /** Where what was exported begins, if that is not the first event; until its first commit has been read. */
  #from: HeadFrame['from'];
  #firstSeq = 1;
  #recording = '';
  #commits = 0;
  #puts: { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }[] = [];
  #sizeBytes = 0;

  constructor(store: Store, progress: (seq: number) => void, keeperOf: OpenKeeper) {
    this.#store = store;
    this.#progress = progress;
    this.#keeperOf = keeperOf;
  }

  async take(frame: Frame): Promise<void> {
    switch (frame.kind) {
      case 'head':
        this.#begin(frame);
        break;
      case 'snapshot':
        this.#put(snapshotKey(this.#firstSeq - 1, frame.projection), frame.bytes);
        break;
      case 'commit':
        await this.#commit(frame.value);
        break;
      case 'end':
        this.#compare(frame);
    }
  }

  /** Writes what is left, and what makes it a recording. */
  async end(): Promise<Imported> {
    await this.#flush();
    const { folder, level } = this.#store;
    const sync = new LevelSync(folder);
    try {
      await sync.run();
      await level.put(metaKey, metaValue({ format, id: this.#recording }));
      sync.wrote();
      await sync.run();
    } finally {
      await sync.close();
    }
    const head = headOf(this.#link);
    return {
      recording: this.#recording,
      events: head.seq - this.#firstSeq + 1,
      commits: this.#commits,
      head,
    };
  }

  get #link(): Link {
    return this.#chain.link;
  }

  #begin({ recording, after, from }: HeadFrame): void {
    this.#recording = recording;
    if (from) {
      this.#from = from;
      this.#firstSeq = from.seq;
      this.#chain = new Chain({ ...after, hash: Buffer.from(after.hash, 'hex') });
    } else if (!isSame(after, linkText(origin))) {
      throw new ExportError('its first frame does not say which event is the first');
    }
  }

  async #commit(value: Uint8Array): Promise<void> {
    const before = this.#link;
    const firstSeq = before.seq + 1;
    const events = this.#chain.next(firstSeq, value, sha256);
    if (firstSeq === 1) this.#checkId(events[0]);
    if (this.#from) this.#putOrigin(this.#from, before, events);
    this.#put(commitKey(firstSeq), value);
    this.#commits += 1;
    if (this.#sizeBytes >= batchBytes) await this.#flush();
  }

  /** The first commit may have begun before the first block that there will be. */
  #putOrigin({ seq, timeUs }: NonNullable<HeadFrame['from']>, link: Link, first: readonly Event[]): void {
    const events = first.filter((event) => event.seq < firstSeqOf(blockOf(seq)));
    this.#put(originKey, writeOrigin({ firstSeq: seq, firstUs: timeUs, link, events }, crc32));
    this.#from = undefined;
  }

  #put(key: Uint8Array, value: Uint8Array): void {
    this.#puts.push({ type: 'put', key, value });
    this.#sizeBytes += value.length;
  }

  #checkId(first: Event | undefined): void {
    if (first?.type === 'recording' && first.id === this.#recording) return;
    throw new ExportError('its first frame names another recording than its first event');
  }

  async #flush(): Promise<void> {
    const { level } = this.#store;
    await level.batch(this.#puts);
    this.#puts = [];
    this.#sizeBytes = 0;
    // It looks for where the recording begins.
    this.#keeper ??= await this.#keeperOf(new LevelReader(this.#store));
    for (let kept = await this.#keeper.next(); kept; kept = await this.#keeper.next()) {
      await level.batch([
        ...kept.puts.map(([key, value]) => ({ type: 'put', key, value }) as const),
        ...kept.dels.map((key) => ({ type: 'del', key }) as const),
      ]);
    }
    this.#progress(this.#link.seq);
  }

  #compare({ commits, head }: EndFrame): void {
    if (commits === this.#commits && isSame(head, linkText(this.#link))) return;
    throw new ExportError('its end does not fit what is before it');
  }
}

function isSame(a: LinkText, b: LinkText): boolean {
  return a.seq === b.seq && a.timeUs === b.timeUs && a.hash === b.hash;
}

function explained(folder: string, error: unknown): unknown {
  if (error instanceof UnsoundError || error instanceof ExportError || error instanceof DecodeError) {
    const where = error instanceof UnsoundError ? `at seq ${error.seq} ` : '';
    return new RecordingError(`this is no whole export: ${where}${error.message}; nothing was imported`);
  }
  if (codeOf(error) === '') return error;
  return new RecordingError(
    `a recording cannot be made in ${folder}: ${reasonOf(error)}; nothing was imported`,
    { cause: error },
  );
}
