/** When LevelDB's own sync is everything: on files that are written as LevelDB writes its log files. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LevelSync } from '../../src/log/levelSync.ts';

interface Context {
  folder: string;
  sync: LevelSync;
}

const levelSync = suite<Context>('level sync');

levelSync.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'tasktrail-sync-'));
  writeFileSync(join(context.folder, '000003.log'), 'a write');
  context.sync = new LevelSync(context.folder);
});

levelSync.after.each(async ({ folder, sync }) => {
  await sync.close();
  rmSync(folder, { recursive: true });
});

/** Writes to a log file, and says so. */
function write({ folder, sync }: Context, name: string): void {
  appendFileSync(join(folder, name), 'one more write');
  sync.wrote();
}

levelSync('what was written before the first sync is not in one file for all that is known', (context) => {
  assert.not(context.sync.isOneFile);
  write(context, '000003.log');
  assert.not(context.sync.isOneFile);
});

levelSync('once all files are synced, what goes to the newest is', async (context) => {
  await context.sync.run();
  assert.ok(context.sync.isOneFile);
  write(context, '000003.log');
  assert.ok(context.sync.isOneFile);
});

levelSync(
  'a write to a new file leaves something in the one before, until both are synced',
  async (context) => {
    await context.sync.run();
    write(context, '000003.log');
    write(context, '000005.log');
    assert.not(context.sync.isOneFile);
    write(context, '000005.log');
    assert.not(context.sync.isOneFile);
    await context.sync.run();
    write(context, '000005.log');
    assert.ok(context.sync.isOneFile);
  },
);

levelSync(
  'while files are looked for, a write may go to any, and the next sync finds it',
  async (context) => {
    const run = context.sync.run();
    // It has begun to look by then, and has found nothing.
    await Promise.resolve();
    assert.not(context.sync.isOneFile);
    write(context, '000003.log');
    assert.not(context.sync.isOneFile);
    await run;
    assert.not(context.sync.isOneFile);
    await context.sync.run();
    assert.ok(context.sync.isOneFile);
  },
);

levelSync.run();
