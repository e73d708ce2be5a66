/**
 * Memory that is shared with the kernel: a descriptor's pages, mapped into this process and seen as an
 * ArrayBuffer.
 */
import { checked, koffi, libc } from './libc.ts';

const readAccess = 1;
const writeAccess = 2;
const shared = 1;

export interface Mapping {
  readonly buffer: ArrayBuffer;
  /** Gives the memory back. Nothing may look at `buffer` afterwards: the process would die of it. */
  unmap(): void;
}

/** The size of a page of memory in bytes: what the kernel lays its mappings out by. */
export function pageSizeBytes(): number {
  return libc().getpagesize();
}

/** Maps `sizeBytes` of `fd` from `offset` on, for reading, or for reading and writing. */
export function mapShared(
  attempt: string,
  fd: number,
  sizeBytes: number,
  offset: number,
  access: 'read' | 'write',
): Mapping {
  const wanted = access === 'write' ? readAccess | writeAccess : readAccess;
  const at = checked(attempt, libc().mmap(0, sizeBytes, wanted, shared, fd, offset));
  return {
    buffer: koffi().view(BigInt(at), sizeBytes),
    unmap: () => {
      checked('unmapping memory', libc().munmap(at, sizeBytes));
    },
  };
}
