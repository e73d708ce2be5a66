/**
 * `--cmdline` and `--redact`: whether and how command lines are recorded.
 */
import type { CommandLines } from '../daemon.ts';
import { usageFailure } from './failure.ts';

const defaultLimitBytes = 1024;
const mostLimitBytes = 4096;

/** undefined where they are not to be recorded. */
export function commandLinesFrom(
  limit: string | true | undefined,
  secrets: readonly string[] = [],
): CommandLines | undefined {
  if (limit !== undefined) return { limitBytes: limitFrom(limit), secrets: secrets.map(patternFrom) };
  if (secrets.length === 0) return undefined;
  throw usageFailure('--redact goes with --cmdline: without it no command line is recorded');
}

function limitFrom(typed: string | true): number {
  if (typed === true) return defaultLimitBytes;
  const limitBytes = /^[0-9]{1,5}$/.test(typed) ? Number(typed) : 0;
  if (limitBytes >= 1 && limitBytes <= mostLimitBytes) return limitBytes;
  throw usageFailure(
    `--cmdline ${typed}: give how many bytes of each to record, from 1 to ${mostLimitBytes}`,
  );
}

/** A regular expression of JavaScript's, with `u` and `g`. */
function patternFrom(typed: string): RegExp {
  try {
    return new RegExp(typed, 'gu');
  } catch (error) {
    throw usageFailure(`--redact ${typed}: ${(error as Error).message}`);
  }
}
