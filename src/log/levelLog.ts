/**
 * The log in LevelDB, as its one writer has it: a tail of one value a commit, sealed into blocks in the background. How it
 * is opened is `openLog.ts`.
 */
import { assert } from '../../events/assert.ts';
import type { Event } from '../../events/event.ts';
import type { LifelineSource } from '../../projections/standing.ts';
import type {
  CommitSpan,
  Durability,
  EventLog,
  Head,
  KeptFrom,
  KeptSnapshot,
  SetAside,
  Stamped,
} from '../ports.ts';
import { takeNote } from './beginningNote.ts';
import { equalBytes, headOf, type Link, OpenCommit } from './commit.ts';
import { causeOf, isNoRoom, NoRoomError, RecordingClosedError, RecordingError, reasonOf } from './errors.ts';
import { commitKey, cursorKey, metaKey } from './keys.ts';
import { lastLink } from './lastLink.ts';
import { LevelReader } from './levelReader.ts';
import { format, metaValue, openStore, type Store, textValue } from './levelStore.ts';
import { LevelSync } from './levelSync.ts';
import { readMark, writeMark } from './mark.ts';
import type { Batch } from './sealer.ts';
import { sha256 } from './sha256.ts';

/** A commit that somebody waits for. */
interface Waiter {
  readonly seq: number;
  readonly durability: Durability;
  resolve(): void;
  reject(error: Error): void;
}

/** A batch that somebody waits for. */
interface StoredBatch {
  readonly batch: Batch;
  resolve(): void;
  reject(error: Error): void;
}

/** A commit that is finished and not known to be written, with the cursor that belongs to it. */
interface Unwritten {
  readonly firstSeq: number;
  readonly value: Uint8Array;
  readonly link: Link;
  readonly cursor: string;
}

/** What an opening has found. */
interface Found {
  readonly link: Link;
  readonly sealedSeq: number;
  readonly keptFrom: KeptFrom;
  readonly aside: SetAside | undefined;
  /** Others of this process may open it from then on. */
  readonly letGo: () => void;
}

export class LevelLog implements EventLog {
  readonly folder: string;
  /** What the opening has set aside. */
  readonly aside: SetAside | undefined;
  #store: Store;
  /** Reads it on this thread, for as long as it is open. */
  reader: LevelReader;
  #sync: LevelSync;
  readonly #open: OpenCommit;
  readonly #letGo: () => void;
  #id: string;
  #cursor: string;
  #writtenCursor: string;
  /** The last commit in LevelDB. */
  #link: Link;
  #sealedSeq: number;
  #keptFrom: KeptFrom;
  /** The last seq known to survive a loss of power. */
  #syncedSeq = 0;
  #waiting: Waiter[] = [];
  /** Somebody has asked for a commit since the last one began. */
  #asked = false;
  /** What is to be stored beside the commits, in the order in which it was handed over. */
  readonly #batches: StoredBatch[] = [];
  /** What is stored of these, and has to be synced before whoever waits for it goes on. */
  readonly #unsynced: StoredBatch[] = [];
  /** The commit that is being written, or could not be. */
  #unwritten: Unwritten | undefined;
  /** Why nothing can be written for now. */
  #full: NoRoomError | undefined;
  #isOlder: boolean;
  #writing = false;
  #syncing = false;
  /** Set for good by the first write that fails, or by the close. */
  #refusal: RecordingError | undefined;
  #closing: Promise<void> | undefined;

  /** Takes over a store that has been checked, up to its last link. */
  constructor(store: Store, { link, sealedSeq, keptFrom, aside, letGo }: Found) {
    this.aside = aside;
    this.#letGo = letGo;
    this.folder = store.folder;
    this.#store = store;
    this.reader = new LevelReader(store);
    this.#sync = new LevelSync(store.folder);
    this.#open = new OpenCommit(link);
    this.#link = link;
    this.#sealedSeq = sealedSeq;
    this.#keptFrom = keptFrom;
    this.#id = store.meta?.id ?? '';
    this.#isOlder = store.meta !== undefined && store.meta.format < format;
    this.#cursor = store.cursor;
    this.#writtenCursor = store.cursor;
  }

  get seq(): number {
    return this.#open.seq;
  }

