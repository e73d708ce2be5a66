/**
 * The eBPF source: what happens to tasks, as the kernel itself queues it. There is no compiler and no addon: the
 * programs are assembled here for the kernel that runs, loaded with bpf(2), and read through one shared ring. Looks
 * at the machine come from /proc.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import type { HierarchySeen, Observation, Source, TaskSeen } from '../../ports.ts';
import { idOfMap, missesOf } from '../../system/bpf.ts';
import { useBpfFilesystem } from '../../system/bpfFilesystem.ts';
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
import { lookAtTask, readBootId, scanTasks } from '../proc.ts';
import { SourceError } from '../sourceError.ts';
import { Btf } from './btf.ts';
import { Decoder } from './decoder.ts';
import { Descriptors } from './descriptors.ts';
import { type Installation, install, makeOf } from './installation.ts';
import { lossCounters } from './parts.ts';
import { findInstallation, type PinOwner, pinInstallation, removePins } from './pins.ts';
import type { Mirror } from './places.ts';
import { PlacesMap } from './placesMap.ts';
import { Ring } from './ring.ts';
import { RingQueue } from './ringQueue.ts';

export interface EbpfSourceOptions {
  /**
   * The size of the ring in bytes, a power of two of at least 4,096 and at most 2^30. A fork takes 72 bytes of it
   * and 8 more for each mirrored hierarchy, an exit 40, an exec 320 and more for its command line; when it is full, what happens is lost and
   * counted. Where not given, that of the ring which is found pinned, else a 256th of the memory, between 8 and 256 MiB.
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
/** What of the machine's memory a ring takes unless told otherwise, and the bounds of that. */
const ringShare = 1 / 256;
const leastUsualBytes = 8 * 2 ** 20;
const mostUsualBytes = 256 * 2 ** 20;

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
  const { installation, pinning } = obtain(btf, mirror, options, descriptors);
  return new EbpfSource(installation, pinning, mirrored, options.commandLines, descriptors);
}

/** Whether the installation stays when this process ends, and if it should and cannot, why. */
interface Pinning {
  readonly owner: PinOwner | undefined;
  readonly isPinned: boolean;
  readonly obstacle: string;
  /** Whether it took the place of one of another make. */
  readonly isReplacement: boolean;
}

/** Takes over the installation that is pinned for the owner where it is of the same make, else makes one. */
function obtain(
  btf: Btf,
  mirror: Mirror,
  { owner, pin = false, ringBytes, commandLines }: EbpfSourceOptions,
  descriptors: Descriptors,
): { readonly installation: Installation; readonly pinning: Pinning } {
  const purpose = { mirror, commandLineBytes: commandLines?.limitBytes ?? 0 };
  const make = (): Installation => install(btf, purpose, ringBytes ?? usualRingBytes(), descriptors);
  if (!owner) return { installation: make(), pinning: unpinned(owner) };
  const obstacle = obstacleToPins(pin);
  if (obstacle !== '') {
    return { installation: make(), pinning: unpinned(owner, pin ? obstacle : '') };
  }
  const name = makeOf(btf, purpose);
  const found = findInstallation(owner, name, descriptors);
  const fits = found !== undefined && (ringBytes === undefined || found.ringBytes === ringBytes);
  // What is of another make goes only when the new one sees everything.
  const installation = fits ? found : make();
  const removed = removePins(owner, fits && pin ? name : undefined);
  const refusal = pin && !fits ? refusalToPin(installation, owner, name) : '';
  return {
    installation,
    pinning: {
      owner,
      isPinned: pin && refusal === '',
      obstacle: refusal,
      isReplacement: removed > 0 && !fits,
    },
  };
}

function unpinned(owner: PinOwner | undefined, obstacle = ''): Pinning {
  return { owner, isPinned: false, obstacle, isReplacement: false };
}

/** Empty where it is pinned. A recorder that goes without is better than none. */
function refusalToPin(installation: Installation, owner: PinOwner, name: string): string {
  try {
    pinInstallation(installation, owner, name);
    return '';
  } catch (error) {
    return `nothing can be pinned: ${messageOf(error)}`;
  }
}

/** Why nothing can be pinned or found pinned; empty where it can. Only who wants to pin has a filesystem mounted. */
function obstacleToPins(mayMount: boolean): string {
  try {
    useBpfFilesystem(mayMount);
    return '';
  } catch (error) {
    return `the BPF filesystem cannot be used: ${messageOf(error)}`;
  }
}

class EbpfSource implements Source {
  readonly name = 'ebpf';
  readonly blind: string;
  readonly bootId = readBootId();
  readonly places: PlacesMap;
  readonly keptQueue: RingQueue;
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
  #missesReadAtUs = Number.NEGATIVE_INFINITY;
  /** What the kernel had lost by the last telling, without what only this process counts. */
  #toldLost = 0;
  #isOpen = true;

  constructor(
    installation: Installation,
    pinning: Pinning,
    mirrored: readonly MountedHierarchy[],
    commandLines: CommandLines | undefined,
    descriptors: Descriptors,
  ) {
    const { ring, losses, places, programs, ringBytes, blind } = installation;
    this.blind = blind;
    this.#mirrored = mirrored;
    this.#mounted = mirrored;
    this.#commandLines = commandLines;
    this.#decoder = new Decoder(
      pageSizeBytes(),
      mirrored.map(({ hierarchy }) => hierarchy),
      commandLines,
    );
    this.#ring = new Ring(ring, ringBytes, pinning.isPinned);
    this.#lossesMapping = mapShared('mapping the counters of losses', losses, pageSizeBytes(), 0, 'read');
    this.#losses = new BigUint64Array(this.#lossesMapping.buffer, 0, lossCounters.count);
    this.#wake = new Wake(ring);
    this.#programs = [...programs.values()];
    this.#descriptors = descriptors;
    this.places = new PlacesMap(places, () => this.#counter(lossCounters.places));
    this.keptQueue = new RingQueue({
      ring: this.#ring,
      ringName: `${this.bootId}/${idOfMap(ring)}`,
      isKept: pinning.isPinned,
      places: this.places,
      obstacle: pinning.obstacle,
      isReplacement: pinning.isReplacement,
      toldLost: () => this.#toldLost,
      unpin: () => {
        if (pinning.owner) removePins(pinning.owner);
      },
    });
  }

  drain(see: (observation: Observation) => void, limit?: number): number {
    let count = 0;
    const seeCounted = (observation: Observation): void => {
      count += 1;
      see(observation);
    };
    this.#ring.drain((words, at) => this.#decoder.decode(words, at, seeCounted), limit);
    return count;
  }

  lost(): number {
    assert(this.#isOpen, 'the source is closed');
    if (this.#decoder.bootUs - this.#missesReadAtUs >= missesAgeUs) {
      this.#missesReadAtUs = this.#decoder.bootUs;
      this.#misses = this.#programs.reduce((sum, program) => sum + missesOf(program), 0);
    }
    this.#toldLost = this.#counter(lossCounters.records) + this.#counter(lossCounters.places) + this.#misses;
    return this.#toldLost;
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

  #counter(index: number): number {
    return Number(Atomics.load(this.#losses, index));
  }
}

function usualRingBytes(): number {
  const share = 2 ** Math.floor(Math.log2(totalmem() * ringShare));
  return Math.min(Math.max(share, leastUsualBytes), mostUsualBytes);
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
