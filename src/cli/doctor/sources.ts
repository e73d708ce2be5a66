/**
 * The sources that see this machine, each opened for real, the best first: `up` takes the first that works.
 */
import type { MachineSource } from '../../daemon.ts';
import type { Finding, Probe } from './finding.ts';

const meanings: readonly {
  readonly source: MachineSource;
  readonly probe: string;
  readonly means: string;
}[] = [
  {
    source: 'ebpf',
    probe: 'eBPF source',
    means: 'the process connector is taken, or else polling; both see less',
  },
  {
    source: 'connector',
    probe: 'process connector',
    means: 'nothing where the eBPF source works; else /proc is polled, which sees less',
  },
  {
    source: 'polling',
    probe: 'polling of /proc',
    means: 'nothing of this machine can be recorded; --source simulated plays a made-up workload',
  },
];

/** Only the last is needed: where that does not work, none does. */
export const sourceProbes: readonly Probe[] = meanings.map(({ source, probe, means }, i) => ({
  name: probe,
  needed: i === meanings.length - 1,
  means,
  attempt: async () => {
    // Loaded as late as this, so that its own libraries can be what does not work.
    const { trySource } = await import('../../daemon.ts');
    const blind = trySource(source, []);
    return `opened, and closed again${blind === '' ? '' : `; it does not see everything: ${blind}`}`;
  },
}));

/** The source that `up` would take, by the name that `--source` has for it; undefined where none works. */
export function sourceTaken(findings: readonly Finding[]): MachineSource | undefined {
  return meanings.find(({ probe }) => findings.some((each) => each.probe === probe && each.state === 'works'))
    ?.source;
}
