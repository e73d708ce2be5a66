/**
 * Our own log as a contestant.
 */
import { openLevelLog, openLogReader } from '../../../src/log/levelLog.ts';
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
      for await (const events of log.read(1)) for (const event of events) world.apply(event);
    } finally {
      await log.close();
    }
  },
};
