/**
 * The log in LevelDB, format 0: one value a commit. The one writer, and readers beside it.
 *
 * The process that holds a recording may read it on other threads too, each through `openLogReader`. Such a
 * thread is started after the log is opened, and ends before the log is closed, or LevelDB stays open until
 * the process ends.
 */
import type { Event } from '../../events/event.ts';
import type { Durability, EventLog, Head, LogReader, Stamped, Verification } from '../ports.ts';
import { Chain, format, headOf, type Link, missing, OpenCommit } from './commit.ts';
import {
  RecordingClosedError,
  RecordingError,
  RecordingHeldError,
  reasonOf,
  UnsoundLogError,
} from './errors.ts';
import {
  commitKey,
  cursorKey,
  metaKey,
  metaValue,
  openStore,
  readAll,
  readFrom,
  type Store,
  textValue,
} from './levelStore.ts';
import { LevelSync } from './levelSync.ts';
import { markName, readMark, writeMark } from './mark.ts';
import { sha256 } from './sha256.ts';

export { RecordingError, RecordingHeldError, UnsoundLogError } from './errors.ts';

export interface LevelLogOptions {
  /** The recording's folder. */
  readonly folder: string;
  /** Is given every commit that is there, in order, as it has been found sound. */
  readonly onCommit?: (events: readonly Event[]) => void;
}

/** The recordings that a `LevelLog` of this thread holds: LevelDB keeps out other processes only. */
const held = new Set<string>();

/**
 * Opens a recording to write it, and begins one where there is none. Everything in it is read and checked first. Fails with a `RecordingError`:
 * a `RecordingHeldError` when another has it open, an `UnsoundLogError` when it is not what was recorded.
 */
export async function openLevelLog(options: LevelLogOptions): Promise<LevelLog> {
  const { folder, onCommit = () => {} } = options;
  const store = await openStore(folder, true);
  if (held.has(store.folder)) {
    await store.close();
    throw new RecordingHeldError(store.folder, process.pid);
  }
  held.add(store.folder);
  try {
    const chain = new Chain();
    await check(store, chain, onCommit);
    return new LevelLog(store, chain.link);
  } catch (error) {
    await release(store);
    throw error;
  }
}

export interface LogReaderOptions {
  /** The recording's folder. */
  readonly folder: string;
  /** Where given, everything is read and checked first, as when a log is opened, and this is given every commit. */
  readonly onCommit?: (events: readonly Event[]) => void;
}

/**
 * Opens a recording to read it, beside the log that this process holds or alone; other processes are kept out all the
 * same. Checks what it reads, and fails as `openLevelLog` does. What is committed while it reads is read too.
 */
export async function openLogReader({ folder, onCommit }: LogReaderOptions): Promise<LogReader> {
  const store = await openStore(folder, false);
  try {
    if (onCommit) await check(store, new Chain(), onCommit);
  } catch (error) {
    await store.close();
    throw error;
  }
  return {
    read: (fromSeq) => readFrom(store, fromSeq, Number.POSITIVE_INFINITY),
    close: () => store.close(),
  };
}

/**
 * Reads and checks a recording from its first event on, which the log of this process may hold. `progress`
 * is told the last sound seq, commit by commit. Unsoundness is a result; all else is a `RecordingError`.
 */
export async function verifyLog(
  { folder }: { readonly folder: string },
  progress: (seq: number) => void = () => {},
): Promise<Verification> {
  const chain = new Chain();
  let commits = 0;
  let source = '';
  const result = (): Verification => {
    const { seq, hash } = headOf(chain.link);
    return { events: seq, commits, seq, hash, source };
  };
  try {
    const store = await openStore(folder, false);
    try {
      await check(store, chain, (events) => {
        commits += 1;
        for (const event of events) if (event.type === 'source') source = event.name;
        progress(chain.link.seq);
      });
    } finally {
      await store.close();
    }
    return result();
  } catch (error) {
    if (!(error instanceof UnsoundLogError)) throw error;
    return { ...result(), unsound: { seq: error.seq, why: error.why } };
  }
}

/** A commit that somebody waits for. */
interface Waiter {
  readonly seq: number;
  readonly durability: Durability;
  resolve(): void;
  reject(error: Error): void;
}

export class LevelLog implements EventLog {
  readonly folder: string;
  readonly #store: Store;
  readonly #sync: LevelSync;
  readonly #open: OpenCommit;
  #id: string;
  #cursor: string;
  #writtenCursor: string;
  /** The last commit in LevelDB. */
  #link: Link;
  /** The last seq known to survive a loss of power. */
  #syncedSeq = 0;
  #waiting: Waiter[] = [];
  #writing = false;
  /** Set for good by the first write that fails, or by the close. */
  #refusal: RecordingError | undefined;
  #closing: Promise<void> | undefined;

  /** Takes over a store that has been checked, up to its last link. */
  constructor(store: Store, link: Link) {
    this.folder = store.folder;
    this.#store = store;
    this.#sync = new LevelSync(store.folder);
    this.#open = new OpenCommit(link);
    this.#link = link;
    this.#id = store.meta?.id ?? '';
    this.#cursor = store.cursor;
    this.#writtenCursor = store.cursor;
  }

  get seq(): number {
    return this.#open.seq;
  }

