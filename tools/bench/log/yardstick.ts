/**
 * The yardstick: one `getSync` of a value in a LevelDB, warm. What a read of the past costs is told in these.
 */
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import type { Random } from '../../../src/random.ts';

export interface Yardstick {
  /** Reads some value. */
  get(): void;
  close(): Promise<void>;
}

/** As many bytes as a block of a thousand events has, or so. */
const valueBytes = 16 * 1024;

/** As many bytes in all as a log of so many events has, at least so many that they are in no cache of LevelDB's. */
export async function openYardstick(folder: string, events: number, random: Random): Promise<Yardstick> {
  const level = new ClassicLevel<string, Uint8Array>(join(folder, 'yardstick'), {
    valueEncoding: 'view',
    compression: false,
  });
  const count = Math.max(1000, Math.ceil(events / 1000));
  const value = new Uint8Array(valueBytes);
  const keyOf = (number: number): string => String(number).padStart(8, '0');
  for (let i = 0; i < count; i++) {
    for (let at = 0; at < valueBytes; at += 4) value[at] = random.bits();
    await level.put(keyOf(i), value);
  }
  await level.close();
  await level.open();
  return {
    get: () => {
      level.getSync(keyOf(random.below(count)));
    },
    close: () => level.close(),
  };
}
