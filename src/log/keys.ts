/**
 * The keys of a recording's LevelDB. Each kind begins with a byte of its own; numbers are big-endian, so that LevelDB
 * has them in order.
 *
 *     'meta'                     JSON: format number, recording id; written with the first commit
 *     'origin'                   where what is kept begins, as origin.ts says; not there while all of it is kept
 *     'queue'                    where the source's queue stands that the commits came from, as text
 *     'b' + block (6 bytes)      a block, as block.ts says
 *     'c' + first seq (8 bytes)  a commit of the tail, as commit.ts says
 *     'd' + chunk (6 bytes)      a chunk of the dictionary, as dictionary.ts says
 *     'i' + page (6 bytes)       a page of the index, as blockIndex.ts says
 *     's' + seq (8 bytes) + name a projection as it was behind that seq; what is in it is the projection's own affair
 *     'x' + window (6 bytes) + piece (1 byte)
 *                                what a window tells of some tasks, as projections/passages.ts says, with a checksum
 */
const utf8 = new TextEncoder();
const snapshotSeqBytes = 8;

export const metaKey = utf8.encode('meta');
export const originKey = utf8.encode('origin');
export const cursorKey = utf8.encode('queue');

const blockMark = 0x62;
export const commitMark = 0x63;
const chunkMark = 0x64;
const pageMark = 0x69;
const snapshotMark = 0x73;
const pieceMark = 0x78;

export function blockKey(block: number): Uint8Array {
  return numbered(blockMark, 6, block);
}

export function commitKey(firstSeq: number): Uint8Array {
  return numbered(commitMark, 8, firstSeq);
}

export function chunkKey(chunk: number): Uint8Array {
  return numbered(chunkMark, 6, chunk);
}

export function pageKey(page: number): Uint8Array {
  return numbered(pageMark, 6, page);
}

/** Pieces are numbered from 0 to 255. */
export function pieceKey(window: number, piece: number): Uint8Array {
  return numbered(pieceMark, 7, window * 256 + piece);
}

export function snapshotKey(seq: number, projection: string): Uint8Array {
  const prefix = numbered(snapshotMark, snapshotSeqBytes, seq);
  const name = utf8.encode(projection);
  const key = new Uint8Array(prefix.length + name.length);
  key.set(prefix);
  key.set(name, prefix.length);
  return key;
}

/** The snapshots of a seq, or of all seqs up to one. */
export function snapshotsOf(seq: number): KeyRange {
  return {
    gte: numbered(snapshotMark, snapshotSeqBytes, seq),
    lt: numbered(snapshotMark, snapshotSeqBytes, seq + 1),
  };
}

/** Of which seq and of which projection a snapshot is. */
export function partsOfSnapshotKey(key: Uint8Array): { readonly seq: number; readonly projection: string } {
  const prefix = 1 + snapshotSeqBytes;
  return {
    seq: numberIn(key.subarray(0, prefix)),
    projection: new TextDecoder().decode(key.subarray(prefix)),
  };
}

/** Behind every key. */
export const endOfKeys = Uint8Array.of(0xff);

/** Every key of a kind, or of a part of it, is between these. */
export interface KeyRange {
  readonly gte: Uint8Array;
  readonly lt: Uint8Array;
}

/** What is of no use any more where the blocks before one are removed. */
export function blocksBefore(block: number): KeyRange {
  return { gte: allBlocks.gte, lt: blockKey(block) };
}

export function chunksBefore(chunk: number): KeyRange {
  return { gte: Uint8Array.of(chunkMark), lt: chunkKey(chunk) };
}

export function pagesBefore(page: number): KeyRange {
  return { gte: Uint8Array.of(pageMark), lt: pageKey(page) };
}

export function piecesBefore(window: number): KeyRange {
  return { gte: Uint8Array.of(pieceMark), lt: pieceKey(window, 0) };
}

export function snapshotsBefore(seq: number): KeyRange {
  return { gte: allSnapshots.gte, lt: snapshotsOf(seq).gte };
}

/** What goes where the blocks from one on do. */
export function blocksFrom(block: number): KeyRange {
  return { gte: blockKey(block), lt: allBlocks.lt };
}

export function pagesFrom(page: number): KeyRange {
  return { gte: pageKey(page), lt: Uint8Array.of(pageMark + 1) };
}

export function snapshotsFrom(seq: number): KeyRange {
  return { gte: snapshotsOf(seq).gte, lt: allSnapshots.lt };
}

export function commitsFrom(firstSeq: number): KeyRange {
  return { gte: commitKey(firstSeq), lt: allCommits.lt };
}

export const allBlocks = rangeOf(blockMark);
export const allCommits = rangeOf(commitMark);
export const allChunks = rangeOf(chunkMark);
export const allSnapshots = rangeOf(snapshotMark);

/** The first seq of the commit that has this key; undefined where it is no key of a commit, or damaged. */
export function seqOfCommitKey(key: Uint8Array): number | undefined {
  return key[0] === commitMark && key.length === 9 ? numberIn(key) : undefined;
}

/** The number of the block that has this key; undefined where it is no key of a block, or damaged. */
export function blockOfKey(key: Uint8Array): number | undefined {
  return key[0] === blockMark && key.length === 7 ? numberIn(key) : undefined;
}

/** The number of the chunk that has this key; undefined where the key is damaged. */
export function chunkOfKey(key: Uint8Array): number | undefined {
  return key.length === 7 ? numberIn(key) : undefined;
}

function rangeOf(mark: number): KeyRange {
  return { gte: Uint8Array.of(mark), lt: Uint8Array.of(mark + 1) };
}

function numbered(mark: number, bytes: number, number: number): Uint8Array {
  const key = new Uint8Array(1 + bytes);
  key[0] = mark;
  let rest = number;
  for (let at = bytes; at > 0; at--) {
    key[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return key;
}

function numberIn(key: Uint8Array): number {
  let number = 0;
  for (const byte of key.subarray(1)) number = number * 256 + byte;
  return number;
}
