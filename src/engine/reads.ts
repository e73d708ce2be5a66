/**
 * Reads: what a person asks about the present of a recording. Pure questions to a world, the same whether a
 * daemon holds it live or a command rebuilt it from the log. Answers are plain data, ready to be printed as
 * JSON: names and paths are text as `textOf` writes it.
 */
import { type Bytes, bytesOf, textOf } from '../../events/bytes.ts';
import type { Certainty, CommandLine } from '../../events/event.ts';
import type { Counts, Usage } from '../../projections/activity.ts';
import {
  type Container,
  type Hierarchy,
  isPopulated,
  pathOf,
  placeIn,
  type Task,
  tasksOf,
} from '../../projections/hierarchy.ts';
import type { ReleaseCounts } from '../../projections/releases.ts';
import type { World } from '../../projections/world.ts';
import { isRefusal, type Refusal, refuse } from '../kernel/errno.ts';
import { pathLimitBytes, pathTooLong } from '../kernel/path.ts';
import {
  type NameView,
  nameView,
  type PlaceView,
  placesMeant,
  placeView,
  subtreeOf,
  treeName,
} from './places.ts';
import type { Running } from './reactor.ts';

/** One container, as `tree` shows it. Mode, owner and flag mean nothing in a mirrored tree. */
export interface ContainerView extends NameView {
  /** `tasktrail` for our own tree; else `v2`, a controller's name, or `name=…`. */
  readonly tree: string;
  readonly path: string;
  /** Tasks attached to it, without those of its children. */
  readonly tasks: number;
  /** Whether a task is in it or in a container below it. */
  readonly populated: boolean;
  readonly notifyOnRelease: boolean;
  /** Mode of its directory, octal: `0755`. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  /** Since recording began, or the container was made. */
  readonly total: Counts;
  /** A second, on average over the last ten. */
  readonly perSecond: Counts;
  /** What the tasks that have ended in it had used, since recording began or the container was made. */
  readonly usage: Usage;
}

/** One task, as `tasks` shows it. */
export interface TaskView {
  /** Where it was found. */
  readonly tree: string;
  readonly path: string;
  readonly pid: number;
  readonly tgid: number;
  readonly comm: string;
  /** The program it last executed since recording began, else empty. */
  readonly program: string;
  /** Its process's, where command lines are recorded. */
  readonly commandLine?: CommandLineView;
  readonly uid: number;
  /** tasktrail's own id of the task, never reused. */
  readonly task: number;
  /**
   * How the recorder knows that it is in this container. In a mirrored tree `known`: a task is only there where the
   * kernel itself has told so.
   */
  readonly certainty: Certainty;
}

export interface CommandLineView {
  readonly arguments: readonly string[];
  /** There was more than is recorded. */
  readonly cut: boolean;
}

export interface PathView {
  readonly pid: number;
  /** Where it is in our own tree. */
  readonly path: string;
  /** How the recorder knows that it is there, in our own tree. */
  readonly certainty: Certainty;
  /** Where it is in every tree, our own first. A mirrored one of which the kernel could not be asked is left out. */
  readonly trees: readonly PlaceView[];
}

/** One tree, as `status` shows it. */
export interface TreeView {
  readonly tree: string;
  /** Of a mirrored tree, where the kernel's is mounted; else empty. */
  readonly mountPoint: string;
  readonly containers: number;
}

/** An attempt to run the release agent that has not ended; in a recording at rest, one whose end is not known. */
export interface AgentView extends Partial<Running> {
  /** The seq of its `release` event. */
  readonly release: number;
  readonly path: string;
  readonly attempt: number;
  readonly since: string;
  readonly runningMs: number;
}

