/**
 * The eBPF source: what happens to tasks, as the kernel itself queues it. There is no compiler and no addon: the
 * programs are assembled here for the kernel that runs, loaded with bpf(2), and read through one shared ring. Looks
 * at the machine come from /proc.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { HierarchySeen, Observation, Source, TaskSeen } from '../../ports.ts';
import {
  attachProgram,
  createCounters,
  createRing,
  loadProgram,
  missesOf,
  type Program,
} from '../../system/bpf.ts';
import { messageOf, SystemCallError } from '../../system/errno.ts';
import { checked, libc } from '../../system/libc.ts';
import { type Mapping, mapShared, pageSizeBytes } from '../../system/mapping.ts';
import { otherNamespace } from '../../system/namespaces.ts';
import { Wake } from '../../system/wake.ts';
import {
  hierarchiesNamed,
  hierarchiesOfMachine,
  type MountedHierarchy,
  readHierarchy,
  stillMounted,
} from '../cgroups.ts';
import type { CommandLines } from '../commandLines.ts';
import { lookAtTask, readBootId, scanTasks } from '../proc.ts';
import { SourceError } from '../sourceError.ts';
import { Btf } from './btf.ts';
import { Decoder } from './decoder.ts';
import { groupPrograms } from './groupPrograms.ts';
import { taskPrograms, uidChangeProgram } from './programs.ts';
import { Ring } from './ring.ts';

export interface EbpfSourceOptions {
  /**
   * The size of the ring in bytes, a power of two of at least 4,096 and at most 2^30. A fork takes 64 bytes of it
   * and 8 more for each mirrored hierarchy, an exit 40, an exec 320 and more for its command line; when it is full, what happens is lost and
   * counted. 32 MiB where not given.
   */
  readonly ringBytes?: number;
  /**
   * The cgroup hierarchies to mirror, 25 at most: `v2`, a controller's name such as `cpuset`, or `name=systemd`. None
   * where not given.
   */
  readonly mirror?: readonly string[];
  /** How command lines are told; they are not, where not given. */
  readonly commandLines?: CommandLines | undefined;
}

const defaultRingBytes = 32 * 2 ** 20;
const maxRingBytes = 2 ** 30;

/** The kernel checks every way through a program: with very many hierarchies that takes it seconds. */
const mostMirrored = 25;

const btfPath = '/sys/kernel/btf/vmlinux';

/** How long the count of skipped programs may be out of date: each reading of it costs a few system calls. */
const missesAgeUs = 1_000_000;

/**
 * Opens the source: from the return of this call on, everything that happens is queued. Throws a `SourceError`
 * where that cannot be done, and another one that says what to name where it is `mirror` that cannot be.
 */
export function openEbpfSource(options: EbpfSourceOptions = {}): Source {
  const ringBytes = options.ringBytes ?? defaultRingBytes;
  requireRingSize(ringBytes);
  requireInitialNamespaces();
  const mirrored = mirroredHierarchies(options.mirror ?? []);
  const btf = readKernelBtf();
  const descriptors = new Descriptors();
  try {
    return openWith(btf, ringBytes, mirrored, options.commandLines, descriptors);
  } catch (error) {
    descriptors.close();
    throw explained(error);
  }
}

