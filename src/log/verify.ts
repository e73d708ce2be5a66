/**
 * Checks a recording from the first event on that is kept: that its blocks and commits hold what was written, each seq
 * once, and that the chain goes through all of it.
 */
import { assert } from '../../events/assert.ts';
import type { Event } from '../../events/event.ts';
import type { Head, Verification } from '../ports.ts';
import { type Block, blockOf } from './block.ts';
import { equalBytes, headOf, type Link, missing, OpenCommit, UnsoundError } from './commit.ts';
import { RecordingError, readingError, UnsoundLogError } from './errors.ts';
import type { LevelReader } from './levelReader.ts';
import { markName, readMark } from './mark.ts';
import { type Origin, whole } from './origin.ts';
import { sha256 } from './sha256.ts';
import { commitsBehind } from './tail.ts';

export interface VerifyOptions {
  /** A head that was noted earlier: the log must have passed it. */
  readonly expect?: Pick<Head, 'seq' | 'hash'>;
  /** Is told the last sound seq, block by block and commit by commit. */
  readonly progress?: (seq: number) => void;
}

/** Unsoundness is a result; all else is a `RecordingError`. */
export async function verify(reader: LevelReader, options: VerifyOptions = {}): Promise<Verification> {
  const check = new Check(reader, options);
  try {
    await check.run();
    return check.result();
  } catch (error) {
    if (!(error instanceof UnsoundLogError)) throw error;
    return { ...check.result(), unsound: { seq: error.seq, why: error.why } };
  }
}

class Check {
  readonly #reader: LevelReader;
  readonly #options: VerifyOptions;
  #origin: Origin = whole;
  #link: Link = whole.link;
  #commits = 0;
  #source = '';

  constructor(reader: LevelReader, options: VerifyOptions) {
    this.#reader = reader;
    this.#options = options;
  }

  result(): Verification {
    const { seq, hash } = headOf(this.#link);
    const { firstSeq, firstUs } = this.#origin;
    return {
      events: Math.max(seq - firstSeq + 1, 0),
      commits: this.#commits,
      seq,
      hash,
      source: this.#source,
      ...(firstSeq > 1 && { keptFrom: { seq: firstSeq, timeUs: firstUs } }),
    };
  }

  async run(): Promise<void> {
    const { store } = this.#reader;
    // Read first: a log of this process that is closed meanwhile may set it further than we can see.
    const mark = await readMark(store.folder);
    try {
      this.#begin();
      await this.#blocks();
      await this.#tail();
      this.#end(mark);
    } catch (error) {
      throw readingError(store.folder, this.#link.seq + 1, error);
    }
  }

  #begin(): void {
    this.#origin = this.#reader.origin();
    const { link, firstSeq, firstUs } = this.#origin;
    this.#link = link;
    const { expect } = this.#options;
    if (expect === undefined || expect.seq > link.seq) return;
    if (expect.seq === link.seq) {
      this.#hold(link, expect);
      return;
    }
    throw new RecordingError(
      `what was noted at seq ${expect.seq} cannot be checked: the recording is kept from seq ${firstSeq} on, ` +
        `which happened at ${new Date(firstUs / 1000).toISOString()}`,
    );
  }

  async #blocks(): Promise<void> {
    const { firstSeq, link, events } = this.#origin;
    // The first commit may have begun before the first block that is kept.
    const open = new OpenCommit(link);
    for (const event of events) open.retake(event);
    for (let number = blockOf(firstSeq); ; number++) {
      const block = this.#reader.block(number);
      if (block === undefined) return;
      this.#through(block, open);
      this.#options.progress?.(this.#link.seq);
      // Others may have something to do on this thread.
      await Promise.resolve();
    }
  }

  /** Takes the chain through a block, whose first events may be the rest of a commit that began before it. */
  #through(block: Block, open: OpenCommit): void {
    const { firstSeq, linkBefore, linkAfter } = block.head;
    if (!isSame(linkBefore, this.#link)) {
      throw new UnsoundError(
        this.#link.seq + 1,
        `the block that begins with seq ${firstSeq} follows another`,
      );
    }
    const ends = block.ends.values();
    let end = ends.next().value;
    block.replay(firstSeq, block.lastSeq, (event) => {
      this.#note(event);
      open.retake(event);
      if (event.seq !== end) return;
      this.#pass(open.seal(this.#link.hash, sha256).link);
      end = ends.next().value;
    });
    if (isSame(linkAfter, this.#link)) return;
    this.#link = linkBefore;
    throw new UnsoundError(
      linkBefore.seq + 1,
      'the commits there are not those that were written (their hash differs)',
    );
  }

  async #tail(): Promise<void> {
    for await (const { events, link } of commitsBehind(this.#reader.store, this.#link)) {
      for (const event of events) this.#note(event);
      this.#pass(link);
      this.#options.progress?.(link.seq);
    }
  }

  #end(mark: number | 'damaged'): void {
    const { seq } = this.#link;
    if (mark === 'damaged') {
      throw new UnsoundError(seq + 1, `the file ${markName}, which says where it ended, is damaged`);
    }
    if (mark > seq) throw new UnsoundError(seq + 1, `${missing(seq + 1, mark)} at the end`);
    const { expect } = this.#options;
    if (expect && expect.seq > seq) {
      throw new UnsoundError(seq + 1, `${missing(seq + 1, expect.seq)} at the end, which was noted before`);
    }
  }

  #pass(link: Link): void {
    const { expect } = this.#options;
    assert(link.seq > this.#link.seq, 'a commit is not empty');
    if (expect && expect.seq > this.#link.seq && expect.seq <= link.seq) this.#hold(link, expect);
    this.#link = link;
    this.#commits += 1;
  }

  /** Holds the end of a commit against what was noted there, or before it. */
  #hold(link: Link, expect: NonNullable<VerifyOptions['expect']>): void {
    const { hash } = headOf(link);
    if (expect.seq < link.seq) {
      throw new UnsoundError(
        this.#link.seq + 1,
        `no commit ends with seq ${expect.seq}, where one was noted`,
      );
    }
    if (expect.hash === hash) return;
    throw new UnsoundError(
      this.#link.seq + 1,
      `the log that was noted at seq ${expect.seq} is another: its hash was ${expect.hash}, and is ${hash}`,
    );
  }

  #note(event: Event): void {
    if (event.type === 'source') this.#source = event.name;
  }
}

function isSame(a: Link, b: Link): boolean {
  return a.seq === b.seq && equalBytes(a.hash, b.hash);
}
