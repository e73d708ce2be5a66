/**
 * `tasktrail up`: is the daemon. It records until it is interrupted, and says what it records, how, and where.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { isatty } from 'node:tty';
import { bytesOf } from '../../events/bytes.ts';
import {
  type CommandLines,
  cgroupsHere,
  type Daemon,
  defaultHeadIntervalMs,
  defaultPollIntervalMs,
  type HeadTarget,
  type MountWanted,
  machineSources,
  type RetentionSettings,
  type SetAside,
  type SourceName,
  startDaemon,
  targetText,
} from '../daemon.ts';
import { SourceError } from '../sources/sourceError.ts';
import { othersMayEnter } from '../system/folder.ts';
import { typedText } from './arguments.ts';
import { commandLinesFrom } from './commandLines.ts';
import type { Context } from './context.ts';
import { keptLines } from './down.ts';
import { exitCodes, Failure, usageFailure } from './failure.ts';
import { counted, grouped } from './format/count.ts';
import { localTimeInSeconds } from './format/time.ts';
import { headTargetFrom } from './headTo.ts';
import { mirrorFrom, startedMirroring, whyNone } from './mirror.ts';
import { defaultMountPoint } from './mountPoint.ts';
import { type RetentionOptions, retentionFrom } from './retention.ts';
import { programFrom } from './set.ts';
import { readVersion } from './version.ts';

export interface UpOptions extends RetentionOptions {
  readonly source?: string;
  /** As typed: names of hierarchies, or `all` or `none`. */
  readonly mirror?: readonly string[];
  /** As typed: a number of bytes; `true` where none was. */
  readonly cmdline?: string | true;
  readonly redact?: readonly string[];
  readonly releaseAgent?: string;
  readonly syncInterval: string;
  readonly pollInterval?: string;
  readonly ringSize?: string;
  /** Off with `--no-pin`. */
  readonly pin: boolean;
  /** As typed; false where it is not to be mounted. */
  readonly mount?: string | false;
  readonly headTo?: string;
  readonly headInterval?: string;
}

export async function up(context: Context, options: UpOptions): Promise<number> {
  const { json, terminal } = context;
  const source = sourceFrom(options.source, options.mirror);
  const settings = {
    source,
    mirror: hierarchiesFor(source, options.mirror),
    commandLines: commandLinesFor(source, options),
    releaseAgent: options.releaseAgent === undefined ? undefined : programFrom(options.releaseAgent),
    syncIntervalMs: intervalFrom(options.syncInterval),
    pollIntervalMs: pollIntervalFor(source, options.pollInterval),
    pin: options.pin,
    ...(options.ringSize !== undefined && { ringBytes: ringBytesFrom(options.ringSize) }),
    mount: mountFrom(options.mount, source, context.env),
    headTo: options.headTo === undefined ? undefined : headTargetFrom(options.headTo),
    headIntervalMs: headIntervalFrom(options),
    retention: retentionFrom(options),
    onFull: (isFull: boolean) => terminal.tell(`tasktrail: ${fullText(isFull)}`),
  };
  const { daemon, why } = await started(context, settings, options.mirror !== undefined);
  const unmirrored = whyUnmirrored(daemon.view.source, why === '' ? whyNoneFor(source, options.mirror) : why);
  // A recorder goes on when nobody reads what it prints any more.
  terminal.outliveReaders();
  const { view } = daemon;
  if (daemon.aside) terminal.tell(`tasktrail: ${asideText(daemon.aside)}`);
  if (othersMayEnter(view.folder)) {
    terminal.tell(
      `tasktrail: everybody may enter ${view.folder}; where that is not meant: chmod o= ${view.folder}`,
    );
  }
  if (json && daemon.unmounted !== '') terminal.tell(`tasktrail: ${daemon.unmounted}`);
  if (json && unmirrored !== '') terminal.tell(`tasktrail: ${mirrorLine(view, unmirrored)}`);
  const { passedOver } = daemon;
  const lines = json
    ? [JSON.stringify({ ...view, passedOver })]
    : greeting(daemon, context, { ...settings, unmirrored });
  for (const line of lines) terminal.print(line);
  stopOnSignals(daemon, context);
  await daemon.closed;
  const last = daemon.view.seq;
  terminal.print(
    json
      ? JSON.stringify({ seq: last, events: last - view.seq })
      : `stopped: ${counted(last - view.seq, 'event')} recorded, ${grouped(last)} in all`,
  );
  const { queue } = daemon.view;
  if (queue?.isPinned && !json) for (const line of keptLines(queue.sizeBytes, context)) terminal.print(line);
  return exitCodes.done;
}

function fullText(isFull: boolean): string {
  return isFull
    ? 'the disk is FULL that the recording is on: nothing is recorded, and commands are refused, until there is room'
    : 'there is room again: recording goes on';
}

function asideText({ folder, seq, lastSeq, why }: SetAside): string {
  const lost =
    lastSeq < seq ? 'no event is known to be lost' : `events #${seq} to #${lastSeq} are lost to it`;
  return `the recording was NOT SOUND: ${why}; ${lost}, and all that was there is set aside in ${folder}`;
}

