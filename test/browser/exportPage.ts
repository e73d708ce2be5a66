/**
 * The page's side of an import: puts the commits of an export file into `level`, which is IndexedDB here, reads them from
 * there along the chain, and sends back the world that they make.
 */
import { Level } from 'level';
import { type Snapshots, World } from '../../projections/world.ts';
import { Chain, type Link } from '../../src/log/commit.ts';
import { framesIn, type LinkText } from '../../src/log/exportFile.ts';
import { allCommits, commitKey, seqOfCommitKey } from '../../src/log/keys.ts';
import { sha256 } from './hashes.ts';
import { tellOf } from './telling.ts';

async function tell(): Promise<unknown> {
  const level = new Level<Uint8Array, Uint8Array>('imported', { keyEncoding: 'view', valueEncoding: 'view' });
  await level.open();
  const response = await fetch('/export');
  const bytes = new Uint8Array(await response.arrayBuffer());
  const snapshots: Partial<Record<keyof Snapshots, Uint8Array>> = {};
  let after: Link | undefined;
  let firstSeq = 0;
  for await (const frame of framesIn(inOne(bytes))) {
    if (frame.kind === 'head') {
      after = linkOfText(frame.after);
      firstSeq = after.seq + 1;
    } else if (frame.kind === 'snapshot') snapshots[frame.projection as keyof Snapshots] = frame.bytes;
    else if (frame.kind === 'commit') {
      await level.put(commitKey(firstSeq), frame.value);
      firstSeq = frame.seq + 1;
    }
  }
  if (after === undefined) throw new Error('the file has no first frame');
  const hasSnapshots = Object.keys(snapshots).length > 0;
  const world = hasSnapshots ? World.load(snapshots) : new World();
  const from = world.chronicle.seq;
  const chain = new Chain(after);
  for await (const [key, value] of level.iterator({ gte: allCommits.gte, lt: allCommits.lt })) {
    for (const event of chain.next(seqOfCommitKey(key) ?? 0, value, sha256)) {
      if (event.seq > from) world.apply(event);
    }
  }
  await level.close();
  const { seq, hash } = chain.link;
  return { seq, hash: [...hash], world: world.dump() };
}

async function* inOne(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function linkOfText({ seq, timeUs, hash }: LinkText): Link {
  const bytes = hash.match(/../g) ?? [];
  return { seq, timeUs, hash: Uint8Array.from(bytes, (byte) => Number.parseInt(byte, 16)) };
}

await tellOf(tell);
