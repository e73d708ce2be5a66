/**
 * A program for tests: records into a folder (argument 1) until something ends it, and says on stdout what
 * has been committed: the seq that each commit reached, one a line. With `hold` as argument 2 it only holds the
 * recording; with `starve` it leaves the process without a free descriptor after its first commit.
 */
import { openSync, writeSync } from 'node:fs';
import { openLevelLog } from '../../src/log/openLog.ts';
import { hasCode, messageOf } from '../../src/system/errno.ts';
import { exit } from './contract.ts';

const [folder = '', mode] = process.argv.slice(2);

try {
  const log = await openLevelLog({ folder });
  writeSync(1, `${log.seq}\n`);
  if (mode === 'hold') await new Promise((resolve) => setTimeout(resolve, 60_000));
  for (let i = 0; ; i++) {
    const events = log.append(Array.from({ length: 1 + (i % 7) }, () => exit(i, 1e15 + log.seq)));
    await log.commit(i % 5 === 0 ? 'synced' : 'written');
    writeSync(1, `${events.at(-1)?.seq}\n`);
    if (mode === 'starve' && i === 0) takeAllDescriptors();
  }
} catch (error) {
  writeSync(2, `${messageOf(error)}\n`);
  process.exitCode = 1;
}

function takeAllDescriptors(): void {
  try {
    for (;;) openSync('/dev/null', 'r');
  } catch (error) {
    if (!hasCode(error, 'EMFILE')) throw error;
  }
}