interface Settings {
  readonly source: SourceName | 'best';
  readonly mirror: readonly string[];
  readonly commandLines: CommandLines | undefined;
  readonly releaseAgent: string | undefined;
  readonly syncIntervalMs: number;
  readonly pollIntervalMs: number;
  readonly pin: boolean;
  readonly ringBytes?: number;
  readonly mount: MountWanted | undefined;
  readonly headTo: HeadTarget | undefined;
  readonly headIntervalMs: number;
  readonly retention: RetentionSettings;
  readonly onFull: (isFull: boolean) => void;
}

/** `why` says why nothing is mirrored that was to be. */
async function started(
  context: Context,
  settings: Settings,
  isAskedFor: boolean,
): Promise<{ readonly daemon: Daemon; readonly why: string }> {
  const onTrouble = (sentence: string): void => context.terminal.tell(`tasktrail: ${sentence}`);
  const options = { folder: context.folder.path, version: readVersion(), onTrouble, ...settings };
  try {
    return await startedMirroring(settings.mirror, isAskedFor, (mirror) =>
      // Rather the best source without a mirror than another one.
      startDaemon({ ...options, mirror, source: mirror.length > 0 ? 'ebpf' : settings.source }),
    );
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    const instead =
      settings.source === 'best'
        ? `\`${context.typed('up --source simulated')}\` plays a made-up workload instead`
        : `\`${context.typed(isAskedFor ? 'up --mirror none' : 'up')}\` takes the best source that works here`;
    throw new Failure(`${error.message}; \`${context.typed('doctor')}\` tells more, and ${instead}`);
  }
}

/** The first signal stops in order, the second at once. */
function stopOnSignals(daemon: Daemon, { terminal }: Context): void {
  let stopping = false;
  const stop = (): void => {
    stopping = true;
    terminal.tell('tasktrail: stopping; once more stops at once');
    void daemon.stop();
  };
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(128 + number);
      stop();
    });
  }
  // Whoever was started from a terminal ends with it, in order: the shell and the kernel may both send this.
  const fromTerminal = isFromTerminal();
  process.on('SIGHUP', () => {
    if (fromTerminal && !stopping) stop();
  });
}

/**
 * Node forgets at its start that nohup(1) had this signal ignored. But what nohup starts has no stream on a
 * terminal, and neither has what a service manager or a script starts in the background.
 */
function isFromTerminal(): boolean {
  return [0, 1, 2].some((descriptor) => isatty(descriptor));
}

/** What is recorded, how, where, and what to type next. */
export function greeting(
  { view, passedOver, unmounted }: Pick<Daemon, 'view' | 'passedOver' | 'unmounted'>,
  context: Context,
  settings: Pick<Settings, 'commandLines'> &
    Partial<Pick<Settings, 'headTo'>> & { readonly unmirrored?: string },
): string[] {
  const begun = `recording ${view.recording}, begun ${localTimeInSeconds(view.started)}`;
  const agent = existsSync(Buffer.from(bytesOf(view.releaseAgent), 'latin1'))
    ? ''
    : ', which is not there: its runs will fail';
  return [
    sourceLine(view),
    ...passedOver.map(({ why }) => `not taken: ${why}`),
    ...(view.blind === '' ? [] : [`not seen: ${view.blind}`]),
    ...(view.source === 'simulated' ? [] : [mirrorLine(view, settings.unmirrored)]),
    ...(view.queue && view.queue.obstacle !== '' ? [`not kept: ${view.queue.obstacle}`] : []),
    ...(settings.commandLines ? [commandLinesLine(settings.commandLines)] : []),
    `in ${view.folder}, ${begun}`,
    `containers that fall empty run ${view.releaseAgent}${agent}`,
    ...(settings.headTo ? [`the log's head is sent to ${targetText(settings.headTo)}`] : []),
    ...view.mounts.map(({ mountPoint }) => `the containers are a filesystem at ${mountPoint}`),
    ...(unmounted === '' ? [] : [`no filesystem: ${unmounted}`]),
    '',
    'next, in another terminal:',
    // A made-up machine does not know the tasks of this one.
    ...(view.source === 'simulated' ? [] : [`  ${context.typed('run /demo --create -- sh')}`]),
    `  ${context.typed('tree')}`,
    `  ${context.typed('log --follow --all')}`,
    'stop with Ctrl-C',
  ];
}

function sourceLine({ source, tasks }: Daemon['view']): string {
  const seen = `${counted(tasks, 'task')} now`;
  if (source === 'simulated') return `recording a SIMULATED workload, nothing of this machine: ${seen}`;
  if (source === 'polling') return `recording the tasks that looks at /proc find: ${seen}`;
  return `recording every task of this machine, seen through ${source}: ${seen}`;
}

