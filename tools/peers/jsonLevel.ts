/**
 * classic-level with an event a key, as JSON, as a contestant. LevelDB syncs what it writes itself here.
 */
import { ClassicLevel } from 'classic-level';
import type { Event } from '../../events/event.ts';
import type { Contestant } from '../bench/log/contestant.ts';

export const jsonLevel: Contestant = {
  name: 'classic-level, JSON a key',
  overlaps: true,
  open: async (folder) => {
    const level = new ClassicLevel<string, unknown>(folder, { valueEncoding: 'json' });
    await level.open();
    let seq = 0;
    return {
      commit: (events, durability) =>
        level.batch(
          events.map(({ fact, timeUs, skewUs }) => {
            seq += 1;
            const value = { seq, timeUs, skewUs, ...fact };
            return { type: 'put', key: String(seq).padStart(16, '0'), value } as const;
          }),
          { sync: durability === 'synced' },
        ),
      close: () => level.close(),
    };
  },
  fold: async (folder, world) => {
    const level = new ClassicLevel<string, Event>(folder, { valueEncoding: 'json' });
    for await (const event of level.values()) world.apply(event);
    await level.close();
  },
};
