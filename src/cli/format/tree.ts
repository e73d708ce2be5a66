/**
 * The tree of containers as a drawing: one line a container, what is in it and what happens in it beside it.
 */
import type { Counts } from '../../../projections/activity.ts';
import type { ContainerView } from '../../engine/reads.ts';
import { grouped, rate } from './count.ts';
import { type Paint, plain } from './paint.ts';
import { padded, widest, width } from './table.ts';

/** Beside names longer than this the columns begin where they can. */
const alignedNamePlaces = 48;

interface Line {
  /** The strokes in front of the name. */
  readonly strokes: string;
  readonly name: string;
  readonly view: ContainerView;
}

/**
 * Draws containers that come parents before children, the top first. `ownerOf` names a user by uid.
 */
export function drawTree(
  views: readonly ContainerView[],
  ownerOf: (uid: number) => string,
  paint: Paint = plain,
): string[] {
  const lines = linesOf(views);
  const places = Math.min(alignedNamePlaces, widest(lines.map(({ strokes, name }) => strokes + name)));
  const digits = widest(views.map(({ tasks }) => grouped(tasks)));
  return lines.map(({ strokes, name, view }) => {
    const space = ' '.repeat(Math.max(0, places - width(strokes + name)));
    const number = padded(grouped(view.tasks), digits, 'right');
    const tasks = view.tasks === 1 ? `${number} task ` : `${number} tasks`;
    const label = `${paint.dim(strokes)}${paint.bold(name)}${space}`;
    const count = view.tasks === 0 ? paint.dim(tasks) : tasks;
    return [label, count, ...notes(view, ownerOf, paint)].join('  ').trimEnd();
  });
}

/** What is to be said of a container beside its count, as far as it is not what most have. */
function notes(view: ContainerView, ownerOf: (uid: number) => string, paint: Paint): string[] {
  const activity = activityOf(view.perSecond);
  return [
    ...(view.notifyOnRelease ? ['notify'] : []),
    ...(view.uid === 0 ? [] : [`owner ${ownerOf(view.uid)}`]),
    ...(activity === '' ? [] : [paint.good(activity)]),
  ];
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
  const lines: Line[] = [{ strokes: '', name: top.path, view: top }];
  // A stack and no recursion: a tree may be some thousand containers deep.
  const unvisited = branches(childrenOf.get(top.path), '');
  for (let at = unvisited.pop(); at; at = unvisited.pop()) {
    const { view, indent, last } = at;
    lines.push({ strokes: `${indent}${last ? '└─ ' : '├─ '}`, name: nameOf(view.path), view });
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

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
