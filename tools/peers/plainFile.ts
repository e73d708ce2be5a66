/**
 * A plain file as a contestant: packed rows at its end, and fdatasync.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Contestant } from '../bench/log/contestant.ts';
import { packed } from './packed.ts';

export const plainFile: Contestant = {
  name: 'plain file, fdatasync',
  overlaps: true,
  open: async (folder) => {
    const file = await open(join(folder, 'events'), 'w');
    let end = 0;
    return {
      commit: async (events, durability) => {
        const bytes = packed(events);
        const at = end;
        end += bytes.length;
        await file.write(bytes, 0, bytes.length, at);
        if (durability === 'synced') await file.datasync();
      },
      close: () => file.close(),
    };
  },
};
