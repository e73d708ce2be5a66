/**
 * Times as a person reads them: on the wall-clock of the place where they are read.
 */

/** RFC 3339 in, `2026-11-24 04:12:00.123` out: local time, to the millisecond. */
export function localTime(time: string): string {
  const at = new Date(time);
  const day = [at.getFullYear(), at.getMonth() + 1, at.getDate()].map(twoDigits).join('-');
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map(twoDigits).join(':');
  return `${day} ${clock}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

/** RFC 3339 in, `2026-11-24 04:12:00` out. */
export function localTimeInSeconds(time: string): string {
  return localTime(time).replace(/\.[0-9]+$/, '');
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
}