export interface RecordingView {
  readonly recording: string;
  readonly version: string;
  readonly source: string;
  /** What the source cannot see, in words; empty when nothing. */
  readonly blind: string;
  readonly bootId: string;
  readonly started: string;
  readonly seq: number;
  readonly time: string;
  readonly tasks: number;
  /** In all trees. */
  readonly containers: number;
  readonly trees: readonly TreeView[];
  readonly gaps: number;
  readonly lost: number;
  /** How often the recorder was late, and by how much at most. */
  readonly stalls: number;
  readonly longestStallMs: number;
  /** The program that is run for containers that fall empty. */
  readonly releaseAgent: string;
  readonly releases: ReleaseCounts;
  /** Releases whose agent has not run yet. */
  readonly waiting: number;
  readonly agents: readonly AgentView[];
}

const rateSeconds = 10;

/** What is asked of one moment; texts are as `textOf` writes them. */
export type Question = TreeQuestion | TasksQuestion | PathQuestion;

export interface TreeQuestion extends Place {
  readonly kind: 'tree';
}

export interface TasksQuestion extends Place {
  readonly kind: 'tasks';
  /** Also the tasks in the containers below it. */
  readonly below?: boolean;
}

export interface PathQuestion {
  readonly kind: 'path';
  readonly pid: number;
}

/** What a person typed to say where. */
export interface Place {
  /** A path, or a name. */
  readonly path: string;
  /** The name of a tree, or `all`; where it is missing our own and v2. */
  readonly tree?: string | undefined;
}

/** What is answered to a question of each kind. */
export interface Answers {
  readonly tree: readonly ContainerView[];
  readonly tasks: readonly TaskView[];
  readonly path: PathView;
}

export type AnswerTo<Q extends Question> = Answers[Q['kind']];
export type Answer = AnswerTo<Question>;

/** The answer of a world to a question. Rates are those of the time before `nowUs`. */
export function answerTo(world: World, question: Question, nowUs: number): Answer | Refusal {
  switch (question.kind) {
    case 'tree':
      return treeOf(world, whereaboutsOf(question), nowUs);
    case 'tasks':
      return tasksIn(world, { ...whereaboutsOf(question), below: question.below === true });
    case 'path':
      return pathOfPid(world, question.pid);
  }
}

/** A place in bytes; see `placesMeant`. */
export interface Whereabouts {
  readonly at: Bytes;
  readonly tree?: Bytes | undefined;
}

function whereaboutsOf({ path, tree }: Place): Whereabouts {
  return { at: bytesOf(path), ...(tree !== undefined && { tree: bytesOf(tree) }) };
}

/**
 * A container and everything below it, parents before children, children by name; one after the other where
 * several trees have it.
 */
export function treeOf(
  world: World,
  { at, tree }: Whereabouts,
  nowUs: number,
): readonly ContainerView[] | Refusal {
  const tops = placesMeant(world, at, tree);
  if (isRefusal(tops)) return tops;
  return tops.flatMap((top) => {
    return [...subtreeOf(top)].map(([container, path]) => containerView(world, container, path, nowUs));
  });
}

/**
 * The tasks in a container, by ascending pid, and with `below` those in the containers below it after them; one
 * after the other where several trees have it.
 */
export function tasksIn(
  world: World,
  { at, tree, below }: Whereabouts & { readonly below: boolean },
): readonly TaskView[] | Refusal {
  const tops = placesMeant(world, at, tree);
  if (isRefusal(tops)) return tops;
  const containers = tops.flatMap((top) => (below ? [...subtreeOf(top)] : [[top, pathOf(top)] as const]));
  return containers.flatMap(([container, path]) => {
    const place = { tree: treeName(world.hierarchy, container), path: textOf(path) };
    return tasksOf(container).map((task) => ({ ...place, ...taskView(task, container) }));
  });
}

