/**
 * The rings as a queue that is kept: what a cursor says, and how whoever comes after finds them.
 *
 * A ring lives as long as its pins, at most until the machine stops. The log holds, in one piece with every write,
 * the position up to which the ring has been taken in (the cursor); and the kernel is told to give room back only for
 * what such a write holds already. So between what is in the log and what may be written over nothing can be missing,
 * and nothing can be there twice: whoever comes after a kill at any instant skips to the cursor's position, which no
 * record is divided by, and goes on. A ring whose successor the cursor names is done with. It is enough that the log is
 * written, synced or not: what is written is lost only with the machine's memory, and the ring is lost with it.
 *
 * Some of what is read never gets into the log one by one: a look at the machine has taken its place. That room is
 * given back at once, while the cursor stays where it is until the look is in the log. Who finds the freed position
 * beyond the cursor knows by that, that a part is missing. The cursor also holds how many losses the log accounts for.
 */
import type { Found, KeptQueue, QueueView } from '../../ports.ts';
import type { PlacesMap } from './placesMap.ts';
import type { RingChain } from './ringChain.ts';

/** When a quarter of the ring waits to be written, it is time. */
const filling = 1 / 4;

const torn = 'the daemon ended while it looked at the machine anew';
const unreadable =
  'what the kernel recorded meanwhile was left by a version of tasktrail whose records this one cannot read';

export interface RingQueueOptions {
  readonly chain: RingChain;
  /** It is pinned; if not, it ends with this process. */
  readonly isKept: boolean;
  /** Why it is not, where it should be; else empty. */
  readonly obstacle: string;
  /** Something was there for the recording that we cannot read, and had to go. */
  readonly wasUnreadable: boolean;
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
    const { chain, places, wasUnreadable, toldLost } = this.#options;
    const known = parsed(cursor);
    const left = known && chain.named(known.ringName);
    if (!known || !left) return { state: 'new', lost: 0, why: wasUnreadable ? unreadable : '' };
    const lost = Math.max(0, toldLost() - known.lost);
    places.toldLost = known.placesLost;
    const { ring } = left;
    if (known.position < ring.freed || known.position > ring.written)
      return { state: 'torn', lost, why: torn };
    chain.skipTo(left, known.position);
    ring.free(known.position);
    return { state: 'whole', lost, why: '' };
  }

  cursor(): string {
    const { chain, isKept, places, toldLost } = this.#options;
    // Nobody comes back to a ring that ends with us.
    if (!isKept) return '';
    const { name, ring } = chain.reading;
    return `${name} ${ring.position} ${toldLost()} ${places.toldLost}`;
  }

  free(cursor: string): void {
    if (cursor === this.#freed) return;
    this.#freed = cursor;
    const { chain } = this.#options;
    const known = parsed(cursor);
    const reached = known && chain.named(known.ringName);
    if (!reached) return;
    chain.dropBefore(reached);
    reached.ring.free(known.position);
  }

  skip(): void {
    this.#options.chain.freeRead();
  }

  get isFree(): boolean {
    const { ring } = this.#options.chain.newest;
    return ring.freed === ring.position;
  }

  get isFilling(): boolean {
    const { ring } = this.#options.chain.newest;
    return ring.position - ring.freed > ring.sizeBytes * filling;
  }

  get view(): QueueView {
    const { chain, obstacle } = this.#options;
    const { sizeBytes, written, freed } = chain.newest.ring;
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
