/**
 * Reads a recording: from its blocks as far as they go, then from the tail. It may be one of several readers on other
 * threads, while the one writer appends and seals: a block takes the place of commits in one step, so whoever does not
 * find a block looks for both at one moment.
 */
import type { Event } from '../../events/event.ts';
import { DecodeError } from '../../events/rows.ts';
import type { LifelineSource } from '../../projections/standing.ts';
import type { CommitSpan, KeptFrom, KeptSnapshot, LogReader } from '../ports.ts';
import { Block, blockEvents, blockOf, firstSeqOf } from './block.ts';
import { BlockIndex } from './blockIndex.ts';
import { eventsFrom, type Link, missing, UnsoundError } from './commit.ts';
import { crc32 } from './crc32.ts';
import { Dictionary } from './dictionary.ts';
import { damageText, isLevelDamage, NotKeptError, RecordingError, readingError } from './errors.ts';
import {
  allBlocks,
  allSnapshots,
  blockKey,
  blockOfKey,
  chunkKey,
  originKey,
  pageKey,
  partsOfSnapshotKey,
  snapshotsOf,
} from './keys.ts';
import { LevelLifelines } from './levelLifelines.ts';
import type { Snapshot, Store } from './levelStore.ts';
import { lifelineScale } from './lifelineScale.ts';
import { type Origin, readOrigin, whole } from './origin.ts';
import { commitsBehind, linkBefore } from './tail.ts';

export class LevelReader implements LogReader {
  readonly store: Store;
  readonly dictionary: Dictionary;
  readonly #index: BlockIndex;

