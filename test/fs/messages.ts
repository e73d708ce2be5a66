/** Messages of the FUSE protocol for tests, byte by byte. */
import { headerBytes } from '../../src/fs/header.ts';

/** `01 ff` and the like; what stands in quotes are characters: `'tasks' 00`. */
export function bytesIn(literal: string): Buffer {
  const parts = literal.match(/'[^']*'|[0-9a-f]{2}/g) ?? [];
  return Buffer.concat(
    parts.map((part) =>
      part.startsWith("'") ? Buffer.from(part.slice(1, -1), 'latin1') : Buffer.from(part, 'hex'),
    ),
  );
}

export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function long(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

export interface Asker {
  readonly unique?: number;
  readonly node?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly pid?: number;
}

/** A whole message; what is not said of who asks is root's, thread 100, about the root. */
export function message(operation: number, body: readonly Buffer[] = [], asker: Asker = {}): Buffer {
  const { unique = 7, node = 1, uid = 0, gid = 0, pid = 100 } = asker;
  const rest = Buffer.concat(body);
  const size = word(headerBytes + rest.length);
  const header = [size, word(operation), long(unique), long(node), word(uid), word(gid), word(pid), word(0)];
  return Buffer.concat([...header, rest]);
}
