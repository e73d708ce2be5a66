/**
 * A program: opens the recording in each folder that it is told, and tells what it found there.
 */
import { RecordingError, UnsoundLogError } from '../../src/log/errors.ts';
import { openLevelLog } from '../../src/log/openLog.ts';
import { digestWith, noEvents } from './digest.ts';
import type { Finding } from './finding.ts';

process.on('message', (folder: string) => {
  void find(folder).then((finding) => process.send?.(finding));
});

async function find(folder: string): Promise<Finding> {
  try {
    const log = await openLevelLog({ folder });
    try {
      const { head } = log;
      let [events, digest] = [0, noEvents];
      for await (const commit of log.read(1)) {
        events += commit.length;
        digest = commit.reduce(digestWith, digest);
      }
      return { kind: 'opened', head, events, digest };
    } finally {
      await log.close();
    }
  } catch (error) {
    if (!(error instanceof RecordingError)) throw error;
    return { kind: error instanceof UnsoundLogError ? 'refused' : 'failed', why: error.message };
  }
}