  constructor(store: Store) {
    this.store = store;
    this.#index = new BlockIndex(
      {
        page: (number) => this.#page(number),
        place: (number) => {
          const block = this.#sealedBlock(number);
          return { firstUs: block.firstUs, tasksBefore: block.head.tasksBefore };
        },
      },
      crc32,
    );
    this.dictionary = new Dictionary((chunk) => store.level.getSync(chunkKey(chunk)), crc32);
  }

  /** Where what is kept begins. */
  origin(snapshot?: Snapshot): Origin {
    const { folder, level } = this.store;
    try {
      const value = level.getSync(originKey, snapshot ? { snapshot } : {});
      return value === undefined ? whole : readOrigin(value, crc32);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw readingError(folder, 1, error);
      const why = `the key that says where what is kept begins is damaged: ${error.message}`;
      throw readingError(folder, 1, new UnsoundError(1, why));
    }
  }

  /** The events from one seq to another, which are in blocks, or before what is kept and in a commit that ends in it. */
  sealedEvents(fromSeq: number, toSeq: number): readonly Event[] {
    const { firstSeq, events: before } = this.origin();
    const first = blockOf(firstSeq);
    const events = before.filter(({ seq }) => seq >= fromSeq && seq <= toSeq);
    for (let at = Math.max(fromSeq, firstSeqOf(first)); at <= toSeq; ) {
      const block = this.#sealedBlock(blockOf(at));
      events.push(...this.#guarded(at, () => block.events(at, toSeq)));
      at = block.lastSeq + 1;
    }
    return events;
  }

  keptFrom(): KeptFrom {
    const { firstSeq, firstUs } = this.origin();
    return { seq: firstSeq, timeUs: firstUs };
  }

  /** A block; undefined where it is not sealed yet, or not kept. */
  block(number: number, snapshot?: Snapshot): Block | undefined {
    const { folder, level } = this.store;
    const firstSeq = firstSeqOf(number);
    try {
      const value = level.getSync(blockKey(number), snapshot ? { snapshot } : {});
      if (value === undefined) return undefined;
      const block = new Block(value, this.dictionary, crc32);
      if (block.head.firstSeq === firstSeq) return block;
      throw new UnsoundError(firstSeq, `the block there begins with seq ${block.head.firstSeq}`);
    } catch (error) {
      throw readingError(folder, firstSeq, error);
    }
  }

  /** The last block that is sealed; undefined where none is. */
  async lastBlock(snapshot?: Snapshot): Promise<Block | undefined> {
    const number = await this.#blockAtEnd(true, snapshot);
    return number === undefined ? undefined : this.block(number, snapshot);
  }

  /** The number of the last block, or of the first; undefined where there is none. */
  async #blockAtEnd(reverse: boolean, snapshot?: Snapshot): Promise<number | undefined> {
    const { folder, level } = this.store;
    const range = { ...allBlocks, reverse, limit: 1 };
    let key: Uint8Array | undefined;
    try {
      [key] = await level.keys(snapshot ? { ...range, snapshot } : range).all();
      // LevelDB passes over what it cannot read, and says so to who comes to the end.
      if (reverse && key) await level.keys({ gt: key, lt: allBlocks.lt }).all();
    } catch (error) {
      throw readingError(folder, 1, error);
    }
    if (key === undefined) return undefined;
    const number = blockOfKey(key);
    if (number === undefined)
      throw readingError(folder, 1, new UnsoundError(1, 'the key of a block is damaged'));
    return number;
  }

  /** Where the chain stands behind the last commit that ended in a block. */
  async sealedLink(snapshot?: Snapshot): Promise<Link> {
    return (await this.lastBlock(snapshot))?.head.linkAfter ?? this.origin(snapshot).link;
  }

  /** The events from `fromSeq` to `lastSeq`, some at a time: those of a block, or of a commit. */
  async *read(fromSeq: number, lastSeq = Number.POSITIVE_INFINITY): AsyncGenerator<readonly Event[]> {
    for (let at = Math.max(fromSeq, this.origin().firstSeq); at <= lastSeq; ) {
      const block = this.#guarded(at, () => this.block(blockOf(at)));
      if (block) {
        yield this.#guarded(at, () => block.events(at, lastSeq));
        at = block.lastSeq + 1;
        continue;
      }
      const before = at;
      for await (const events of this.#tail(at, lastSeq)) {
        if (events.length === 0) continue;
        yield events;
        at += events.length;
      }
      if (at === before) return;
    }
  }

  /**
   * Hands over the events from `fromSeq` to `lastSeq`, each good for the call only; resolves with the last seq that
   * there was.
   */
  async replay(fromSeq: number, lastSeq: number, evolve: (event: Event) => void): Promise<number> {
    for (let at = Math.max(fromSeq, this.origin().firstSeq); ; ) {
      const block = at <= lastSeq ? this.block(blockOf(at)) : undefined;
      if (block) {
        this.#guarded(at, () => block.replay(at, lastSeq, evolve));
        at = Math.min(block.lastSeq, lastSeq) + 1;
        continue;
      }
      const before = at;
      if (at <= lastSeq) {
        for await (const events of this.#tail(at, lastSeq)) {
          for (const event of events) evolve(event);
          at += events.length;
        }
      }
      if (at === before) return at - 1;
    }
  }

  async seqAt(timeUs: number): Promise<number> {
    const last = await this.lastBlock();
    let seq = 0;
    if (last) {
      const { firstSeq } = this.origin();
      const first = blockOf(firstSeq);
      const block = this.#guarded(1, () => this.#index.blockAt(timeUs, first, blockOf(last.head.firstSeq)));
      if (block === undefined) return firstSeq - 1;
      seq = Math.max(this.#sealedBlock(block).seqAt(timeUs), firstSeq - 1);
      if (seq < last.lastSeq) return seq;
    }
    for await (const events of this.read(seq + 1)) {
      for (const event of events) {
        if (event.timeUs > timeUs) return seq;
        seq = event.seq;
      }
    }
    return seq;
  }

  async commitOf(seq: number): Promise<CommitSpan> {
    const snapshot = this.#snapshot();
    try {
      return this.#commitInBlocks(seq, snapshot) ?? (await this.#commitInTail(seq, snapshot));
    } finally {
      await snapshot.close();
    }
  }

  /** The seqs that there are snapshots of, ascending. */
  async snapshotSeqs(): Promise<readonly number[]> {
    const seqs = new Set<number>();
    const keys = this.store.level.keys(allSnapshots);
    try {
      for await (const key of keys) seqs.add(partsOfSnapshotKey(key).seq);
    } catch (error) {
      // Those that can be read have been told by then.
      if (!isLevelDamage(error)) throw readingError(this.store.folder, 1, error);
    }
    return [...seqs];
  }

  /** What cannot be read of them is among them, without parts. */
  async *snapshots(seq: number): AsyncGenerator<KeptSnapshot> {
    for (let before = seq; ; ) {
      const last = await this.#unlessDamaged(() => this.#lastSnapshotSeq(before));
      if ('damage' in last) yield { seq: 0, parts: {}, unreadable: last.damage };
      if ('damage' in last || last.value === undefined) return;
      yield await this.snapshotAt(last.value);
      before = last.value - 1;
    }
  }

  /** The snapshot behind an event; without parts where there is none. */
  async snapshotAt(seq: number): Promise<KeptSnapshot> {
    const found = await this.#unlessDamaged(() => this.store.level.iterator(snapshotsOf(seq)).all());
    if ('damage' in found) return { seq, parts: {}, unreadable: found.damage };
    const parts = found.value.map(([key, value]) => [partsOfSnapshotKey(key).projection, value] as const);
    return { seq, parts: Object.fromEntries(parts) };
  }

  /** Of the last snapshot behind an event up to this one. */
  async #lastSnapshotSeq(before: number): Promise<number | undefined> {
    const range = { gte: allSnapshots.gte, lt: snapshotsOf(before).lt, reverse: true, limit: 1 };
    const [key] = await this.store.level.keys(range).all();
    return key && partsOfSnapshotKey(key).seq;
  }

  /** What was made out of the events can be done without: that LevelDB cannot read it is told, and fails nothing. */
  async #unlessDamaged<Value>(
    read: () => Promise<Value>,
  ): Promise<{ readonly value: Value } | { readonly damage: string }> {
    try {
      return { value: await read() };
    } catch (error) {
      if (isLevelDamage(error)) return { damage: damageText(this.store.folder, error) };
      throw readingError(this.store.folder, 1, error);
    }
  }

  /** Undefined as well where it cannot be read: it only repeats what the blocks say themselves. */
  #page(number: number): Uint8Array | undefined {
    try {
      return this.store.level.getSync(pageKey(number));
    } catch (error) {
      if (isLevelDamage(error)) return undefined;
      throw error;
    }
  }

  async lifelines(scale = lifelineScale): Promise<LifelineSource> {
    const first = (await this.#blockAtEnd(false)) ?? 0;
    const last = (await this.#blockAtEnd(true)) ?? -1;
    return new LevelLifelines(this.store, this.#index, { first, last }, scale);
  }

  /** A block that is known to be there. */
  #sealedBlock(number: number): Block {
    const block = this.block(number);
    if (block) return block;
    const firstSeq = firstSeqOf(number);
    if (firstSeq + blockEvents <= this.origin().firstSeq) throw new NotKeptError(firstSeq);
    throw readingError(
      this.store.folder,
      firstSeq,
      new UnsoundError(firstSeq, missing(firstSeq, firstSeq + blockEvents - 1)),
    );
  }

  async close(): Promise<void> {
    await this.store.close();
  }

  /** What the tail has from one seq to another, unless a block has it by now; then whatever that block has. */
  async *#tail(fromSeq: number, lastSeq: number): AsyncGenerator<readonly Event[]> {
    const snapshot = this.#snapshot();
    try {
      const block = this.block(blockOf(fromSeq), snapshot);
      if (block) {
        yield block.events(fromSeq, lastSeq);
        return;
      }
      if (fromSeq < this.origin(snapshot).firstSeq) throw new NotKeptError(fromSeq);
      const link = await linkBefore(this.store, fromSeq, await this.sealedLink(snapshot), snapshot);
      // Sealed is sealed: a block that should have it and is not there is told of, and not passed over.
      if (link.seq >= fromSeq) this.#sealedBlock(blockOf(fromSeq));
      for await (const { events } of commitsBehind(this.store, link, snapshot)) {
        const first = events[0]?.seq ?? 0;
        if (first > lastSeq) return;
        yield eventsFrom(fromSeq, events).slice(0, Math.max(lastSeq - Math.max(first, fromSeq) + 1, 0));
      }
    } finally {
      await snapshot.close();
    }
  }

  /** Where the commit of a seq begins and ends; undefined where it does not end in a block. */
  #commitInBlocks(seq: number, snapshot: Snapshot): CommitSpan | undefined {
    for (let number = blockOf(seq); ; number++) {
      const block = this.block(number, snapshot);
      if (block === undefined) return undefined;
      const { linkBefore } = block.head;
      const next = block.ends.findIndex((end) => end >= seq);
      const lastSeq = block.ends[next];
      if (lastSeq !== undefined) return { firstSeq: (block.ends[next - 1] ?? linkBefore.seq) + 1, lastSeq };
    }
  }

  async #commitInTail(seq: number, snapshot: Snapshot): Promise<CommitSpan> {
    const sealed = await this.sealedLink(snapshot);
    let firstSeq = sealed.seq + 1;
    for await (const { link } of commitsBehind(this.store, sealed, snapshot)) {
      if (link.seq >= seq) return { firstSeq, lastSeq: link.seq };
      firstSeq = link.seq + 1;
    }
    throw new RecordingError(`there is no event #${seq} yet`);
  }

  #snapshot(): Snapshot {
    return this.#guarded(1, () => this.store.level.snapshot());
  }

  #guarded<Result>(seq: number, act: () => Result): Result {
    try {
      return act();
    } catch (error) {
      throw readingError(this.store.folder, seq, error);
    }
  }
}
