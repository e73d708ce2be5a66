/**
 * The chronicle: what the log says of the recording itself. Which recording this is, what source it has,
 * on which boot, how boot time becomes wall-clock time, where it has gaps, and how often the recorder was late.
 */
import { assert } from '../events/assert.ts';
import type { Event, GapReason } from '../events/event.ts';
import { SnapshotReader, SnapshotWriter } from './snapshot.ts';

export interface Gap {
  /** The seq of the `gap` event. */
  readonly seq: number;
  readonly reason: GapReason;
  readonly lost: number;
  readonly sinceUs: number;
  readonly untilUs: number;
}

const reasons: readonly GapReason[] = ['overflow', 'stopped', 'nonsense', 'unplaced', 'unsound', 'full'];

export class Chronicle {
  /** Of what `save` writes and what that means: another one for every change of either. */
  static readonly version = 1;
  recording = '';
  version = '';
  /** Empty before the first `source` event. */
  source = '';
  blind = '';
  bootId = '';
  /** The seqs of the first `source` event, and of the first one of this boot; 0 before there is one. */
  startSeq = 0;
  bootSeq = 0;
  /** Boot-clock time plus this is wall-clock time, microseconds. */
  offsetUs = 0;
  /** When the recording began, wall-clock microseconds. */
  startedUs = 0;
  /** Whether the recorder last stopped in order. */
  stopped = false;
  /** The last event applied. */
  seq = 0;
  timeUs = 0;
  readonly gaps: Gap[] = [];
  /** How often the recorder was late, and by how much at most, microseconds. */
  stalls = 0;
  longestStallUs = 0;

  apply(event: Event): void {
    this.seq = event.seq;
    this.timeUs = event.timeUs;
    switch (event.type) {
      case 'recording':
        this.recording = event.id;
        this.version = event.version;
        this.startedUs = event.timeUs;
        break;
      case 'source':
        if (this.startSeq === 0) this.startSeq = event.seq;
        if (event.bootId !== this.bootId) this.bootSeq = event.seq;
        this.source = event.name;
        this.blind = event.blind;
        this.bootId = event.bootId;
        this.stopped = false;
        break;
      case 'clock':
        this.offsetUs = event.offsetUs;
        break;
      case 'stop':
        this.stopped = true;
        break;
      case 'gap':
        this.gaps.push({
          seq: event.seq,
          reason: event.reason,
          lost: event.lost,
          sinceUs: event.sinceUs,
          untilUs: event.timeUs,
        });
        break;
      case 'stall':
        this.stalls += 1;
        this.longestStallUs = Math.max(this.longestStallUs, event.lengthUs);
        break;
      default:
    }
  }

  save(): Uint8Array {
    const writer = new SnapshotWriter('chronicle', Chronicle.version);
    for (const text of [this.recording, this.version, this.source, this.blind, this.bootId])
      writer.text(text);
    const { startSeq, bootSeq, offsetUs, startedUs, stopped, seq, timeUs, stalls, longestStallUs, gaps } =
      this;
    for (const number of [startSeq, bootSeq, offsetUs, startedUs, stopped ? 1 : 0, seq, timeUs]) {
      writer.number(number);
    }
    for (const number of [stalls, longestStallUs, gaps.length]) writer.number(number);
    const column = (numberOf: (gap: Gap) => number) => {
      writer.numbers(gaps.length, (i) => (gaps[i] ? numberOf(gaps[i]) : 0));
    };
    column((gap) => gap.seq);
    column((gap) => reasons.indexOf(gap.reason));
    column((gap) => gap.lost);
    column((gap) => gap.sinceUs);
    column((gap) => gap.untilUs);
    return writer.sealed();
  }

  /** Takes in what was saved; nothing must have been applied yet. Throws a `SnapshotError`, and is not to be used then. */
  load(bytes: Uint8Array): void {
    const reader = new SnapshotReader(bytes, 'chronicle', Chronicle.version);
    this.recording = reader.text();
    this.version = reader.text();
    this.source = reader.text();
    this.blind = reader.text();
    this.bootId = reader.text();
    this.startSeq = reader.number();
    this.bootSeq = reader.number();
    this.offsetUs = reader.number();
    this.startedUs = reader.number();
    this.stopped = reader.number() === 1;
    this.seq = reader.number();
    this.timeUs = reader.number();
    this.stalls = reader.number();
    this.longestStallUs = reader.number();
    this.#loadGaps(reader, reader.number());
    reader.end();
  }

  #loadGaps(reader: SnapshotReader, count: number): void {
    const seqs = reader.numbers(count);
    const gapReasons = reader.numbers(count);
    const losses = reader.numbers(count);
    const starts = reader.numbers(count);
    reader.each(count, (untilUs, i) => {
      const reason = reasons[gapReasons[i] ?? 0];
      assert(reason, 'gap % has a reason', i);
      this.gaps.push({ seq: seqs[i] ?? 0, reason, lost: losses[i] ?? 0, sinceUs: starts[i] ?? 0, untilUs });
    });
  }

  dump(): unknown {
    return { ...this };
  }
}