  get head(): Head {
    return headOf(this.#link);
  }

  /** Throws the `RecordingError` of the write that failed, once one has. */
  append(facts: readonly Stamped[]): readonly Event[] {
    if (this.#refusal) throw this.#refusal;
    const events = this.#open.append(facts);
    if (events[0]?.type === 'recording') this.#id = events[0].id;
    return events;
  }

  setCursor(cursor: string): void {
    this.#cursor = cursor;
  }

  get writtenCursor(): string {
    return this.#writtenCursor;
  }

  /**
   * Everything that is appended while a write is in flight goes into the next one. A write that fails is
   * the last: this commit and all that wait are rejected, what was committed before stays.
   */
  commit(durability: Durability): Promise<void> {
    if (this.#refusal) return Promise.reject(this.#refusal);
    return this.#commit(durability);
  }

  read(fromSeq: number): AsyncIterable<readonly Event[]> {
    return readFrom(this.#store, fromSeq, this.#link.seq);
  }

  /** Commits what was appended, marks where the recording ends, and lets go of the folder. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #commit(durability: Durability): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ seq: this.seq, durability, resolve, reject });
      void this.#write();
    });
  }

  /** Writes for as long as somebody waits. One at a time, so that commits reach the disk in order. */
  async #write(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    try {
      while (this.#waiting.length > 0) {
        if (this.#open.count > 0) await this.#put();
        else if (this.#cursor !== this.#writtenCursor) await this.#putCursor();
        this.#settle();
        if (this.#waiting.some(({ seq }) => seq <= this.#link.seq)) await this.#syncAll();
        this.#settle();
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#writing = false;
    }
  }

  async #put(): Promise<void> {
    const key = commitKey(this.#link.seq + 1);
    const { value, link } = this.#open.seal(this.#link.hash, sha256);
    // Taken at the seal, and never later: it tells what is in this commit and those before.
    const cursor = this.#cursor;
    const isFirst = this.#link.seq === 0;
    const meta = { type: 'put', key: metaKey, value: metaValue({ format, id: this.#id }) } as const;
    const place = { type: 'put', key: cursorKey, value: textValue(cursor) } as const;
    await this.#store.level.batch([
      ...(isFirst ? [meta] : []),
      { type: 'put', key, value },
      ...(cursor === this.#writtenCursor ? [] : [place]),
    ]);
    this.#sync.wrote();
    this.#link = link;
    this.#writtenCursor = cursor;
  }

  /** What was taken from the queue since the last commit has changed nothing. */
  async #putCursor(): Promise<void> {
    const cursor = this.#cursor;
    // Without a first commit there is no recording that it could belong to.
    if (this.#link.seq > 0) await this.#store.level.put(cursorKey, textValue(cursor));
    this.#sync.wrote();
    this.#writtenCursor = cursor;
  }

  async #syncAll(): Promise<void> {
    const { seq } = this.#link;
    if (seq > this.#syncedSeq) await this.#sync.run();
    this.#syncedSeq = seq;
  }

  /** Resolves those who wait for no more than there is by now. */
  #settle(): void {
    const waiting = this.#waiting;
    const isDone = ({ seq, durability }: Waiter): boolean =>
      seq <= (durability === 'synced' ? this.#syncedSeq : this.#link.seq);
    this.#waiting = waiting.filter((waiter) => !isDone(waiter));
    for (const waiter of waiting) if (isDone(waiter)) waiter.resolve();
  }

  #fail(error: unknown): void {
    const failure = new RecordingError(
      `the recording in ${this.folder} cannot be written any more: ${reasonOf(error)}; ` +
        `it is whole up to seq ${this.#link.seq}: put that right, then start tasktrail again`,
      { cause: error },
    );
    this.#refusal = failure;
    for (const waiter of this.#waiting.splice(0)) waiter.reject(failure);
  }

  async #close(): Promise<void> {
    const failed = this.#refusal !== undefined;
    const lastCommit = failed ? undefined : this.#commit('synced');
    this.#refusal ??= new RecordingClosedError();
    try {
      await lastCommit;
      if (!failed) await this.#mark();
    } finally {
      await this.#sync.close();
      await release(this.#store);
    }
  }

  async #mark(): Promise<void> {
    const { seq } = this.#link;
    if (seq === (await readMark(this.folder))) return;
    try {
      await writeMark(this.folder, seq);
    } catch (error) {
      throw new RecordingError(
        `the recording in ${this.folder} is whole, but its end could not be marked: ${reasonOf(error)}`,
        { cause: error },
      );
    }
  }
}

/** Takes the chain along every commit of a recording, and sees that none is missing at its end. */
async function check(
  store: Store,
  chain: Chain,
  onCommit: (events: readonly Event[]) => void,
): Promise<void> {
  const { folder } = store;
  // Read first: a log of this process that is closed meanwhile may set it further than we can see.
  const mark = await readMark(folder);
  await readAll(store, chain, onCommit);
  const { seq } = chain.link;
  if (mark === 'damaged') {
    throw new UnsoundLogError(folder, seq + 1, `the file ${markName}, which says where it ended, is damaged`);
  }
  if (mark > seq) {
    throw new UnsoundLogError(folder, seq + 1, `${missing(seq + 1, mark)} at the end`);
  }
}

async function release(store: Store): Promise<void> {
  held.delete(store.folder);
  await store.close();
}
