/**
 * The tree of containers as a drawing: one line a container, what is in it and what happens in it beside it.
 */
import type { Counts } from '../../../projections/activity.ts';
import type { ContainerView } from '../../engine/reads.ts';
import { withBackslashes } from './backslash.ts';
import { counted, duration, grouped, rate, size } from './count.ts';
import { groupsOf, spaced } from './group.ts';
import { nameText } from './name.ts';
import { type Paint, plain } from './paint.ts';
import { padded, widest, width } from './table.ts';

/** Beside names longer than this the columns begin where they can. */
const alignedNamePlaces = 48;

interface Line {
  /** The strokes in front of the directory. */
  readonly strokes: string;
  readonly directory: string;
  /** What people call it, where the directory does not say so itself. */
  readonly name: string;
  readonly view: ContainerView;
}

export interface Drawing {
  /** Names a user by uid. */
  ownerOf(uid: number): string;
  /** Whether it is told what the tasks that have ended had used. */
  readonly usage?: boolean;
  readonly paint?: Paint;
}

/** Draws containers of one or several trees, tree by tree. Unless it is our own alone, each has its name above it. */
export function drawTrees(views: readonly ContainerView[], drawing: Drawing): string[] {
  const { paint = plain } = drawing;
  const byTree = groupsOf(views, ({ tree }) => tree);
  if (byTree.size === 1 && byTree.has(ownTree)) return drawTree(views, drawing);
  return spaced(
    [...byTree].map(([tree, containers]) => [paint.bold(tree), ...drawTree(containers, drawing)]),
  );
}

/** Draws containers of one tree, which come parents before children, the top first. */
export function drawTree(views: readonly ContainerView[], drawing: Drawing): string[] {
  const { paint = plain } = drawing;
  const lines = linesOf(views);
  const places = Math.min(alignedNamePlaces, widest(lines.map(plainLabel)));
  const digits = widest(views.map(({ tasks }) => grouped(tasks)));
  return lines.map((line) => {
    const { strokes, directory, name, view } = line;
    const space = ' '.repeat(Math.max(0, places - width(plainLabel(line))));
    const number = padded(grouped(view.tasks), digits, 'right');
    const tasks = view.tasks === 1 ? `${number} task ` : `${number} tasks`;
    const label = `${paint.dim(strokes)}${paint.bold(directory)}${paint.dim(nameAfter(name))}${space}`;
    const count = view.tasks === 0 ? paint.dim(tasks) : tasks;
    return [label, count, ...notes(view, drawing)].join('  ').trimEnd();
  });
}

const ownTree = 'tasktrail';

function plainLabel({ strokes, directory, name }: Line): string {
  return strokes + directory + nameAfter(name);
}

function nameAfter(name: string): string {
  return name === '' ? '' : `  ${name}`;
}

/** What is to be said of a container beside its count, as far as it is not what most have. */
function notes(view: ContainerView, { ownerOf, usage, paint = plain }: Drawing): string[] {
  const activity = activityOf(view.perSecond);
  const used = usage === true ? usageOf(view) : '';
  return [
    ...(view.notifyOnRelease ? ['notify'] : []),
    ...(view.uid === 0 ? [] : [`owner ${ownerOf(view.uid)}`]),
    ...(activity === '' ? [] : [paint.good(activity)]),
    ...(used === '' ? [] : [used]),
  ];
}

/** `3.4 s CPU, peak 1.5 MiB, 1 killed for memory`; empty where nothing is known. */
function usageOf({ usage: { cpuUs, peakBytes, ooms } }: ContainerView): string {
  return [
    ...(cpuUs > 0 ? [`${duration(cpuUs / 1000)} CPU`] : []),
    ...(peakBytes > 0 ? [`peak ${size(peakBytes)}`] : []),
    ...(ooms > 0 ? [counted(ooms, 'killed for memory', 'killed for memory')] : []),
  ].join(', ');
}

/** `3.2 forks/s, 3.0 exits/s`; empty where nothing happens. */
export function activityOf({ forks, exits, attaches }: Counts): string {
  return Object.entries({ forks, exits, attaches })
    .filter(([, perSecond]) => perSecond > 0)
    .map(([what, perSecond]) => `${rate(perSecond)} ${what}/s`)
    .join(', ');
}

function linesOf(views: readonly ContainerView[]): Line[] {
  const childrenOf = new Map<string, ContainerView[]>();
  const [top] = views;
  if (!top) return [];
  for (const view of views.slice(1)) {
    const parent = parentOf(view.path);
    const siblings = childrenOf.get(parent);
    if (siblings) siblings.push(view);
    else childrenOf.set(parent, [view]);
  }
  const lines: Line[] = [lineOf('', top.path, top)];
  // A stack and no recursion: a tree may be some thousand containers deep.
  const unvisited = branches(childrenOf.get(top.path), '');
  for (let at = unvisited.pop(); at; at = unvisited.pop()) {
    const { view, indent, last } = at;
    lines.push(lineOf(`${indent}${last ? '└─ ' : '├─ '}`, directoryOf(view.path), view));
    unvisited.push(...branches(childrenOf.get(view.path), `${indent}${last ? '   ' : '│  '}`));
  }
  return lines;
}

interface Branch {
  readonly view: ContainerView;
  /** The strokes of the containers above it. */
  readonly indent: string;
  readonly last: boolean;
}

/** Children as a stack: the first is taken first. */
function branches(children: readonly ContainerView[] = [], indent: string): Branch[] {
  return children.map((view, i) => ({ view, indent, last: i === children.length - 1 })).reverse();
}

function lineOf(strokes: string, directory: string, view: ContainerView): Line {
  const name = nameText(view, directoryOf(view.path));
  return { strokes, directory: withBackslashes(directory), name: withBackslashes(name), view };
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

function directoryOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
