/**
 * What is checked of a soak beside what its load has counted: that nothing grew but the log, and the log as it had to.
 */

import type { Check } from '../storm/phases.ts';
import { flatnessOf } from './flatness.ts';
import type { MemoryStand, Stand } from './gauge.ts';

const mebibyte = 2 ** 20;
/** Far less than a byte an event in a soak of half an hour; more than chance does to a heap that was just collected. */
const allowedHeapBytes = 3 * mebibyte;
/** What allocators keep for later is theirs to choose. */
const allowedOwnBytes = 24 * mebibyte;
/** So far the disk may be from what is computed: LevelDB holds up to two of its write buffers twice for a while. */
const allowedDiskPart = 0.15;
const allowedDiskBytes = 8 * mebibyte;
/** The part of the time in which a daemon is new and Node still compiles it. */
const warmUp = 0.2;
/** A load that is slower than this part of what was asked for proves less than it says. */
const leastRate = 0.9;

/** Of a daemon that was left alone. */
export function memoryChecks(stands: readonly MemoryStand[]): Check[] {
  const warm = stands.slice(Math.floor(stands.length * warmUp));
  const flat = (what: string, of: (stand: MemoryStand) => number, allowed: number): Check => {
    const readings = warm.map((stand) => ({ second: stand.second, value: of(stand) }));
    const { first, last, rise, isFlat } = flatnessOf(readings, allowed);
    return {
      of: 'remains',
      what: `growth of ${what} from ${grouped(first)}`,
      expected: `≤ ${grouped(allowed)}`,
      found: Math.round(Math.max(last - first, rise)),
      right: isFlat,
    };
  };
  return [
    flat('the heap with its buffers, bytes', ({ memory }) => memory.heapBytes, allowedHeapBytes),
    flat("the process's own memory, bytes", ({ memory }) => memory.ownBytes, allowedOwnBytes),
  ];
}

/** In words, how large the world was that the daemon held meanwhile: it may move, and its memory not with it. */
export function worldText(stands: readonly MemoryStand[]): string {
  const rangeOf = (numbers: readonly number[]): string =>
    `${grouped(Math.min(...numbers))} to ${grouped(Math.max(...numbers))}`;
  const tasks = rangeOf(stands.map((stand) => stand.tasks));
  const containers = rangeOf(stands.map((stand) => stand.containers));
  return `${stands.length} readings of memory, while there were ${tasks} tasks in ${containers} containers`;
}

/** What lies between the two, when nothing begins anew, says what an event takes, and with that what all of them must. */
export function diskCheck(early: Stand, later: Stand, events: number, sizeBytes: number): Check {
  const eventBytes = (later.sizeBytes - early.sizeBytes) / (later.events - early.events);
  const computed = Math.round(early.sizeBytes + eventBytes * (events - early.events));
  const allowed = computed * allowedDiskPart + allowedDiskBytes;
  return {
    of: 'remains',
    what: 'bytes on the disk',
    expected: `${grouped(computed)} ± ${grouped(allowed)}`,
    found: sizeBytes,
    right: Math.abs(sizeBytes - computed) <= allowed,
  };
}

export function rateCheck(asked: number, events: number, seconds: number): Check {
  const found = Math.round(events / seconds);
  return {
    of: 'deeds',
    what: 'events a second, on all of the machine',
    expected: `≥ ${asked * leastRate}`,
    found,
    right: found >= asked * leastRate,
  };
}

/** `found` are words, of which there must be none. */
export function noneCheck(what: string, found: readonly string[]): Check {
  return { of: 'remains', what, expected: '0', found: found.length, right: found.length === 0 };
}

function grouped(number: number): string {
  return Math.round(number).toLocaleString('en');
}
