/**
 * The map of places from the daemon's side: it writes who was moved, and reads who is where. What the programs do with
 * it is in `membership.ts`.
 */
import type { Places } from '../../ports.ts';
import { readEntries, removeEntry, writeEntry } from '../../system/bpf.ts';
import { SystemCallError } from '../../system/errno.ts';
import { placeEntry } from './record.ts';

/** How many entries one system call reads. */
const readAtOnce = 4096;
const entryWords = placeEntry.sizeBytes / 8;

export class PlacesMap implements Places {
  readonly #map: number;
  /** How many places the programs had no room for so far. */
  readonly #lost: () => number;
  #toldLost: number;
  #hadNoRoom = false;

  constructor(map: number, lost: () => number) {
    this.#map = map;
    this.#lost = lost;
    this.#toldLost = lost();
  }

  /** How many lost places have been accounted for; `read` tells of more. */
  set toldLost(lost: number) {
    this.#toldLost = lost;
  }

  get toldLost(): number {
    return this.#toldLost;
  }

  set(pid: number, tgid: number, container: number): void {
    const key = Uint32Array.of(pid);
    if (container === 0) {
      removeEntry(this.#map, key);
      return;
    }
    const entry = new BigUint64Array(entryWords);
    entry[placeEntry.container / 8] = BigInt(container);
    entry[placeEntry.tgid / 8] = BigInt(tgid);
    try {
      writeEntry(this.#map, key, entry);
    } catch (error) {
      if (!(error instanceof SystemCallError) || !noRoom.has(error.errno)) throw error;
      this.#hadNoRoom = true;
    }
  }

  read(): ReadonlyMap<number, number | undefined> | undefined {
    const lost = this.#lost();
    const isWhole = lost === this.#toldLost && !this.#hadNoRoom;
    this.#toldLost = lost;
    this.#hadNoRoom = false;
    if (!isWhole) return undefined;
    const keys = new Uint32Array(readAtOnce);
    const entries = new BigUint64Array(readAtOnce * entryWords);
    const places = new Map<number, number | undefined>();
    readEntries(this.#map, keys, entries, (count) => {
      for (let i = 0; i < count; i++) {
        const place = Number(entries[i * entryWords + placeEntry.container / 8]);
        places.set(keys[i] ?? 0, Number.isSafeInteger(place) ? place : undefined);
      }
    });
    return places;
  }
}

const noRoom: ReadonlySet<string> = new Set(['E2BIG', 'ENOMEM']);
