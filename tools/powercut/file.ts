/**
 * A file as a disk has it: what is durable of it, and what was written since. A loss of power keeps any of that, in
 * sectors of 512 bytes: each sector is as some write left it, none older than the last sync.
 */
import { Pending } from './pending.ts';

interface Write {
  /** The number of the operation. */
  readonly at: number;
  readonly offset: number;
  readonly bytes: Buffer;
}

export type FileChange = Write | { readonly at: number; readonly sizeBytes: number };

/** What a loss of power keeps of a file. */
export interface FileKeeping {
  /** How many of the pending changes reach the file's size. */
  sizes(changes: readonly FileChange[]): number;
  /** How many of the pending writes to one sector, which are these, reach it. */
  writes(changes: readonly FileChange[]): number;
}

const sectorBytes = 512;

export const everything: FileKeeping = { sizes: ({ length }) => length, writes: ({ length }) => length };

export class DiskFile {
  #durable: Uint8Array<ArrayBuffer>;
  readonly pending = new Pending<FileChange>((change) => {
    this.#durable = changed(this.#durable, change);
  });

  constructor(durable: Uint8Array = new Uint8Array(0)) {
    this.#durable = Uint8Array.from(durable);
  }

  /** What is there after a loss of power. */
  image(keeping: FileKeeping): Uint8Array {
    const { changes } = this.pending;
    if (changes.length === 0) return this.#durable;
    const kept = keeping.sizes(changes);
    const size = changes.slice(0, kept).reduce(sizeAfter, this.#durable.length);
    const writesLeft = new Map([...bySector(changes)].map(([sector, all]) => [sector, keeping.writes(all)]));
    let bytes = Uint8Array.from(this.#durable);
    for (const [i, change] of changes.entries()) {
      if ('sizeBytes' in change) {
        if (i < kept) bytes = changed(bytes, change);
        continue;
      }
      for (const [sector, piece] of pieces(change)) {
        const left = writesLeft.get(sector) ?? 0;
        writesLeft.set(sector, left - 1);
        if (left > 0) bytes = changed(bytes, piece);
      }
    }
    return resized(bytes, size);
  }
}

function sizeAfter(size: number, change: FileChange): number {
  return 'sizeBytes' in change ? change.sizeBytes : Math.max(size, change.offset + change.bytes.length);
}

/** The writes to each sector. */
function bySector(changes: readonly FileChange[]): ReadonlyMap<number, readonly FileChange[]> {
  const sectors = new Map<number, FileChange[]>();
  for (const change of changes) {
    if ('sizeBytes' in change) continue;
    for (const [sector] of pieces(change)) {
      const known = sectors.get(sector);
      if (known) known.push(change);
      else sectors.set(sector, [change]);
    }
  }
  return sectors;
}

/** A write's part in each of the sectors that it touches. */
function* pieces({ at, offset, bytes }: Write): Generator<readonly [number, Write]> {
  for (let from = 0; from < bytes.length; ) {
    const sector = Math.floor((offset + from) / sectorBytes);
    const to = Math.min(bytes.length, (sector + 1) * sectorBytes - offset);
    yield [sector, { at, offset: offset + from, bytes: bytes.subarray(from, to) }];
    from = to;
  }
}

function changed(bytes: Uint8Array<ArrayBuffer>, change: FileChange): Uint8Array<ArrayBuffer> {
  const result = resized(bytes, sizeAfter(bytes.length, change));
  if ('bytes' in change) result.set(change.bytes, change.offset);
  return result;
}

/** Of this size, with zeros where it has grown; room to grow is taken ahead. */
function resized(bytes: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  if (size === bytes.length) return bytes;
  const { buffer } = bytes;
  if (size > buffer.byteLength) {
    const result = new Uint8Array(new ArrayBuffer(2 * size), 0, size);
    result.set(bytes);
    return result;
  }
  const result = new Uint8Array(buffer, 0, size);
  if (size > bytes.length) result.fill(0, bytes.length);
  return result;
}
