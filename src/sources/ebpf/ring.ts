/**
 * The reading side of a kernel ring buffer (Linux Documentation/bpf/ringbuf.rst): a queue that every CPU writes
 * into and one reader reads, mapped into this process. It hands over records in queue order and tells the kernel
 * how far it has read. What is in a record is the decoder's to know.
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
  readonly #sizeBytes: number;
  readonly #consumer: Mapping;
  readonly #producer: Mapping;
  readonly #consumerPosition: BigInt64Array;
  readonly #producerPosition: BigInt64Array;
  readonly #words: Uint32Array;
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4));
  /** How many bytes have been read since the ring was created; its remainder by the size is a place in the ring. */
  #position = 0;
  #published = 0;
  #isOpen = true;

  /** Maps the ring buffer map behind `fd`, which was created with this size. */
  constructor(fd: number, sizeBytes: number) {
    const pageBytes = pageSizeBytes();
    this.#sizeBytes = sizeBytes;
    this.#consumer = mapShared('mapping the ring for writing', fd, pageBytes, 0, 'write');
    // The data is mapped twice, one after the other, so that a record that wraps around can be read in one piece.
    const producerBytes = pageBytes + 2 * sizeBytes;
    this.#producer = mapShared('mapping the ring for reading', fd, producerBytes, pageBytes, 'read');
    this.#consumerPosition = new BigInt64Array(this.#consumer.buffer, 0, 1);
    this.#producerPosition = new BigInt64Array(this.#producer.buffer, 0, 1);
    this.#words = new Uint32Array(this.#producer.buffer, pageBytes, sizeBytes / 2);
  }

  /** Hands over all records that are queued at the call; returns how many. A record is handed over once. */
  drain(see: SeeRecord): number {
    assert(this.#isOpen, 'the ring is closed');
    const end = Number(Atomics.load(this.#producerPosition, 0));
    const words = this.#words;
    const sizeBytes = this.#sizeBytes;
    const publishedBytes = sizeBytes / publishedParts;
    let count = 0;
    try {
      while (this.#position < end) {
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
        if (this.#position - this.#published >= publishedBytes) this.#publish();
      }
    } finally {
      if (this.#position !== this.#published) this.#publish();
    }
    return count;
  }

  /** Gives the memory back; nothing can be drained afterwards. */
  close(): void {
    assert(this.#isOpen, 'the ring is closed');
    this.#isOpen = false;
    this.#consumer.unmap();
    this.#producer.unmap();
  }

  /** What has been read up to here may be written over. */
  #publish(): void {
    Atomics.store(this.#consumerPosition, 0, BigInt(this.#position));
    this.#published = this.#position;
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