/** Where a task is, in every tree. */
export function pathOfPid(world: World, pid: number): PathView | Refusal {
  const { hierarchy, names, taskPaths } = world;
  const path = taskPaths.pathsOfPid(pid)?.get(0);
  const task = hierarchy.taskByPid(pid);
  if (path === undefined || !task) return refuse('ESRCH', `no task ${pid} lives`);
  if (path.length >= pathLimitBytes) return pathTooLong(path);
  const places = [...hierarchy.trees()].map(({ number }) => placeIn(task, number));
  return {
    pid,
    path: textOf(path),
    certainty: task.certainty,
    trees: places
      .filter((place): place is Container => place !== undefined)
      .map((place) => placeView(hierarchy, names, place)),
  };
}

/** `running` are the agents of the daemon that asks, by the seq of their release; at rest there are none. */
export function recordingOf(
  world: World,
  nowUs: number,
  running: ReadonlyMap<number, Running> = new Map(),
): RecordingView {
  const { chronicle, hierarchy, releases } = world;
  const open = [...releases.open()];
  return {
    recording: chronicle.recording,
    version: chronicle.version,
    source: chronicle.source,
    blind: chronicle.blind,
    bootId: chronicle.bootId,
    started: timeText(chronicle.startedUs),
    seq: chronicle.seq,
    time: timeText(chronicle.timeUs),
    tasks: hierarchy.taskCount,
    containers: hierarchy.containerCount,
    trees: treeViews(hierarchy),
    gaps: chronicle.gaps.length,
    lost: chronicle.gaps.reduce((sum, gap) => sum + gap.lost, 0),
    stalls: chronicle.stalls,
    longestStallMs: Math.round(chronicle.longestStallUs / 1000),
    releaseAgent: textOf(hierarchy.releaseAgent),
    releases: releases.counts,
    waiting: open.filter((release) => !release.running).length,
    agents: open
      .filter((release) => release.running)
      .map((release) => ({
        release: release.seq,
        path: textOf(release.path),
        attempt: release.attempts,
        since: timeText(release.startedUs),
        runningMs: Math.max(0, Math.round((nowUs - release.startedUs) / 1000)),
        ...running.get(release.seq),
      })),
  };
}

/** RFC 3339 in UTC with microseconds: `2026-11-24T03:12:00.123456Z`. */
export function timeText(timeUs: number): string {
  const micros = String(timeUs % 1000).padStart(3, '0');
  return new Date(Math.floor(timeUs / 1000)).toISOString().replace('Z', `${micros}Z`);
}

export function commandLineView({ arguments: bytes, cut }: CommandLine): CommandLineView {
  return { arguments: bytes.split('\0').map(textOf), cut };
}

function treeViews(hierarchy: Hierarchy): TreeView[] {
  const trees = [...hierarchy.trees()];
  const mirrored = trees.reduce((sum, { groups }) => sum + groups.size, 0);
  return trees.map(({ number, name, mountPoint, groups }) => ({
    tree: textOf(name),
    mountPoint: textOf(mountPoint),
    containers: number === 0 ? hierarchy.containerCount - mirrored : groups.size,
  }));
}

function containerView(world: World, container: Container, path: Bytes, nowUs: number): ContainerView {
  const { mode, uid, gid } = container.attributes.directory;
  return {
    tree: treeName(world.hierarchy, container),
    path: textOf(path),
    ...nameView(world.names, container),
    tasks: container.tasks.size,
    populated: isPopulated(container),
    notifyOnRelease: container.notify,
    mode: mode.toString(8).padStart(4, '0'),
    uid,
    gid,
    total: world.activity.totalOf(container.id),
    perSecond: world.activity.rateOf(container.id, nowUs, rateSeconds),
    usage: world.activity.usageOf(container.id),
  };
}

function taskView(task: Task, { tree }: Container): Omit<TaskView, 'tree' | 'path'> {
  return {
    pid: task.pid,
    tgid: task.tgid,
    comm: textOf(task.comm),
    program: textOf(task.program),
    ...(task.commandLine && { commandLine: commandLineView(task.commandLine) }),
    uid: task.uid,
    task: task.id,
    certainty: tree === 0 ? task.certainty : 'known',
  };
}
