/**
 * `tasktrail doctor`: tries each thing that tasktrail needs on this machine, and says in words what works, what
 * does not and why, and what that means. Ends with 0 when a recorder can run here.
 */
import type { MachineSource } from '../daemon.ts';
import { type Context, printAll } from './context.ts';
import { filesystemProbes } from './doctor/filesystem.ts';
import { type Finding, find, type State } from './doctor/finding.ts';
import { kernelProbes } from './doctor/kernel.ts';
import { machineProbes } from './doctor/machine.ts';
import { sourceProbes, sourceTaken } from './doctor/sources.ts';
import { exitCodes } from './failure.ts';
import { type Paint, plain } from './format/paint.ts';
import { padded, widest } from './format/table.ts';
import { defaultMountPoint } from './mountPoint.ts';

export async function doctor(context: Context): Promise<number> {
  const findings: Finding[] = [];
  const probes = [
    ...kernelProbes,
    ...sourceProbes,
    ...machineProbes(context.folder.path),
    ...filesystemProbes(defaultMountPoint(context.env)),
  ];
  for (const probe of probes) {
    findings.push(await find(probe));
  }
  printAll(context, findings, (all) => findingLines(all, context.terminal.paint));
  const obstacles = findings.filter(({ needed, state }) => needed && state === 'fails');
  if (!context.json) context.terminal.print(`\n${verdict(obstacles, sourceTaken(findings), context)}`);
  return obstacles.length === 0 ? exitCodes.done : exitCodes.failed;
}

export function findingLines(findings: readonly Finding[], paint: Paint = plain): string[] {
  const places = widest(findings.map(({ probe }) => probe));
  const indent = ' '.repeat(widest(Object.values(marks)) + 2 + places + 2);
  return findings.flatMap(({ probe, state, says, means }) => [
    `${painted(state, paint)}  ${padded(probe, places)}  ${says}`,
    ...(means === '' ? [] : [`${indent}→ ${means}`]),
  ]);
}

function verdict(obstacles: readonly Finding[], source: MachineSource | undefined, context: Context): string {
  if (obstacles.length === 0) return `a recorder can run here, through ${source}: \`${context.typed('up')}\``;
  return `no recorder can run here, for want of: ${obstacles.map(({ probe }) => probe).join(', ')}`;
}

const marks: Readonly<Record<State, string>> = { works: 'works', fails: 'FAILS', unknown: '?    ' };

function painted(state: State, paint: Paint): string {
  const mark = marks[state];
  return state === 'works' ? paint.good(mark) : state === 'fails' ? paint.bad(mark) : paint.warning(mark);
}
