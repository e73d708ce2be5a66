/**
 * The eBPF source: what happens to tasks, as the kernel itself queues it. There is no compiler and no addon: the
 * programs are assembled here for the kernel that runs, loaded with bpf(2), and read through one shared ring. Looks
 * at all tasks are the kernel's own as well; looks at one, and at groups, come from /proc and the mounted hierarchies.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { HierarchySeen, Observation, Source, TaskSeen } from '../../ports.ts';
import { idOfMap, missesOf } from '../../system/bpf.ts';
import { messageOf, SystemCallError } from '../../system/errno.ts';
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
import { requireInitialNamespaces } from '../namespaces.ts';
import { listProcesses, lookAtTask, readBootId, scanTasks, withCommandLine } from '../proc.ts';
import { SourceError } from '../sourceError.ts';
import { Btf } from './btf.ts';
import { Decoder } from './decoder.ts';
import { Descriptors } from './descriptors.ts';
import type { Hook } from './hooks.ts';
import type { Generation, Installation } from './installation.ts';
import { lossCounters } from './parts.ts';
import { type PinOwner, removePins, unpinGenerationsBefore } from './pins.ts';
import { PlacesMap } from './placesMap.ts';
import { Ring } from './ring.ts';
import { type ChainedRing, RingChain } from './ringChain.ts';
import { RingQueue } from './ringQueue.ts';
import { obtain, type Pinning } from './succession.ts';
import { TaskIterator } from './taskIterator.ts';

export interface EbpfSourceOptions {
  /**
   * The size of the ring in bytes, a power of two of at least 4,096 and at most 2^30. A fork takes 72 bytes of it
   * and 8 more for each mirrored hierarchy, an exit 40, an exec 320 and more for its command line; when it is full, what
   * happens is lost and counted. Where not given, that of the newest ring which is found pinned, else a 256th of the
   * memory, between 8 and 256 MiB.
   */
  readonly ringBytes?: number;
  /**
   * The cgroup hierarchies to mirror, 25 at most: `v2`, a controller's name such as `cpuset`, or `name=systemd`. None
   * where not given.
   */
  readonly mirror?: readonly string[];
  /** The recording that this is for: what is pinned for it is found and taken over. Nothing is where not given. */
  readonly owner?: PinOwner;
  /** Leaves everything pinned for the owner, so that the kernel goes on recording when this process ends. */
  readonly pin?: boolean;
  /** How command lines are told; they are not, where not given. */
  readonly commandLines?: CommandLines | undefined;
}

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
  if (options.ringBytes !== undefined) requireRingSize(options.ringBytes);
  requireInitialNamespaces('the eBPF source');
  const mirrored = mirroredHierarchies(options.mirror ?? []);
  const btf = readKernelBtf();
  const descriptors = new Descriptors();
  try {
    return openWith(btf, mirrored, options, descriptors);
  } catch (error) {
    descriptors.close();
    throw explained(error);
  }
}

function openWith(
  btf: Btf,
  mirrored: readonly MountedHierarchy[],
  options: EbpfSourceOptions,
  descriptors: Descriptors,
): Source {
  const mirror = {
    hierarchies: mirrored.map(({ hierarchy }) => hierarchy),
    // Nobody needs to know where nothing is mirrored, and a kernel without cgroups cannot tell.
    machineHierarchies: mirrored.length === 0 ? 0 : hierarchiesOfMachine().length,
  };
  const purpose = { mirror, commandLineBytes: options.commandLines?.limitBytes ?? 0 };
  const { installation, pinning } = obtain(btf, purpose, options, descriptors);
  const iterator = TaskIterator.open(btf, mirror, descriptors);
  return new EbpfSource(installation, pinning, mirrored, iterator, options.commandLines, descriptors);
}

class EbpfSource implements Source {
  readonly name = 'ebpf';
  readonly blind: string;
  readonly mirrors: readonly number[];
  readonly bootId = readBootId();
  readonly places: PlacesMap;
  readonly keptQueue: RingQueue;
  readonly #mirrored: readonly MountedHierarchy[];
  /** Those of them that can be walked, by the last look. */
  #mounted: readonly MountedHierarchy[];
  readonly #commandLines: CommandLines | undefined;
  readonly #chain: RingChain;
  /** Undefined where the kernel has none. */
  readonly #iterator: TaskIterator | undefined;
  readonly #lossesMapping: Mapping;
  readonly #losses: BigUint64Array;
  readonly #wake: Wake;
  readonly #hooks: readonly Hook[];
  readonly #descriptors: Descriptors;
  #misses = 0;
  #missesReadAtUs = Number.NEGATIVE_INFINITY;
  /** What the kernel had lost by the last telling, without what only this process counts. */
  #toldLost = 0;
  #isOpen = true;

