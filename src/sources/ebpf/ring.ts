/**
 * The reading side of a kernel ring buffer (Linux Documentation/bpf/ringbuf.rst): a queue that every CPU writes
 * into and one reader reads, mapped into this process. It hands over records in queue order. What is in a record is
 * the decoder's to know.
 *
 * The kernel is told up to which position the ring may be written over. A ring that goes with this process tells it
 * of everything that was read; of one that is kept, only of what `free` says, so that whoever reads it next finds
 * all of the rest. While read and freed differ, the kernel wakes nobody (kernel/bpf/ringbuf.c: bpf_ringbuf_commit).
 */
import assert from 'node:assert/strict';
import { type Mapping, mapShared, pageSizeBytes } from '../../system/mapping.ts';

/** Called for each record: its first word in `words`, the ring's data as 32-bit words. */
export type SeeRecord = (words: Uint32Array, at: number) => void;

/** A record's header is two words: its length with two flags in the top bits, and one that is the kernel's own. */
const headerBytes = 8;
const busyFlag = 0x8000_0000;
const discardedFlag = 0x4000_0000;
const lengthMask = 0x3fff_ffff;

/**
 * A busy record is being written at this moment, and hides what is behind it. Its writer needs less than a
 * microsecond, unless it has been pushed off this very CPU: so the reader looks on for a while, then sleeps a
 * little to let it run, and in the end leaves the record to the next drain.
 */
const busyLooks = 2000;
const busySleeps = 5000;
const busySleepMs = 0.1;

/** In a long drain the kernel is told of the progress each time this part of the ring has been read. */
const publishedParts = 16;

export class Ring {
  readonly sizeBytes: number;
  readonly #isKept: boolean;
  readonly #consumer: Mapping;
  readonly #producer: Mapping;
  readonly #consumerPosition: BigInt64Array;
  readonly #producerPosition: BigInt64Array;
  readonly #words: Uint32Array;
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4));
  /** How many bytes have been read since the ring was created; its remainder by the size is a place in the ring. */
  #position: number;
  #freed: number;
  #isOpen = true;

  /** Maps the ring buffer map behind `fd`, which was created with this size; reading goes on where it was freed to. */
  constructor(fd: number, sizeBytes: number, isKept = false) {
    const pageBytes = pageSizeBytes();
    this.sizeBytes = sizeBytes;
    this.#isKept = isKept;
    this.#consumer = mapShared('mapping the ring for writing', fd, pageBytes, 0, 'write');
    // The data is mapped twice, one after the other, so that a record that wraps around can be read in one piece.
    const producerBytes = pageBytes + 2 * sizeBytes;
    this.#producer = mapShared('mapping the ring for reading', fd, producerBytes, pageBytes, 'read');
    this.#consumerPosition = new BigInt64Array(this.#consumer.buffer, 0, 1);
    this.#producerPosition = new BigInt64Array(this.#producer.buffer, 0, 1);
    this.#words = new Uint32Array(this.#producer.buffer, pageBytes, sizeBytes / 2);
    this.#freed = Number(Atomics.load(this.#consumerPosition, 0));
    this.#position = this.#freed;
  }

  /** How far it has been read, in bytes since the ring was created. */
  get position(): number {
    return this.#position;
  }

  /** How far it may be written over. */
  get freed(): number {
    return this.#freed;
  }

  /** How far it has been written. */
  get written(): number {
    assert(this.#isOpen, 'the ring is closed');
    return Number(Atomics.load(this.#producerPosition, 0));
  }

  /**
   * Hands over all records that are queued at the call, `limit` at most; returns how many. A record is handed over
   * once.
   */
  drain(see: SeeRecord, limit = Number.POSITIVE_INFINITY): number {
    const end = this.written;
    const words = this.#words;
    const sizeBytes = this.sizeBytes;
    const publishedBytes = sizeBytes / publishedParts;
    let count = 0;
    try {
      while (this.#position < end && count < limit) {
        const at = (this.#position % sizeBytes) / 4;
        let header = Atomics.load(words, at);
        if (header >= busyFlag) {
          header = this.#awaitRecord(at);
          if (header >= busyFlag) break;
        }
        this.#position += (headerBytes + (header & lengthMask) + 7) & ~7;
        if ((header & discardedFlag) === 0) {
          count += 1;
          see(words, at + headerBytes / 4);
        }
        if (!this.#isKept && this.#position - this.#freed >= publishedBytes) this.free(this.#position);
      }
    } finally {
      if (!this.#isKept) this.free(this.#position);
    }
    return count;
  }

  /** Goes on reading at a position between what was freed and what is written. */
  skipTo(position: number): void {
    assert(position >= this.#freed && position <= this.written, 'the ring does not hold this position');
    this.#position = position;
  }

  /** What has been read up to this position may be written over. */
  free(position: number): void {
    assert(position <= this.#position, 'what has not been read is not given back');
    if (position <= this.#freed) return;
    Atomics.store(this.#consumerPosition, 0, BigInt(position));
    this.#freed = position;
  }

  /** Gives the memory back; nothing can be drained afterwards. */
  close(): void {
    assert(this.#isOpen, 'the ring is closed');
    this.#isOpen = false;
    this.#consumer.unmap();
    this.#producer.unmap();
  }

  /** The header of the record at this word once it is no longer busy; still busy after a bounded wait. */
  #awaitRecord(at: number): number {
    for (let i = 0; i < busyLooks; i++) {
      const header = Atomics.load(this.#words, at);
      if (header < busyFlag) return header;
    }
    for (let i = 0; i < busySleeps; i++) {
      Atomics.wait(this.#sleeper, 0, 0, busySleepMs);
      const header = Atomics.load(this.#words, at);
      if (header < busyFlag) return header;
    }
    return busyFlag;
  }
}
