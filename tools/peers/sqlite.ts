/**
 * better-sqlite3 as a contestant: a row a commit, which holds the packed rows, in write-ahead mode. It is synchronous.
 */
import { join } from 'node:path';
import type { Contestant } from '../bench/log/contestant.ts';
import { packed } from './packed.ts';

/** What is used of the package, which is not installed where nobody measures. */
interface Database {
  pragma(text: string): unknown;
  exec(text: string): unknown;
  prepare(text: string): { run(...values: readonly unknown[]): unknown };
  close(): unknown;
}

export async function sqliteContestant(): Promise<Contestant> {
  const name: string = 'better-sqlite3';
  const { default: Sqlite }: { default: new (path: string) => Database } = await import(name);
  return {
    name: 'better-sqlite3, packed rows',
    overlaps: false,
    open: async (folder) => {
      const database = new Sqlite(join(folder, 'events.db'));
      database.pragma('journal_mode = WAL');
      database.exec('CREATE TABLE events (id INTEGER PRIMARY KEY, rows BLOB)');
      const insert = database.prepare('INSERT INTO events (rows) VALUES (?)');
      let syncs = '';
      return {
        commit: async (events, durability) => {
          // In write-ahead mode FULL syncs at each commit, and NORMAL at checkpoints only.
          const wanted = durability === 'synced' ? 'FULL' : 'NORMAL';
          if (syncs !== wanted) database.pragma(`synchronous = ${wanted}`);
          syncs = wanted;
          insert.run(packed(events));
        },
        close: async () => {
          database.close();
        },
      };
    },
  };
}