function openWith(
  btf: Btf,
  ringBytes: number,
  mirrored: readonly MountedHierarchy[],
  commandLines: CommandLines | undefined,
  descriptors: Descriptors,
): Source {
  const mirror = {
    hierarchies: mirrored.map(({ hierarchy }) => hierarchy),
    // Nobody needs to know where nothing is mirrored, and a kernel without cgroups cannot tell.
    machineHierarchies: mirrored.length === 0 ? 0 : hierarchiesOfMachine().length,
  };
  const ring = descriptors.keep(createRing('tasktrail_ring', ringBytes));
  const losses = descriptors.keep(createCounters('tasktrail_lost', 1));
  const sinks = { ring, losses };
  const commandLineBytes = commandLines?.limitBytes ?? 0;
  const all = [...groupPrograms(btf, sinks, mirror), ...taskPrograms(btf, sinks, mirror, commandLineBytes)];
  const programs = all.map((program) => run(program, descriptors));
  const blind = runUidProgram(() => uidChangeProgram(btf, sinks), programs, descriptors);
  const lossesMapping = mapShared('mapping the counter of losses', losses, pageSizeBytes(), 0, 'read');
  return new EbpfSource(
    blind,
    mirrored,
    commandLines,
    new Ring(ring, ringBytes),
    lossesMapping,
    new Wake(ring),
    programs,
    descriptors,
  );
}

/** Loads a program and attaches it; gives back the program's descriptor. */
function run(program: Program, descriptors: Descriptors): number {
  const fd = descriptors.keep(loadProgram(program));
  descriptors.keep(attachProgram(program.name, fd));
  return fd;
}

/** Runs the program that sees changes of users, if the kernel lets it; says what cannot be seen if not. */
function runUidProgram(assemble: () => Program, programs: number[], descriptors: Descriptors): string {
  try {
    programs.push(run(assemble(), descriptors));
    return '';
  } catch (error) {
    return `a task's change of user is seen only when it next executes a program or is looked at (${messageOf(error)})`;
  }
}

class EbpfSource implements Source {
  readonly name = 'ebpf';
  readonly blind: string;
  readonly bootId = readBootId();
  readonly #mirrored: readonly MountedHierarchy[];
  /** Those of them that can be walked, by the last look. */
  #mounted: readonly MountedHierarchy[];
  readonly #commandLines: CommandLines | undefined;
  readonly #ring: Ring;
  readonly #decoder: Decoder;
  readonly #lossesMapping: Mapping;
  readonly #losses: BigUint64Array;
  readonly #wake: Wake;
  readonly #programs: readonly number[];
  readonly #descriptors: Descriptors;
  #misses = 0;
  #missesReadAtUs = 0;
  #isOpen = true;

