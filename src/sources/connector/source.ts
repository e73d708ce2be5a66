/**
 * The connector source: what happens to tasks, as the kernel's process connector tells whoever listens. It needs no
 * program in the kernel, and tells less: the tracker adds what it leaves out, as far as that can be known. Looks at
 * the machine come from /proc.
 */
import assert from 'node:assert/strict';
import { readlinkSync } from 'node:fs';
import type { Bytes } from '../../../events/bytes.ts';
import type { HierarchySeen, Observation, Source, TaskSeen } from '../../ports.ts';
import { readBootClock } from '../../system/bootClock.ts';
import { type Connector, messageWords, openConnector } from '../../system/connector.ts';
import { hasCode, SystemCallError, messageOf as saidBy } from '../../system/errno.ts';
import { Wake } from '../../system/wake.ts';
import type { CommandLines } from '../commandLines.ts';
import { hidesTasks } from '../hiddenTasks.ts';
import { requireInitialNamespaces } from '../namespaces.ts';
import { lookAtTask, readBootId, readCommandLine, scanTasks } from '../proc.ts';
import { SourceError } from '../sourceError.ts';
import { Losses } from './losses.ts';
import { bootUsOf, messageOf, sentOf } from './message.ts';
import { Tracker } from './tracker.ts';

export interface ConnectorSourceOptions {
  /**
   * How much the kernel is asked to keep for us, bytes; it takes twice as much, and a message 832 of that. When it is
   * full, what happens is lost and counted. 32 MiB where not given: 80,000 messages.
   */
  readonly bufferBytes?: number;
  /** How command lines are told; they are not, where not given. */
  readonly commandLines?: CommandLines | undefined;
}

const defaultBufferBytes = 32 * 2 ** 20;
/** What one message takes of the kernel's buffer, with all that the kernel keeps beside it. */
const messageCostBytes = 832;

/**
 * An exit that is missed, and has happened, comes as soon as whoever exits runs on: within half a millisecond, unless
 * it has been pushed off its CPU. It is looked for at short distances, and given up after a while.
 */
const exitSleepMs = 0.05;
const exitSleeps = 2000;

/** The two clocks are not read at once: a change of their distance is real from here on. */
const suspensionUs = 1000;
/** By so much their distance may be wrong. */
const clocksUs = 10;

/**
 * Opens the source: from the return of this call on, everything that happens is queued. Throws a `SourceError`
 * where that cannot be done.
 */
export function openConnectorSource(options: ConnectorSourceOptions = {}): Source {
  requireInitialNamespaces('the process connector');
  if (hidesTasks()) {
    throw new SourceError(
      "the process connector cannot be used by this user: /proc hides other users' tasks (hidepid), of which it would tell",
    );
  }
  const bufferBytes = options.bufferBytes ?? defaultBufferBytes;
  try {
    return new ConnectorSource(openConnector(bufferBytes), options.commandLines);
  } catch (error) {
    throw explained(error);
  }
}

