/**
 * The passage through a recording: every commit from a checkpoint on, byte by byte as it was written, out of blocks as out
 * of the tail, along the chain. Nothing unsound passes.
 */
import type { Event } from '../../events/event.ts';
import { type Block, blockOf, firstSeqOf } from './block.ts';
import { equalBytes, type Link, OpenCommit, UnsoundError } from './commit.ts';
import { NotKeptError, readingError } from './errors.ts';
import type { LevelReader } from './levelReader.ts';
import type { Origin } from './origin.ts';
import { sha256 } from './sha256.ts';
import { commitsBehind } from './tail.ts';

/** Where a passage can begin: at a block, whose number this is. */
export interface Checkpoint {
  readonly block: number;
  /** Where the chain stands behind the last commit that ended before the block. */
  readonly link: Link;
  /** The events between the link and the block: those of a commit that ends in it, or later. */
  readonly events: readonly Event[];
}

/** Where what is kept of a recording begins. */
export function beginningOf(reader: LevelReader): Checkpoint {
  return checkpointAt(reader.origin());
}

export function checkpointAt({ firstSeq, link, events }: Origin): Checkpoint {
  return { block: blockOf(firstSeq), link, events };
}

/** A commit as the tail had it, and the link that it makes. */
export interface PassedCommit {
  readonly value: Uint8Array;
  readonly link: Link;
}

/** The last checkpoint before a seq. What is written there is taken for true. */
export async function checkpointBefore(reader: LevelReader, seq: number): Promise<Checkpoint> {
  const beginning = beginningOf(reader);
  const last = await reader.lastBlock();
  if (last === undefined) return beginning;
  const number = Math.min(blockOf(seq), blockOf(last.lastSeq) + 1);
  if (number <= beginning.block) return beginning;
  const link = seq > last.lastSeq ? last.head.linkAfter : reader.block(number)?.head.linkBefore;
  return link ? { block: number, link, events: eventsBetween(reader, link, number) } : beginning;
}

function eventsBetween(reader: LevelReader, link: Link, block: number): readonly Event[] {
  return reader.sealedEvents(link.seq + 1, firstSeqOf(block) - 1);
}

/**
 * The commits behind a checkpoint, in order: those that end in one block at a time, then one by one those of the tail.
 * `see` is shown every event once, good for that call only. Ends with an `UnsoundLogError` at the first block or commit that is
 * not what was written.
 */
export async function* passageFrom(
  reader: LevelReader,
  from: Checkpoint,
  see: (event: Event) => void = () => {},
): AsyncGenerator<readonly PassedCommit[]> {
  const { store } = reader;
  const open = new OpenCommit(from.link);
  let { link } = from;
  try {
    for (const event of from.events) open.retake(event);
    for (let number = from.block; ; ) {
      for (let block = reader.block(number); block; block = reader.block(number)) {
        const passed = through(block, link, open, see);
        link = block.head.linkAfter;
        yield passed;
        number += 1;
      }
      const snapshot = store.level.snapshot();
      try {
        // What is sealed between two looks is in the tail no more.
        if (reader.block(number, snapshot)) continue;
        if (reader.origin(snapshot).firstSeq > firstSeqOf(number)) throw new NotKeptError(firstSeqOf(number));
        for await (const { events, value, link: next } of commitsBehind(store, link, snapshot)) {
          // The first may have begun in a block, whose events were shown.
          for (const event of events) if (event.seq >= firstSeqOf(number)) see(event);
          link = next;
          yield [{ value, link }];
        }
        return;
      } finally {
        await snapshot.close();
      }
    }
  } catch (error) {
    throw readingError(store.folder, link.seq + 1, error);
  }
}

/** The commits that end in a block, whose first events may be the rest of a commit that began before it. */
function through(
  block: Block,
  before: Link,
  open: OpenCommit,
  see: (event: Event) => void,
): readonly PassedCommit[] {
  const { firstSeq, linkBefore, linkAfter } = block.head;
  if (!isSame(linkBefore, before)) {
    throw new UnsoundError(before.seq + 1, `the block that begins with seq ${firstSeq} follows another`);
  }
  const passed: PassedCommit[] = [];
  let last = before;
  const ends = block.ends.values();
  let end = ends.next().value;
  block.replay(firstSeq, block.lastSeq, (event) => {
    see(event);
    open.retake(event);
    if (event.seq !== end) return;
    const commit = open.finish(last.hash, sha256);
    passed.push(commit);
    last = commit.link;
    end = ends.next().value;
  });
  if (isSame(linkAfter, last)) return passed;
  throw new UnsoundError(
    before.seq + 1,
    'the commits there are not those that were written (their hash differs)',
  );
}

function isSame(a: Link, b: Link): boolean {
  return a.seq === b.seq && equalBytes(a.hash, b.hash);
}
