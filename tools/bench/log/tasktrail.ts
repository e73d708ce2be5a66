/**
 * Our own log as a contestant.
 */
import { openLevelLog, openLogReader } from '../../../src/log/openLog.ts';
import type { Contestant } from './contestant.ts';

export const tasktrail: Contestant & Required<Pick<Contestant, 'fold'>> = {
  name: 'tasktrail',
  overlaps: true,
  open: async (folder) => {
    const log = await openLevelLog({ folder });
    return {
      commit: (events, durability) => {
        log.append(events);
        return log.commit(durability);
      },
      close: () => log.close(),
    };
  },
  fold: async (folder, world) => {
    const log = await openLogReader({ folder });
    try {
      await log.replay(1, Number.MAX_SAFE_INTEGER, (event) => world.apply(event));
    } finally {
      await log.close();
    }
  },
};
