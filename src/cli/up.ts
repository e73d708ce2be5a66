/**
 * `tasktrail up`: is the daemon. It records until it is interrupted, and says what it records, how, and where.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { isatty } from 'node:tty';
import {
  type CommandLines,
  cgroupsHere,
  type Daemon,
  defaultReleaseAgent,
  type SourceName,
  startDaemon,
} from '../daemon.ts';
import { SourceError } from '../sources/sourceError.ts';
import { othersMayEnter } from '../system/folder.ts';
import { typedText } from './arguments.ts';
import { commandLinesFrom } from './commandLines.ts';
import type { Context } from './context.ts';
import { exitCodes, Failure, usageFailure } from './failure.ts';
import { counted, grouped } from './format/count.ts';
import { localTimeInSeconds } from './format/time.ts';
import { mirrorFrom, startedMirroring, whyNone } from './mirror.ts';
import { readVersion } from './version.ts';

export interface UpOptions {
  readonly source: string;
  /** As typed: names of hierarchies, or `all` or `none`. */
  readonly mirror?: readonly string[];
  /** As typed: a number of bytes; `true` where none was. */
  readonly cmdline?: string | true;
  readonly redact?: readonly string[];
  readonly releaseAgent?: string;
  readonly syncInterval: string;
  /** As typed; false where it is not to be mounted. */
  readonly mount?: string | false;
}

export async function up(context: Context, options: UpOptions): Promise<number> {
  const source = sourceFrom(options.source);
  const settings = {
    source,
    mirror: hierarchiesFor(source, options.mirror),
    commandLines: commandLinesFor(source, options),
    releaseAgent: agentFrom(options.releaseAgent),
    syncIntervalMs: intervalFrom(options.syncInterval),
    mount: mountPointFrom(options.mount),
  };
  const { json, terminal } = context;
  const { daemon, why } = await started(context, settings, options.mirror !== undefined);
  const unmirrored = why === '' ? whyNoneFor(source, options.mirror) : why;
  // A recorder goes on when nobody reads what it prints any more.
  terminal.outliveReaders();
  const { view } = daemon;
  if (othersMayEnter(view.folder)) {
    terminal.tell(
      `tasktrail: everybody may enter ${view.folder}; where that is not meant: chmod o= ${view.folder}`,
    );
  }
  if (json && unmirrored !== '') terminal.tell(`tasktrail: ${mirrorLine(view, unmirrored)}`);
  const lines = json ? [JSON.stringify(view)] : greeting(view, context, { ...settings, unmirrored });
  for (const line of lines) terminal.print(line);
  stopOnSignals(daemon, context);
  await daemon.closed;
  const last = daemon.view.seq;
  terminal.print(
    json
      ? JSON.stringify({ seq: last, events: last - view.seq })
      : `stopped: ${counted(last - view.seq, 'event')} recorded, ${grouped(last)} in all`,
  );
  return exitCodes.done;
}

interface Settings {
  readonly source: SourceName;
  readonly mirror: readonly string[];
  readonly commandLines: CommandLines | undefined;
  readonly releaseAgent: string;
  readonly syncIntervalMs: number;
  readonly mount: string | undefined;
}

/** `why` says why nothing is mirrored that was to be. */
async function started(
  context: Context,
  settings: Settings,
  isAskedFor: boolean,
): Promise<{ readonly daemon: Daemon; readonly why: string }> {
  const options = { folder: context.folder.path, version: readVersion(), ...settings };
  try {
    return await startedMirroring(settings.mirror, isAskedFor, (mirror) =>
      startDaemon({ ...options, mirror }),
    );
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    throw new Failure(
      `${error.message}; \`${context.typed('doctor')}\` tells more, and ` +
        `\`${context.typed('up --source simulated')}\` plays a made-up workload instead`,
    );
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
  view: Daemon['view'],
  context: Context,
  settings: Pick<Settings, 'commandLines'> & { readonly unmirrored?: string },
): string[] {
  const begun = `recording ${view.recording}, begun ${localTimeInSeconds(view.started)}`;
  const agent = existsSync(view.releaseAgent) ? '' : ', which is not there: its runs will fail';
  return [
    sourceLine(view),
    ...(view.blind === '' ? [] : [`not seen: ${view.blind}`]),
    ...(view.source === 'simulated' ? [] : [mirrorLine(view, settings.unmirrored)]),
    ...(settings.commandLines ? [commandLinesLine(settings.commandLines)] : []),
    `in ${view.folder}, ${begun}`,
    `containers that fall empty run ${view.releaseAgent}${agent}`,
    ...(view.mountPoint === '' ? [] : [`the containers are a filesystem at ${view.mountPoint}`]),
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
  return source === 'simulated'
    ? `recording a SIMULATED workload, nothing of this machine: ${seen}`
    : `recording every task of this machine, seen through ${source}: ${seen}`;
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

function hierarchiesFor(source: SourceName, typed: readonly string[] | undefined): readonly string[] {
  if (source === 'ebpf') return mirrorFrom(typed, cgroupsHere());
  if (typed !== undefined) throw usageFailure('--mirror and --source simulated do not go together');
  return [];
}

function whyNoneFor(source: SourceName, typed: readonly string[] | undefined): string {
  return source === 'ebpf' ? whyNone(typed, cgroupsHere()) : '';
}

function commandLinesFor(source: SourceName, options: UpOptions): CommandLines | undefined {
  const commandLines = commandLinesFrom(options.cmdline, options.redact);
  if (source === 'ebpf' || commandLines === undefined) return commandLines;
  throw usageFailure('--cmdline and --source simulated do not go together');
}

function sourceFrom(typed: string): SourceName {
  if (typed === 'ebpf' || typed === 'simulated') return typed;
  throw usageFailure(`there is no source '${typed}': the sources are ebpf and simulated`);
}

function agentFrom(typed: string | undefined): string {
  if (typed === undefined) return defaultReleaseAgent;
  const path = typedText(typed);
  if (path === undefined || path === '') throw usageFailure(`--release-agent '${typed}' is no path in UTF-8`);
  // Agents run in / and without PATH.
  return resolve(path);
}

function mountPointFrom(typed: string | false | undefined): string | undefined {
  if (typed === undefined || typed === false) return undefined;
  const path = typedText(typed);
  if (path === undefined || path === '') throw usageFailure(`--mount '${typed}' is no path in UTF-8`);
  return resolve(path);
}

const intervalLimitMs = 60_000;

/** `250ms`, `2s`. */
export function intervalFrom(typed: string): number {
  const [, digits = '', unit] = /^([0-9]{1,6})(ms|s)$/.exec(typed) ?? [];
  const intervalMs = Number(digits) * (unit === 's' ? 1000 : 1);
  if (intervalMs < 1 || intervalMs > intervalLimitMs) {
    throw usageFailure(
      `'${typed}' is no interval: give one as 250ms or 2s, at most ${intervalLimitMs / 1000}s`,
    );
  }
  return intervalMs;
}
