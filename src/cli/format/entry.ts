/**
 * Entries of the log as lines: local time, seq, type, and what happened in words. All names in an entry are
 * printable text already, so a line never carries a control character to a terminal.
 */
import { constants } from 'node:os';
import type { EventType } from '../../../events/event.ts';
import type { Entry } from '../../engine/history.ts';
import type { CommandLineView } from '../../engine/reads.ts';
import { withBackslashes } from './backslash.ts';
import { commandLineText } from './commandLine.ts';
import { counted, duration } from './count.ts';
import { nameText, placeText } from './name.ts';
import { type Paint, plain } from './paint.ts';
import { padded } from './table.ts';
import { localTime } from './time.ts';

const seqPlaces = 8;
const typePlaces = 10;

/** One line an entry; the parts of its sentence are two spaces apart. */
export function entryLine(entry: Entry, paint: Paint = plain): string {
  const time = paint.dim(localTime(entry.time));
  const seq = paint.dim(padded(String(entry.seq), seqPlaces, 'right'));
  const type = emphasis(entry.type, paint)(padded(entry.type, typePlaces));
  const parts = [...sentences[entry.type](entry), ...by(entry)].filter((part) => part !== '');
  return `${time}  ${seq}  ${type}  ${withBackslashes(parts.join('  '))}`.trimEnd();
}

type Sentence = (entry: Entry) => readonly string[];

const sentences: Readonly<Record<EventType, Sentence>> = {
  recording: ({ id, version }) => [`${id}`, `begun by tasktrail ${version}`],
  source: ({ name, bootId, blind }) => [`${name}`, `boot ${bootId}`, blind === '' ? '' : `blind: ${blind}`],
  stop: () => ['the recorder stopped in order'],
  tree: ({ name, mountPoint }) => [`${name}`, mountPoint === '' ? '' : `mirrors ${mountPoint}`],
  untree: ({ tree }) => [`${tree}`, 'is mirrored no longer'],
  clock: ({ offsetUs }) => [`the time since boot counts from ${timeOf(offsetUs)}`],
  gap: ({ reason, lost, sinceUs, detail }) => [
    gapReason(String(reason), Number(lost), String(detail)),
    `since ${timeOf(sinceUs)}`,
  ],
  stall: ({ lengthUs }) => [`the recorder was late by ${duration(Number(lengthUs) / 1000)}`],
  adopt: (entry) => [task(entry), home(entry), thread(entry), doubt(entry)],
  fork: (entry) => [
    task(entry),
    home(entry),
    entry.into ? 'born there, not where its parent was told to be' : '',
    thread(entry) || forker(entry),
  ],
  exec: (entry) => [task(entry), home(entry), `${entry.program}`],
  cmdline: (entry) => [task(entry), home(entry), commandLineText(entry as unknown as CommandLineView)],
  comm: (entry) => [task(entry), home(entry), 'has a new name'],
  uid: (entry) => [task(entry), home(entry), `uid ${entry.uid}, saved uid ${entry.suid}`],
  exit: (entry) => [
    task(entry),
    home(entry),
    entry.certainty === 'known' ? end(entry) : 'how it ended is not known',
    doubt(entry),
  ],
  oom: (entry) => [task(entry), home(entry), 'is to be killed: out of memory'],
  mkdir: (entry) => [place(entry), entry.notify === true ? 'notify_on_release 1' : ''],
  rmdir: (entry) => [place(entry)],
  rename: (entry) => [passage(entry)],
  // A tree that is mirrored from now on takes in tasks that have come from nowhere.
  attach: (entry) => [
    task(entry),
    entry.from === undefined ? `is in ${place(entry)}` : passage(entry),
    thread(entry),
    doubt(entry),
  ],
  flag: (entry) => [place(entry), `notify_on_release ${entry.on === true ? 1 : 0}`],
  attr: (entry) => [
    place(entry),
    `${entry.node}: mode ${Number(entry.mode).toString(8).padStart(4, '0')}, owner ${entry.uid}:${entry.gid}`,
  ],
  populated: (entry) => [place(entry), 'has its first task'],
  empty: (entry) => [place(entry), 'has no task left'],
  name: (entry) => [place(entry), `is called ${entry.name}`],
  release: (entry) => [place(entry), releaseCause(entry)],
  appoint: (entry) => [`the release agent is ${entry.program}`],
  agent: (entry) => [place(entry), `attempt ${entry.attempt}`, `${entry.program}`],
  outcome: (entry) => [
    place(entry),
    `attempt ${entry.attempt}`,
    entry.error === '' ? end(entry) : `could not be started: ${entry.error}`,
  ],
  stale: (entry) => [place(entry), 'is in use again or gone: not attempted again'],
  refused: (entry) => [`${entry.command} ${entry.path}`, `${entry.errno}: ${entry.saw}`],
  suppressed: ({ uid, count }) => [`${counted(Number(count), 'more refusal')} of uid ${uid}`],
};

