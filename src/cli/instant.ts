/**
 * Instants as they are typed: `--at`, `--since`, `--until`.
 */
import { realClock } from '../clock.ts';
import { type Instant, isUnclear, parseInstant } from '../engine/instant.ts';
import { usageFailure } from './failure.ts';

/** The instant that was typed behind this option; undefined where none was. */
export function instantFrom(option: string, typed: string | undefined): Instant | undefined {
  if (typed === undefined) return undefined;
  const instant = parseInstant(typed, realClock().wallUs());
  if (isUnclear(instant)) throw usageFailure(`${option} ${instant.unclear}`);
  return instant;
}
