/** A full disk: nothing is recorded while there is no room, and when there is, the log says what was not. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Recording } from '../support/recording.ts';

const fullDisk = suite('full disk');

fullDisk('commands are refused, what happens is counted, and a look follows when there is room', async () => {
  const recording = await Recording.begin();
  const { source, log, clock } = recording;
  source.happen('start t');
  await recording.mkdir('/a');
  const { timeUs } = log.head;
  log.full = true;
  clock.pass(60_000);
  source.happen('t forks c');
  source.happen('t forks d');
  assert.is(await recording.mkdir('/b'), 'ENOSPC');
  recording.recorder.read(() => {});
  source.happen('d exits');
  clock.pass(60_000);
  assert.equal(recording.failures, []);
  const { seq } = log;
  assert.is(seq, log.head.seq, 'nothing is held in memory');
  log.full = false;
  clock.pass(2000);
  assert.is(await recording.mkdir('/b'), 'done');
  const events = await recording.events(seq + 1);
  const [gap, birth, ...others] = events.filter(({ type }) => type !== 'clock');
  assert.equal(gap?.type === 'gap' && [gap.reason, gap.lost, gap.sinceUs], ['full', 3, timeUs]);
  assert.equal(birth?.type === 'adopt' && birth.certainty, 'inferred');
  assert.equal(
    others.map(({ type }) => type),
    ['mkdir'],
  );
  source.happen('c exits');
  recording.recorder.read(() => {});
  await log.commit('written');
  assert.is((await recording.types()).at(-1), 'exit');
});

fullDisk('a stop does not wait for room', async () => {
  const recording = await Recording.begin();
  recording.log.full = true;
  await recording.recorder.stop();
  assert.is.not((await recording.types()).at(-1), 'stop');
});

fullDisk.run();
