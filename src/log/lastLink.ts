/**
 * Where a recording ends, as it lies on the disk.
 */
import { type Link, missing } from './commit.ts';
import { UnsoundLogError } from './errors.ts';
import type { LevelReader } from './levelReader.ts';
import { markName, readMark } from './mark.ts';
import { commitsBehind } from './tail.ts';

/**
 * The chain's end: along the commits behind the last block, of which none may be missing at the end. Fails with an
 * `UnsoundLogError`.
 */
export async function lastLink(reader: LevelReader): Promise<Link> {
  const { store } = reader;
  const { folder } = store;
  // Read first: a log of this process that is closed meanwhile may set it further than we can see.
  const mark = await readMark(folder);
  let last = await reader.sealedLink();
  for await (const { link } of commitsBehind(store, last)) last = link;
  const { seq } = last;
  if (mark === 'damaged') {
    throw new UnsoundLogError(folder, seq + 1, `the file ${markName}, which says where it ended, is damaged`);
  }
  if (mark > seq) {
    throw new UnsoundLogError(folder, seq + 1, `${missing(seq + 1, mark)} at the end`);
  }
  return last;
}
