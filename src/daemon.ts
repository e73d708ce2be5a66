/**
 * The composition root: the only place that decides what stands behind the ports of a recorder, and the
 * order in which the parts of the daemon come and go.
 */
import { rmSync } from 'node:fs';
import { nanoid } from 'nanoid';
import { utf8BytesOf } from '../events/bytes.ts';
import { openAgentRunner } from './agents/runner.ts';
import { openArchive } from './archive/archive.ts';
import { openArchivist } from './archive/archivist.ts';
import { Attendants } from './archive/attendants.ts';
import { openRecording } from './archive/openRecording.ts';
import { realClock } from './clock.ts';
import { Closers } from './closers.ts';
import { appoint, leaveContainers, ownTree } from './daemon/household.ts';
import { retentionOn, situationOf } from './daemon/retention.ts';
import { listen, peerOfSocket } from './daemon/socket.ts';
import { openSource, type SourceName } from './daemon/sources.ts';
import { keptView } from './engine/kept.ts';
import { nameContainers } from './engine/namer.ts';
import { Reactor } from './engine/reactor.ts';
import { type RecordingView, recordingOf } from './engine/reads.ts';
import { Recorder } from './engine/recorder.ts';
import { Watchdog } from './engine/watchdog.ts';
import { Door } from './fs/door.ts';
import { Mounts } from './fs/mounts.ts';
import { type HeadTarget, senderTo, targetText } from './heads/destination.ts';
import { Post } from './heads/post.ts';
import { type DaemonView, socketName, socketPathLimitBytes } from './http/api.ts';
import { openServer } from './http/server.ts';
import { defaultRetention, isUnlimited, type RetentionSettings } from './log/limits.ts';
import { setAsideView } from './log/setAside.ts';
import type { AgentRunner, Clock, EventLog, Head, SetAside } from './ports.ts';
import { Gauge } from './queueGauge.ts';
import { watchRoom } from './room.ts';
import type { PassedOver } from './sources/choice.ts';
import type { CommandLines } from './sources/commandLines.ts';
import { openRuntimeNames } from './sources/runtimeNames.ts';
import { messageOf } from './system/errno.ts';
import { filesystemOf, folderSize, shareFolder } from './system/folder.ts';

export {
  type CgroupsHere,
  cgroupsHere,
  defaultPollIntervalMs,
  type MachineSource,
  machineSources,
  type SourceName,
  trySource,
} from './daemon/sources.ts';
export { type HeadTarget, targetText } from './heads/destination.ts';
export { type Amount, defaultRetention, type RetentionSettings } from './log/limits.ts';
export type { SetAside } from './ports.ts';
export type { CommandLines } from './sources/commandLines.ts';

export interface DaemonOptions {
  /** The recording's folder; made if it is missing, 0750. */
  readonly folder: string;
  /** `best`: of those that see this machine, the best that can be opened. */
  readonly source: SourceName | 'best';
  /** The release agent to appoint, an absolute path; the one that the recording has where this is absent. */
  readonly releaseAgent?: string | undefined;
  /** A release agent that takes longer is stuck. 10 s where not given. */
  readonly stuckAgentMs?: number;
  /** Observations are synced at the latest after this. */
  readonly syncIntervalMs: number;
  readonly version: string;
  /** The cgroup hierarchies to mirror, by their names as `cgroupsHere` has them; for the eBPF source. */
  readonly mirror?: readonly string[];
  /** Leaves the eBPF source in the kernel when this process ends, so that it goes on recording. */
  readonly pin?: boolean;
  /** The size of the eBPF source's ring in bytes; see `openEbpfSource`. */
  readonly ringBytes?: number;
  /** How command lines are recorded, which they are not where this is absent. */
  readonly commandLines?: CommandLines | undefined;
  /** How far apart the polling source's looks at /proc are; `defaultPollIntervalMs` where not given. */
  readonly pollIntervalMs?: number;
  /** Where the container tree is mounted, which it is not where this is absent. */
  readonly mount?: MountWanted | undefined;
  /** Where the log's head is sent at an interval and at the stop; nowhere where this is absent. */
  readonly headTo?: HeadTarget | undefined;
  /** `defaultHeadIntervalMs` where not given. */
  readonly headIntervalMs?: number;
  /** Is told, in a sentence, what does not work and does not end the recording. */
  readonly onTrouble?: (sentence: string) => void;
  /** What is kept of the recording; `defaultRetention` where not given. */
  readonly retention?: RetentionSettings;
  /** Is told when the recording's disk has become full, and when there is room again. */
  readonly onFull?: (isFull: boolean) => void;
  /** For the simulated source. */
  readonly seed?: number;
  /** Off only to show that it is needed. */
  readonly drainBeforeDecide?: boolean;
}