  constructor(
    { hooks, losses, places, generations }: Installation,
    { owner, isPinned, obstacle, wasUnreadable }: Pinning,
    mirrored: readonly MountedHierarchy[],
    iterator: TaskIterator | undefined,
    commandLines: CommandLines | undefined,
    descriptors: Descriptors,
  ) {
    this.#iterator = iterator;
    this.mirrors = mirrored.map(({ hierarchy }) => hierarchy);
    this.#mirrored = mirrored;
    this.#mounted = mirrored;
    this.#commandLines = commandLines;
    this.#descriptors = descriptors;
    this.#hooks = [...hooks.values()];
    const rings = generations.map((generation) => this.#chained(generation, isPinned));
    this.#chain = new RingChain(rings, isPinned, ({ generation }) => {
      if (isPinned && owner) unpinGenerationsBefore(generation.number + 1, owner);
      descriptors.release(generation.ring);
      descriptors.release(generation.about);
    });
    const { blind, ring } = this.#chain.newest.generation;
    this.blind = blind;
    this.#lossesMapping = mapShared('mapping the counters of losses', losses, pageSizeBytes(), 0, 'read');
    this.#losses = new BigUint64Array(this.#lossesMapping.buffer, 0, lossCounters.count);
    this.#wake = new Wake(ring);
    this.places = new PlacesMap(places, () => this.#counter(lossCounters.places));
    this.keptQueue = new RingQueue({
      chain: this.#chain,
      isKept: isPinned,
      places: this.places,
      obstacle,
      wasUnreadable,
      toldLost: () => this.#toldLost,
      unpin: () => {
        if (owner) removePins(owner);
      },
    });
  }

  #chained(generation: Generation, isKept: boolean): ChainedRing {
    const { ring, ringBytes, hierarchies } = generation;
    const there = new Set(hierarchies.length === 0 ? [] : hierarchiesOfMachine().map((one) => one.hierarchy));
    const gone = hierarchies.filter((hierarchy) => !there.has(hierarchy));
    return {
      name: `${this.bootId}/${idOfMap(ring)}`,
      ring: new Ring(ring, ringBytes, isKept),
      decoder: new Decoder(pageSizeBytes(), generation, this.#commandLines, gone),
      generation,
    };
  }

  drain(see: (observation: Observation) => void, limit?: number): number {
    return this.#chain.drain(see, limit);
  }

  lost(): number {
    assert(this.#isOpen, 'the source is closed');
    const { bootUs } = this.#chain;
    if (bootUs - this.#missesReadAtUs >= missesAgeUs) {
      this.#missesReadAtUs = bootUs;
      this.#misses = this.#hooks.reduce((sum, { program }) => sum + missesOf(program), 0);
    }
    this.#toldLost = this.#counter(lossCounters.records) + this.#counter(lossCounters.places) + this.#misses;
    return this.#toldLost;
  }

  scan(): Iterable<TaskSeen> {
    return this.#iterator ? this.#iterate(this.#iterator) : scanTasks(this.#mounted, this.#commandLines);
  }

  /**
   * Of a task whose groups could not be found in one go, because it moves, /proc is asked; and of processes that were
   * there before and of which the iterator does not tell: there are kernels that keep some from every eBPF program.
   */
  *#iterate(iterator: TaskIterator): Generator<TaskSeen> {
    const { decoder } = this.#chain.newest;
    const listed = listProcesses();
    const told = new Set<number>();
    const read: TaskSeen[] = [];
    for (const _ of iterator.read((words, at) => read.push(decoder.task(words, at)))) {
      for (const task of read.splice(0)) {
        told.add(task.tgid);
        const seen = task.unplaced ? this.look(task.pid) : task;
        if (seen) yield withCommandLine(seen, this.#commandLines);
      }
    }
    const untold = listed.filter((process) => !told.has(process));
    yield* scanTasks(this.#mounted, this.#commandLines, untold);
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
    this.#chain.close();
    this.#lossesMapping.unmap();
    this.#descriptors.close();
  }

  #counter(index: number): number {
    return Number(Atomics.load(this.#losses, index));
  }
}

function requireRingSize(ringBytes: number): void {
  const isPowerOfTwo = Number.isInteger(ringBytes) && ringBytes > 0 && Number.isInteger(Math.log2(ringBytes));
  if (isPowerOfTwo && ringBytes >= pageSizeBytes() && ringBytes <= maxRingBytes) return;
  throw new RangeError(
    `the eBPF source cannot have a ring of ${ringBytes} bytes: choose a power of two from ${pageSizeBytes()} to ${maxRingBytes}`,
  );
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