/** Our own tree is the first. `unmirrored` says why there is no other, where that needs to be said. */
function mirrorLine({ trees }: Daemon['view'], unmirrored = ''): string {
  const mirrored = trees
    .slice(1)
    .map(({ tree, containers }) => `${tree} with ${counted(containers, 'container')}`);
  const none = "none of the machine's own cgroups is mirrored";
  if (mirrored.length === 0) return unmirrored === '' ? none : `${none}: ${unmirrored}`;
  return `mirroring the machine's own cgroups: ${mirrored.join(', ')}`;
}

function commandLinesLine({ limitBytes, secrets }: CommandLines): string {
  const redacted = secrets.length === 0 ? '' : `, without what ${counted(secrets.length, 'pattern')} match`;
  return `recording command lines, up to ${counted(limitBytes, 'byte')} of each${redacted}`;
}

function whyNoneFor(source: SourceName | 'best', typed: readonly string[] | undefined): string {
  return source === 'ebpf' || source === 'best' ? whyNone(typed, cgroupsHere()) : '';
}

/** Of a source that sees no cgroups, that says all. */
function whyUnmirrored(source: string, why: string): string {
  return source === 'ebpf' || source === 'simulated' ? why : 'only the eBPF source sees them';
}

function commandLinesFor(source: SourceName | 'best', options: UpOptions): CommandLines | undefined {
  const commandLines = commandLinesFrom(options.cmdline, options.redact);
  if (source !== 'simulated' || commandLines === undefined) return commandLines;
  throw usageFailure('--cmdline and --source simulated do not go together');
}

function hierarchiesFor(
  source: SourceName | 'best',
  typed: readonly string[] | undefined,
): readonly string[] {
  if (source === 'ebpf' || source === 'best') return mirrorFrom(typed, cgroupsHere());
  if (!asksForMirror(typed)) return [];
  throw usageFailure(
    `--mirror and --source ${source} do not go together: only the eBPF source sees the machine's own cgroups`,
  );
}

/** Whoever asks for a mirror asks for the one source that can: no other is taken in its place. */
function sourceFrom(
  typed: string | undefined,
  typedMirror: readonly string[] | undefined,
): SourceName | 'best' {
  if (typed === undefined) return asksForMirror(typedMirror) ? 'ebpf' : 'best';
  const sources: readonly SourceName[] = [...machineSources, 'simulated'];
  const source = sources.find((name) => name === typed);
  if (source !== undefined) return source;
  throw usageFailure(`there is no source '${typed}': the sources are ${sources.join(', ')}`);
}

function asksForMirror(typed: readonly string[] | undefined): boolean {
  return typed?.some((name) => name !== 'none') ?? false;
}

function pollIntervalFor(source: SourceName | 'best', typed: string | undefined): number {
  if (typed === undefined) return defaultPollIntervalMs;
  if (source === 'polling' || source === 'best') return intervalFrom(typed);
  throw usageFailure(`--poll-interval and --source ${source} do not go together: nothing is polled`);
}

/** A made-up tree is mounted where that is asked for, and else nowhere. */
function mountFrom(
  typed: string | false | undefined,
  source: SourceName | 'best',
  env: Context['env'],
): MountWanted | undefined {
  if (typed === false || (typed === undefined && source === 'simulated')) return undefined;
  if (typed === undefined) return { folder: defaultMountPoint(env), isRequired: false };
  const path = typedText(typed);
  if (path === undefined || path === '') throw usageFailure(`--mount '${typed}' is no path in UTF-8`);
  return { folder: resolve(path), isRequired: true };
}

function headIntervalFrom({ headTo, headInterval }: UpOptions): number {
  if (headInterval === undefined) return defaultHeadIntervalMs;
  if (headTo === undefined) throw usageFailure('--head-interval goes with --head-to');
  return intervalFrom(headInterval, headIntervalLimitMs);
}

const intervalLimitMs = 60_000;
const headIntervalLimitMs = 86_400_000;

const leastRingBytes = 64 * 1024;
const mostRingBytes = 2 ** 30;

/** `64M`, `256K`, `1G`. */
export function ringBytesFrom(typed: string): number {
  const [, digits = '', unit = ''] = /^([0-9]{1,10})([KMG]?)(?:i?B)?$/.exec(typed) ?? [];
  const ringBytes = Number(digits) * 1024 ** ['', 'K', 'M', 'G'].indexOf(unit);
  const isPowerOfTwo = Number.isInteger(Math.log2(ringBytes));
  if (!isPowerOfTwo || ringBytes < leastRingBytes || ringBytes > mostRingBytes) {
    throw usageFailure(`'${typed}' is no size of a ring: give a power of two from 64K to 1G, as 64M`);
  }
  return ringBytes;
}

/** `250ms`, `2s`. */
export function intervalFrom(typed: string, limitMs = intervalLimitMs): number {
  const [, digits = '', unit] = /^([0-9]{1,6})(ms|s)$/.exec(typed) ?? [];
  const intervalMs = Number(digits) * (unit === 's' ? 1000 : 1);
  if (intervalMs < 1 || intervalMs > limitMs) {
    throw usageFailure(`'${typed}' is no interval: give one as 250ms or 2s, at most ${limitMs / 1000}s`);
  }
  return intervalMs;
}
