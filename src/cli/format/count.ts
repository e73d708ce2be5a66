/**
 * Numbers and what they count, as text.
 */

/** `1 task`, `2,345 tasks`. */
export function counted(number: number, one: string, many: string = `${one}s`): string {
  return `${grouped(number)} ${number === 1 ? one : many}`;
}

/** `1,234,567`. */
export function grouped(number: number): string {
  return number.toLocaleString('en-US');
}

/** `0.4`, `12`, `1,234`: what happens a second, as exactly as a glance needs. */
export function rate(perSecond: number): string {
  return perSecond < 9.95 ? perSecond.toFixed(1) : grouped(Math.round(perSecond));
}

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** `512 bytes`, `1.5 MiB`. */
export function size(sizeBytes: number): string {
  let value = sizeBytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return unit === 0 ? counted(value, 'byte') : `${value.toFixed(1)} ${units[unit]}`;
}

/** `12 ms`, `3.4 s`, `5 min 20 s`. */
export function duration(delayMs: number): string {
  if (delayMs < 1000) return `${Math.round(delayMs)} ms`;
  const seconds = delayMs / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}
