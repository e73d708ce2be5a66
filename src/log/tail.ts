/**
 * The tail: the commits that are not sealed into blocks yet, one value each, as they lie in LevelDB at one moment. What
 * is read goes along the chain, so nothing unsound passes.
 */
import type { Event } from '../../events/event.ts';
import { Chain, type Link, linkOf, UnsoundError } from './commit.ts';
import { isLevelDamage, readingError } from './errors.ts';
import { allCommits, commitKey, seqOfCommitKey } from './keys.ts';
import type { Snapshot, Store } from './levelStore.ts';
import { sha256 } from './sha256.ts';

/** A commit of the tail, found sound. */
export interface TailCommit {
  readonly events: readonly Event[];
  readonly value: Uint8Array;
  /** The chain behind it. */
  readonly link: Link;
}

/** A commit's key and value. */
type Entry = readonly [Uint8Array, Uint8Array];

const batchSize = 1000;
const batchBytes = 1024 * 1024;

/**
 * The commits behind a link, in order. An `UnsoundLogError` ends this at the first that is not what was written, or not
 * there.
 */
export async function* commitsBehind(
  store: Store,
  link: Link,
  snapshot?: Snapshot,
): AsyncGenerator<TailCommit> {
  const chain = new Chain(link);
  for await (const batch of batchesBehind(store, chain, snapshot)) {
    for (const entry of batch) {
      const events = nextEvents(store, chain, entry);
      yield { events, value: entry[1], link: chain.link };
    }
  }
}

/** The link right before the commit that holds `seq`, or the last one before it; `sealed` is that of the last block. */
export async function linkBefore(
  { folder, level }: Store,
  seq: number,
  sealed: Link,
  snapshot: Snapshot,
): Promise<Link> {
  try {
    const range = { gte: commitKey(1), lte: commitKey(Math.max(seq, 1)), reverse: true, limit: 2, snapshot };
    const [, previous] = await level.values(range).all();
    return previous === undefined ? sealed : linkOf(previous);
  } catch (error) {
    throw readingError(folder, 1, error);
  }
}

/**
 * What is stored behind the chain's link, in order. The chain is to be taken along each batch before the
 * next: where LevelDB fails in the middle of one, reading goes on from there one by one, so that everything
 * that can be read is.
 */
async function* batchesBehind(
  { folder, level }: Store,
  chain: Chain,
  snapshot: Snapshot | undefined,
): AsyncGenerator<readonly Entry[]> {
  for (let size = batchSize; ; size = 1) {
    const from = commitKey(chain.link.seq + 1);
    const range = { gte: from, lt: allCommits.lt, highWaterMarkBytes: batchBytes };
    try {
      const iterator = level.iterator(snapshot ? { ...range, snapshot } : range);
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
    const firstSeq = seqOfCommitKey(key);
    if (firstSeq === undefined) throw new UnsoundError(chain.link.seq + 1, 'a key there is damaged');
    return chain.next(firstSeq, value, sha256);
  } catch (error) {
    throw readingError(folder, chain.link.seq + 1, error);
  }
}
