/**
 * LevelDB's tables, as its `.ldb` files hold them: pure functions over a file's bytes. Their format is told in LevelDB's
 * doc/table_format.md. LevelDB itself does not look at their checksums, and ends the process on some damage.
 *
 *     table  = blocks, metaindex block, index block, footer
 *     block  = contents, type (1 byte), checksum of both (4 bytes)
 *     footer = handle of the metaindex, handle of the index, zeros, magic number (8 bytes); 48 bytes in all
 *     handle = offset and size of a block's contents
 *     index  = entries, their offsets (4 bytes each), how many; an entry is a key that no key in a block is above, and its handle
 */
import { DecodeError, RowReader, RowWriter } from '../../events/rows.ts';
import { maskedChecksum } from './crc32c.ts';
import { DamagedError } from './damagedError.ts';
import { uncompressed } from './snappy.ts';

const footerBytes = 48;
const magic = Buffer.from('57fb808b247547db', 'hex');
/** Behind the contents of a block: its type and its checksum. */
const trailerBytes = 5;
/** What LevelDB puts behind each key. */
const sequenceBytes = 8;
/** The type of a block that is not compressed. */
const plain = 0;

interface Handle {
  readonly offset: number;
  readonly size: number;
}

interface Entry {
  readonly key: Uint8Array;
  readonly handle: Handle;
}

/** Throws a `DamagedError` at the first block that is not as it was written. Of a file without a whole end LevelDB tells. */
export function checkTable(file: Buffer): void {
  if (!isWhole(file)) return;
  const { metaindex, index } = footerIn(file);
  for (const handle of [metaindex, index]) checkBlock(file, handle);
  let before: Uint8Array = Uint8Array.of();
  for (const { key, handle } of entriesIn(file, index)) {
    checkBlock(file, handle, before);
    before = key.subarray(0, -sequenceBytes);
  }
}

/**
 * The table, of the same length, without the blocks that are not as they were written; undefined where that is not possible.
 */
export function mendedTable(file: Buffer): Buffer | undefined {
  try {
    const { metaindex, index } = footerIn(file);
    for (const handle of [metaindex, index]) checkBlock(file, handle);
    const sound = entriesIn(file, index).filter(({ handle }) => isSound(file, handle));
    const mended = Buffer.from(file);
    const contents = indexOf(sound);
    // One that was compressed may have been shorter.
    if (contents.length > index.size) return undefined;
    const block = Buffer.alloc(contents.length + trailerBytes);
    block.set(contents);
    block.writeUInt8(plain, contents.length);
    block.writeUInt32LE(maskedChecksum(block.subarray(0, contents.length + 1)), contents.length + 1);
    mended.set(block, index.offset);
    mended.set(
      footerOf(metaindex, { offset: index.offset, size: contents.length }),
      file.length - footerBytes,
    );
    return mended;
  } catch (error) {
    if (error instanceof DamagedError) return undefined;
    throw error;
  }
}

/** The end is written last. */
function isWhole(file: Buffer): boolean {
  return file.length >= footerBytes && file.subarray(-magic.length).equals(magic);
}

function footerIn(file: Buffer): { readonly metaindex: Handle; readonly index: Handle } {
  const at = file.length - footerBytes;
  return reading(at, () => {
    const reader = new RowReader(file, at);
    return { metaindex: readHandle(reader), index: readHandle(reader) };
  });
}

function footerOf(metaindex: Handle, index: Handle): Uint8Array {
  const writer = new RowWriter();
  for (const { offset, size } of [metaindex, index]) {
    writer.uint(offset);
    writer.uint(size);
  }
  const footer = Buffer.alloc(footerBytes);
  footer.set(writer.buffer.subarray(0, writer.length));
  footer.set(magic, footerBytes - magic.length);
  return footer;
}

function checkBlock(file: Buffer, { offset, size }: Handle, before?: Uint8Array): void {
  const end = offset + size + 1;
  if (end + 4 > file.length) throw new DamagedError(offset, 'a block is longer than it can be');
  if (file.readUInt32LE(end) !== maskedChecksum(file.subarray(offset, end))) {
    throw new DamagedError(offset, 'a checksum does not fit', before);
  }
}

function isSound(file: Buffer, handle: Handle): boolean {
  try {
    checkBlock(file, handle);
    return true;
  } catch (error) {
    if (error instanceof DamagedError) return false;
    throw error;
  }
}

/** Of an index whose checksum fits. */
function entriesIn(file: Buffer, { offset, size }: Handle): readonly Entry[] {
  return reading(offset, () => {
    const stored = file.subarray(offset, offset + size);
    const contents = file.readUInt8(offset + size) === plain ? stored : uncompressed(stored);
    const end = contents.length - 4 * (1 + contents.readUInt32LE(contents.length - 4));
    const reader = new RowReader(contents);
    const entries: Entry[] = [];
    let before: Uint8Array = Buffer.of();
    while (reader.offset < end) {
      const [shared, length, valueLength] = [reader.uint(), reader.uint(), reader.uint()];
      const key = Buffer.concat([before.subarray(0, shared), reader.raw(length)]);
      const valueEnd = reader.offset + valueLength;
      entries.push({ key, handle: readHandle(reader) });
      reader.offset = valueEnd;
      before = key;
    }
    return entries;
  });
}

/** Each key as a whole, as LevelDB writes them in an index. */
function indexOf(entries: readonly Entry[]): Uint8Array {
  const writer = new RowWriter();
  const starts: number[] = [];
  for (const { key, handle } of entries) {
    starts.push(writer.length);
    const value = new RowWriter();
    value.uint(handle.offset);
    value.uint(handle.size);
    writer.uint(0);
    writer.uint(key.length);
    writer.uint(value.length);
    writer.raw(key);
    writer.raw(value.buffer.subarray(0, value.length));
  }
  // LevelDB expects one, also where there is no entry.
  if (starts.length === 0) starts.push(0);
  const tail = Buffer.alloc(4 * (starts.length + 1));
  for (const [i, start] of [...starts, starts.length].entries()) tail.writeUInt32LE(start, 4 * i);
  writer.raw(tail);
  return writer.buffer.slice(0, writer.length);
}

function readHandle(reader: RowReader): Handle {
  return { offset: reader.uint(), size: reader.uint() };
}

function reading<Value>(at: number, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError || error instanceof RangeError) {
      throw new DamagedError(at, 'what says where its blocks are cannot be read');
    }
    throw error;
  }
}
