/**
 * What is kept of a recording, as text.
 */
import type { RetentionView, Status } from '../../engine/reader.ts';
import { counted, grouped, size } from './count.ts';
import { localTimeInSeconds } from './time.ts';

/** `28 days, at most 3.1 GiB (10% of the filesystem), and 15% of the filesystem stays free`. */
export function limitsText({ ageMs, sizeBytes, sizeShare, freeBytes, freeShare }: RetentionView): string {
  const limits = [
    ...(ageMs === undefined ? [] : [age(ageMs)]),
    ...(sizeBytes === undefined ? [] : [`at most ${size(sizeBytes)}${of(sizeShare)}`]),
    ...(freeBytes === undefined ? [] : [`with ${size(freeBytes)}${of(freeShare)} left free`]),
  ];
  return limits.length === 0 ? 'everything' : limits.join(', ');
}

/** What stands behind `kept`. */
export function keptRows({ keptFrom, retention }: Status): string[][] {
  const from = keptFrom && `from ${localTimeInSeconds(keptFrom.time)} on, event #${grouped(keptFrom.seq)}`;
  const lines = [
    ...(from === undefined ? [] : [from]),
    ...(retention ? [limitsText(retention)] : []),
    ...(retention?.isHeld ? ['a release that is not settled keeps more for a while'] : []),
  ];
  return lines.map((line, i) => [i === 0 ? 'kept' : '', line]);
}

function of(share: number | undefined): string {
  return share === undefined ? '' : ` (${Number((100 * share).toFixed(3))}% of the filesystem)`;
}

const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

/** `28 days`, `36 hours`: in the largest unit that it is a whole number of. */
function age(ageMs: number): string {
  const [name, unitMs] = units.find(([, each]) => ageMs % each === 0) ?? units[3];
  const count = Math.round(ageMs / unitMs);
  return counted(count, name);
}
