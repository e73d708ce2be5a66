/**
 * Moments of the past, as a person is told which one it is that an answer is about.
 */
import type { Moment } from '../../engine/past.ts';
import { localTime } from './time.ts';

export function momentLines({ seq, time, gap }: Moment): readonly string[] {
  const as = `as of ${localTime(time)}, after event #${seq}`;
  if (!gap) return [as];
  const span = `${localTime(gap.since)} to ${localTime(gap.until)}`;
  return [as, `that lies in a gap from ${span}: what is told is what was known before it, and not certain`];
}
