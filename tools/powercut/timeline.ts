/**
 * The timeline: what a recording may hold, and must hold, at each moment of a workload, by the workload's own notes.
 */
import { place } from '../../events/codec.ts';
import { digestWith, noEvents } from './digest.ts';
import type { Finding } from './finding.ts';
import { type Note, noteIn } from './note.ts';
import { Story } from './story.ts';

export interface Verdict {
  /**
   * `refused`: the log does not open, for it says that it is not sound. `missing`: it opens, and something answered is
   * not there. `wrong`: something else is there than was appended, or it cannot be opened at all.
   */
  readonly kind: 'sound' | 'refused' | 'missing' | 'wrong';
  readonly why: string;
}

const sound: Verdict = { kind: 'sound', why: '' };

export class Timeline {
  /** By seq, the digest of all events up to it. */
  #digests = [noEvents];
  /** By seq, the chain's hashes that were shown. */
  #hashes = new Map<number, string>();
  #answered = 0;
  #story: Story | undefined;

  /** The last seq that was promised to survive. */
  get answered(): number {
    return this.#answered;
  }

  /** This moment's, for a process that goes on from here with another story. */
  copy(): Timeline {
    const copy = new Timeline();
    copy.#digests = [...this.#digests];
    copy.#hashes = new Map(this.#hashes);
    copy.#answered = this.#answered;
    return copy;
  }

  /** Takes in lines of notes by a process whose story follows from this seed. */
  take(text: string, seed: number): void {
    for (const line of text.split('\n')) if (line !== '') this.#take(noteIn(line), seed);
  }

  /** What is to be thought of what was found after a loss of power at this moment. */
  verdictOn(finding: Finding): Verdict {
    if (finding.kind === 'refused') return { kind: 'refused', why: finding.why };
    if (finding.kind === 'failed') return { kind: 'wrong', why: finding.why };
    const { head, events, digest } = finding;
    const { seq } = head;
    const wrong = (why: string): Verdict => ({ kind: 'wrong', why });
    if (seq < this.#answered) {
      return {
        kind: 'missing',
        why: `seq ${this.#answered} was answered, and ${seq} is the last that is there`,
      };
    }
    if (events !== seq) return wrong(`${events} events are there, and the head is seq ${seq}`);
    if (digest !== this.#digests[seq])
      return wrong(`what is there up to seq ${seq} is not what was appended`);
    const shown = this.#hashes.get(seq);
    if (shown !== undefined && shown !== head.hash) return wrong(`at seq ${seq} another hash was shown`);
    return sound;
  }

  #take(note: Note, seed: number): void {
    switch (note.kind) {
      case 'opened':
        this.#opened(note, seed);
        break;
      case 'append':
        this.#append(note.count);
        break;
      case 'answered':
        this.#answered = Math.max(this.#answered, note.seq);
        break;
      case 'head':
        this.#hashes.set(note.seq, note.hash);
        break;
    }
  }

  /** What an outage has taken is gone for good: other events will have these seqs. */
  #opened({ seq, timeUs, hash }: Note & { readonly kind: 'opened' }, seed: number): void {
    this.#story ??= new Story(seed, timeUs);
    this.#digests.length = seq + 1;
    for (const shown of this.#hashes.keys()) if (shown > seq) this.#hashes.delete(shown);
    this.#hashes.set(seq, hash);
  }

  #append(count: number): void {
    for (const { fact, timeUs, skewUs } of this.#story?.next(count) ?? []) {
      const seq = this.#digests.length;
      this.#digests.push(digestWith(this.#digests[seq - 1] ?? noEvents, place(fact, seq, timeUs, skewUs)));
    }
  }
}
