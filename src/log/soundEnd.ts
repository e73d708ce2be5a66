/**
 * The sound end: takes a recording back to the last commit up to which its end is what was written. What is behind that
 * is removed from LevelDB; whoever calls this has made sure that it is still to be had elsewhere.
 */
import { DecodeError } from '../../events/rows.ts';
import { type Block, blockEvents, firstSeqOf } from './block.ts';
import { pageBlocks } from './blockIndex.ts';
import { equalBytes, type Link, linkOf, OpenCommit } from './commit.ts';
import { UnsoundLogError } from './errors.ts';
import {
  allBlocks,
  allCommits,
  blockOfKey,
  blocksFrom,
  commitKey,
  commitsFrom,
  cursorKey,
  type KeyRange,
  pagesFrom,
  snapshotsFrom,
} from './keys.ts';
import type { LevelReader } from './levelReader.ts';
import { sha256 } from './sha256.ts';
import { commitsBehind } from './tail.ts';

/** Commits by their keys. */
type Commits = readonly (readonly [Uint8Array, Uint8Array])[];

/** How far a recording went, as far as can be seen, and how far it goes now. */
export interface TakenBack {
  readonly lastSeq: number;
  readonly soundSeq: number;
}

/**
 * No block that has `unsoundSeq`, or what is behind it, is kept. Fails with an `UnsoundLogError` where nothing at all can
 * be made of it.
 */
export async function takeBack(
  reader: LevelReader,
  unsoundSeq = Number.POSITIVE_INFINITY,
): Promise<TakenBack> {
  const lastSeq = await lastStored(reader);
  const { sealed, tail } = await lastSealed(reader, unsoundSeq);
  await remove(reader, [
    blocksFrom(sealed),
    pagesFrom(Math.floor(sealed / pageBlocks)),
    snapshotsFrom(firstSeqOf(sealed)),
    ...(tail === undefined ? [] : [commitsFrom(0)]),
  ]);
  if (tail !== undefined) await write(reader, tail);
  const link = await lastSound(reader);
  await remove(reader, [commitsFrom(link.seq + 1)]);
  // Whatever it said how far the queue had been taken in, it said it of commits that may be gone.
  await reader.store.level.del(cursorKey, { sync: true });
  return { lastSeq, soundSeq: link.seq };
}

async function lastStored({ store: { level } }: LevelReader): Promise<number> {
  const [value] = await level.values({ ...allCommits, reverse: true, limit: 1 }).all();
  const [key] = await level.keys({ ...allBlocks, reverse: true, limit: 1 }).all();
  const tail = value && readableLink(value);
  const number = key && blockOfKey(key);
  return Math.max(tail?.seq ?? 0, number === undefined ? 0 : firstSeqOf(number) + blockEvents - 1);
}

/** Undefined where this is no commit. */
function readableLink(value: Uint8Array): Link | undefined {
  try {
    return linkOf(value);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/**
 * The first block that is not there any more, and where that is not behind the last one, the commits that the last one
 * that can be read takes back into the tail: the next commit goes on behind whole ones.
 */
async function lastSealed(
  reader: LevelReader,
  unsoundSeq: number,
): Promise<{ sealed: number; tail?: Commits }> {
  const keys = await reader.store.level.keys({ ...allBlocks, reverse: true }).all();
  for (const [i, key] of keys.entries()) {
    const number = blockOfKey(key);
    if (number === undefined || firstSeqOf(number + 1) > unsoundSeq) continue;
    const block = readable(() => reader.block(number));
    if (block === undefined) continue;
    if (i === 0) return { sealed: number + 1 };
    const tail = readable(() => commitsIn(reader, block));
    if (tail !== undefined) return { sealed: number, tail };
  }
  const { firstSeq } = reader.origin();
  if (firstSeq === 1) return { sealed: 0, ...(keys.length > 0 && { tail: [] }) };
  throw new UnsoundLogError(reader.store.folder, firstSeq, 'none of its blocks can be read');
}

/** The values of the commits that end in a block. Throws an `UnsoundLogError` where they are not what was written. */
function commitsIn(reader: LevelReader, block: Block): Commits {
  const { linkBefore, linkAfter } = block.head;
  const events = reader.sealedEvents(linkBefore.seq + 1, linkAfter.seq);
  const open = new OpenCommit(linkBefore);
  const commits: (readonly [Uint8Array, Uint8Array])[] = [];
  const ends = new Set(block.ends);
  let previous = linkBefore;
  for (const event of events) {
    open.retake(event);
    if (!ends.has(event.seq)) continue;
    const { value, link } = open.finish(previous.hash, sha256);
    commits.push([commitKey(previous.seq + 1), value]);
    previous = link;
  }
  if (equalBytes(previous.hash, linkAfter.hash)) return commits;
  throw new UnsoundLogError(reader.store.folder, linkBefore.seq + 1, 'the hash of its commits differs');
}

/** Where the chain stands behind the last commit that is what was written. */
async function lastSound(reader: LevelReader): Promise<Link> {
  let last = await reader.sealedLink();
  try {
    for await (const { link } of commitsBehind(reader.store, last)) last = link;
  } catch (error) {
    if (!(error instanceof UnsoundLogError)) throw error;
  }
  return last;
}

/** Undefined where it is not what was written. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof UnsoundLogError) return undefined;
    throw error;
  }
}

async function remove({ store: { level } }: LevelReader, ranges: readonly KeyRange[]): Promise<void> {
  for (const range of ranges) await level.clear(range);
}

async function write({ store: { level } }: LevelReader, commits: Commits): Promise<void> {
  await level.batch(commits.map(([key, value]) => ({ type: 'put', key, value }) as const));
}
