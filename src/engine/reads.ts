/**
 * Reads: what a person asks about the present of a recording. Pure questions to a world, the same whether a
 * daemon holds it live or a command rebuilt it from the log. Answers are plain data, ready to be printed as
 * JSON: names and paths are text as `textOf` writes it.
 */
import { type Bytes, textOf } from '../../events/bytes.ts';
import type { Certainty } from '../../events/event.ts';
import type { Counts } from '../../projections/activity.ts';
import { type Container, pathOf, type Task, tasksOf } from '../../projections/hierarchy.ts';
import type { ReleaseCounts } from '../../projections/releases.ts';
import type { World } from '../../projections/world.ts';
import type { Actor } from '../kernel/command.ts';
import { isRefusal, type Refusal, refuse } from '../kernel/errno.ts';
import { find, pathLimitBytes, pathTooLong } from '../kernel/path.ts';

/** One container, as `tree` shows it. */
export interface ContainerView {
  readonly path: string;
  /** Tasks attached to it, without those of its children. */
  readonly tasks: number;
  readonly notifyOnRelease: boolean;
  /** Mode of its directory, octal: `0755`. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  /** Since recording began, or the container was made. */
  readonly total: Counts;
  /** A second, on average over the last ten. */
  readonly perSecond: Counts;
}

/** One task, as `tasks` shows it. */
export interface TaskView {
  readonly pid: number;
  readonly tgid: number;
  readonly comm: string;
  /** The program it last executed since recording began, else empty. */
  readonly program: string;
  readonly uid: number;
  /** tasktrail's own id of the task, never reused. */
  readonly task: number;
  /** How the recorder knows that it is in this container. */
  readonly certainty: Certainty;
}

export interface PathView {
  readonly pid: number;
  readonly path: string;
  /** How the recorder knows that the task is there. */
  readonly certainty: Certainty;
}

/** An attempt to run the release agent that has not ended. */
export interface AgentView {
  readonly path: string;
  readonly attempt: number;
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
  readonly containers: number;
  readonly gaps: number;
  readonly lost: number;
  readonly releases: ReleaseCounts;
  /** Releases whose agent has not run yet. */
  readonly waiting: number;
  readonly agents: readonly AgentView[];
}

/** Reads ask on nobody's behalf: whoever may open the recording may see all of it. */
const reader: Actor = { pid: 0, uid: 0, gid: 0, groups: [] };
const rateSeconds = 10;

/** A container and everything below it, parents before children, children by name. */
export function treeOf(world: World, path: Bytes, nowUs: number): ContainerView[] | Refusal {
  const top = find(world.hierarchy, reader, path);
  return isRefusal(top) ? top : viewsBelow(world, top, nowUs);
}

/** The tasks in a container, by ascending pid. */
export function tasksIn(world: World, path: Bytes): TaskView[] | Refusal {
  const container = find(world.hierarchy, reader, path);
  return isRefusal(container) ? container : tasksOf(container).map(taskView);
}

/** The path of the container that a task is in. */
export function pathOfPid(world: World, pid: number): PathView | Refusal {
  const path = world.taskPaths.pathOfPid(pid);
  const task = world.hierarchy.taskByPid(pid);
  if (path === undefined || !task) return refuse('ESRCH', `no task ${pid} lives`);
  if (path.length >= pathLimitBytes) return pathTooLong(path);
  return { pid, path: textOf(path), certainty: task.certainty };
}

export function recordingOf(world: World, nowUs: number): RecordingView {
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
    gaps: chronicle.gaps.length,
    lost: chronicle.gaps.reduce((sum, gap) => sum + gap.lost, 0),
    releases: releases.counts,
    waiting: open.filter((release) => !release.running).length,
    agents: open
      .filter((release) => release.running)
      .map((release) => ({
        path: textOf(release.path),
        attempt: release.attempts,
        runningMs: Math.max(0, Math.round((nowUs - release.startedUs) / 1000)),
      })),
  };
}

/** RFC 3339 in UTC with microseconds: `2026-11-24T03:12:00.123456Z`. */
export function timeText(timeUs: number): string {
  const micros = String(timeUs % 1000).padStart(3, '0');
  return new Date(Math.floor(timeUs / 1000)).toISOString().replace('Z', `${micros}Z`);
}

function viewsBelow(world: World, top: Container, nowUs: number): ContainerView[] {
  const views: ContainerView[] = [];
  const unvisited = [top];
  for (let at = unvisited.pop(); at; at = unvisited.pop()) {
    views.push(containerView(world, at, nowUs));
    const children = [...at.children.values()].sort((a, b) => (a.name < b.name ? 1 : -1));
    unvisited.push(...children);
  }
  return views;
}

function containerView(world: World, container: Container, nowUs: number): ContainerView {
  const { mode, uid, gid } = container.attributes.directory;
  return {
    path: textOf(pathOf(container)),
    tasks: container.tasks.size,
    notifyOnRelease: container.notify,
    mode: mode.toString(8).padStart(4, '0'),
    uid,
    gid,
    total: world.activity.totalOf(container.id),
    perSecond: world.activity.rateOf(container.id, nowUs, rateSeconds),
  };
}

function taskView(task: Task): TaskView {
  return {
    pid: task.pid,
    tgid: task.tgid,
    comm: textOf(task.comm),
    program: textOf(task.program),
    uid: task.uid,
    task: task.id,
    certainty: task.certainty,
  };
}
