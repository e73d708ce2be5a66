/**
 * lmdb as a contestant: one value a commit, packed rows. A commit is synced when `flushed` says so.
 */
import type { Contestant } from '../bench/log/contestant.ts';
import { packed } from './packed.ts';

/** What is used of the package, which is not installed where nobody measures. */
interface Lmdb {
  open(options: {
    readonly path: string;
    readonly encoding: 'binary';
    readonly keyEncoding: 'uint32';
    readonly noSync: boolean;
    readonly overlappingSync: boolean;
  }): {
    put(key: number, value: Uint8Array): Promise<boolean>;
    readonly flushed: Promise<unknown>;
    close(): Promise<void>;
  };
}

export async function lmdbContestant(): Promise<Contestant> {
  const name: string = 'lmdb';
  const lmdb: Lmdb = await import(name);
  return {
    name: 'lmdb, packed rows',
    overlaps: true,
    open: async (folder) => {
      const store = lmdb.open({
        path: folder,
        encoding: 'binary',
        keyEncoding: 'uint32',
        noSync: false,
        overlappingSync: true,
      });
      let key = 0;
      return {
        commit: async (events, durability) => {
          key += 1;
          await store.put(key, packed(events));
          if (durability === 'synced') await store.flushed;
        },
        close: () => store.close(),
      };
    },
  };
}
