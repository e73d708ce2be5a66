/**
 * The cases of the drain test: what `drain.c` does to its tasks before it asks the recorder about them, which has to
 * know by then.
 */
import { socketName } from '../../src/http/api.ts';
import { compile } from '../programs.ts';
import { listen, type Recording } from '../recording.ts';

export const cases = {
  'fork-parent': 'a process asks for the child that it has forked',
  'fork-child': 'a forked child asks for itself',
  'vfork-child': 'a vforked child asks for itself',
  'thread-parent': 'a thread asks for another that it has made',
  'thread-self': 'a new thread asks for itself',
  'exec-self': 'a program that was just executed asks what its task is called',
  'exit-process': 'a process asks for a child that it has reaped',
  'exit-thread': 'a process asks for a thread that it has joined',
} as const;

export type CaseName = keyof typeof cases;

export const caseNames = Object.keys(cases) as CaseName[];

/** The sources whose queue can be drained. */
export const drainedSources = ['ebpf', 'connector'] as const;
export type DrainedSource = (typeof drainedSources)[number];

/** The connector tells an exit only after it has been told to whoever waits for it. */
export const lateCases: Readonly<Record<DrainedSource, readonly CaseName[]>> = {
  ebpf: [],
  connector: ['exit-process', 'exit-thread'],
};

/** The part of the answers that may be late in those cases. */
export const mostLate = 0.1;

export interface Outcome {
  readonly asked: number;
  readonly wrong: number;
}

/** Runs one case so many times, in the container `/drain`, which must be there. */
export async function runCase(recording: Recording, name: CaseName, times: number): Promise<Outcome> {
  const socket = `${recording.folder}/${socketName}`;
  const program = await recording.run('/drain', [compile('drain'), socket, '/drain', name, String(times)]);
  program.stdin.end();
  const lines = await listen(program);
  const said = new Map(lines.map((line) => line.split(' ') as [string, string]));
  return { asked: Number(said.get('asked')), wrong: Number(said.get('wrong')) };
}
