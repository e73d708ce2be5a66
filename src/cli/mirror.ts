/**
 * `--mirror`: which of the machine's cgroup hierarchies are recorded beside our own tree, and where none are, why.
 */
import type { CgroupsHere } from '../daemon.ts';
import { SourceError } from '../sources/sourceError.ts';
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

/** Why none is mirrored, where none is though nobody said so; else empty. */
export function whyNone(typed: readonly string[] | undefined, cgroups: CgroupsHere): string {
  const { existing, mounted, isNamespaced } = cgroups;
  if (typed?.[0] === 'none' || mirrorFrom(typed, cgroups).length > 0) return '';
  if (existing.length === 0) return 'this kernel has none';
  if (mounted.length === 0) return 'none is mounted as a whole';
  if (isNamespaced) return 'this cgroup namespace is not the initial one';
  return `v2 is not mounted; ${mounted.map(({ name }) => name).join(', ')} can be asked for with --mirror`;
}

/**
 * Starts with what is to be mirrored. Where the source cannot be opened so, and nobody asked for that, it starts without
 * any of it, and `why` says what was in the way.
 */
export async function startedMirroring<Recorder>(
  names: readonly string[],
  isAskedFor: boolean,
  start: (names: readonly string[]) => Promise<Recorder>,
): Promise<{ readonly daemon: Recorder; readonly why: string }> {
  try {
    return { daemon: await start(names), why: '' };
  } catch (error) {
    if (isAskedFor || names.length === 0 || !(error instanceof SourceError)) throw error;
    return { daemon: await start([]), why: error.message };
  }
}

/** In a cgroup namespace nothing can be mirrored, and nothing is unless it is asked for. */
export function mirroredByDefault({ mounted, isNamespaced }: CgroupsHere): readonly string[] {
  const hasUnified = mounted.some(({ name }) => name === 'v2');
  return hasUnified && !isNamespaced ? ['v2'] : [];
}
