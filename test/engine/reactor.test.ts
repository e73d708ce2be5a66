/** Release agents: which are run, in which order, how many at once, and what a crash leaves to be done. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event, EventType } from '../../events/event.ts';
import { Reactor } from '../../src/engine/reactor.ts';
import type { AgentOutcome, AgentRun, AgentRunner } from '../../src/ports.ts';
import { shellPid } from '../support/cast.ts';
import { Recording, replay } from '../support/recording.ts';

const reactor = suite('reactor');
const program = '/sbin/agent';
const stuckAfterMs = 10_000;
/** The thread that hangs in starting an agent. */
const starterPid = shellPid;
const success: AgentOutcome = { code: 0, signal: 0, error: '' };
const missing: AgentOutcome = { code: 0, signal: 0, error: 'ENOENT' };

/** Agents that end when the test says so. */
class FakeRunner implements AgentRunner {
  /** The paths of all runs, in the order of their starts. */
  readonly started: string[] = [];
  readonly #running: ((outcome: AgentOutcome) => void)[] = [];

  /** Whether programs can be executed. */
  hangs = false;
  /** The runs whose programs wait to be executed. */
  readonly hanging: { pid: number }[] = [];

  run(_program: string, path: string): AgentRun {
    this.started.push(path);
    const run = {
      pid: this.hangs ? 0 : 1000 + this.started.length,
      starter: this.hangs ? starterPid : 0,
      outcome: new Promise<AgentOutcome>((resolve) => this.#running.push(resolve)),
    };
    if (this.hangs) this.hanging.push(run);
    return run;
  }

  /** Ends the oldest of those that run. */
  async end(outcome = success): Promise<void> {
    const resolve = this.#running.shift();
    assert.ok(resolve, 'an agent runs');
    resolve?.(outcome);
    await settled();
  }

  async close(): Promise<void> {}
}

/** A recording with flagged containers `/a`, `/b`, …, and a reactor that follows it. */
async function ground({ containers = 1, concurrency = 4, limit = 8 } = {}) {
  const recording = await Recording.begin();
  await recording.write('/', 'release_agent', program);
  const names = ['a', 'b', 'c', 'd'].slice(0, containers);
  for (const name of names) {
    await recording.mkdir(`/${name}`);
    await recording.write(`/${name}`, 'notify_on_release', '1');
  }
  return { recording, ...react(recording, concurrency, limit) };
}

function react(recording: Recording, concurrency = 4, limit = 8) {
  const { recorder, clock } = recording;
  const runner = new FakeRunner();
  const agents = new Reactor({ recorder, runner, clock, concurrency, limit, stuckAfterMs });
  agents.start();
  return { runner, agents };
}

/** Puts a new task into a container and lets it exit. */
async function empty(recording: Recording, path: string): Promise<void> {
  const name = `t${recording.log.seq}`;
  recording.source.happen(`start ${name}`);
  await recording.attach(path, name);
  recording.source.happen(`${name} exits`);
  recording.recorder.read(() => {});
  await settled();
}

/** The same recording as a new process finds it, after the last one was killed. */
async function afterCrash(before: Recording): Promise<Recording> {
  await before.log.commit('written');
  const recording = await Recording.reopen(before);
  await recording.start();
  return recording;
}

async function told(recording: Recording): Promise<Event[]> {
  await recording.log.commit('written');
  const types: EventType[] = ['release', 'agent', 'outcome', 'stale'];
  return (await recording.events()).filter(({ type }) => types.includes(type));
}

async function toldTypes(recording: Recording): Promise<EventType[]> {
  return (await told(recording)).map(({ type }) => type);
}

async function settled(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

// Live.

reactor('an agent is run for a release, and how it ended is recorded', async () => {
  const { recording, runner } = await ground();
  await empty(recording, '/a');
  assert.equal(runner.started, ['/a']);
  await runner.end({ code: 3, signal: 0, error: '' });
  const [release, agent, outcome] = await told(recording);
  assert.equal(agent?.type === 'agent' && [agent.release, agent.attempt, agent.program], [
    release?.seq,
    1,
    program,
  ]);
  assert.equal(outcome?.type === 'outcome' && [outcome.release, outcome.attempt, outcome.code], [
    release?.seq,
    1,
    3,
  ]);
});

reactor('it is not run before its attempt is synced', async () => {
  const { recording, runner } = await ground();
  recording.source.happen('start t');
  await recording.attach('/a', 't');
  const letGo = recording.log.hold();
  recording.source.happen('t exits');
  recording.source.ring();
  await settled();
  assert.is(recording.log.commits.at(-1), 'synced');
  assert.equal(runner.started, []);
  letGo();
  await settled();
  assert.equal(runner.started, ['/a']);
});

reactor('agents are started in the order of the log, and no more at once than may be', async () => {
  const { recording, runner } = await ground({ containers: 4, concurrency: 2 });
  for (const path of ['/c', '/a', '/d', '/b']) await empty(recording, path);
  assert.equal(runner.started, ['/c', '/a']);
  await runner.end();
  assert.equal(runner.started, ['/c', '/a', '/d']);
  await runner.end();
  await runner.end();
  assert.equal(runner.started, ['/c', '/a', '/d', '/b']);
});

reactor('every release is a run of its own', async () => {
  const { recording, runner } = await ground({ concurrency: 1 });
  for (let i = 0; i < 20; i++) await empty(recording, '/a');
  for (let i = 0; i < 20; i++) await runner.end();
  assert.is(runner.started.length, 20);
  assert.is((await toldTypes(recording)).filter((type) => type === 'outcome').length, 20);
});

reactor('a container that is in use again keeps no agent from being run', async () => {
  const { recording, runner } = await ground({ containers: 2, concurrency: 1 });
  await empty(recording, '/a');
  await empty(recording, '/b');
  recording.source.happen('start u');
  await recording.attach('/b', 'u');
  await runner.end();
  assert.equal(runner.started, ['/a', '/b']);
});

reactor('an agent that fails is not run again', async () => {
  const { recording, runner } = await ground();
  await empty(recording, '/a');
  await runner.end({ code: 0, signal: 9, error: '' });
  recording.clock.pass(60_000);
  await settled();
  assert.is(runner.started.length, 1);
});

// Agents that cannot be started.

reactor('an agent that cannot be started is tried again, later and later, five times', async () => {
  const { recording, runner } = await ground();
  await empty(recording, '/a');
  for (const waitMs of [1000, 2000, 4000, 8000]) {
    await runner.end(missing);
    const attempts = runner.started.length;
    recording.clock.pass(waitMs - 1);
    await settled();
    assert.is(runner.started.length, attempts);
    recording.clock.pass(1);
    await settled();
    assert.is(runner.started.length, attempts + 1);
  }
  await runner.end(missing);
  recording.clock.pass(3_600_000);
  await settled();
  assert.is(runner.started.length, 5);
  assert.is((await toldTypes(recording)).at(-1), 'outcome');
  assert.equal(
    (await told(recording)).flatMap((event) => (event.type === 'agent' ? [event.attempt] : [])),
    [1, 2, 3, 4, 5],
  );
});

reactor('it is not tried again for a container that is in use', async () => {
  const { recording, runner } = await ground();
  await empty(recording, '/a');
  await runner.end(missing);
  recording.source.happen('start u');
  await recording.attach('/a', 'u');
  recording.clock.pass(1000);
  await settled();
  assert.is(runner.started.length, 1);
  assert.is((await toldTypes(recording)).at(-1), 'stale');
});

reactor('releases that the log cannot keep are given up, whether an agent runs for them or not', async () => {
  const { recording, runner, agents } = await ground({ containers: 3, concurrency: 2 });
  for (const path of ['/a', '/b', '/c']) await empty(recording, path);
  const [first, ...others] = (await told(recording)).filter(({ type }) => type === 'release');
  await runner.end(missing);
  assert.equal(runner.started, ['/a', '/b', '/c']);
  agents.giveUp(others[0]?.seq ?? 0);
  const stale = (await told(recording)).filter((event) => event.type === 'stale');
  assert.equal(
    stale.map(({ release }) => release),
    [first?.seq, others[0]?.seq],
  );
  const { length } = await told(recording);
  await runner.end(missing);
  recording.clock.pass(60_000);
  await settled();
  assert.equal(runner.started, ['/a', '/b', '/c']);
  assert.is((await told(recording)).length, length);
  await runner.end();
  assert.is((await toldTypes(recording)).at(-1), 'outcome');
  assert.equal((await replay(recording.log)).dump(), recording.world.dump());
});

reactor('a wait for another attempt takes nobody’s place', async () => {
  const { recording, runner } = await ground({ containers: 2, concurrency: 1 });
  await empty(recording, '/a');
  await runner.end(missing);
  await empty(recording, '/b');
  assert.equal(runner.started, ['/a', '/b']);
});

reactor('what a look concludes is released at a bounded rate, whatever the number', async () => {
  const { recording, runner } = await ground({ containers: 4 });
  for (const name of ['a', 'b', 'c', 'd']) {
    recording.source.happen(`start ${name}1`);
    await recording.attach(`/${name}`, `${name}1`);
    recording.source.lose(`${name}1 exits`);
  }
  recording.recorder.read(() => {});
  await settled();
  assert.equal(runner.started, ['/a']);
  recording.clock.pass(20);
  await settled();
  assert.equal(runner.started, ['/a', '/b']);
  recording.clock.pass(20);
  await settled();
  recording.clock.pass(20);
  await settled();
  assert.equal(runner.started, ['/a', '/b', '/c', '/d']);
});

// Agents that take long.

reactor('an agent that takes longer than others give it is stuck, and makes room for the next', async () => {
  const { recording, runner, agents } = await ground({ containers: 3, concurrency: 1 });
  for (const path of ['/a', '/b', '/c']) await empty(recording, path);
  const [release] = agents.running().keys();
  recording.clock.pass(stuckAfterMs - 1);
  await settled();
  assert.equal(runner.started, ['/a']);
  assert.equal(agents.running().get(release ?? 0), { pid: 1001, executed: true, stuck: false });
  recording.clock.pass(1);
  await settled();
  assert.equal(runner.started, ['/a', '/b']);
  assert.equal(agents.running().get(release ?? 0), { pid: 1001, executed: true, stuck: true });
  recording.clock.pass(stuckAfterMs);
  await settled();
  assert.equal(runner.started, ['/a', '/b', '/c']);
});

reactor('how it ended is recorded however late that is, and it has no other attempt', async () => {
  const { recording, runner, agents } = await ground({ containers: 2, concurrency: 1 });
  await empty(recording, '/a');
  recording.clock.pass(24 * 3600 * 1000);
  await settled();
  await runner.end({ code: 5, signal: 0, error: '' });
  assert.equal(await toldTypes(recording), ['release', 'agent', 'outcome']);
  assert.is(agents.running().size, 0);
  assert.equal([...recording.world.releases.open()], []);
});

reactor('however many are stuck, no more than a limit run', async () => {
  const { recording, runner } = await ground({ containers: 4, concurrency: 1, limit: 3 });
  for (const path of ['/a', '/b', '/c', '/d']) await empty(recording, path);
  for (let i = 0; i < 10; i++) {
    recording.clock.pass(stuckAfterMs);
    await settled();
  }
  assert.equal(runner.started, ['/a', '/b', '/c']);
  await runner.end();
  assert.equal(runner.started, ['/a', '/b', '/c', '/d']);
});

reactor('one whose program cannot even be executed keeps its place until it can', async () => {
  const { recording, runner, agents } = await ground({ containers: 3, concurrency: 2 });
  runner.hangs = true;
  for (const path of ['/a', '/b', '/c']) await empty(recording, path);
  recording.clock.pass(10 * stuckAfterMs);
  await settled();
  assert.equal(runner.started, ['/a', '/b']);
  assert.equal([...agents.running().values()][0], { pid: 0, executed: false, stuck: true });
  recording.source.happen('sh forks child');
  recording.recorder.read(() => {});
  const childPid = recording.source.cast.pidOf('child');
  assert.equal([...agents.running().values()][0], { pid: childPid, executed: false, stuck: true });
  for (const run of runner.hanging) run.pid = childPid;
  recording.clock.pass(stuckAfterMs);
  await settled();
  assert.equal(runner.started, ['/a', '/b', '/c']);
});

reactor('after a stop two hundred that hang are on record without an end, and are tried again', async () => {
  const names = Array.from({ length: 200 }, (_, i) => `c${i}`);
  const recording = await Recording.begin();
  const { runner, agents } = react(recording, 16, 256);
  for (const name of names) {
    await recording.mkdir(`/${name}`);
    await recording.write(`/${name}`, 'notify_on_release', '1');
    await empty(recording, `/${name}`);
  }
  for (let i = 0; i < 200 / 16; i++) {
    recording.clock.pass(stuckAfterMs);
    await settled();
  }
  assert.is(runner.started.length, 200);
  agents.stop();
  await recording.recorder.stop();
  assert.is(recording.clock.waiting, 0);
  const types = await toldTypes(recording);
  assert.is(types.filter((type) => type === 'agent').length, 200);
  assert.is(types.filter((type) => type === 'outcome').length, 0);

  const after = await afterCrash(recording);
  await after.rmdir('/c0');
  const { runner: next } = react(after, 16, 256);
  await settled();
  assert.equal(
    next.started,
    names.slice(1, 17).map((name) => `/${name}`),
  );
  assert.is((await toldTypes(after)).filter((type) => type === 'stale').length, 1);
});

// Stop, crash, replay.

reactor('after a stop none is started, and none is awaited', async () => {
  const { recording, runner, agents } = await ground({ containers: 2, concurrency: 1 });
  await empty(recording, '/a');
  await empty(recording, '/b');
  agents.stop();
  const { seq } = recording.log;
  await runner.end();
  await empty(recording, '/a');
  recording.clock.pass(60_000);
  await settled();
  assert.equal(runner.started, ['/a']);
  assert.not((await told(recording)).some((event) => event.seq > seq && event.type !== 'release'));
});

reactor('an attempt that a stop finds waiting for its sync is not started', async () => {
  const { recording, runner, agents } = await ground();
  recording.source.happen('start t');
  await recording.attach('/a', 't');
  const letGo = recording.log.hold();
  recording.source.happen('t exits');
  recording.recorder.read(() => {});
  agents.stop();
  letGo();
  await settled();
  assert.equal(runner.started, []);
});

reactor('a stop leaves no timer behind', async () => {
  const { recording, runner, agents } = await ground();
  await empty(recording, '/a');
  await runner.end(missing);
  agents.stop();
  await recording.recorder.stop();
  assert.is(recording.clock.waiting, 0);
});

reactor(
  'an attempt that a crash left open is repeated where the container is still to be released',
  async () => {
    const { recording } = await ground();
    await empty(recording, '/a');
    const after = await afterCrash(recording);
    const { runner } = react(after);
    await settled();
    assert.equal(runner.started, ['/a']);
    await runner.end();
    const attempts = (await told(after)).flatMap((event) => (event.type === 'agent' ? [event.attempt] : []));
    assert.equal(attempts, [1, 2]);
    assert.equal([...after.world.releases.open()], []);
  },
);

reactor('it is stale where the container is in use, or gone', async () => {
  const { recording } = await ground({ containers: 2 });
  await empty(recording, '/a');
  await empty(recording, '/b');
  recording.source.happen('start u');
  await recording.attach('/a', 'u');
  await recording.rmdir('/b');
  const after = await afterCrash(recording);
  const { runner } = react(after);
  await settled();
  assert.equal(runner.started, []);
  assert.equal((await toldTypes(after)).slice(-2), ['stale', 'stale']);
});

reactor('a release that a crash kept from any attempt gets its first, whatever became of it', async () => {
  const { recording } = await ground({ containers: 3, concurrency: 1 });
  await empty(recording, '/a');
  await empty(recording, '/b');
  await empty(recording, '/c');
  recording.source.happen('start u');
  await recording.attach('/c', 'u');
  const after = await afterCrash(recording);
  const { runner } = react(after);
  await settled();
  assert.equal(runner.started, ['/a', '/b', '/c']);
});

reactor('what is settled is not done again, and a replay runs nothing', async () => {
  const { recording, runner } = await ground();
  await empty(recording, '/a');
  await runner.end();
  await recording.recorder.commit('written');
  const world = await replay(recording.log);
  assert.equal([...world.releases.open()], []);
  const { runner: later } = react(await afterCrash(recording));
  await settled();
  assert.equal(later.started, []);
});

reactor('a release that a look concluded while nobody recorded is run as well', async () => {
  const { recording, agents } = await ground();
  recording.source.happen('start t');
  await recording.attach('/a', 't');
  agents.stop();
  await recording.recorder.stop();
  recording.source.miss('t exits');
  const { runner } = react(await afterCrash(recording));
  await settled();
  assert.equal(runner.started, ['/a']);
});

reactor.run();