class ConnectorSource implements Source {
  readonly mirrors = [];
  readonly name = 'connector';
  readonly blind: string;
  readonly bootId = readBootId();
  readonly #connector: Connector;
  readonly #wake: Wake;
  readonly #losses = new Losses();
  readonly #commandLines: CommandLines | undefined;
  readonly #tracker: Tracker;
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4));
  #suspendedUs = readBootClock().suspendedUs;
  /** Of the messages that were received last, the next to be taken, and how many there are. */
  #next = 0;
  #received = 0;
  #isOpen = true;

  constructor(connector: Connector, commandLines: CommandLines | undefined) {
    this.#connector = connector;
    this.#commandLines = commandLines;
    this.#tracker = new Tracker({
      look: lookAtTask,
      program: programOf,
      commandLine: (pid) => commandLines && readCommandLine(pid, commandLines),
    });
    this.#wake = new Wake(connector.fd);
    this.blind = blindnessOf(connector.bufferBytes, process.geteuid?.() === 0);
  }

  drain(see: (observation: Observation) => void): number {
    assert(this.#isOpen, 'the source is closed');
    let count = 0;
    const seeCounted = (observation: Observation): void => {
      count += 1;
      see(observation);
    };
    this.#takeQueued(seeCounted);
    for (let sleeps = 0; this.#tracker.holds; sleeps++) {
      if (sleeps === exitSleeps) this.#tracker.giveUp(seeCounted);
      Atomics.wait(this.#sleeper, 0, 0, exitSleepMs);
      this.#takeQueued(seeCounted);
    }
    return count;
  }

  lost(): number {
    assert(this.#isOpen, 'the source is closed');
    return this.#losses.total;
  }

  *scan(): Generator<TaskSeen> {
    this.#tracker.beginLook();
    for (const task of scanTasks([], this.#commandLines)) {
      this.#tracker.found(task);
      yield task;
    }
    this.#tracker.endLook();
  }

  hierarchies(): readonly HierarchySeen[] {
    return [];
  }

  look(pid: number): TaskSeen | undefined {
    return lookAtTask(pid);
  }

  wake(callback: () => void): void {
    this.#wake.arm(callback);
  }

  close(): void {
    assert(this.#isOpen, 'the source is closed');
    this.#isOpen = false;
    this.#wake.close();
    this.#connector.close();
  }

  /**
   * Takes what is queued by now. What comes meanwhile is taken too, up to the first that was not there when this began:
   * a machine can do more than we can tell. Whoever sees may throw: what they have not been handed then comes next
   * time.
   */
  #takeQueued(see: (observation: Observation) => void): void {
    const { bootUs: beganUs, suspendedUs } = readBootClock();
    if (Math.abs(suspendedUs - this.#suspendedUs) >= suspensionUs) this.#suspendedUs = suspendedUs;
    let newestUs = 0;
    do {
      while (this.#next < this.#received) {
        const at = this.#next * messageWords;
        this.#next += 1;
        newestUs = Math.max(newestUs, bootUsOf(this.#connector.words, at, this.#suspendedUs));
        this.#take(at, see);
      }
      if (newestUs > beganUs + clocksUs) return;
      this.#receive(see);
    } while (this.#received > 0);
  }

  #take(at: number, see: (observation: Observation) => void): void {
    const { words } = this.#connector;
    const lost = this.#losses.total;
    this.#losses.see(sentOf(words, at));
    if (this.#losses.total > lost) this.#tracker.giveUp(see);
    const message = messageOf(words, at, this.#suspendedUs);
    if (message !== undefined) this.#tracker.take(message, see);
  }

  #receive(see: (observation: Observation) => void): void {
    this.#next = 0;
    this.#received = 0;
    let received = this.#connector.receive();
    while (received === 'overrun') {
      this.#losses.overrun();
      this.#tracker.giveUp(see);
      received = this.#connector.receive();
    }
    this.#received = received;
  }
}

/** What of a task's program /proc tells: its file, which of somebody else's task may not be asked for. */
function programOf(pid: number): Bytes {
  try {
    return readlinkSync(`/proc/${pid}/exe`, 'latin1');
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH', 'EACCES', 'EPERM')) return '';
    throw error;
  }
}

/** What is not seen, in words. */
function blindnessOf(bufferBytes: number, isRoot: boolean): string {
  const room = Math.floor(bufferBytes / messageCostBytes);
  return [
    "the machine's own cgroups",
    'which thread made another thread, taken to be the leader, or a sibling of its process (CLONE_PARENT), taken to be the parent',
    'which thread executed a program, where the leader ended at that moment',
    `the program ${isRoot ? '' : "of other users' tasks, and "}of what ended at once, its name and its command line`,
    'names that the kernel gives its own threads',
    'CPU time and memory of what exits',
    'kills for want of memory',
    ...(bufferBytes < 2 * defaultBufferBytes ? [`more than ${room} things at once, which make a gap`] : []),
  ].join('; ');
}

/** The same failure with what is probably its cause. */
function explained(error: unknown): SourceError {
  const cause = error instanceof SystemCallError ? causes[error.errno] : undefined;
  const says = `the process connector cannot be opened: ${saidBy(error)}`;
  return new SourceError(cause === undefined ? says : `${says}; ${cause}`, { cause: error });
}

const causes: Readonly<Record<string, string>> = {
  EPERM: 'before Linux 6.6 it needs the capability CAP_NET_ADMIN',
  ECONNREFUSED:
    'the kernel is built without CONFIG_PROC_EVENTS, or this is not the initial network namespace',
  EPROTONOSUPPORT: 'the kernel is built without CONFIG_CONNECTOR',
  ETIMEDOUT: 'it does not answer outside of the initial namespaces',
};
