/**
 * Names of trees. A mirrored tree is called as the kernel calls its hierarchy: by all of its controllers where it has
 * several, as `cpu,cpuacct`, and people call it by one of them.
 */
import type { Bytes } from './bytes.ts';

/** Whether a word is the name of a tree, or of one of its controllers. */
export function isTreeCalled(name: Bytes, word: Bytes): boolean {
  return name === word || name.split(',').includes(word);
}