  /** The last seq that a block has. */
  get sealedSeq(): number {
    return this.#sealedSeq;
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

  /** A write found no room. Nothing is written any more until `reopen` finds some. */
  get isFull(): boolean {
    return this.#full !== undefined;
  }

  /**
   * Everything that is appended while a write is in flight goes into the next one. A write that fails is
   * the last: this commit and all that wait are rejected, what was committed before stays. But where it fails for want of
   * room, those who wait for a sync wait for that, and the others are rejected with a `NoRoomError`.
   */
  commit(durability: Durability): Promise<void> {
    if (this.#refusal) return Promise.reject(this.#refusal);
    if (this.#full && durability === 'written') return Promise.reject(this.#full);
    return this.#commit(durability);
  }

  /**
   * Tries again to write, in a LevelDB that is opened anew: what is left of a write that has failed is no place to go on
   * from. To be called while nobody else in this process has it open. Resolves with whether there was room.
   */
  async reopen(): Promise<boolean> {
    assert(this.#full, 'there was no room');
    try {
      await this.#sync.close();
      await this.#store.closeAlone();
      this.#store = await openStore(this.folder, false);
      this.reader = new LevelReader(this.#store);
      this.#sync = new LevelSync(this.folder);
      this.#takeUp(await lastLink(this.reader));
    } catch (error) {
      if (isNoRoom(causeOf(error))) return false;
      this.#fail(error);
      return false;
    }
    this.#full = undefined;
    this.#asked = true;
    await this.#write();
    return !this.isFull;
  }

  /** What could not be written may be there all the same, as a whole: the failure came behind it. */
  #takeUp(link: Link): void {
    const written = this.#unwritten;
    if (written && link.seq === written.link.seq && equalBytes(link.hash, written.link.hash))
      this.#wrote(written);
    assert(link.seq === this.#link.seq, `the log ends with seq ${link.seq}, and not ${this.#link.seq}`);
  }

  /**
   * Writes what was made out of what the log holds: blocks, and what is kept beside them. Resolves when it is written,
   * or synced where it has to be; nothing that was committed hangs on it.
   */
  store(batch: Batch): Promise<void> {
    const refusal = this.#refusal ?? this.#full;
    if (refusal) return Promise.reject(refusal);
    return this.#keep(batch);
  }

  read(fromSeq: number): AsyncIterable<readonly Event[]> {
    return this.reader.read(fromSeq, this.#link.seq);
  }

  replay(fromSeq: number, lastSeq: number, evolve: (event: Event) => void): Promise<number> {
    return this.reader.replay(fromSeq, Math.min(lastSeq, this.#link.seq), evolve);
  }

  keptFrom(): KeptFrom {
    return this.#keptFrom;
  }

  seqAt(timeUs: number): Promise<number> {
    return this.reader.seqAt(timeUs);
  }

  commitOf(seq: number): Promise<CommitSpan> {
    return this.reader.commitOf(seq);
  }

  snapshots(seq: number): AsyncIterable<KeptSnapshot> {
    return this.reader.snapshots(seq);
  }

  lifelines(): Promise<LifelineSource> {
    return this.reader.lifelines();
  }

  /** It has been open for so long that nothing that the opening has set off will end the process. */
  hasBegun(): Promise<void> {
    return takeNote(this.folder);
  }

  /** Commits what was appended, marks where the recording ends, and lets go of the folder. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #commit(durability: Durability): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ seq: this.seq, durability, resolve, reject });
      this.#asked = true;
      void this.#write();
    });
  }

  #keep(batch: Batch): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#batches.push({ batch, resolve, reject });
      void this.#write();
    });
  }

  /** One write at a time, so that commits reach the disk in order; what is synced meanwhile is what came before. */
  async #write(): Promise<void> {
    if (this.#writing || this.#full) return;
    this.#writing = true;
    try {
      for (;;) {
        const [next] = this.#batches;
        if (this.#asked) await this.#putAsked();
        else if (next) await this.#putBatch(next);
        else return;
      }
    } catch (error) {
      this.#stopOn(error);
    } finally {
      this.#writing = false;
    }
  }

  async #putAsked(): Promise<void> {
    // What came while there was no room goes into a commit of its own.
    this.#asked = this.#unwritten !== undefined && this.#open.count > 0;
    if (this.#unwritten || this.#open.count > 0) await this.#put();
    else if (this.#cursor !== this.#writtenCursor) await this.#putCursor();
    this.#settle();
    void this.#syncWritten();
  }

  async #putBatch(stored: StoredBatch): Promise<void> {
    const { puts, dels, sealedSeq, keptFrom, synced } = stored.batch;
    const meta = { type: 'put', key: metaKey, value: metaValue({ format, id: this.#id }) } as const;
    await this.#store.level.batch([
      // From its first block on, a recording of format 0 is one of this format.
      ...(this.#isOlder ? [meta] : []),
      ...puts.map(([key, value]) => ({ type: 'put', key, value }) as const),
      ...dels.map((key) => ({ type: 'del', key }) as const),
    ]);
    this.#sync.wrote();
    this.#isOlder = false;
    this.#sealedSeq = sealedSeq ?? this.#sealedSeq;
    this.#keptFrom = keptFrom ?? this.#keptFrom;
    this.#batches.shift();
    if (!synced) {
      stored.resolve();
      return;
    }
    this.#unsynced.push(stored);
    void this.#syncWritten();
  }

  /** Syncs for as long as somebody waits for what is written, while other things are written. */
  async #syncWritten(): Promise<void> {
    if (this.#syncing || this.#full) return;
    this.#syncing = true;
    try {
      while (this.#unsynced.length > 0 || this.#waiting.some(({ seq }) => seq <= this.#link.seq)) {
        const { seq } = this.#link;
        const { length } = this.#unsynced;
        if (seq > this.#syncedSeq || length > 0) await this.#sync.run();
        this.#syncedSeq = seq;
        for (const { resolve } of this.#unsynced.splice(0, length)) resolve();
        this.#settle();
      }
    } catch (error) {
      this.#stopOn(error);
    } finally {
      this.#syncing = false;
    }
  }

  async #put(): Promise<void> {
    this.#unwritten ??= this.#finished();
    const { firstSeq, value, cursor } = this.#unwritten;
    const meta = { type: 'put', key: metaKey, value: metaValue({ format, id: this.#id }) } as const;
    const place = { type: 'put', key: cursorKey, value: textValue(cursor) } as const;
    const sync = this.#canSyncAtOnce;
    await this.#store.level.batch(
      [
        ...(firstSeq === 1 ? [meta] : []),
        { type: 'put', key: commitKey(firstSeq), value },
        ...(cursor === this.#writtenCursor ? [] : [place]),
      ],
      { sync },
    );
    this.#sync.wrote();
    this.#wrote(this.#unwritten);
    // It may have gone to a new log file, and then what is in the one before is still to be synced.
    if (sync && this.#sync.isOneFile) this.#syncedSeq = this.#link.seq;
  }

  /**
   * Whether LevelDB shall sync what it writes: somebody waits for that, and nothing is being synced. One job less for
   * another thread, and its way there and back, make a command a quarter shorter.
   */
  get #canSyncAtOnce(): boolean {
    if (this.#syncing || !this.#sync.isOneFile) return false;
    return this.#waiting.some(({ durability }) => durability === 'synced');
  }

  #finished(): Unwritten {
    const firstSeq = this.#link.seq + 1;
    // The cursor is taken now, and never later: it tells what is in this commit and those before.
    return { firstSeq, ...this.#open.finish(this.#link.hash, sha256), cursor: this.#cursor };
  }

  #wrote({ link, cursor }: Unwritten): void {
    this.#unwritten = undefined;
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

  /** Resolves those who wait for no more than there is by now. */
  #settle(): void {
    const waiting = this.#waiting;
    const isDone = ({ seq, durability }: Waiter): boolean =>
      seq <= (durability === 'synced' ? this.#syncedSeq : this.#link.seq);
    this.#waiting = waiting.filter((waiter) => !isDone(waiter));
    for (const waiter of waiting) if (isDone(waiter)) waiter.resolve();
  }

  #stopOn(error: unknown): void {
    if (isNoRoom(error)) this.#stall(new NoRoomError(this.folder, error));
    else this.#fail(error);
  }

  /** Whoever waits for a sync has been shown what is to be synced, and it will be. What was kept can be made again. */
  #stall(full: NoRoomError): void {
    this.#full = full;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ durability }) => durability === 'synced');
    for (const waiter of waiting) if (waiter.durability === 'written') waiter.reject(full);
    for (const waiter of [...this.#batches.splice(0), ...this.#unsynced.splice(0)]) waiter.reject(full);
  }

  #fail(error: unknown): void {
    const failure = new RecordingError(
      `the recording in ${this.folder} cannot be written any more: ${reasonOf(error)}; ` +
        `it is whole up to seq ${this.#link.seq}: put that right, then start tasktrail again`,
      { cause: error },
    );
    this.#refusal = failure;
    for (const waiter of this.#waiting.splice(0)) waiter.reject(failure);
    for (const waiter of [...this.#batches.splice(0), ...this.#unsynced.splice(0)]) waiter.reject(failure);
  }

  async #close(): Promise<void> {
    if (this.#full) this.#fail(this.#full);
    const failed = this.#refusal !== undefined;
    const lastCommit = failed ? undefined : this.#commit('synced');
    // It comes to its turn when all that was handed over before it is written.
    const lastBatch = failed ? undefined : this.#keep({ puts: [], dels: [] });
    this.#refusal ??= new RecordingClosedError();
    try {
      await Promise.all([lastCommit, lastBatch]);
      if (!failed) await this.#mark();
    } finally {
      await this.#sync.close();
      this.#letGo();
      await this.#store.close();
      await takeNote(this.folder);
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
