/**
 * Places: which trees a question is about, which containers a person means by a path or a name, and how a place
 * is told. The same for the present, for history, and for commands, which look here for what they may not change.
 */
import { type Bytes, textOf } from '../../events/bytes.ts';
import { isTreeCalled } from '../../events/treeName.ts';
import { type Container, type Hierarchy, pathOf, type Tree } from '../../projections/hierarchy.ts';
import type { Names } from '../../projections/names.ts';
import type { World } from '../../projections/world.ts';
import type { Actor } from '../kernel/command.ts';
import { isRefusal, type Refusal, refuse } from '../kernel/errno.ts';
import { find } from '../kernel/path.ts';
import { type Fit, fitOf, type KnownName, knownName } from './names.ts';

/** What people call a container, as far as that is known; nothing in our own tree, where its path is its name. */
export interface NameView {
  /** As its path tells: `nginx.service`, `docker/1f3a…`, `pod/6c1a…`, `slurm/42.0`. */
  readonly name?: string;
  readonly kind?: KnownName['kind'];
  /** What its runtime calls it: `web-1`, `namespace/pod/container`. */
  readonly called?: string;
}

/** One place in one tree; its name is that of the container, else of the nearest one around it that has one. */
export interface PlaceView extends NameView {
  /** `tasktrail` for our own tree; else `v2`, a controller's name, or `name=…`. */
  readonly tree: string;
  readonly path: string;
}

/** Reads ask on nobody's behalf: whoever may open the recording may see all of it. */
const reader: Actor = { pid: 0, uid: 0, gid: 0, groups: [] };

/** How many meanings of an ambiguous name are told. */
const toldMeanings = 5;

/**
 * The trees that a choice means: `all`; one by its name, or by one of its controllers; and without a choice our
 * own and v2, or where v2 is not mirrored, all. None where there is no such tree.
 */
export function treesChosen(state: Hierarchy, choice: Bytes | undefined): readonly Tree[] {
  const trees = [...state.trees()];
  if (choice === undefined) {
    const usual = trees.filter(({ number, name }) => number === 0 || name === 'v2');
    return usual.length > 1 ? usual : trees;
  }
  if (choice === 'all') return trees;
  return trees.filter(({ name }) => isTreeCalled(name, choice));
}

/**
 * The containers that a person means, at most one of each chosen tree. A path that is there goes before a name;
 * what begins with a slash is no name. Refused: what is not there, and a name that several have.
 */
export function placesMeant(
  world: World,
  text: Bytes,
  choice: Bytes | undefined,
): readonly Container[] | Refusal {
  const { hierarchy } = world;
  const trees = treesChosen(hierarchy, choice);
  if (trees.length === 0) return noTree(hierarchy, choice ?? '');
  const found = trees.map((tree) => find(hierarchy, reader, text, tree.root));
  const byPath = found.filter((each): each is Container => !isRefusal(each));
  if (byPath.length > 0) return byPath;
  const byName = text.startsWith('/') ? [] : called(trees, text, world.names);
  if (byName.length > 0) return sole(byName);
  return found.find(isRefusal) ?? refuse('ENOENT', 'no such container');
}

/** A container of a mirrored tree that this path or name means; for commands, which our own tree has been asked for. */
export function mirroredAt(state: Hierarchy, text: Bytes): Container | undefined {
  const trees = [...state.trees()].filter(({ number }) => number !== 0);
  for (const tree of trees) {
    const found = find(state, reader, text, tree.root);
    if (!isRefusal(found) && found.parent) return found;
  }
  return text.startsWith('/') ? undefined : called(trees, text, undefined)[0];
}

export function placeView(state: Hierarchy, names: Names, container: Container): PlaceView {
  return {
    tree: treeName(state, container),
    path: textOf(pathOf(container)),
    ...nameAround(names, container),
  };
}

/** The container's own name. */
export function nameView(names: Names, container: Container): NameView {
  if (container.tree === 0) return {};
  const known = knownName(pathOf(container));
  const given = names.nameOf(container.id);
  return {
    ...(known && { name: textOf(known.name), kind: known.kind }),
    ...(given !== undefined && { called: textOf(given) }),
  };
}

/** Whether a word, whole or as the beginning of an id, is a name of this container or of one around it. */
export function isCalled(container: Container, word: Bytes, names: Names | undefined): boolean {
  if (container.tree === 0) return false;
  for (let at: Container | undefined = container; at; at = at.parent) {
    if (fitOf(word, pathOf(at), names?.nameOf(at.id))) return true;
  }
  return false;
}

export function treeName(state: Hierarchy, { tree }: Container): string {
  return textOf(state.tree(tree)?.name ?? '');
}

function nameAround(names: Names, container: Container): NameView {
  for (let at: Container | undefined = container; at; at = at.parent) {
    const view = nameView(names, at);
    if (view.name !== undefined) return view;
  }
  return {};
}

interface Called {
  readonly container: Container;
  readonly fit: Fit;
}

/** The containers that have this name; where none has, those whose name begins with it, or is it without escapes. */
function called(trees: readonly Tree[], word: Bytes, names: Names | undefined): readonly Container[] {
  const fits: Called[] = [];
  for (const { number, root } of trees) {
    if (number === 0) continue;
    for (const [container, path] of subtreeOf(root)) {
      const fit = fitOf(word, path, names?.nameOf(container.id));
      if (fit) fits.push({ container, fit });
    }
  }
  const whole = fits.filter(({ fit }) => fit === 'whole');
  return (whole.length > 0 ? whole : fits).map(({ container }) => container);
}

/** The same containers when each tree has one of them, and all of them are called the same. */
function sole(containers: readonly Container[]): readonly Container[] | Refusal {
  const trees = new Set(containers.map(({ tree }) => tree));
  const names = new Set(containers.map((container) => knownName(pathOf(container))?.name));
  if (trees.size === containers.length && names.size === 1) return containers;
  const paths = [...new Set(containers.map((container) => textOf(pathOf(container))))].sort();
  const told = paths.slice(0, toldMeanings).join(', ');
  const more = paths.length > toldMeanings ? `, and ${paths.length - toldMeanings} more` : '';
  return refuse('EINVAL', `it could be ${told}${more}: say more of the name, or one of these paths`);
}

/** A container and all below it, each with its path: parents before children, children by name. */
export function* subtreeOf(top: Container): Generator<readonly [Container, Bytes]> {
  const unvisited: [Container, Bytes][] = [[top, pathOf(top)]];
  for (let next = unvisited.pop(); next; next = unvisited.pop()) {
    yield next;
    const [container, path] = next;
    const children = [...container.children.values()].sort((a, b) => (a.name < b.name ? 1 : -1));
    for (const child of children) unvisited.push([child, `${path === '/' ? '' : path}/${child.name}`]);
  }
}

function noTree(state: Hierarchy, choice: Bytes): Refusal {
  const names = [...state.trees()].map(({ name }) => textOf(name)).join(', ');
  return refuse('ENOENT', `there is no tree ${textOf(choice)}: there are ${names}`);
}