/** Microseconds since the epoch as local time. */
function timeOf(timeUs: unknown): string {
  return localTime(new Date(Number(timeUs) / 1000).toISOString());
}

function task({ pid, comm }: Entry): string {
  return comm ? `${pid} ${comm}` : `${pid}`;
}

function thread({ pid, tgid }: Entry): string {
  return tgid === undefined || tgid === pid ? '' : `thread of ${tgid}`;
}

function forker({ parentPid }: Entry): string {
  return parentPid === undefined ? '' : `forked by ${parentPid}`;
}

/** The container, with its tree unless that is our own, and with what people call it. */
function place({ tree, path = '?', places = [] }: Entry): string {
  if (tree === undefined) return path;
  const [where] = places;
  const name = where === undefined ? '' : nameText(where, path.slice(path.lastIndexOf('/') + 1));
  return name === '' ? `${tree}:${path}` : `${tree}:${path} (${name})`;
}

/** Where a task is, in every tree in which that is not the root; in our own where it is the root of all. */
function home({ tree, path = '?', places = [] }: Entry): string {
  const own = tree === undefined ? [path] : [];
  const homes = [
    ...own.filter((each) => each !== '/'),
    ...places.filter((each) => each.path !== '/').map(placeText),
  ];
  return `in ${homes.length === 0 ? path : [...new Set(homes)].join(', ')}`;
}

/** From where to where. */
function passage({ tree, from, path }: Entry): string {
  return tree === undefined ? `${from} → ${path}` : `${tree}:${from} → ${path}`;
}

function doubt({ certainty }: Entry): string {
  return certainty === 'known' ? '' : `(${certainty})`;
}

function by({ tree, by: actor }: Entry): string[] {
  if (!actor) return [];
  const { pid, comm, uid } = actor;
  // In a mirrored tree the kernel tells who did it, unless nobody saw it happen.
  if (pid === 0) return [tree === undefined ? `by uid ${uid}` : 'seen by a later look at the machine'];
  return [comm === '' ? `by ${pid} (uid ${uid})` : `by ${pid} ${comm} (uid ${uid})`];
}

function end({ code, signal }: Entry): string {
  return signal === 0 ? `exit ${code}` : `signal ${signal} ${signalName(Number(signal))}`.trimEnd();
}

function releaseCause(entry: Entry): string {
  const last = entry.pid === undefined ? 'its last task' : `last task ${task(entry)}`;
  switch (entry.cause) {
    case 'exit':
      return `${last} exited`;
    case 'attach':
      return `${last} moved away`;
    case 'rmdir':
      return 'its last child was removed';
    default:
      return 'a look at the machine found it empty';
  }
}

function gapReason(reason: string, lost: number, detail: string): string {
  switch (reason) {
    case 'overflow':
      return `${counted(lost, 'observation')} lost`;
    case 'full':
      return `the disk was full: ${counted(lost, 'observation')} not recorded`;
    case 'stopped':
      return detail === '' ? 'nothing was recorded' : `nothing was recorded: ${detail}`;
    default:
      return detail === '' ? reason : detail;
  }
}

/** The first real-time signal, as programs count them with glibc (signal(7)). */
const firstRealTimeSignal = 34;

const signalNames = new Map<number, string>(
  // Some numbers have two names; the one that comes first is the common one.
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]) => [number, name]),
);

/** `SIGKILL` for 9; empty where there is no name. */
export function signalName(signal: number): string {
  if (signal > firstRealTimeSignal) return `SIGRTMIN+${signal - firstRealTimeSignal}`;
  return signal === firstRealTimeSignal ? 'SIGRTMIN' : (signalNames.get(signal) ?? '');
}

function emphasis(type: EventType, paint: Paint): (text: string) => string {
  switch (type) {
    case 'gap':
    case 'stall':
    case 'oom':
    case 'refused':
    case 'suppressed':
      return paint.warning;
    case 'release':
    case 'agent':
    case 'outcome':
      return paint.good;
    default:
      return (text) => text;
  }
}
