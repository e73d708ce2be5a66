/**
 * The chronicle: what the log says of the recording itself. Which recording this is, what source it has,
 * on which boot, how boot time becomes wall-clock time, where it has gaps, and how often the recorder was late.
 */
import type { Event, GapReason } from '../events/event.ts';

export interface Gap {
  /** The seq of the `gap` event. */
  readonly seq: number;
  readonly reason: GapReason;
  readonly lost: number;
  readonly sinceUs: number;
  readonly untilUs: number;
}

export class Chronicle {
  recording = '';
  version = '';
  /** Empty before the first `source` event. */
  source = '';
  blind = '';
  bootId = '';
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

  dump(): unknown {
    return { ...this };
  }
}
