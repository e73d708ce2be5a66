/**
 * Tallies: what was counted in each place in each second, for as long as the second is one of the last. They lie in a ring
 * in the order of time, so that what is written is mostly near what was written before, and what has become old goes by
 * being overwritten. Those of one place are linked, the latest first.
 */
import { Table } from './table.ts';

/** What can be counted; and where in a tally each count stands. */
export const forks = 0;
export const exits = 1;
export const attaches = 2;
export type Kind = typeof forks | typeof exits | typeof attaches;

/** A tally of a second: what was counted, by kind. */
export type Tally = readonly [second: number, forks: number, exits: number, attaches: number];

/** How many seconds of the past are kept apart, behind the last one in which anything was counted. */
export const windowSeconds = 60;

/** The columns of the ring. A tally of place 0 is nobody's. */
const placeColumn = 0;
const secondColumn = 1;
/** The one before of the same place, or 0; it may have been overwritten by now. */
const beforeColumn = 2;
const firstCountColumn = 3;
const columns = 6;

/** Those of places. */
const latestColumn = 0;
const latestSecondColumn = 1;

const fewest = 64;
const growth = 1.25;

export class Tallies {
  #ring = new Table(columns);
  /** Positions are from 1 to this one. */
  #capacity = fewest;
  /** Where the last tally was written. */
  #last = 0;
  #lastSecond = 0;
  /** By place, the position of its latest tally, 0 where it has none, and the second of that. */
  readonly #latest = new Table(2);
  /** One behind the greatest place. */
  #places = 0;

  constructor() {
    this.#ring.reserve(fewest + 1);
  }

  /** Seconds must not decrease from one call to the next. */
  count(place: number, kind: Kind, second: number): void {
    const latest = this.#latestOf(place);
    const isBegun = latest !== 0 && this.#latest.get(place, latestSecondColumn) === second;
    const at = isBegun ? latest : this.#begin(place, second);
    const column = firstCountColumn + kind;
    this.#ring.set(at, column, this.#ring.get(at, column) + 1);
  }

  /** Adds a tally as a whole. Seconds must not decrease from one call to the next, and a place has one tally a second. */
  add(place: number, [second, ...counts]: Tally): void {
    const at = this.#begin(place, second);
    for (const [kind, count] of counts.entries()) this.#ring.set(at, firstCountColumn + kind, count);
  }

  /** The tallies of a place that are kept, oldest first. */
  of(place: number): Tally[] {
    return this.#keptOf(place)
      .map((at): Tally => {
        const second = this.#ring.get(at, secondColumn);
        return [second, this.#countAt(at, forks), this.#countAt(at, exits), this.#countAt(at, attaches)];
      })
      .reverse();
  }

  /** A place is another's from now on, or nobody's. */
  forget(place: number): void {
    if (place >= this.#places) return;
    for (const at of this.#keptOf(place)) this.#ring.set(at, placeColumn, 0);
    this.#latest.set(place, latestColumn, 0);
  }

  /** The positions of the tallies of a place that are kept, the latest first. */
  #keptOf(place: number): number[] {
    const kept: number[] = [];
    let later = Number.POSITIVE_INFINITY;
    for (let at = this.#latestOf(place); at !== 0; at = this.#ring.get(at, beforeColumn)) {
      const second = this.#ring.get(at, secondColumn);
      const isOverwritten = this.#ring.get(at, placeColumn) !== place || second >= later;
      if (isOverwritten || this.#isOld(second)) break;
      kept.push(at);
      later = second;
    }
    return kept;
  }

  #latestOf(place: number): number {
    return place < this.#places ? this.#latest.get(place, latestColumn) : 0;
  }

  #countAt(at: number, kind: Kind): number {
    return this.#ring.get(at, firstCountColumn + kind);
  }

  #isOld(second: number): boolean {
    return second < this.#lastSecond - windowSeconds;
  }

  /** A tally begins, in the place of the oldest if that is not kept any more. */
  #begin(place: number, second: number): number {
    this.#lastSecond = second;
    if (!this.#isFree(this.#behind(this.#last))) this.#grow();
    const at = this.#behind(this.#last);
    this.#write(at, place, second);
    return at;
  }

  #behind(at: number): number {
    return at === this.#capacity ? 1 : at + 1;
  }

  #isFree(at: number): boolean {
    return this.#ring.get(at, placeColumn) === 0 || this.#isOld(this.#ring.get(at, secondColumn));
  }

  #write(at: number, place: number, second: number): void {
    const ring = this.#ring;
    this.#makeRoom(place);
    ring.set(at, placeColumn, place);
    ring.set(at, secondColumn, second);
    ring.set(at, beforeColumn, this.#latest.get(place, latestColumn));
    for (let kind = 0; kind < columns - firstCountColumn; kind++) ring.set(at, firstCountColumn + kind, 0);
    this.#latest.set(place, latestColumn, at);
    this.#latest.set(place, latestSecondColumn, second);
    this.#last = at;
  }

  #makeRoom(place: number): void {
    if (place < this.#places) return;
    this.#latest.open(place);
    this.#places = place + 1;
  }

  /** A longer ring, with the same tallies in the same order. */
  #grow(): void {
    const [ring, capacity, oldest] = [this.#ring, this.#capacity, this.#behind(this.#last)];
    this.#capacity = Math.ceil(capacity * growth);
    this.#ring = new Table(columns);
    this.#ring.reserve(this.#capacity + 1);
    this.#last = 0;
    for (let place = 0; place < this.#places; place++) this.#latest.set(place, latestColumn, 0);
    for (let i = 0; i < capacity; i++) {
      const from = ((oldest - 1 + i) % capacity) + 1;
      const place = ring.get(from, placeColumn);
      if (place === 0) continue;
      const at = this.#last + 1;
      this.#write(at, place, ring.get(from, secondColumn));
      for (let column = firstCountColumn; column < columns; column++) {
        this.#ring.set(at, column, ring.get(from, column));
      }
    }
  }
}
