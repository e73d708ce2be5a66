/** Long answers: how many are made at once, and what becomes of one whose thread breaks down. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type OpenArchive, openArchive } from '../../src/archive/archive.ts';
import { Recording } from '../support/recording.ts';

const archive = suite('archive');

/** Answers every `more` with the same line, until it is told to do `last` instead. */
const script = (answers: number, last: string): string => `
  const { parentPort } = require('node:worker_threads');
  let left = ${answers};
  parentPort.on('message', () => {
    if (left-- > 0) parentPort.postMessage({ lines: '{}' });
    ${last}
  });`;

const started: Worker[] = [];
// Also what a test that failed has left.
archive.after(async () => {
  for (const worker of started) await worker.terminate();
});

async function opened(text: string): Promise<{ answers: OpenArchive; workers: Worker[]; log: Recording }> {
  const log = await Recording.begin();
  const workers: Worker[] = [];
  const answers = openArchive('/nowhere', log.recorder, log.clock, () => {
    const worker = new Worker(text, { eval: true });
    workers.push(worker);
    started.push(worker);
    return worker;
  });
  return { answers, workers, log };
}

const never = new AbortController().signal;

async function failureOf(attempt: Promise<unknown> | undefined): Promise<string> {
  const [outcome] = await Promise.allSettled([attempt]);
  return outcome?.status === 'rejected' ? outcome.reason.message : 'it did not fail';
}

archive('at most eight answers are made at once, and the next one when one of them has ended', async () => {
  const { answers } = await opened(script(100, ''));
  const open = Array.from({ length: 8 }, () => answers.log({}, never));
  await Promise.all(open.map((answer) => answer?.next()));
  assert.is(answers.log({}, never), undefined);
  assert.is(answers.verify({}, never), undefined);
  await open[0]?.return(undefined);
  const ninth = answers.verify({}, never);
  assert.equal((await ninth?.next())?.value, '{}');
  await Promise.all([...open, ninth].map((answer) => answer?.return(undefined)));
  await answers.close();
});

archive('a thread that breaks down while nobody waits for it is told with the next chunk', async () => {
  const { answers, workers } = await opened(script(1, 'setTimeout(() => { throw new Error("oh") });'));
  const answer = answers.log({}, never);
  await answer?.next();
  if (workers[0]) await new Promise((resolve) => workers[0]?.once('exit', resolve));
  assert.is(await failureOf(answer?.next()), 'the answer broke off: oh');
  await answers.close();
});

archive('a thread that ends without a word is told too', async () => {
  const { answers } = await opened(script(0, 'process.exit();'));
  assert.is(await failureOf(answers.log({}, never)?.next()), 'the answer broke off: its thread has ended');
});

archive('an answer fails with the log, and no thread is started for it', async () => {
  const { answers, workers, log } = await opened(script(0, ''));
  log.log.failure = new Error('no space');
  assert.is(await failureOf(answers.log({}, never)?.next()), 'no space');
  assert.is(workers.length, 0);
});

archive('a follower outlives the failure of the log until it is ended', async () => {
  const { answers, workers, log } = await opened(script(1, ''));
  const answer = answers.log({ follow: true }, never);
  await answer?.next();
  log.source.happen('start t');
  log.recorder.read(() => {});
  log.log.failure = new Error('no space');
  log.clock.pass(20);
  const next = failureOf(answer?.next());
  await answers.close();
  assert.match(await next, /aborted/);
  assert.is(workers.length, 1);
});

archive('a close ends what is being made, and what is asked for meanwhile is not begun', async () => {
  const { answers, workers, log } = await opened(script(0, ''));
  const waiting = failureOf(answers.log({}, never)?.next());
  while (workers.length === 0) await new Promise((resolve) => setImmediate(resolve));
  if (workers[0]) await once(workers[0], 'online');
  const release = log.log.hold();
  const late = failureOf(answers.log({}, never)?.next());
  const closed = answers.close();
  release();
  assert.match(await waiting, /aborted/);
  assert.match(await late, /aborted/);
  await closed;
  assert.is(workers.length, 1);
});

archive.run();
