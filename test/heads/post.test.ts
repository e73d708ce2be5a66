/** The post: which heads are sent and when, and what is said where that fails. */
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { headText, headView } from '../../src/engine/head.ts';
import { senderTo } from '../../src/heads/destination.ts';
import { Post, type PostOptions } from '../../src/heads/post.ts';
import type { AgentOutcome, AgentRunner, Head } from '../../src/ports.ts';
import { emptyFolder } from '../http/fakeDaemon.ts';
import { FakeClock } from '../support/fakeClock.ts';

const posting = suite('post');

interface Ground {
  readonly clock: FakeClock;
  readonly sent: string[];
  readonly told: string[];
  readonly post: Post;
  seq: number;
}

function opened(options: Partial<PostOptions> = {}): Ground {
  const clock = new FakeClock();
  const sent: string[] = [];
  const told: string[] = [];
  const ground = { clock, sent, told, seq: 1 };
  const post = new Post({
    head: async () => headAt(ground.seq),
    send: async (line) => void sent.push(line),
    to: 'a place',
    intervalMs: 60_000,
    clock,
    onTrouble: (sentence) => told.push(sentence),
    ...options,
  });
  return Object.assign(ground, { post });
}

function headAt(seq: number): Head {
  return { seq, timeUs: 1e15, hash: String(seq % 10).repeat(64) };
}

function lineAt(seq: number): string {
  return headText(headView(headAt(seq)));
}

/** Lets everything go on that waits for nothing but its turn. */
const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

posting('sends the head at the start, at every interval when it is another, and at the stop', async () => {
  const ground = opened();
  ground.post.start();
  await turns();
  for (const seq of [1, 2, 2, 7]) {
    ground.seq = seq;
    ground.clock.pass(60_000);
    await turns();
  }
  assert.equal(ground.sent, [1, 2, 7].map(lineAt));
  ground.seq = 9;
  await ground.post.close();
  assert.equal(ground.sent, [1, 2, 7, 9].map(lineAt));
  ground.seq = 10;
  ground.clock.pass(600_000);
  await turns();
  assert.is(ground.sent.length, 4);
});

posting('says once that it fails, sends the head again, and says it anew when it had worked', async () => {
  let works = false;
  const sent: string[] = [];
  const ground = opened({
    send: async (line) => {
      if (!works) throw new Error('no way');
      sent.push(line);
    },
  });
  ground.post.start();
  await turns();
  ground.clock.pass(60_000);
  await turns();
  assert.equal(ground.told, ['heads cannot be sent to a place: no way; recording goes on']);
  works = true;
  ground.clock.pass(60_000);
  await turns();
  assert.equal(sent, [lineAt(1)]);
  works = false;
  ground.seq = 2;
  ground.clock.pass(60_000);
  await turns();
  assert.is(ground.told.length, 2);
  await ground.post.close();
});

posting(
  'a sending that does not end is told, is not joined by another, and holds up a stop a moment',
  async () => {
    let sendings = 0;
    const ground = opened({
      send: () => {
        sendings += 1;
        return new Promise(() => {});
      },
    });
    ground.post.start();
    await turns();
    ground.seq = 2;
    ground.clock.pass(60_000);
    ground.clock.pass(60_000);
    await turns();
    assert.is(sendings, 1);
    assert.equal(ground.told, [
      'heads cannot be sent to a place: the one before is still being sent; recording goes on',
    ]);
    const closed = ground.post.close();
    await turns();
    ground.clock.pass(2000);
    await closed;
  },
);

posting('a log that has failed has no head to send', async () => {
  const ground = opened({ head: () => Promise.reject(new Error('no space')) });
  ground.post.start();
  await ground.post.close();
  assert.equal([ground.sent, ground.told], [[], []]);
});

posting('a file gets a line for each head, and a file that cannot be written says why', async () => {
  const folder = emptyFolder();
  const path = `${folder}/heads`;
  const send = senderTo({ kind: 'file', path }, noRunner, new FakeClock());
  await send(lineAt(1));
  await send(lineAt(2));
  assert.is(readFileSync(path, 'utf8'), `${lineAt(1)}\n${lineAt(2)}\n`);
  assert.is(statSync(path).mode & 0o007, 0);
  const nowhere = senderTo({ kind: 'file', path: `${folder}/none/heads` }, noRunner, new FakeClock());
  assert.match(await failureOf(nowhere(lineAt(1))), /ENOENT/);
  assert.not.ok(existsSync(`${folder}/none`));
  rmSync(folder, { recursive: true });
});

posting('a program gets the line as its one argument, and every bad end of it is an error', async () => {
  const runs: string[] = [];
  const runner = (outcome: AgentOutcome): AgentRunner => ({
    run: (program, path) => {
      runs.push(`${program} ${path}`);
      return { pid: 0, starter: 0, outcome: Promise.resolve(outcome) };
    },
    close: async () => {},
  });
  const sendBy = (outcome: Partial<AgentOutcome>) =>
    senderTo(
      { kind: 'program', path: '/bin/note' },
      runner({ code: 0, signal: 0, error: '', ...outcome }),
      new FakeClock(),
    )(lineAt(1));
  await sendBy({});
  assert.equal(runs, [`/bin/note ${lineAt(1)}`]);
  assert.is(await failureOf(sendBy({ error: 'ENOENT' })), 'it could not be started: ENOENT');
  assert.is(await failureOf(sendBy({ code: 3 })), 'it ended with 3');
  assert.is(await failureOf(sendBy({ signal: 9 })), 'it was ended by signal 9');
});

const noRunner: AgentRunner = {
  run: () => {
    throw new Error('no program is run for this');
  },
  close: async () => {},
};

async function failureOf(attempt: Promise<unknown>): Promise<string> {
  const [outcome] = await Promise.allSettled([attempt]);
  return outcome?.status === 'rejected' ? outcome.reason.message : 'it did not fail';
}

posting.run();
