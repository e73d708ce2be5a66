/**
 * Pins: the names in the BPF filesystem by which an installation goes on recording while no process holds it.
 *
 *     /sys/fs/bpf/tasktrail/RECORDING_DEVICE_INODE/VERSION/
 *         turn  losses  places  about
 *         slots_NAME  program_NAME  link_NAME      of each hook
 *         about_NUMBER  ring_NUMBER                of each generation whose ring has not been read to its end
 *
 * The first folder is one recording's own: its id, and the device and inode of the folder that it lies in. So two
 * recordings never share a ring, not even where one is a copy of the other, and a recording that is moved on its disk
 * keeps it. The second says of which version all of it is: whoever has another cannot read the rings. It appears whole
 * or not at all, and so does a hook by its link, which is pinned last, and a generation by its ring. `about` says where
 * the recording lies, for whoever wants to clear up after it.
 */
import { mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { openPin, pin } from '../../system/bpf.ts';
import { bpfFilesystem, isBpfFilesystemMounted } from '../../system/bpfFilesystem.ts';
import { hasCode, SystemCallError } from '../../system/errno.ts';
import { Descriptors } from './descriptors.ts';
import type { Hook } from './hooks.ts';
import {
  type Generation,
  type GenerationAbout,
  type Installation,
  readText,
  readTurn,
  writeText,
} from './installation.ts';
import { recordVersion } from './record.ts';

const pinsFolder = `${bpfFilesystem}/tasktrail`;
const maps = ['turn', 'losses', 'places', 'about'] as const;
const version = String(recordVersion);
const unfinished = 'new-';

/** Whose pins they are: the id of a recording, and the folder that it lies in. */
export interface PinOwner {
  readonly recording: string;
  readonly folder: string;
}

/** What the `about` map says. */
interface About {
  readonly folder: string;
  /** The size of the newest ring. */
  readonly ringBytes: number;
}

/** An installation of some recording that goes on. */
export interface PinnedInstallation {
  readonly recording: string;
  /** Where the recording lay when it was last recorded into. */
  readonly folder: string;
  readonly ringBytes: number;
  /** Whether that recording is gone from there. */
  readonly isOrphan: boolean;
  /** The folder of the pins. */
  readonly path: string;
}

/** Pins an installation as its owner's. */
export function pinInstallation(installation: Installation, owner: PinOwner): void {
  const made = `${folderOf(owner)}/${unfinished}${version}`;
  mkdirSync(made, { recursive: true, mode: 0o700 });
  writeAbout(installation, owner);
  for (const map of maps) pin(installation[map], `${made}/${map}`);
  for (const generation of installation.generations) pinInto(made, installation, generation);
  renameSync(made, pathOf(owner));
}

/** Pins a generation that is to take over, and the hooks that have come with it, beside the others. */
export function pinGeneration(installation: Installation, generation: Generation, owner: PinOwner): void {
  pinInto(pathOf(owner), installation, generation);
}

/** The owner's rings from this generation on are all that is needed any more. */
export function unpinGenerationsBefore(number: number, owner: PinOwner): void {
  removeGenerations(pathOf(owner), (other) => other < number);
}

/** The installation that the owner has pinned and that we can read; undefined where there is none. */
export function findInstallation(owner: PinOwner, descriptors: Descriptors): Installation | undefined {
  const path = pathOf(owner);
  const names = entriesOf(path);
  // Somebody may have been killed in the middle of taking it away.
  if (!names.includes('turn')) return undefined;
  const open = (name: string): number => descriptors.keep(openPin(`${path}/${name}`));
  const [turn = 0, losses = 0, places = 0, about = 0] = maps.map(open);
  const newest = readTurn(turn);
  // Somebody was killed before this one's turn had come.
  removeGenerations(path, (number) => number > newest);
  const generations = numbersOf(names, 'ring_')
    .filter((number) => number <= newest)
    .map((number): Generation => {
      const [ring, text] = [open(`ring_${number}`), open(`about_${number}`)];
      return { ...(readText(text) as GenerationAbout), number, ring, about: text };
    });
  const hooks = namesOf(names, 'link_').map((name): [string, Hook] => {
    const [slots, program, link] = [open(`slots_${name}`), open(`program_${name}`), open(`link_${name}`)];
    return [name, { slots, program, link }];
  });
  return { turn, losses, places, about, hooks: new Map(hooks), generations };
}

/** Notes in a pinned installation where its recording lies now, and the size of its newest ring. */
export function writeAbout({ about, generations }: Installation, { folder }: PinOwner): void {
  const says: About = { folder, ringBytes: generations.at(-1)?.ringBytes ?? 0 };
  writeText(about, says);
}

function pinInto(path: string, { hooks }: Installation, { number, ring, about }: Generation): void {
  const known = new Set(namesOf(entriesOf(path), 'link_'));
  for (const [name, { slots, program, link }] of hooks) {
    if (known.has(name)) continue;
    for (const [kind, fd] of Object.entries({ slots, program, link })) repin(fd, `${path}/${kind}_${name}`);
  }
  repin(about, `${path}/about_${number}`);
  repin(ring, `${path}/ring_${number}`);
}

/** Somebody who was killed may have left another there. */
function repin(fd: number, path: string): void {
  rmSync(path, { force: true });
  pin(fd, path);
}

function removeGenerations(path: string, isOver: (number: number) => boolean): void {
  for (const number of numbersOf(entriesOf(path), 'ring_').filter(isOver)) {
    for (const kind of ['ring', 'about']) rmSync(`${path}/${kind}_${number}`, { force: true });
  }
}

/** What stands behind a prefix in these names. */
function namesOf(names: readonly string[], prefix: string): string[] {
  return names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
}

function numbersOf(names: readonly string[], prefix: string): number[] {
  return namesOf(names, prefix)
    .map(Number)
    .sort((a, b) => a - b);
}

/** Takes away all that the owner has pinned. */
export function removePins(owner: PinOwner): void {
  removeIn(folderOf(owner));
}

/** Takes away what the owner has pinned and `findInstallation` has not found; whether that was anything. */
export function removeUnfoundPins(owner: PinOwner): boolean {
  const isFound = entriesOf(pathOf(owner)).includes('turn');
  return removeIn(folderOf(owner), isFound ? version : undefined) > 0;
}

/** Takes away the installations of the recording that lies, or lay, in this folder. */
export function removePinsOf(folder: string): number {
  const theirs = pinnedInstallations().filter((pinned) => pinned.folder === folder);
  const folders = new Set(theirs.map(({ path }) => path.slice(0, path.lastIndexOf('/'))));
  return [...folders].reduce((sum, each) => sum + removeIn(each), 0);
}

/** All installations that are pinned on this machine. Throws EACCES where this user may not look. */
export function pinnedInstallations(): PinnedInstallation[] {
  if (!isBpfFilesystemMounted()) return [];
  return entriesOf(pinsFolder).flatMap((owner) =>
    entriesOf(`${pinsFolder}/${owner}`)
      .filter((make) => !make.startsWith(unfinished))
      .flatMap((make) => described(owner, `${pinsFolder}/${owner}/${make}`)),
  );
}

/** Nothing where somebody takes it away at this moment. */
function described(owner: string, path: string): PinnedInstallation[] {
  const descriptors = new Descriptors();
  try {
    const { folder, ringBytes } = readText(descriptors.keep(openPin(`${path}/about`))) as About;
    const recording = owner.split('_').slice(0, -2).join('_');
    return [{ recording, folder, ringBytes, isOrphan: ownerName(recording, folder) !== owner, path }];
  } catch (error) {
    if (error instanceof SystemCallError && error.errno === 'ENOENT') return [];
    throw error;
  } finally {
    descriptors.close();
  }
}

/** Takes away all installations in a folder, or all but one; tells how many that were. */
function removeIn(folder: string, kept?: string): number {
  const found = entriesOf(folder);
  const makes = found.filter((make) => make !== kept);
  for (const make of makes) {
    const path = `${folder}/${make}`;
    for (const name of inOrderOfRemoval(entriesOf(path))) rmSync(`${path}/${name}`, { force: true });
    rmdirSync(path);
  }
  if (makes.length > 0 && makes.length === found.length) {
    rmdirSync(folder);
    if (entriesOf(pinsFolder).length === 0) rmdirSync(pinsFolder);
  }
  return makes.filter((make) => !make.startsWith(unfinished)).length;
}

/**
 * What is half taken away must not pass for whole, so the turn goes first. Then the links, so that nothing is recorded
 * any more that nobody will read. The text by which it is found goes last.
 */
function inOrderOfRemoval(names: readonly string[]): string[] {
  const rank = (name: string): number =>
    name === 'turn' ? 0 : name.startsWith('link_') ? 1 : name === 'about' ? 3 : 2;
  return [...names].sort((a, b) => rank(a) - rank(b));
}

function pathOf(owner: PinOwner): string {
  return `${folderOf(owner)}/${version}`;
}

function folderOf({ recording, folder }: PinOwner): string {
  return `${pinsFolder}/${ownerName(recording, folder)}`;
}

/** Another name, which no folder has, where the recording's folder is not there. */
function ownerName(recording: string, folder: string): string {
  const stat = statSync(folder, { throwIfNoEntry: false });
  return `${recording}_${stat?.dev ?? 0}_${stat?.ino ?? 0}`;
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}
