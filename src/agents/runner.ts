/**
 * Runs release agents. They are started on worker threads: starting a program blocks until its exec, for ever where
 * the program is on a mount that hangs, and neither the recorder's thread nor the next agent may wait for that. A
 * thread starts one agent at a time, and there is a second thread only where the first does not come back.
 */
import type { Worker } from 'node:worker_threads';
import type { Bytes } from '../../events/bytes.ts';
import type { AgentOutcome, AgentRun, AgentRunner, Clock } from '../ports.ts';
import { type Ending, type Waiting, waitFor } from '../system/spawn.ts';
import { exitAtOnce, openWorker } from '../system/worker.ts';
import type { Close, Order, Told } from './worker.ts';

/** A start that takes longer than this hangs: the next agent is started on another thread. */
const startLimitMs = 1000;
/** How long a close waits for threads that are about to end. */
const closeLimitMs = 200;

/** How a run ends whose thread broke down: nobody can tell what became of the agent. */
const lost: AgentOutcome = { code: 0, signal: 0, error: 'EIO' };

export function openAgentRunner(clock: Clock, open: () => Worker = openAgentWorker): AgentRunner {
  return new Runner(clock, open);
}

class Run implements AgentRun {
  readonly order: Order;
  pid = 0;
  starter = 0;
  readonly outcome: Promise<AgentOutcome>;
  end: (outcome: AgentOutcome) => void = () => {};

  constructor(order: Order) {
    this.order = order;
    this.outcome = new Promise((resolve) => {
      this.end = resolve;
    });
  }
}

/** A thread, and the run that it is starting. */
interface Starter {
  readonly worker: Worker;
  /** Its id; 0 until it has told it. */
  thread: number;
  starting: Run | undefined;
  hangs: boolean;
  cancelAlarm: () => void;
}

class Runner implements AgentRunner {
  readonly #clock: Clock;
  readonly #open: () => Worker;
  readonly #starters = new Set<Starter>();
  readonly #queue: Run[] = [];
  readonly #waits = new Set<Waiting>();
  #closed = false;
  readonly #onExit = (code: number): void => this.#leave(code);

  constructor(clock: Clock, open: () => Worker) {
    this.#clock = clock;
    this.#open = open;
    process.on('exit', this.#onExit);
  }

  run(program: Bytes, path: Bytes): AgentRun {
    const run = new Run({ program, path });
    this.#queue.push(run);
    this.#startQueued();
    return run;
  }

  /** The agents themselves go on: they are the machine's business, not the recorder's. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#queue.splice(0);
    this.#stopWaiting();
    for (const { cancelAlarm } of this.#starters) cancelAlarm();
    const able = [...this.#starters].filter(({ hangs }) => !hangs);
    const limit = this.#limit(closeLimitMs);
    await Promise.race([Promise.all(able.map(ended)), limit.reached]);
    limit.cancel();
    // Those that are left must not keep the process alive.
    for (const { worker } of this.#starters) worker.unref();
    if (this.#starters.size === 0) process.off('exit', this.#onExit);
  }

  #startQueued(): void {
    for (let run = this.#queue[0]; run; run = this.#queue[0]) {
      const starter = this.#freeStarter();
      if (!starter) return;
      this.#queue.shift();
      this.#start(starter, run);
    }
  }

  /** None while one is at work that may be free in a moment. */
  #freeStarter(): Starter | undefined {
    const able = [...this.#starters].filter(({ hangs }) => !hangs);
    if (able.length === 0) return this.#openStarter();
    return able.find(({ starting }) => !starting);
  }

  #openStarter(): Starter {
    const worker = this.#open();
    const starter: Starter = {
      worker,
      thread: 0,
      starting: undefined,
      hangs: false,
      cancelAlarm: () => {},
    };
    this.#starters.add(starter);
    worker.on('message', (told: Told) => {
      if ('thread' in told) this.#ready(starter, told.thread);
      else this.#started(starter, told);
    });
    // Its exit follows, and says what it means for us.
    worker.on('error', () => {});
    worker.once('exit', () => {
      this.#starters.delete(starter);
      starter.cancelAlarm();
      starter.starting?.end(lost);
      starter.starting = undefined;
      this.#startQueued();
    });
    return starter;
  }

  #start(starter: Starter, run: Run): void {
    starter.starting = run;
    starter.worker.postMessage(run.order);
    if (starter.thread !== 0) this.#limitStart(starter, run);
  }

  /** What a new thread takes to come up is no part of a start. */
  #ready(starter: Starter, thread: number): void {
    starter.thread = thread;
    if (starter.starting) this.#limitStart(starter, starter.starting);
  }

  #limitStart(starter: Starter, run: Run): void {
    starter.cancelAlarm = this.#clock.after(startLimitMs, () => {
      starter.hangs = true;
      run.starter = starter.thread;
      this.#startQueued();
    });
  }

  #started(starter: Starter, spawned: Exclude<Told, { readonly thread: number }>): void {
    const run = starter.starting;
    starter.cancelAlarm();
    starter.starting = undefined;
    starter.hangs = false;
    if (this.#closed) return;
    if ('error' in spawned) run?.end(unknown(spawned.error));
    else if (run) this.#await(run, spawned.pid);
    this.#startQueued();
    this.#dismissSpare(starter);
  }

  #await(run: Run, pid: number): void {
    run.pid = pid;
    const waiting = waitFor(pid);
    this.#waits.add(waiting);
    void waiting.ending.then((ending) => {
      this.#waits.delete(waiting);
      run.end(outcomeOf(ending));
    });
  }

  /** One thread is enough, once those that hung come back. */
  #dismissSpare(starter: Starter): void {
    const free = [...this.#starters].filter(({ starting }) => !starting);
    if (free.length < 2 || !free.includes(starter)) return;
    this.#starters.delete(starter);
    dismiss(starter);
  }

  #limit(durationMs: number): { readonly reached: Promise<void>; readonly cancel: () => void } {
    let cancel = (): void => {};
    const reached = new Promise<void>((resolve) => {
      cancel = this.#clock.after(durationMs, resolve);
    });
    return { reached, cancel };
  }

  #stopWaiting(): void {
    for (const waiting of this.#waits) waiting.stop();
    this.#waits.clear();
  }

  /** Node waits for its threads at the end of the process, and would wait for ever for one that hangs. */
  #leave(code: number): void {
    this.#stopWaiting();
    if ([...this.#starters].some(({ starting }) => starting)) exitAtOnce(code);
  }
}

/** Resolves when a thread has ended, which it does after what it is doing. */
function ended(starter: Starter): Promise<void> {
  const { worker } = starter;
  worker.ref();
  dismiss(starter);
  return new Promise((resolve) => worker.once('exit', () => resolve()));
}

function dismiss({ worker }: Starter): void {
  worker.postMessage('close' satisfies Close);
}

function outcomeOf(ending: Ending): AgentOutcome {
  if ('error' in ending) return unknown(ending.error);
  return { code: (ending.status >> 8) & 0xff, signal: ending.status & 0x7f, error: '' };
}

function unknown(error: string): AgentOutcome {
  return { code: 0, signal: 0, error };
}

function openAgentWorker(): Worker {
  return openWorker('worker', import.meta.url);
}