export interface MountWanted {
  /** Made if it is missing. */
  readonly folder: string;
  /** Whether there shall rather be no daemon than one without it. */
  readonly isRequired: boolean;
}

export interface Daemon {
  /** As it is at each reading, and after a stop as it was then. */
  readonly view: RecordingView & DaemonView;
  /** Better sources than the one that records, and why each was not taken. */
  readonly passedOver: readonly PassedOver[];
  /** What was not sound of the recording when it was opened. */
  readonly aside: SetAside | undefined;
  /** Why the tree is not mounted where it was to be; empty where it is, or was not to be. */
  readonly unmounted: string;
  /**
   * Settles when nothing of the daemon is left: resolves after a stop in order; rejects with one sentence when
   * the log could not go on, or its end could not be written.
   */
  readonly closed: Promise<void>;
  /** Stops in order; gives `closed`. */
  stop(): Promise<void>;
}

/** How far apart heads are sent unless told otherwise. */
export const defaultHeadIntervalMs = 60_000;

/** How many release agents run at once: those that are not stuck, and all. */
const agentConcurrency = 16;
const agentLimit = 256;
/** What agents do takes milliseconds. */
const stuckAgentMs = 10_000;
/** After so long, whatever LevelDB was to come upon at an opening it has come upon. */
const beginningMs = 60_000;
/** The group that may use the daemon, beside its owner. */
const groupName = 'tasktrail';

/** Starts to record. Fails with one sentence for a person; then nothing is left of what had come up. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const socketPath = `${options.folder}/${socketName}`;
  if (Buffer.byteLength(socketPath) > socketPathLimitBytes) {
    throw new Error(
      `the path of ${options.folder} is too long for a socket in it: use a folder with a shorter one`,
    );
  }
  // What is recorded concerns the owner and the group. Agents have a umask of their own.
  process.umask(0o027);
  // Each descriptor that is waited for has something to do at the end, and there may be many mounts.
  process.setMaxListeners(0);
  const parts = new Closers();
  try {
    return await startParts(options, socketPath, parts);
  } catch (error) {
    // Why it could not start says more than what could not be closed after that.
    await parts.close().catch(() => {});
    throw error;
  }
}

/** Brings up one part after the other, bottom up, and leaves in `parts` how each goes down again. */
async function startParts(options: DaemonOptions, socketPath: string, parts: Closers): Promise<Daemon> {
  const { folder, syncIntervalMs, version, onTrouble = () => {} } = options;
  const clock = new Watchdog(realClock());
  const { log, world } = await openRecording({
    folder,
    setAsideUs: clock.wallUs(),
    passedOver: (why) => onTrouble(passedOverText(folder, why)),
  });
  parts.add(() => log.close());
  parts.add(clock.after(beginningMs, () => void log.hasBegun()));
  const recording = world.chronicle.recording || nanoid();
  const owner = { recording, folder: log.folder };
  const { source, passedOver } = openSource(options, owner, clock);
  parts.add(() => source.close());
  const gauge = source.keptQueue && new Gauge(source.keptQueue, clock);
  parts.add(() => gauge?.close());
  // Below the recorder, so that the log has its end before a thread that starts agents is waited for.
  const runner = openAgentRunner(clock);
  parts.add(() => runner.close());
  // Above the runner and below the recorder: the last head is that of a recording that has ended.
  const post = postOf(options, log, runner, clock);
  parts.add(() => post?.close());

  const failure = pending<Error>();
  const recorder = new Recorder({
    log,
    source,
    clock,
    world,
    syncIntervalMs,
    drainBeforeDecide: options.drainBeforeDecide ?? true,
    onFailure: failure.resolve,
  });
  nameContainers(recorder, openRuntimeNames());
  await recorder.start({ recording, version }, log.aside);
  parts.add(() => recorder.stop());
  clock.watch((lengthUs) => recorder.stalled(lengthUs));
  await leaveContainers(recorder);
  await ownTree(recorder);
  if (options.releaseAgent !== undefined) await appoint(recorder, utf8BytesOf(options.releaseAgent));

  const reactor = new Reactor({
    recorder,
    runner,
    clock,
    concurrency: agentConcurrency,
    limit: agentLimit,
    stuckAfterMs: options.stuckAgentMs ?? stuckAgentMs,
  });
  reactor.start();
  parts.add(() => reactor.stop());

  const mounts = new Mounts({ recorder, clock });
  parts.add(() => mounts.close());
  const unmounted = mounted(mounts, options.mount);
  const door = new Door(folder, clock, (handed) => mounts.take(handed));
  parts.add(() => door.close());

  const sizeBytes = folderSize(folder, () => clock.bootUs());
  const settings = options.retention ?? defaultRetention;
  const attendants = new Attendants(() => ({
    archivist: openArchivist({
      log,
      clock,
      retention: {
        situation: () => (isUnlimited(settings) ? undefined : situationOf(recorder, clock, folder, settings)),
        giveUp: (seq) => reactor.giveUp(seq),
      },
      follow: (grown) => recorder.follow(grown),
      onFailure: ({ message }) => onTrouble(unsealedText(message)),
    }),
    archive: openArchive(folder, recorder, clock),
  }));
  parts.add(() => attendants.close());
  const unwatch = watchRoom({
    log,
    clock,
    freeBytes: () => filesystemOf(folder).freeBytes,
    readers: attendants,
    onChange: options.onFull ?? (() => {}),
  });
  parts.add(unwatch);
  const view = (): DaemonView => ({
    daemonPid: process.pid,
    folder,
    sizeBytes: sizeBytes(),
    ...(gauge && { queue: gauge.view }),
    mounts: mounts.views,
    ...(log.isFull && { isFull: true }),
    ...(attendants.failure !== '' && { unsealed: attendants.failure }),
    ...keptView(log),
    ...setAsideView(folder),
    retention: { ...retentionOn(filesystemOf(folder).totalBytes, settings), isHeld: attendants.isHeld },
  });
  const stopping = pending<undefined>();
  const { server, close } = openServer({
    recorder,
    clock,
    archive: attendants,
    peerOf: peerOfSocket,
    daemon: view,
    head: () => syncedHead(log),
    stop: (unload) => {
      if (unload) source.keptQueue?.letGo();
      stopping.resolve(undefined);
    },
    agents: () => reactor.running(),
  });
  await listen(server, socketPath);
  parts.add(close);
  parts.add(() => rmSync(socketPath, { force: true }));
  shareFolder(folder, socketPath, groupName);
  post?.start();

  const closed = Promise.race([stopping.promise, failure.promise]).then((error) => end(parts, error));
  return {
    get view() {
      return { ...recordingOf(world, clock.wallUs(), reactor.running()), ...view() };
    },
    passedOver,
    aside: log.aside,
    unmounted,
    closed,
    stop: () => {
      stopping.resolve(undefined);
      return closed;
    },
  };
}

