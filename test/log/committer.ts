/**
 * A program for tests: records into a folder (argument 1) until something ends it, and says on stdout what
 * has been committed: the seq that each commit reached, one a line. With a second argument it only holds the
 * recording.
 */
import { writeSync } from 'node:fs';
import { openLevelLog } from '../../src/log/levelLog.ts';
import { exit } from './contract.ts';

const [folder = '', holdOnly] = process.argv.slice(2);

try {
  const log = await openLevelLog({ folder });
  writeSync(1, `${log.seq}\n`);
  if (holdOnly !== undefined) await new Promise((resolve) => setTimeout(resolve, 60_000));
  for (let i = 0; ; i++) {
    const events = log.append(Array.from({ length: 1 + (i % 7) }, () => exit(i, 1e15 + log.seq)));
    await log.commit(i % 5 === 0 ? 'synced' : 'written');
    writeSync(1, `${events.at(-1)?.seq}\n`);
  }
} catch (error) {
  writeSync(2, `${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
