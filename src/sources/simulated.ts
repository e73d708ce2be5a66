/**
 * The simulated source: a made-up machine that goes on as the clock does, for where no kernel source is
 * allowed, and for demonstrations. It sees nothing real. One seed tells one story, relative to the moment at
 * which it was opened, whenever and however often it is asked.
 */

import type { Clock, Observation, Source, TaskSeen } from '../ports.ts';
import { seededRandom } from '../random.ts';
import { Agenda } from './simulated/agenda.ts';
import { SimulatedMachine } from './simulated/machine.ts';
import { Workload } from './simulated/workload.ts';

export interface SimulatedOptions {
  /** From 0 to 2³²−1. */
  readonly seed: number;
  readonly clock: Clock;
  /** Pids are below this, so that they wrap soon: 600 at least. */
  readonly pidLimit?: number;
}

/** How long the machine has been up when it is opened: what runs always is running by then. */
const warmUpUs = 1_000_000;

/** Opens the source. Each opening is a boot of a machine of its own. */
export function openSimulatedSource({ seed, clock, pidLimit = 1024 }: SimulatedOptions): Source {
  const openedUs = Math.floor(clock.bootUs());
  const machine = new SimulatedMachine(Math.max(0, openedUs - warmUpUs), pidLimit);
  const agenda = new Agenda(machine);
  new Workload(machine, agenda, seededRandom(seed)).begin();
  agenda.advance(openedUs);
  machine.takeQueued();

  let cancelWake = (): void => {};
  const advance = (): void => agenda.advance(Math.floor(clock.bootUs()));
  const wake = (callback: () => void): void => {
    cancelWake();
    if (machine.queued > 0) {
      cancelWake = clock.after(0, callback);
      return;
    }
    const delayUs = agenda.nextUs - clock.bootUs();
    cancelWake = clock.after(Math.max(1, Math.ceil(delayUs / 1000)), () => {
      advance();
      // A script may have gone on without anything that a source would see.
      if (machine.queued > 0) callback();
      else wake(callback);
    });
  };

  return {
    name: 'simulated',
    blind: 'anything of this machine; every task is made up',
    bootId: `simulated-${seed}-${Math.floor(clock.wallUs())}`,
    drain: (see: (observation: Observation) => void): number => {
      advance();
      const queued = machine.takeQueued();
      for (const observation of queued) see(observation);
      return queued.length;
    },
    lost: () => 0,
    *scan(): Generator<TaskSeen> {
      advance();
      for (const pid of machine.pids()) {
        const task = machine.look(pid);
        if (task) yield task;
      }
    },
    mirrors: [],
    hierarchies: () => [],
    look: (pid: number): TaskSeen | undefined => {
      advance();
      return machine.look(pid);
    },
    wake,
    close: () => cancelWake(),
  };
}
