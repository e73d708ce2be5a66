/**
 * The composition root: the only place that decides what stands behind the ports of a recorder, and the
 * order in which the parts of the daemon come and go.
 */
import { existsSync, readlinkSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { nanoid } from 'nanoid';
import { textOf, utf8BytesOf } from '../events/bytes.ts';
import { World } from '../projections/world.ts';
import { openAgentRunner } from './agents/runner.ts';
import { openArchive } from './archive/archive.ts';
import { realClock } from './clock.ts';
import { nameContainers } from './engine/namer.ts';
import { Reactor } from './engine/reactor.ts';
import { type RecordingView, recordingOf } from './engine/reads.ts';
import { Recorder } from './engine/recorder.ts';
import { type DaemonView, socketName, socketPathLimitBytes } from './http/api.ts';
import { openServer } from './http/server.ts';
import type { Actor, Command } from './kernel/command.ts';
import { openLevelLog } from './log/levelLog.ts';
import type { Clock, EventLog, Source } from './ports.ts';
import { hierarchiesOfMachine, mountedHierarchies } from './sources/cgroups.ts';
import { openEbpfSource } from './sources/ebpf/source.ts';
import { openRuntimeNames } from './sources/runtimeNames.ts';
import { openSimulatedSource } from './sources/simulated.ts';
import { folderBytes, shareFolder } from './system/folder.ts';
import { peerOf } from './system/peer.ts';

export type SourceName = 'ebpf' | 'simulated';

export interface DaemonOptions {
  /** The recording's folder; made if it is missing, 0750. */
  readonly folder: string;
  readonly source: SourceName;
  /** The release agent's path. */
  readonly releaseAgent: string;
  /** Observations are synced at the latest after this. */
  readonly syncIntervalMs: number;
  readonly version: string;
  /** The cgroup hierarchies to mirror, by their names as `cgroupsHere` has them; for the eBPF source. */
  readonly mirror?: readonly string[];
  /** For the simulated source. */
  readonly seed?: number;
  /** Off only to show that it is needed. */
  readonly drainBeforeDecide?: boolean;
}

export interface Daemon {
  /** As it is at each reading, and after a stop as it was then. */
  readonly view: RecordingView & DaemonView;
  /** Resolves when the daemon has stopped; rejects when it had to. */
  readonly closed: Promise<void>;
  stop(): Promise<void>;
}

/** The release agent unless another is configured, as in the patch. */
export const defaultReleaseAgent = '/sbin/container_release_agent';

/** How many release agents run at once. */
const agentConcurrency = 16;
/** The inode number of the initial one (include/linux/proc_ns.h). */
const initialCgroupNamespace = 'cgroup:[4026531835]';
/** The group that may use the daemon, beside its owner. */
const groupName = 'tasktrail';

/** Starts to record. Fails with one sentence for a person. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { folder } = options;
  const socketPath = `${folder}/${socketName}`;
  if (Buffer.byteLength(socketPath) > socketPathLimitBytes) {
    throw new Error(`the path of ${folder} is too long for a socket in it: use a folder with a shorter one`);
  }
  const world = new World();
  const log = await openLevelLog({
    folder,
    onCommit: (events) => {
      for (const event of events) world.apply(event);
    },
  });
  try {
    return await startOn(log, world, options, socketPath);
  } catch (error) {
    await log.close();
    throw error;
  }
}

/** Everything that stands on an open log, bottom up; `stop` takes it down in the other direction. */
async function startOn(
  log: EventLog,
  world: World,
  options: DaemonOptions,
  socketPath: string,
): Promise<Daemon> {
  const { folder, releaseAgent, syncIntervalMs, version } = options;
  const clock = realClock();
  const source = openSource(options, clock);
  const end = settlement();
  const recorder = new Recorder({
    log,
    source,
    clock,
    world,
    syncIntervalMs,
    drainBeforeDecide: options.drainBeforeDecide ?? true,
    onFailure: end.reject,
  });
  nameContainers(recorder, openRuntimeNames());
  await recorder.start({ recording: nanoid(), version });
  await leaveContainers(recorder);

  // The kernel starts its helpers with this one, and agents inherit it from us.
  process.umask(0o022);
  const runner = openAgentRunner();
  const program = utf8BytesOf(releaseAgent);
  const reactor = new Reactor({ recorder, runner, clock, program, concurrency: agentConcurrency });
  reactor.start();

  const view = (): DaemonView => ({
    daemonPid: process.pid,
    folder,
    sizeBytes: folderBytes(folder),
    releaseAgent,
  });
  const archive = openArchive(folder, recorder, clock);
  const server = openServer({ recorder, clock, archive, peerOf: peerOfSocket, daemon: view });
  await listen(server, socketPath);
  shareFolder(folder, socketPath, groupName);

  const stop = async (): Promise<void> => {
    rmSync(socketPath, { force: true });
    server.close();
    server.closeAllConnections();
    reactor.stop();
    await archive.close();
    await recorder.stop();
    source.close();
    await runner.close();
    await log.close();
    end.resolve();
  };
  return {
    get view() {
      return { ...recordingOf(world, clock.wallUs()), ...view() };
    },
    closed: end.promise,
    stop,
  };
}

/**
 * Opens the source that would record this machine, and closes it again. Fails with one sentence; else tells
 * what the source cannot see, in words, and nothing where it sees all.
 */
export function trySource(mirror: readonly string[]): string {
  const source = openEbpfSource({ mirror });
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
  // A kernel without cgroups has no such file.
  if (!existsSync('/proc/self/cgroup')) return { existing: [], mounted: [], isNamespaced: false };
  return {
    existing: hierarchiesOfMachine().map(({ name }) => textOf(name)),
    mounted: mountedHierarchies().map(({ name, mountPoint }) => ({
      name: textOf(name),
      mountPoint: textOf(mountPoint),
    })),
    isNamespaced: readlinkSync('/proc/self/ns/cgroup') !== initialCgroupNamespace,
  };
}

function openSource({ source, seed = 1, mirror = [] }: DaemonOptions, clock: Clock): Source {
  return source === 'simulated' ? openSimulatedSource({ seed, clock }) : openEbpfSource({ mirror });
}

/** Agents belong to the root container, and inherit it from us, whatever shell we were started in. */
async function leaveContainers(recorder: Recorder): Promise<void> {
  const { hierarchy } = recorder.world;
  const self = hierarchy.taskByPid(process.pid);
  if (!self || self.container === hierarchy.root) return;
  const actor = { pid: process.pid, uid: self.uid, gid: process.getegid?.() ?? 0, groups: [] };
  const command: Command = { type: 'attach', container: hierarchy.root.id, pid: process.pid };
  await recorder.submit({ name: 'attach', path: '/', actor, plan: () => command });
}

/** The descriptor is Node's own affair, and there is no other way to ask the kernel about a socket. */
function peerOfSocket(socket: Socket): Actor {
  const { _handle: handle } = socket as unknown as { _handle: { fd: number } };
  return peerOf(handle.fd);
}

/** A socket left by a daemon that was killed is in the way; we hold the log, so nobody listens on it. */
async function listen(server: Server, path: string): Promise<void> {
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}

function settlement(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let resolve = (): void => {};
  let reject = (_error: Error): void => {};
  const promise = new Promise<void>((settle, refuse) => {
    resolve = settle;
    reject = refuse;
  });
  return { promise, resolve, reject };
}
