/** Stalls: which delays are told, how long they were, and where they stand in the log. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Watchdog } from '../../src/engine/watchdog.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { FakeSource } from '../support/fakeSource.ts';
import { Recording } from '../support/recording.ts';

const watchdog = suite('watchdog');

function watched() {
  const clock = new FakeClock();
  const dog = new Watchdog(clock);
  const stalls: number[] = [];
  dog.watch((lengthUs) => stalls.push(lengthUs));
  /** Nothing is called back meanwhile. */
  const pause = (durationMs: number): void => {
    clock.nowUs += durationMs * 1000;
    clock.pass(0);
  };
  return { clock, dog, stalls, pause };
}

watchdog('what is called back more than 100 ms late has waited, and for how long is told', () => {
  const { dog, stalls, pause } = watched();
  dog.after(20, () => {});
  pause(120);
  assert.equal(stalls, []);
  dog.after(20, () => {});
  pause(121);
  assert.equal(stalls, [101_000]);
});

watchdog('it is told when what was late has been done', () => {
  const clock = new FakeClock();
  const dog = new Watchdog(clock);
  const told: string[] = [];
  dog.watch(() => told.push('stall'));
  dog.after(20, () => told.push('done'));
  clock.nowUs += 500_000;
  clock.pass(0);
  assert.equal(told, ['done', 'stall']);
});

watchdog('a pause that makes several things late is one stall, as long as the first had to wait', () => {
  const { dog, stalls, pause } = watched();
  for (const delayMs of [300, 20, 100]) dog.after(delayMs, () => {});
  pause(1020);
  assert.equal(stalls, [1_000_000]);
});

watchdog('what somebody does for long makes the next one late, and counts once', () => {
  const { clock, dog, stalls, pause } = watched();
  dog.after(20, () => {
    clock.nowUs += 400_000;
  });
  dog.after(30, () => {});
  pause(40);
  assert.equal(stalls, [410_000]);
  dog.after(20, () => {});
  clock.pass(20);
  assert.is(stalls.length, 1);
});

watchdog('who is only slow to be cancelled was not late, nor what was due before anybody watched', () => {
  const clock = new FakeClock();
  const dog = new Watchdog(clock);
  const stalls: number[] = [];
  dog.after(20, () => {});
  clock.nowUs += 5_000_000;
  dog.watch((lengthUs) => stalls.push(lengthUs));
  clock.pass(0);
  const cancel = dog.after(20, () => {});
  clock.nowUs += 5_000_000;
  cancel();
  clock.pass(0);
  assert.equal(stalls, []);
});

watchdog('it sets no timer of its own', () => {
  const { clock } = watched();
  assert.is(clock.waiting, 0);
});

watchdog('a recorder that is late says so, and by how much', async () => {
  const clock = new FakeClock();
  const dog = new Watchdog(clock);
  const recording = await Recording.begin({ clock: dog, source: new FakeSource(clock) });
  dog.watch((lengthUs) => recording.recorder.stalled(lengthUs));
  clock.pass(5000);
  clock.nowUs += 1_500_000;
  clock.pass(5000);
  await recording.recorder.commit('written');
  const stalls = (await recording.events()).filter(({ type }) => type === 'stall');
  assert.equal(
    stalls.map((stall) => stall.type === 'stall' && stall.lengthUs),
    [500_000],
  );
  const { chronicle } = recording.world;
  assert.equal([chronicle.stalls, chronicle.longestStallUs], [1, 500_000]);
});

watchdog('a stall stands in the log behind what happened meanwhile, which keeps its time', async () => {
  const recording = await Recording.begin();
  recording.source.happen('start t');
  recording.clock.nowUs += 300_000;
  recording.recorder.stalled(400_000);
  await recording.recorder.commit('written');
  const [fork, stall] = (await recording.events()).slice(-2);
  assert.equal([fork?.type, fork?.skewUs, stall?.type], ['fork', 0, 'stall']);
  assert.is((stall?.timeUs ?? 0) - (fork?.timeUs ?? 0), 300_000);
});

watchdog('nothing is recorded of a stall after the end', async () => {
  const recording = await Recording.begin();
  await recording.recorder.stop();
  const { seq } = recording.log;
  recording.recorder.stalled(500_000);
  assert.is(recording.log.seq, seq);
});

watchdog.run();
