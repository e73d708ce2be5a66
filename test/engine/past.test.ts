/**
 * The past: what was asked of the present then is answered now, and where it was not known it is said.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Instant, isUnclear } from '../../src/engine/instant.ts';
import { answerInPast, type PastAnswer } from '../../src/engine/past.ts';
import { type AnswerTo, answerTo, type Question } from '../../src/engine/reads.ts';
import { Story } from '../../src/engine/story.ts';
import { isRefusal } from '../../src/kernel/errno.ts';
import { Recording } from '../support/recording.ts';

const past = suite('past');

const secondMs = 1000;

/** A recording of some seconds: a shell is moved to /a in one, ends in another, and there is a gap in between. */
class Ground {
  readonly recording: Recording;
  /** The seq of the last event of each step. */
  readonly seqs: number[] = [];
  readonly timesUs: number[] = [];

  private constructor(recording: Recording) {
    this.recording = recording;
  }

  static async open(): Promise<Ground> {
    const ground = new Ground(await Recording.begin());
    await ground.step();
    return ground;
  }

  /** Ends a step, and a second begins in which nothing has happened yet. */
  async step(): Promise<void> {
    const { recorder, clock } = this.recording;
    recorder.read(() => {});
    await recorder.commit('written');
    this.seqs.push(recorder.world.chronicle.seq);
    this.timesUs.push(recorder.world.chronicle.timeUs);
    clock.pass(secondMs);
  }

  async ask<Q extends Question>(question: Q, instant: Instant): Promise<PastAnswer<Q>> {
    const { log, clock } = this.recording;
    const answer = await answerInPast(log, question, instant, clock.wallUs());
    if (isUnclear(answer)) throw new Error(answer.unclear);
    return answer as PastAnswer<Q>;
  }

  async unclear(instant: Instant): Promise<string> {
    const { log, clock } = this.recording;
    const answer = await answerInPast(log, { kind: 'tree', path: '/' }, instant, clock.wallUs());
    return isUnclear(answer) ? answer.unclear : 'clear';
  }

  at(step: number): Instant {
    return { kind: 'time', timeUs: this.timesUs[step] ?? 0 };
  }

  behind(step: number): Instant {
    return { kind: 'seq', seq: this.seqs[step] ?? 0 };
  }
}

/** `/a`, or why not. */
function pathIn({ answer }: PastAnswer): string {
  if (isRefusal(answer)) return `${answer.errno}: ${answer.saw}`;
  const { path, certainty } = answer as AnswerTo<{ kind: 'path'; pid: 0 }>;
  return `${path} ${certainty}`;
}

past('a task is where it was, by time and by seq', async () => {
  const ground = await Ground.open();
  const { recording } = ground;
  recording.source.happen('start t');
  await ground.step();
  await recording.mkdir('/a');
  await recording.attach('/a', 't');
  await ground.step();
  const pid = recording.source.cast.pidOf('t');
  recording.source.happen('t exits');
  await ground.step();
  const question = { kind: 'path', pid } as const;
  for (const instant of [ground.at(1), ground.behind(1)]) {
    assert.is(pathIn(await ground.ask(question, instant)), '/ known');
  }
  for (const instant of [ground.at(2), ground.behind(2)]) {
    assert.is(pathIn(await ground.ask(question, instant)), '/a known');
  }
  assert.match(pathIn(await ground.ask(question, ground.at(0))), /^ESRCH: .* one was met later, at 20/);
  assert.match(pathIn(await ground.ask(question, ground.at(3))), /^ESRCH: .* one had ended at 20/);
  assert.match(
    pathIn(await ground.ask({ kind: 'path', pid: 9999 }, ground.at(3))),
    /no such task was ever recorded/,
  );
});

