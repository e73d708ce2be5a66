/**
 * The namespaces that this process is in, by the names that the kernel has for them: `pid:[4026531836]`.
 */
import { readlinkSync } from 'node:fs';
import { hasCode } from './errno.ts';

/** The initial ones, whose inode numbers are fixed in include/linux/proc_ns.h (here in decimal). */
const initialNamespaces = {
  pid: 'pid:[4026531836]',
  time: 'time:[4026531834]',
  cgroup: 'cgroup:[4026531835]',
} as const;

export type NamespaceKind = keyof typeof initialNamespaces;

/** The namespace that this process is in where that is not the initial one; undefined where it is, or none is known. */
export function otherNamespace(kind: NamespaceKind): string | undefined {
  const own = namespaceOf(kind);
  return own === initialNamespaces[kind] ? undefined : own;
}

/** undefined where the kernel has no namespaces of this kind. */
function namespaceOf(kind: NamespaceKind): string | undefined {
  try {
    return readlinkSync(`/proc/self/ns/${kind}`);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
