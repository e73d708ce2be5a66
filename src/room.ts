/**
 * Room: while the log finds none on its disk, this looks for some now and then, and has the log go on when there is.
 */
import type { Clock } from './ports.ts';

export interface RoomOptions {
  readonly log: { readonly isFull: boolean; reopen(): Promise<boolean> };
  readonly clock: Clock;
  /** What may still be written to the log's filesystem. */
  freeBytes(): number;
  /** Nobody but the recorder has the log open from when this resolves, until `callBack`. */
  readonly readers: { sendAway(): Promise<void>; callBack(): void };
  /** The disk has become full, or there is room again. */
  onChange(isFull: boolean): void;
}

const lookDelayMs = 1000;
/** LevelDB makes tables of its log files, of 4 MiB each, before it goes on; and what follows needs some as well. */
const enoughBytes = 32 * 1024 * 1024;

/** Returns what ends it, which resolves when nothing of it goes on any more. */
export function watchRoom({ log, clock, freeBytes, readers, onChange }: RoomOptions): () => Promise<void> {
  let wasFull = false;
  let ended = false;
  let looking: Promise<void> = Promise.resolve();
  let cancel = clock.after(lookDelayMs, begin);
  return async () => {
    ended = true;
    cancel();
    await looking;
  };

  function begin(): void {
    looking = look();
  }

  async function look(): Promise<void> {
    tell();
    if (log.isFull && freeBytes() >= enoughBytes) {
      await readers.sendAway();
      await log.reopen();
      readers.callBack();
      tell();
    }
    if (!ended) cancel = clock.after(lookDelayMs, begin);
  }

  function tell(): void {
    if (log.isFull === wasFull) return;
    wasFull = log.isFull;
    onChange(wasFull);
  }
}