past('every answer is the one that was given then', async () => {
  const ground = await Ground.open();
  const { recording } = ground;
  const questions: readonly Question[] = [
    { kind: 'tree', path: '/' },
    { kind: 'tasks', path: '/', below: true },
    { kind: 'tasks', path: '/a' },
    { kind: 'path', pid: 100 },
  ];
  const given: unknown[] = [];
  const sentences = ['start t', 't clones u', 'u execs b', 't forks v', 'v exits'];
  for (const [i, sentence] of sentences.entries()) {
    recording.source.happen(sentence);
    if (i === 1) await recording.mkdir('/a');
    if (i === 2) await recording.attach('/a', 't');
    await ground.step();
    const nowUs = ground.timesUs.at(-1) ?? 0;
    const answers = questions.map((question) => answerTo(recording.recorder.world, question, nowUs));
    // Counts go on counting.
    given.push(structuredClone(answers));
  }
  for (const [i, answers] of given.entries()) {
    const again = [];
    for (const question of questions) again.push((await ground.ask(question, ground.at(i + 1))).answer);
    assert.equal(again, answers, sentences[i]);
  }
});

past('in a gap nothing is certain, and outside of it all is', async () => {
  const ground = await Ground.open();
  const { recording } = ground;
  await recording.mkdir('/a');
  recording.source.happen('start t');
  await recording.attach('/a', 't');
  await ground.step();
  const inGap: Instant = { kind: 'time', timeUs: (ground.timesUs[1] ?? 0) + 500_000 };
  recording.source.lose('start x');
  await ground.step();
  const question = { kind: 'path', pid: recording.source.cast.pidOf('t') } as const;
  const { moment, ...rest } = await ground.ask(question, inGap);
  assert.is(moment.gap?.reason, 'overflow');
  assert.is(pathIn({ moment, ...rest }), '/a inferred');
  const tasks = await ground.ask({ kind: 'tasks', path: '/a' }, inGap);
  assert.equal(!isRefusal(tasks.answer) && tasks.answer.map(({ certainty }) => certainty), ['inferred']);
  assert.is(pathIn(await ground.ask(question, ground.at(1))), '/a known');
  const after = await ground.ask(question, ground.at(2));
  assert.is(after.moment.gap, undefined);
  assert.is(pathIn(after), '/a known');
});

past('the start is where the machine had been looked at, and the boot where that is done anew', async () => {
  const ground = await Ground.open();
  const { moment } = await ground.ask({ kind: 'tree', path: '/' }, { kind: 'start' });
  assert.is(moment.seq, ground.seqs[0]);
  const boot = await ground.ask({ kind: 'tree', path: '/' }, { kind: 'boot' });
  assert.is(boot.moment.seq, ground.seqs[0]);
});

past('what is before the recording or behind it is no moment of it', async () => {
  const ground = await Ground.open();
  const { clock } = ground.recording;
  assert.match(await ground.unclear({ kind: 'time', timeUs: 1 }), /^the recording begins at 20/);
  assert.match(await ground.unclear({ kind: 'seq', seq: 0 }), /^the recording begins at/);
  assert.match(
    await ground.unclear({ kind: 'seq', seq: 999 }),
    /^there is no event #999 yet: the last is #\d+$/,
  );
  const later: Instant = { kind: 'time', timeUs: clock.wallUs() + 1 };
  assert.match(await ground.unclear(later), /^the recording reaches to 20.*, and not to 20/);
});

past('a log is told from an instant on, up to another, and with the gaps that reach into that', async () => {
  const ground = await Ground.open();
  const { recording } = ground;
  for (const sentence of ['start t', 't clones u', 't forks v', 'v exits']) {
    recording.source.happen(sentence);
    await ground.step();
  }
  const told = async (since: Instant, until: Instant): Promise<string[]> => {
    const types: string[] = [];
    for await (const { type } of new Story({ since, until }).tell(recording.log)) types.push(type);
    return types;
  };
  assert.equal(await told(ground.at(1), ground.at(3)), ['fork', 'fork', 'fork']);
  assert.equal(await told(ground.behind(2), ground.behind(4)), ['fork', 'fork', 'exit']);
  assert.equal(await told(ground.at(4), { kind: 'time', timeUs: recording.clock.wallUs() }), ['exit']);
  const until: Instant = { kind: 'time', timeUs: recording.clock.wallUs() };
  recording.clock.pass(secondMs);
  recording.source.lose('start x');
  await ground.step();
  assert.equal(await told(ground.at(4), until), ['exit', 'gap']);
});

past.run();
