/**
 * The ring as a queue that is kept: what a cursor says, and how whoever comes after finds the ring.
 *
 * The ring lives as long as its pins, at most until the machine stops. The log holds, in one piece with every write,
 * the position up to which the ring has been taken in (the cursor); and the kernel is told to give room back only for
 * what such a write holds already. So between what is in the log and what may be written over nothing can be missing,
 * and nothing can be there twice: whoever comes after a kill at any instant skips to the cursor's position, which no
 * record is divided by, and goes on. It is enough that the log is written, synced or not: what is written is lost
 * only with the machine's memory, and the ring is lost with it.
 *
 * Some of what is read never gets into the log one by one: a look at the machine has taken its place. That room is
 * given back at once, while the cursor stays where it is until the look is in the log. Who finds the freed position
 * beyond the cursor knows by that, that a part is missing. The cursor also holds how many losses the log accounts for.
 */
import type { Found, KeptQueue, QueueView } from '../../ports.ts';
import type { PlacesMap } from './placesMap.ts';
import type { Ring } from './ring.ts';

/** When a quarter of the ring waits to be written, it is time. */
const filling = 1 / 4;

const torn = 'the daemon ended while it looked at the machine anew';
const replaced = 'what the kernel recorded meanwhile was for other mirrors, another ring or another version';

export interface RingQueueOptions {
  readonly ring: Ring;
  /** Names the ring among all that any machine had. */
  readonly ringName: string;
  /** It is pinned; if not, it ends with this process. */
  readonly isKept: boolean;
  /** Why it is not, where it should be; else empty. */
  readonly obstacle: string;
  /** Another installation was there for the recording, of a make that is not ours, and had to go. */
  readonly isReplacement: boolean;
  readonly places: PlacesMap;
  /** What the kernel had lost when that was last told. */
  toldLost(): number;
  unpin(): void;
}

export class RingQueue implements KeptQueue {
  readonly #options: RingQueueOptions;
  /** The last cursor that was freed to: most often it is the same again. */
  #freed = '';
  #isPinned: boolean;

  constructor(options: RingQueueOptions) {
    this.#options = options;
    this.#isPinned = options.isKept;
  }

  resume(cursor: string): Found {
    const { ring, ringName, places, isReplacement, toldLost } = this.#options;
    const known = parsed(cursor);
    if (known?.ringName !== ringName) return { state: 'new', lost: 0, why: isReplacement ? replaced : '' };
    const lost = Math.max(0, toldLost() - known.lost);
    places.toldLost = known.placesLost;
    if (known.position < ring.freed || known.position > ring.written)
      return { state: 'torn', lost, why: torn };
    ring.skipTo(known.position);
    ring.free(known.position);
    return { state: 'whole', lost, why: '' };
  }

  cursor(): string {
    const { ring, ringName, isKept, places, toldLost } = this.#options;
    // Nobody comes back to a ring that ends with us.
    if (!isKept) return '';
    return `${ringName} ${ring.position} ${toldLost()} ${places.toldLost}`;
  }

  free(cursor: string): void {
    if (cursor === this.#freed) return;
    this.#freed = cursor;
    const { ring, ringName } = this.#options;
    const known = parsed(cursor);
    if (known?.ringName === ringName) ring.free(known.position);
  }

  get isFree(): boolean {
    const { ring } = this.#options;
    return ring.freed === ring.position;
  }

  get isFilling(): boolean {
    const { ring } = this.#options;
    return ring.position - ring.freed > ring.sizeBytes * filling;
  }

  get view(): QueueView {
    const { ring, obstacle } = this.#options;
    const { sizeBytes, written, freed } = ring;
    return {
      sizeBytes,
      usedBytes: written - freed,
      writtenBytes: written,
      isPinned: this.#isPinned,
      obstacle,
    };
  }

  letGo(): void {
    if (this.#isPinned) this.#options.unpin();
    this.#isPinned = false;
  }
}

interface Cursor {
  readonly ringName: string;
  readonly position: number;
  readonly lost: number;
  readonly placesLost: number;
}

/** Undefined where it is none. */
function parsed(cursor: string): Cursor | undefined {
  const [, ringName = '', ...numbers] = /^(\S+) (\d+) (\d+) (\d+)$/.exec(cursor) ?? [];
  const [position, lost, placesLost] = numbers.map(Number);
  if (position === undefined || lost === undefined || placesLost === undefined) return undefined;
  return { ringName, position, lost, placesLost };
}
