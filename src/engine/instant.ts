/**
 * Instants: the one parser of what people type to say when, for every door. Pure but for the time zone of the process,
 * in which times without one of their own are read, as date(1) and journalctl(1) read them.
 *
 * Nothing is guessed: what may mean two things is refused with both of them, ready to be typed.
 */

/** A point of a recording: a time, or right behind an event. */
export type Instant =
  | { readonly kind: 'time'; readonly timeUs: number }
  | { readonly kind: 'seq'; readonly seq: number }
  /** Where the recorder had looked at the machine: for the first time, or for the first time since it was booted. */
  | { readonly kind: 'start' }
  | { readonly kind: 'boot' };

/** What is no instant, or more than one; in words, behind which the text itself stands. */
export interface Unclear {
  readonly unclear: string;
}

export function isUnclear<T extends object>(value: T | Unclear): value is Unclear {
  return 'unclear' in value;
}

const instantForms =
  "'2026-11-24 03:12:00', '03:12', 'yesterday 23:50', '-5min', '2h 30min ago', RFC 3339, '@1795489920', 'now', 'start', 'boot' or '#SEQ'";

/** What a person typed, at `nowUs` (wall-clock microseconds). */
export function parseInstant(typed: string, nowUs: number): Instant | Unclear {
  const text = typed.trim().replace(/\s+/g, ' ');
  if (text === 'start' || text === 'boot') return { kind: text };
  if (text === 'now') return atTime(nowUs);
  if (/^#\d{1,15}$/.test(text)) return { kind: 'seq', seq: Number(text.slice(1)) };
  if (/^@\d{1,10}(\.\d{1,9})?$/.test(text)) return atTime(microsecondsIn(text.slice(1)));
  if (/^\d+$/.test(text)) {
    return unclear(typed, `may be seconds since 1970 or an event: write '@${text}' or '#${text}'`);
  }
  return (
    relative(text, nowUs) ?? absolute(text, nowUs) ?? unclear(typed, `is no instant: give ${instantForms}`)
  );
}

/** The same instant again, in a form that means the same everywhere. */
export function instantText(instant: Instant): string {
  switch (instant.kind) {
    case 'time': {
      const micros = String(instant.timeUs % 1_000_000).padStart(6, '0');
      return `@${Math.floor(instant.timeUs / 1_000_000)}.${micros}`;
    }
    case 'seq':
      return `#${instant.seq}`;
    default:
      return instant.kind;
  }
}

function atTime(timeUs: number): Instant {
  return { kind: 'time', timeUs };
}

/** Of `12.5` seconds; what is finer is left out. */
function microsecondsIn(seconds: string): number {
  const [whole = '', fraction = ''] = seconds.split('.');
  return Number(whole) * second + Number(fraction.padEnd(6, '0').slice(0, 6));
}

function unclear(typed: string, why: string): Unclear {
  return { unclear: `'${typed}' ${why}` };
}

// Spans, as systemd.time(7) and Go write them.

const second = 1_000_000;
const day = 86_400 * second;

const unitsUs: Readonly<Record<string, number>> = Object.fromEntries(
  (
    [
      [0.001, ['ns', 'nsec']],
      [1, ['us', 'µs', 'usec']],
      [1000, ['ms', 'msec']],
      [second, ['s', 'sec', 'second', 'seconds']],
      [60 * second, ['m', 'min', 'minute', 'minutes']],
      [3600 * second, ['h', 'hr', 'hour', 'hours']],
      [day, ['d', 'day', 'days']],
      [7 * day, ['w', 'week', 'weeks']],
      [30.44 * day, ['M', 'month', 'months']],
      [365.25 * day, ['y', 'year', 'years']],
    ] as const
  ).flatMap(([us, names]) => names.map((name) => [name, us])),
);

/** `-5min`, `+1h`, `2h 30min ago`; undefined where the text is of another form. */
function relative(text: string, nowUs: number): Instant | Unclear | undefined {
  const [, sign = '', span = '', ago] = /^([+-]?) ?(.*?)( ago)?$/.exec(text) ?? [];
  const spanUs = spanUsOf(span);
  if (spanUs === undefined || (sign !== '' && ago !== undefined)) return undefined;
  if (sign === '' && ago === undefined) {
    return unclear(text, `is how long, not when: write '${text} ago'`);
  }
  return atTime(Math.round(nowUs + (sign === '+' ? spanUs : -spanUs)));
}

/** How long `1h30m` is, microseconds; undefined where that is no span. */
function spanUsOf(text: string): number | undefined {
  if (!/^(\d+(\.\d+)? ?[a-zA-Zµ]+ ?)+$/.test(text)) return undefined;
  let sumUs = 0;
  for (const [, count = '', unit = ''] of text.matchAll(/(\d+(?:\.\d+)?) ?([a-zA-Zµ]+)/g)) {
    const unitUs = Object.hasOwn(unitsUs, unit) ? unitsUs[unit] : undefined;
    if (unitUs === undefined) return undefined;
    sumUs += Number(count) * unitUs;
  }
  return sumUs;
}

// Dates and times of day.

const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const form =
  /^(?:(?<weekday>[A-Za-z]{3,9}),? )?(?:(?<date>\d{4}-\d\d-\d\d)|(?<word>today|yesterday))?(?:(?:^|[ T])(?<time>\d\d?:\d\d(?::\d\d(?:\.\d{1,9})?)?))? ?(?<zone>Z|UTC|[+-]\d\d:?\d\d)?$/;

/** What a clock on the wall shows. */
interface Shown {
  readonly year: number;
  /** From 1. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** `2026-11-24 03:12`, `Tue 2026-11-24`, `yesterday 23:50`, `03:12:00.5`, and RFC 3339. */
function absolute(text: string, nowUs: number): Instant | Unclear | undefined {
  const { weekday, date, word, time, zone } = form.exec(text)?.groups ?? {};
  if (date === undefined && word === undefined && time === undefined) return undefined;
  if (zone !== undefined && date === undefined) {
    return unclear(text, 'has a time zone and no date: write the date too');
  }
  const [, fraction = ''] = time?.split('.') ?? [];
  const shown = { ...dateShown(date, word, nowUs), ...timeShown(time) };
  if (!isOnClocks(shown)) return unclear(text, 'is no date and time of day that there is');
  if (weekday !== undefined && !isOn(weekday, shown))
    return unclear(text, 'falls on another day of the week');
  const timeMs = zone === undefined ? localMs(text, shown) : utcMs(shown) - offsetMs(zone);
  if (typeof timeMs !== 'number') return timeMs;
  const timeUs = timeMs * 1000 + microsecondsIn(`0.${fraction}`);
  if (date === undefined && word === undefined && timeUs > nowUs) {
    return unclear(text, `is still to come today: write 'yesterday ${text}', or the date`);
  }
  return atTime(timeUs);
}

function dateShown(date: string | undefined, word: string | undefined, nowUs: number) {
  if (date !== undefined) {
    const [year = 0, month = 0, dayOfMonth = 0] = date.split('-').map(Number);
    return { year, month, day: dayOfMonth };
  }
  const now = new Date(nowUs / 1000);
  const at = new Date(now.getFullYear(), now.getMonth(), now.getDate() - (word === 'yesterday' ? 1 : 0));
  return { year: at.getFullYear(), month: at.getMonth() + 1, day: at.getDate() };
}

function timeShown(time = '00:00') {
  const [hour = 0, minute = 0, seconds = 0] = time.split(':').map(Number);
  return { hour, minute, second: Math.floor(seconds) };
}

function isOnClocks(shown: Shown): boolean {
  const at = new Date(utcMs(shown));
  return (
    at.getUTCFullYear() === shown.year &&
    at.getUTCMonth() + 1 === shown.month &&
    at.getUTCDate() === shown.day &&
    at.getUTCHours() === shown.hour &&
    at.getUTCMinutes() === shown.minute &&
    at.getUTCSeconds() === shown.second
  );
}

function isOn(weekday: string, shown: Shown): boolean {
  const named = weekday.toLowerCase();
  const days = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
  const index = weekdays.indexOf(named.slice(0, 3));
  return index === new Date(utcMs(shown)).getUTCDay() && (named.length === 3 || days[index] === named);
}

function utcMs({ year, month, day: dayOfMonth, hour, minute, second: seconds }: Shown): number {
  return Date.UTC(year, month - 1, dayOfMonth, hour, minute, seconds);
}

function offsetMs(zone: string): number {
  const [, sign = '+', hours = '0', minutes = '0'] = /^([+-])(\d\d):?(\d\d)$/.exec(zone) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

/** How far clocks are set back or forward where they are: an hour, on Lord Howe Island half of one. */
const shiftsMs = [-3_600_000, -1_800_000, 1_800_000, 3_600_000];

/** The moment at which the clocks of this time zone show this; they may show it twice, or never. */
function localMs(text: string, shown: Shown): number | Unclear {
  const { year, month, day: dayOfMonth, hour, minute, second: seconds } = shown;
  const near = new Date(year, month - 1, dayOfMonth, hour, minute, seconds).getTime();
  const moments = [near, ...shiftsMs.map((shift) => near + shift)]
    .filter((timeMs) => utcMs(shown) === timeMs + zoneMs(timeMs))
    .sort((a, b) => a - b);
  const [first, again] = moments;
  if (first === undefined) return unclear(text, 'never was: clocks were set forward over it');
  if (again === undefined) return first;
  return unclear(
    text,
    `was twice, when clocks were set back: write '${rfc3339(first)}' or '${rfc3339(again)}'`,
  );
}

/** How far the clocks of this time zone are ahead of UTC then. */
function zoneMs(timeMs: number): number {
  return -new Date(timeMs).getTimezoneOffset() * 60_000;
}

function rfc3339(timeMs: number): string {
  const aheadMs = zoneMs(timeMs);
  const [sign, minutes] = [aheadMs < 0 ? '-' : '+', Math.abs(aheadMs) / 60_000];
  const zone = `${sign}${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}`;
  return `${new Date(timeMs + aheadMs).toISOString().slice(0, 19)}${zone}`;
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
}
