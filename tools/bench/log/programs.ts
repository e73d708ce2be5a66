/**
 * The programs of the bench's machine: a few that are run all the time, as shells and compilers are, and a long tail of
 * others. The n-th most frequent one is run about 1/n as often as the first (Zipf's law).
 */
import type { Random } from '../../../src/random.ts';

export interface Program {
  /** At most 15 bytes, as the kernel keeps it. */
  readonly comm: string;
  readonly path: string;
}

const folders = ['/usr/bin/', '/usr/sbin/', '/usr/libexec/', '/usr/local/bin/', '/opt/build/bin/'];
const common = [
  ...['sh', 'sed', 'grep', 'cat', 'gcc', 'cc1', 'as', 'collect2', 'ld', 'bash', 'awk', 'rm', 'expr', 'make'],
  ...['basename', 'dirname', 'python3', 'date', 'sleep', 'ps', 'cut', 'sort', 'head', 'tr', 'mv', 'mkdir'],
  ...['node', 'git', 'ssh', 'curl', 'runc', 'containerd-shim', 'sudo', 'systemctl', 'perl', 'id', 'uname'],
];
const parts = ['sys', 'net', 'data', 'log', 'node', 'job', 'cache', 'queue', 'auth', 'mail', 'index', 'web'];
const roles = ['d', 'ctl', '-worker', '-agent', '-helper', '-sync', '-check', '-export', '-watch', '-run'];
const tail = 2000;

/** Programs by rank. */
const programs: readonly Program[] = Array.from({ length: common.length + tail }, (_, rank) => {
  const name = common[rank] ?? nameOf(rank - common.length);
  return { comm: name.slice(0, 15), path: `${folders[rank % folders.length]}${name}` };
});

/** By rank, how much of all runs is of this program or one before it. */
const shares = sharesOf(programs.length);

export function someProgram(random: Random): Program {
  const share = random.bits() / 2 ** 32;
  let [low, high] = [0, programs.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((shares[middle] ?? 1) < share) low = middle + 1;
    else high = middle;
  }
  return programs[low] as Program;
}

function nameOf(number: number): string {
  const part = parts[number % parts.length];
  const role = roles[Math.floor(number / parts.length) % roles.length];
  const series = Math.floor(number / (parts.length * roles.length));
  return `${part}${role}${series === 0 ? '' : `-${series}`}`;
}

function sharesOf(count: number): Float64Array {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) {
    sum += 1 / (rank + 1);
    sums[rank] = sum;
  }
  return sums.map((each) => each / sum);
}
