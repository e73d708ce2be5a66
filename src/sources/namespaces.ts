/**
 * The namespaces that this process is in. The kernel's own pids and times are those of the initial ones; what /proc
 * shows is the reader's.
 */
import { readlinkSync } from 'node:fs';
import { hasCode, messageOf } from '../system/errno.ts';
import { SourceError } from './sourceError.ts';

/** The inode numbers of the initial namespaces, fixed in include/linux/proc_ns.h (here in decimal). */
const initialNamespaces = { pid: 'pid:[4026531836]', time: 'time:[4026531834]' } as const;

/** Throws a `SourceError` where pids and times of the kernel are not those that are seen here. */
export function requireInitialNamespaces(source: string): void {
  for (const [name, initial] of Object.entries(initialNamespaces)) {
    const own = namespaceOf(name, source);
    if (own === undefined || own === initial) continue;
    throw new SourceError(
      `${source} works only in the initial ${name} namespace, and this process is in ${own}: start it outside of the container`,
    );
  }
}

/** undefined where the kernel has no namespaces of this kind. */
export function namespaceOf(name: string, source: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/ns/${name}`);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw new SourceError(`${source} cannot tell which ${name} namespace it is in: ${messageOf(error)}`);
  }
}
