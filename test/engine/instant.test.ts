/**
 * Instants: what people type to say when, in Berlin's time zone, at noon of a Tuesday.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { instantText, isUnclear, parseInstant } from '../../src/engine/instant.ts';

const instants = suite('instants');

const zoneBefore = process.env.TZ;
instants.before(() => {
  process.env.TZ = 'Europe/Berlin';
});
instants.after(() => {
  if (zoneBefore === undefined) delete process.env.TZ;
  else process.env.TZ = zoneBefore;
});

/** 2026-11-24 12:00:00 in Berlin, an hour ahead of UTC. */
const nowUs = Date.UTC(2026, 10, 24, 11) * 1000;

/** As RFC 3339 in UTC; of what is no time, its form that means the same everywhere; of what is unclear, why. */
function meant(typed: string): string {
  const instant = parseInstant(typed, nowUs);
  if (isUnclear(instant)) return instant.unclear;
  if (instant.kind !== 'time') return instantText(instant);
  const micros = String(instant.timeUs % 1000).padStart(3, '0');
  return new Date(Math.floor(instant.timeUs / 1000))
    .toISOString()
    .replace('Z', `${micros}Z`)
    .replace(/\.0+Z/, 'Z');
}

const meanings: readonly (readonly [typed: string, meant: string])[] = [
  ['now', '2026-11-24T11:00:00Z'],
  ['start', 'start'],
  ['boot', 'boot'],
  ['#17', '#17'],
  ['@1795489920', '2026-11-24T03:12:00Z'],
  ['@1795489920.25', '2026-11-24T03:12:00.250000Z'],
  ['2026-11-24 03:12:00', '2026-11-24T02:12:00Z'],
  ['2026-11-24 03:12', '2026-11-24T02:12:00Z'],
  ['2026-11-24 03:12:00.123456', '2026-11-24T02:12:00.123456Z'],
  ['2026-11-24', '2026-11-23T23:00:00Z'],
  ['Tue 2026-11-24 03:12', '2026-11-24T02:12:00Z'],
  ['tuesday, 2026-11-24', '2026-11-23T23:00:00Z'],
  ['2026-07-01 03:12', '2026-07-01T01:12:00Z'],
  ['2026-11-24 03:12 UTC', '2026-11-24T03:12:00Z'],
  ['2026-11-24T03:12:00Z', '2026-11-24T03:12:00Z'],
  ['2026-11-24T03:12:00.5-05:00', '2026-11-24T08:12:00.500000Z'],
  ['03:12', '2026-11-24T02:12:00Z'],
  ['3:12:30', '2026-11-24T02:12:30Z'],
  ['today', '2026-11-23T23:00:00Z'],
  ['yesterday', '2026-11-22T23:00:00Z'],
  ['yesterday 23:50', '2026-11-23T22:50:00Z'],
  ['-5min', '2026-11-24T10:55:00Z'],
  ['- 5 min', '2026-11-24T10:55:00Z'],
  ['+1h', '2026-11-24T12:00:00Z'],
  ['-1h30m', '2026-11-24T09:30:00Z'],
  ['-1.5h', '2026-11-24T09:30:00Z'],
  ['2h 30min ago', '2026-11-24T08:30:00Z'],
  ['3 days ago', '2026-11-21T11:00:00Z'],
  ['-250ms', '2026-11-24T10:59:59.750000Z'],
  ['2 weeks ago', '2026-11-10T11:00:00Z'],
];

for (const [typed, expected] of meanings) {
  instants(`'${typed}' is ${expected}`, () => assert.is(meant(typed), expected));
}

const refusals: readonly (readonly [typed: string, why: RegExp])[] = [
  ['', /^'' is no instant: give '2026/],
  ['soon', /^'soon' is no instant/],
  ['5 parsecs ago', /is no instant/],
  ['1795489920', /'@1795489920' or '#1795489920'/],
  ['5min', /is how long, not when: write '5min ago'/],
  ['-5min ago', /is no instant/],
  ['23:50', /is still to come today: write 'yesterday 23:50'/],
  ['03:12 UTC', /has a time zone and no date/],
  ['2026-02-30', /is no date and time of day that there is/],
  ['2026-11-24 24:00', /is no date and time of day that there is/],
  ['2026-11-24 12:60', /is no date and time of day that there is/],
  ['Mon 2026-11-24', /falls on another day of the week/],
  ['Tux 2026-11-24', /falls on another day of the week/],
  ['2026-10-25 02:30', /was twice, .* '2026-10-25T02:30:00\+02:00' or '2026-10-25T02:30:00\+01:00'/],
  ['2026-03-29 02:30', /never was: clocks were set forward/],
];

for (const [typed, why] of refusals) {
  instants(`'${typed}' is refused: ${why.source}`, () => assert.match(meant(typed), why));
}

instants('what was twice can be meant', () => {
  assert.is(meant('2026-10-25T02:30:00+02:00'), '2026-10-25T00:30:00Z');
  assert.is(meant('2026-10-25T02:30:00+01:00'), '2026-10-25T01:30:00Z');
});

instants('the form that means the same everywhere is read as the same', () => {
  for (const [typed] of meanings) {
    const instant = parseInstant(typed, nowUs);
    assert.not(isUnclear(instant));
    if (!isUnclear(instant)) assert.equal(parseInstant(instantText(instant), 0), instant);
  }
});

instants.run();
