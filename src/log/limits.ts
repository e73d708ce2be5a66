/**
 * Limits: what a person says may be kept of a recording, and what that means on a filesystem.
 */
import type { Limits } from './retention.ts';

/** An amount of storage: bytes, or a share of the filesystem, from 0 to 1. */
export type Amount = { readonly bytes: number } | { readonly share: number };

export interface RetentionSettings {
  /** What happened longer ago goes; undefined: nothing does for its age. */
  readonly ageMs: number | undefined;
  /** The recording may take the least of these; none: any size. */
  readonly sizes: readonly Amount[];
  /** This is left to others. */
  readonly free: Amount | undefined;
}

const dayMs = 86_400_000;

/** Unless a person says otherwise. */
export const defaultRetention: RetentionSettings = {
  ageMs: 28 * dayMs,
  sizes: [{ bytes: 10 * 2 ** 30 }, { share: 0.1 }],
  free: { share: 0.15 },
};

/** Of the amounts the one that is the least on a filesystem of this size; undefined where there are none. */
export function leastOf(amounts: readonly Amount[], totalBytes: number): Amount | undefined {
  return [...amounts].sort((a, b) => bytesOf(a, totalBytes) - bytesOf(b, totalBytes))[0];
}

export function bytesOf(amount: Amount, totalBytes: number): number {
  return 'bytes' in amount ? amount.bytes : Math.floor(amount.share * totalBytes);
}

export function limitsOn(totalBytes: number, { ageMs, sizes, free }: RetentionSettings): Limits {
  const size = leastOf(sizes, totalBytes);
  return {
    ...(ageMs !== undefined && { ageUs: ageMs * 1000 }),
    ...(size && { sizeBytes: bytesOf(size, totalBytes) }),
    ...(free && { freeBytes: bytesOf(free, totalBytes) }),
  };
}

export function isUnlimited({ ageMs, sizes, free }: RetentionSettings): boolean {
  return ageMs === undefined && sizes.length === 0 && free === undefined;
}
