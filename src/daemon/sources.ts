/**
 * The sources of a daemon: those that see this machine, the simulated one, and which of them is opened.
 */
import { textOf } from '../../events/bytes.ts';
import { realClock } from '../clock.ts';
import type { Clock, Source } from '../ports.ts';
import { hierarchiesOfMachine, mountedHierarchies } from '../sources/cgroups.ts';
import { type Choice, openFirst } from '../sources/choice.ts';
import type { CommandLines } from '../sources/commandLines.ts';
import { openConnectorSource } from '../sources/connector/source.ts';
import type { PinOwner } from '../sources/ebpf/pins.ts';
import { openEbpfSource } from '../sources/ebpf/source.ts';
import { openPollingSource } from '../sources/polling.ts';
import { openSimulatedSource } from '../sources/simulated.ts';
import { otherNamespace } from '../system/namespaces.ts';

/** The sources that see this machine, the best first. */
export const machineSources = ['ebpf', 'connector', 'polling'] as const;

export type MachineSource = (typeof machineSources)[number];
export type SourceName = MachineSource | 'simulated';

/** How far apart the looks of the polling source are unless told otherwise. */
export const defaultPollIntervalMs = 1000;

/** As `DaemonOptions` has them. */
export interface SourceOptions {
  readonly source: SourceName | 'best';
  readonly mirror?: readonly string[];
  readonly commandLines?: CommandLines | undefined;
  readonly pin?: boolean;
  readonly ringBytes?: number;
  readonly pollIntervalMs?: number;
  readonly seed?: number;
}

/**
 * Opens a source that would record this machine, and closes it again. Fails with one sentence; else tells
 * what the source cannot see, in words, and nothing where it sees all.
 */
export function trySource(name: MachineSource, mirror: readonly string[]): string {
  const source = openings({ mirror }, undefined, realClock())[name]();
  source.close();
  return source.blind;
}

/** What this machine has of cgroup hierarchies, and whether they can be mirrored from here. */
export interface CgroupsHere {
  /** The names of all: `v2`, the controllers of one, `name=systemd`. */
  readonly existing: readonly string[];
  /** Those that are mounted as a whole, v2 first. */
  readonly mounted: readonly { readonly name: string; readonly mountPoint: string }[];
  /** A cgroup namespace is around us, in which paths do not begin where the kernel's do. */
  readonly isNamespaced: boolean;
}

export function cgroupsHere(): CgroupsHere {
  return {
    existing: hierarchiesOfMachine().map(({ name }) => textOf(name)),
    mounted: mountedHierarchies().map(({ name, mountPoint }) => ({
      name: textOf(name),
      mountPoint: textOf(mountPoint),
    })),
    isNamespaced: otherNamespace('cgroup') !== undefined,
  };
}

export function openSource(options: SourceOptions, owner: PinOwner, clock: Clock): Choice {
  const { source, seed = 1 } = options;
  if (source === 'simulated') return { source: openSimulatedSource({ seed, clock }), passedOver: [] };
  const open = openings(options, owner, clock);
  const names = source === 'best' ? machineSources : [source];
  return openFirst(names.map((name) => [name, open[name]]));
}

/** How each source that sees this machine is opened, for the recording that it is to feed. */
function openings(
  options: Omit<SourceOptions, 'source'>,
  owner: PinOwner | undefined,
  clock: Clock,
): Record<MachineSource, () => Source> {
  const { mirror = [], commandLines, pin = false, ringBytes } = options;
  const intervalMs = options.pollIntervalMs ?? defaultPollIntervalMs;
  return {
    ebpf: () =>
      openEbpfSource({
        mirror,
        commandLines,
        pin,
        ...(owner && { owner }),
        ...(ringBytes !== undefined && { ringBytes }),
      }),
    connector: () => openConnectorSource({ commandLines }),
    polling: () => openPollingSource({ clock, intervalMs, commandLines }),
  };
}
