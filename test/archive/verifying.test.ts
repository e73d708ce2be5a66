/** A check of a long log, on the archive's thread: it says how far it is, and ends with the result. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openArchive } from '../../src/archive/archive.ts';
import { openLevelLog } from '../../src/log/openLog.ts';
import { Scratch } from '../log/recordings.ts';
import { commitRandom } from '../log/sealed.ts';
import { Recording } from '../support/recording.ts';

const verifying = suite('verifying');
const scratch = await Scratch.open();
verifying.after(() => scratch.remove());

verifying('a long check tells how far it is before it has come to its end', async () => {
  const log = await openLevelLog({ folder: scratch.folder() });
  await commitRandom(log, 1, 140_000, 5000);
  const { recorder, clock } = await Recording.begin();
  const archive = openArchive(log.folder, recorder, clock);
  const ask = async (query: Parameters<typeof archive.verify>[0]): Promise<object[]> => {
    let text = '';
    for await (const lines of archive.verify(query, new AbortController().signal) ?? []) text += lines;
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  };
  const [first, second, result, ...rest] = (await ask({})) as { seq: number; firstSeq?: number }[];
  assert.ok(first && second && result && rest.length === 0);
  assert.ok(65_536 <= first.seq && first.seq < second.seq && second.seq <= 140_000);
  assert.equal([result.seq, result.firstSeq], [140_000, 1]);
  const { hash } = log.head;
  const [, , passed] = await ask({ expect: { seq: 140_000, hash } });
  assert.equal(passed, result);
  const [, , other] = (await ask({ expect: { seq: 140_000, hash: '0'.repeat(64) } })) as {
    unsound?: object;
  }[];
  assert.ok(other?.unsound);
  await archive.close();
  await log.close();
});

verifying.run();