  constructor(
    blind: string,
    mirrored: readonly MountedHierarchy[],
    commandLines: CommandLines | undefined,
    ring: Ring,
    lossesMapping: Mapping,
    wake: Wake,
    programs: readonly number[],
    descriptors: Descriptors,
  ) {
    this.blind = blind;
    this.#mirrored = mirrored;
    this.#mounted = mirrored;
    this.#commandLines = commandLines;
    this.#decoder = new Decoder(
      pageSizeBytes(),
      mirrored.map(({ hierarchy }) => hierarchy),
      commandLines,
    );
    this.#ring = ring;
    this.#lossesMapping = lossesMapping;
    this.#losses = new BigUint64Array(lossesMapping.buffer, 0, 1);
    this.#wake = wake;
    this.#programs = programs;
    this.#descriptors = descriptors;
  }

  drain(see: (observation: Observation) => void): number {
    let count = 0;
    const seeCounted = (observation: Observation): void => {
      count += 1;
      see(observation);
    };
    this.#ring.drain((words, at) => this.#decoder.decode(words, at, seeCounted));
    return count;
  }

  lost(): number {
    assert(this.#isOpen, 'the source is closed');
    if (this.#decoder.bootUs - this.#missesReadAtUs >= missesAgeUs) {
      this.#missesReadAtUs = this.#decoder.bootUs;
      this.#misses = this.#programs.reduce((sum, program) => sum + missesOf(program), 0);
    }
    return Number(Atomics.load(this.#losses, 0)) + this.#misses;
  }

  scan(): Iterable<TaskSeen> {
    return scanTasks(this.#mounted, this.#commandLines);
  }

  hierarchies(): readonly HierarchySeen[] {
    this.#mounted = stillMounted(this.#mirrored);
    return this.#mounted.map(readHierarchy).filter((seen) => seen !== undefined);
  }

  look(pid: number): TaskSeen | undefined {
    return lookAtTask(pid, this.#mounted);
  }

  wake(callback: () => void): void {
    this.#wake.arm(callback);
  }

  close(): void {
    assert(this.#isOpen, 'the source is closed');
    this.#isOpen = false;
    this.#wake.close();
    this.#ring.close();
    this.#lossesMapping.unmap();
    this.#descriptors.close();
  }
}

/** The descriptors that hold the maps, programs and links in the kernel; closing them ends all of it. */
class Descriptors {
  readonly #open: number[] = [];

  keep(fd: number): number {
    this.#open.push(fd);
    return fd;
  }

  /** Links first, so that no program runs whose maps are gone. */
  close(): void {
    for (const fd of this.#open.splice(0).reverse()) {
      checked('closing a descriptor of the eBPF source', libc().close(fd));
    }
  }
}

function requireRingSize(ringBytes: number): void {
  const isPowerOfTwo = Number.isInteger(ringBytes) && ringBytes > 0 && Number.isInteger(Math.log2(ringBytes));
  if (isPowerOfTwo && ringBytes >= pageSizeBytes() && ringBytes <= maxRingBytes) return;
  throw new RangeError(
    `the eBPF source cannot have a ring of ${ringBytes} bytes: choose a power of two from ${pageSizeBytes()} to ${maxRingBytes}`,
  );
}

/** The kernel's pids and times are those of the initial namespaces; those that /proc shows are the reader's. */
function requireInitialNamespaces(): void {
  for (const kind of ['pid', 'time'] as const) {
    const own = otherNamespace(kind);
    if (own === undefined) continue;
    throw new SourceError(
      `the eBPF source works only in the initial ${kind} namespace, and this process is in ${own}: start it outside of the container`,
    );
  }
}

/** In another cgroup namespace /proc shows paths that do not begin at a hierarchy's root. */
function mirroredHierarchies(names: readonly string[]): readonly MountedHierarchy[] {
  if (names.length === 0) return [];
  const own = otherNamespace('cgroup');
  if (own !== undefined) {
    throw new Error(
      `the eBPF source can mirror cgroup hierarchies only in the initial cgroup namespace, and this process is in ${own}: start it outside of the container, or mirror none`,
    );
  }
  const mirrored = hierarchiesNamed(names);
  if (mirrored.length <= mostMirrored) return mirrored;
  throw new Error(
    `the eBPF source can mirror ${mostMirrored} cgroup hierarchies and not ${mirrored.length}: name fewer`,
  );
}

function readKernelBtf(): Btf {
  try {
    return new Btf(readFileSync(btfPath));
  } catch (error) {
    throw new SourceError(
      `the eBPF source cannot read the kernel's type information, ${btfPath}: ${messageOf(error)}; it needs a kernel built with CONFIG_DEBUG_INFO_BTF`,
    );
  }
}

/** The same failure with what is probably its cause. */
function explained(error: unknown): SourceError {
  const cause = error instanceof SystemCallError ? causes[error.errno] : undefined;
  const says = `the eBPF source cannot be opened: ${messageOf(error)}`;
  return new SourceError(cause === undefined ? says : `${says}; ${cause}`, { cause: error });
}

const causes: Readonly<Record<string, string>> = {
  EPERM:
    'it needs the capabilities CAP_BPF and CAP_PERFMON, which root has outside of containers, and a kernel that is not locked down (/sys/kernel/security/lockdown)',
  EACCES: 'this kernel is not known to these programs',
  EINVAL: 'this kernel is probably older than 5.11 or built without eBPF tracing',
  ENOSYS: 'this kernel is built without bpf(2), or a seccomp filter hides it',
  ENOMEM: 'there is too little memory for the ring, or RLIMIT_MEMLOCK is too small: choose a smaller ring',
  E2BIG: 'this kernel is probably older than 5.11, or there are too many cgroup hierarchies to mirror',
};
