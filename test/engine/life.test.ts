/**
 * Lives: what is told of one task is what the whole log tells of it, whoever has its pid by now.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Entry } from '../../src/engine/history.ts';
import type { Instant } from '../../src/engine/instant.ts';
import type { LifeQuestion, LifeView } from '../../src/engine/life.ts';
import { answerInPast } from '../../src/engine/past.ts';
import { Story } from '../../src/engine/story.ts';
import { isRefusal } from '../../src/kernel/errno.ts';
import { openLevelLog, openLogReader } from '../../src/log/openLog.ts';
import type { LogReader } from '../../src/ports.ts';
import { Scratch } from '../log/recordings.ts';
import { keepAll } from '../support/keeping.ts';
import { Recording } from '../support/recording.ts';
import { recordStory, stampedAs, storyOfMirrors } from '../support/stories.ts';

const life = suite('life');
const scratch = await Scratch.open();
life.after(() => scratch.remove());

/** The life, or why it is not told. */
async function lifeIn(
  log: LogReader,
  who: Omit<LifeQuestion, 'kind'>,
  instant: Instant,
): Promise<LifeView | string> {
  const past = await answerInPast(log, { kind: 'life', ...who }, instant, Number.MAX_SAFE_INTEGER);
  if ('unclear' in past) return past.unclear;
  const { answer } = past;
  return isRefusal(answer) ? `${answer.errno}: ${answer.saw}` : (answer as LifeView);
}

function told(view: LifeView | string): string {
  if (typeof view === 'string') return view;
  return `${view.state}: ${view.entries.map(({ type, path }) => `${type} ${path}`).join(', ')}`;
}

life('of every task it tells what the whole log tells', async () => {
  const events = await storyOfMirrors(5, 5000);
  const log = await openLevelLog({ folder: scratch.folder() });
  await recordStory(log, stampedAs(events));
  await keepAll(log, { distance: { events: 1500, perTask: 0 } });
  const reader = await openLogReader(log);
  const all: Entry[] = [];
  for await (const entry of new Story({}).tell(reader)) all.push(entry);
  const seq = log.seq;
  let moves = 0;
  for (let task = 1; task < 400; task += 29) {
    const view = await lifeIn(reader, { task }, { kind: 'seq', seq });
    if (typeof view === 'string') throw new Error(view);
    const own = all.filter((entry) => entry.task === task && entry.type !== 'release');
    const [first, last] = [own[0]?.seq ?? 0, view.state === 'ended' ? (own.at(-1)?.seq ?? 0) : seq];
    const gaps = all.filter((entry) => entry.type === 'gap' && entry.seq > first && entry.seq <= last);
    assert.equal(
      view.entries,
      [...own, ...gaps].sort((a, b) => a.seq - b.seq),
    );
    moves += own.filter(({ type }) => type === 'attach').length;
  }
  assert.ok(moves > 0);
  await reader.close();
  await log.close();
});

life('a pid is that of the task that has it then, or had it last', async () => {
  const recording = await Recording.begin();
  const { source, recorder, log } = recording;
  const step = async (): Promise<Instant> => {
    recorder.read(() => {});
    await recorder.commit('written');
    return { kind: 'seq', seq: recorder.world.chronicle.seq };
  };
  const before = await step();
  source.happen('start t');
  const pid = source.cast.pidOf('t');
  await recording.mkdir('/a');
  const born = await step();
  await recording.attach('/a', 't');
  source.happen('t execs b');
  const moved = await step();
  source.happen('t exits');
  const ended = await step();
  assert.is(told(await lifeIn(log, { pid }, born)), 'living: fork /');
  assert.is(told(await lifeIn(log, { pid }, moved)), 'living: fork /, attach /a, exec /a');
  assert.is(told(await lifeIn(log, { pid }, ended)), 'ended: fork /, attach /a, exec /a, exit /a');
  assert.match(told(await lifeIn(log, { pid }, before)), /^ESRCH: no task \d+ .* one was met later, at 20/);
  assert.match(told(await lifeIn(log, { pid: 9999 }, ended)), /^ESRCH: .* no such task was ever recorded/);
  assert.match(told(await lifeIn(log, { task: 99 }, ended)), /^ESRCH: no task #99 was known by then: .* #3/);
});

life.run();
