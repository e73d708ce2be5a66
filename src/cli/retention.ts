/**
 * Retention, as a person types it for `up`: how long, how much, and what is left to others.
 */
import { type Amount, defaultRetention, type RetentionSettings } from '../daemon.ts';
import { usageFailure } from './failure.ts';

/** As typed; undefined where nothing was. */
export interface RetentionOptions {
  readonly retain?: string;
  readonly maxSize?: string;
  readonly keepFree?: string;
}

export function retentionFrom({ retain, maxSize, keepFree }: RetentionOptions): RetentionSettings {
  const { ageMs, sizes, free } = defaultRetention;
  return {
    ageMs: retain === undefined ? ageMs : ageFrom(retain),
    sizes: maxSize === undefined ? sizes : sizesFrom(maxSize),
    free: keepFree === undefined ? free : amountFrom('--keep-free', keepFree),
  };
}

const unitsMs: Readonly<Record<string, number>> = {
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
  y: 365 * 86_400_000,
};

/** `28d`, `12h`; undefined for `none`. */
function ageFrom(typed: string): number | undefined {
  if (isNone(typed)) return undefined;
  const [, digits = '', unit = ''] = /^([0-9]{1,6})(s|min|h|d|w|y)$/.exec(typed) ?? [];
  const ageMs = Number(digits) * (unitsMs[unit] ?? 0);
  if (ageMs > 0) return ageMs;
  throw usageFailure(
    `--retain '${typed}' is no time to keep things for: give one as 12h, 28d or 1y, or none`,
  );
}

function sizesFrom(typed: string): readonly Amount[] {
  const amount = amountFrom('--max-size', typed);
  return amount === undefined ? [] : [amount];
}

/** `10G`, `500M`, `10%`; undefined for `none`. */
function amountFrom(option: string, typed: string): Amount | undefined {
  if (isNone(typed)) return undefined;
  const [, percent = ''] = /^([0-9]{1,2}(?:\.[0-9]{1,3})?) ?%$/.exec(typed) ?? [];
  if (Number(percent) > 0) return { share: Number(percent) / 100 };
  const [, digits = '', unit = ''] = /^([0-9]{1,6}(?:\.[0-9]{1,3})?)([KMGT])(?:i?B)?$/.exec(typed) ?? [];
  const bytes = Math.floor(Number(digits) * 1024 ** (1 + ['K', 'M', 'G', 'T'].indexOf(unit)));
  if (bytes > 0) return { bytes };
  throw usageFailure(`${option} '${typed}' is no amount of storage: give one as 500M, 10G or 10%, or none`);
}

/** Nothing can be kept for no time, nor in no space: 0 is no limit. */
function isNone(typed: string): boolean {
  return typed === 'none' || typed === '0';
}
