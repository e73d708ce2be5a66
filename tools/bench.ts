/**
 * Bench: `npm run bench -- capture log`. Measures the parts that are named and prints what it finds; with `--write` it also
 * puts each part's findings into `docs/benchmarks.md`, in the place of what stood there before.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { measureCapture } from './bench/capture.ts';
import { measureFs } from './bench/fs.ts';
import { measureLog } from './bench/log.ts';
import { measureResync } from './bench/resync.ts';
import { openPeers } from './peers/peers.ts';

interface Part {
  readonly title: string;
  /** Tells as Markdown what was found. */
  measure(): Promise<string>;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    write: { type: 'boolean', default: false },
    pairs: { type: 'string', default: '6' },
    seconds: { type: 'string', default: '2' },
    idle: { type: 'string', default: '30' },
    patience: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
    events: { type: 'string', default: '10000000' },
    growth: { type: 'boolean', default: false },
    peers: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    tasks: { type: 'string', default: '20000' },
  },
});

const parts: Readonly<Record<string, Part>> = {
  capture: {
    title: 'Capture',
    measure: () =>
      measureCapture({
        pairs: numberOf('pairs', values.pairs),
        seconds: numberOf('seconds', values.seconds),
        idleSeconds: numberOf('idle', values.idle),
        patienceSeconds: numberOf('patience', values.patience),
      }),
  },
  log: {
    title: 'Log',
    measure: async () =>
      measureLog({
        seed: numberOf('seed', values.seed),
        events: numberOf('events', values.events),
        ...(values.growth && { smallEvents: 1_000_000 }),
        rounds: numberOf('rounds', values.rounds),
        appendLimit: 200_000,
        replayLimit: 1_000_000,
        patienceSeconds: numberOf('patience', values.patience),
        reads: 2000,
        readSeconds: 30,
        latencySeconds: 5,
        memoryTasks: 1_000_000,
        peers: values.peers ? await openPeers() : [],
      }),
  },
  resync: {
    title: 'Resync',
    measure: () => measureResync(numberOf('tasks', values.tasks)),
  },
  fs: {
    title: 'The mount',
    measure: () =>
      measureFs({
        rounds: numberOf('rounds', values.rounds),
        seconds: numberOf('seconds', values.seconds),
      }),
  },
};

const path = 'docs/benchmarks.md';
const heading = `# Benchmarks

What tasktrail costs and how fast it is, as \`npm run bench\` measures it. Numbers of different machines cannot be compared;
ratios hold better.
`;

const unknown = positionals.find((name) => !(name in parts));
if (positionals.length === 0 || unknown !== undefined) {
  throw new Error(`say which parts to measure: ${Object.keys(parts).join(', ')}`);
}
// What is measured is what is shipped.
execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
for (const name of positionals) {
  const part = parts[name];
  if (part === undefined) continue;
  const findings = `On ${machine()}.\n\n${await part.measure()}\n`;
  console.log(findings);
  if (values.write) write(part.title, findings);
}

function machine(): string {
  const processors = cpus();
  return `${processors.length} processors (${processors[0]?.model ?? 'unknown'}), Linux ${release().split('-')[0]}, Node ${process.version}`;
}

/** Puts a part under its title, and leaves the others as they are. */
function write(title: string, findings: string): void {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : heading;
  const [top = '', ...sections] = text.split(/^(?=## )/m);
  const others = sections.filter((section) => !section.startsWith(`## ${title}\n`));
  const all = [...others, `## ${title}\n\n${findings}`].sort();
  writeFileSync(path, [top.trimEnd(), ...all.map((section) => section.trimEnd())].join('\n\n').concat('\n'));
}

function numberOf(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new Error(`--${name} is ${text}: give a whole number`);
  return number;
}
