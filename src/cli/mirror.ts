/**
 * `--mirror`: which of the machine's cgroup hierarchies are recorded beside our own tree.
 */
import type { CgroupsHere } from '../daemon.ts';
import { usageFailure } from './failure.ts';

/** The names of the hierarchies to mirror: those that were typed, and where none were, v2 if it can be. */
export function mirrorFrom(typed: readonly string[] | undefined, cgroups: CgroupsHere): readonly string[] {
  if (typed === undefined) return mirroredByDefault(cgroups);
  const words = typed.filter((name) => name === 'all' || name === 'none');
  if (words.length > 0 && typed.length > 1) {
    throw usageFailure(`--mirror ${words[0]} stands alone: it says all there is to be said`);
  }
  if (typed[0] === 'none') return [];
  return typed[0] === 'all' ? cgroups.mounted.map(({ name }) => name) : typed;
}

/** In a cgroup namespace nothing can be mirrored, and nothing is unless it is asked for. */
export function mirroredByDefault({ mounted, isNamespaced }: CgroupsHere): readonly string[] {
  const hasUnified = mounted.some(({ name }) => name === 'v2');
  return hasUnified && !isNamespaced ? ['v2'] : [];
}