function passedOverText(folder: string, why: string): string {
  return (
    `a snapshot could not be used, and what it held was made again out of the events: ${why}; ` +
    `\`tasktrail verify --data ${folder}\` tells more`
  );
}

function unsealedText(why: string): string {
  return `recording goes on, but nothing is sealed any more until the next start: ${why}`;
}

/** Takes all parts down. Rejects afterwards where it is a failure that ends them, or where one follows. */
async function end(parts: Closers, failure: Error | undefined): Promise<void> {
  try {
    await parts.close();
  } catch (error) {
    throw failure ?? error;
  }
  if (failure) throw failure;
}

/** Returns why that is not possible, where it need not be. */
function mounted(mounts: Mounts, wanted: MountWanted | undefined): string {
  try {
    if (wanted) mounts.open(wanted.folder);
    return '';
  } catch (error) {
    if (wanted?.isRequired) throw error;
    return messageOf(error);
  }
}

function postOf(options: DaemonOptions, log: EventLog, runner: AgentRunner, clock: Clock): Post | undefined {
  const { headTo, headIntervalMs = defaultHeadIntervalMs, onTrouble = () => {} } = options;
  if (headTo === undefined) return undefined;
  return new Post({
    head: () => syncedHead(log),
    send: senderTo(headTo, runner, clock),
    to: targetText(headTo),
    intervalMs: headIntervalMs,
    clock,
    onTrouble,
  });
}

/** Where the log ends, with everything appended so far, when a loss of power cannot take it any more. */
async function syncedHead(log: EventLog): Promise<Head> {
  await log.commit('written');
  const { head } = log;
  await log.commit('synced');
  return head;
}

/** A promise that is resolved from the outside, by the first call. */
function pending<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve = (_value: T): void => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
