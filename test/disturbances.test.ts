/**
 * Which gaps are somebody else's doing: what a witness has seen at that time, and nothing else.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../events/event.ts';
import { Disturbances } from '../tools/storm/disturbances.ts';
import { FirstProcess, type Witness } from '../tools/storm/firstProcess.ts';

const test = suite('disturbances');

const second = 1_000_000;
const now = 5_000 * second;

function gap(detail: string, reason: 'nonsense' | 'overflow' = 'nonsense'): Event {
  const place = { seq: 9, timeUs: now, skewUs: 0 };
  return { ...place, type: 'gap', reason, lost: 0, sinceUs: now - second, detail };
}

/** Process 1 forked the task 7, which lived for a while. */
function sawSeven(firstUs: number, lastUs: number): Witness {
  return { sawForked: (pid, fromUs, toUs) => pid === 7 && firstUs <= toUs && lastUs >= fromUs };
}

function gapsWith(witness: Witness | undefined, event: Event): [own: number, others: number] {
  const disturbances = new Disturbances(witness);
  disturbances.apply(event);
  return [disturbances.gaps.length, disturbances.others.length];
}

test('a gap about a task that process 1 was seen to have forked is process 1’s', () => {
  const witness = sawSeven(now - 2 * second, now);
  assert.equal(gapsWith(witness, gap('unknown task 7 executed a program')), [0, 1]);
});

test('a gap is the recorder’s where nobody was seen, or another one, or at another time', () => {
  const detail = 'unknown task 7 executed a program';
  assert.equal(gapsWith(undefined, gap(detail)), [1, 0]);
  assert.equal(gapsWith(sawSeven(now, now), gap('unknown task 8 exited')), [1, 0]);
  assert.equal(gapsWith(sawSeven(now - 60 * second, now - 50 * second), gap(detail)), [1, 0]);
  assert.equal(gapsWith(sawSeven(now, now), gap(detail, 'overflow')), [1, 0]);
});

test('an orphan that process 1 was given is not one that it has forked', async () => {
  const shell = spawn('sh', ['-c', 'sleep 100 >/dev/null & echo $!'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [text] = await once(shell.stdout, 'data');
  await once(shell, 'exit');
  const pid = Number(text);
  // It looks at once.
  const witness = new FirstProcess();
  witness.stop();
  assert.not(witness.sawForked(pid, 0, Number.MAX_SAFE_INTEGER));
  process.kill(pid);
});

test.run();
