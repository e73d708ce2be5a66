/**
 * Nodes by number. A container has a directory and its files for nodes. Their numbers are made of the
 * container's id, which is never given out twice: neither is a node's number, on any mount. The root's directory is
 * number 1, as the FUSE protocol wants it.
 */
import type { Node } from '../../events/event.ts';

/** The root has all of them, so each container has as many numbers. */
const nodes: readonly Node[] = ['directory', 'tasks', 'notify_on_release', 'release_agent'];
const numbersEach = nodes.length;

export function numberOf(container: number, node: Node): number {
  return (container - 1) * numbersEach + nodes.indexOf(node) + 1;
}

/** Undefined for a number that no node can have. */
export function nodeNumbered(
  number: number,
): { readonly container: number; readonly node: Node } | undefined {
  const node = nodes[(number - 1) % numbersEach];
  if (number < 1 || node === undefined) return undefined;
  return { container: Math.floor((number - 1) / numbersEach) + 1, node };
}
