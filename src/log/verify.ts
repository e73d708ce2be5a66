/**
 * Checks a recording, from its first event or from a checkpoint on: that its blocks and commits hold what was written, each
 * seq once, and that the chain goes through all of it. What was made out of the events is looked at beside that, and never
 * makes a log unsound.
 */
import { assert } from '../../events/assert.ts';
import type { Event } from '../../events/event.ts';
import type { Flaw, Noted, Verification } from '../ports.ts';
import { blockEvents, firstSeqOf } from './block.ts';
import { headOf, type Link, missing, UnsoundError } from './commit.ts';
import { RecordingError, readingError, UnsoundLogError } from './errors.ts';
import type { LevelReader } from './levelReader.ts';
import { markName, readMark } from './mark.ts';
import { type Origin, whole } from './origin.ts';
import { type Checkpoint, checkpointAt, checkpointBefore, passageFrom } from './passage.ts';

export interface VerifyOptions {
  /** A head that was noted earlier: the log must have passed it. */
  readonly expect?: Noted;
  /**
   * Begins at the last checkpoint before this seq, or this time (wall-clock microseconds), and takes what is written there
   * for true; with `expect` before that too.
   */
  readonly since?: { readonly seq: number } | { readonly timeUs: number };
  /** Is told the last sound seq, block by block and commit by commit, and waited for. */
  readonly progress?: (seq: number) => unknown;
  /** Nothing but the log itself is looked at where this is absent. */
  readonly byproducts?: Byproducts;
}

/** Looks at what was made out of the events, while these pass. */
export interface Byproducts {
  /** Before the first event passes, which is this one. */
  begin(reader: LevelReader, firstSeq: number): Promise<void>;
  /** Is shown every event, good for that call only. */
  see(event: Event): void;
  /** All events up to the end of a block have passed. */
  passed(lastSeq: number): Promise<void>;
  /** What was found so far. */
  readonly flaws: readonly Flaw[];
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

function flawsIn(byproducts: Byproducts | undefined): Pick<Verification, 'flaws'> {
  const flaws = byproducts?.flaws ?? [];
  return flaws.length === 0 ? {} : { flaws };
}

class Check {
  readonly #reader: LevelReader;
  readonly #options: VerifyOptions;
  #origin: Origin = whole;
  #from: Checkpoint = checkpointAt(whole);
  #link: Link = whole.link;
  #commits = 0;
  #source = '';

  constructor(reader: LevelReader, options: VerifyOptions) {
    this.#reader = reader;
    this.#options = options;
  }

  result(): Verification {
    const { seq, hash } = headOf(this.#link);
    const { firstSeq: keptSeq, firstUs } = this.#origin;
    const firstSeq = Math.max(this.#from.link.seq + 1, keptSeq);
    return {
      firstSeq,
      events: Math.max(seq - firstSeq + 1, 0),
      commits: this.#commits,
      seq,
      hash,
      source: this.#source,
      ...flawsIn(this.#options.byproducts),
      ...(keptSeq > 1 && { keptFrom: { seq: keptSeq, timeUs: firstUs } }),
    };
  }

  async run(): Promise<void> {
    const { store } = this.#reader;
    // Read first: a log of this process that is closed meanwhile may set it further than we can see.
    const mark = await readMark(store.folder);
    try {
      this.#origin = this.#reader.origin();
      this.#from = checkpointAt(this.#origin);
      this.#link = this.#from.link;
      this.#requireKept();
      this.#from = await this.#checkpoint();
      this.#link = this.#from.link;
      await this.#pass();
      this.#end(mark);
    } catch (error) {
      throw readingError(store.folder, this.#link.seq + 1, error);
    }
  }

  /** What was noted of what is not kept any more cannot be found again, but for the last of it. */
  #requireKept(): void {
    const { link, firstSeq, firstUs } = this.#origin;
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

  async #checkpoint(): Promise<Checkpoint> {
    const { since, expect } = this.#options;
    if (since === undefined) return this.#from;
    const seq = 'seq' in since ? since.seq : (await this.#reader.seqAt(since.timeUs - 1)) + 1;
    return checkpointBefore(this.#reader, Math.min(seq, expect?.seq ?? seq));
  }

  async #pass(): Promise<void> {
    const { byproducts } = this.#options;
    let seenSeq = firstSeqOf(this.#from.block) - 1;
    const note = (event: Event): void => {
      if (event.type === 'source') this.#source = event.name;
      seenSeq = event.seq;
      byproducts?.see(event);
    };
    await byproducts?.begin(this.#reader, seenSeq + 1);
    for await (const commits of passageFrom(this.#reader, this.#from, note)) {
      for (const { link } of commits) this.#passLink(link);
      if (seenSeq % blockEvents === 0) await byproducts?.passed(seenSeq);
      await this.#options.progress?.(this.#link.seq);
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

  #passLink(link: Link): void {
    const { expect } = this.#options;
    assert(link.seq > this.#link.seq, 'a commit is not empty');
    if (expect && expect.seq > this.#link.seq && expect.seq <= link.seq) this.#hold(link, expect);
    this.#link = link;
    this.#commits += 1;
  }
  /** Holds the end of a commit against what was noted there, or before it. */
  #hold(link: Link, expect: Noted): void {
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
}
