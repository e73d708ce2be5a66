/**
 * Pins: the names in the BPF filesystem by which an installation goes on recording while no process holds it.
 *
 *     /sys/fs/bpf/tasktrail/RECORDING_DEVICE_INODE/VERSION-HASH/
 *         ring  losses  places  about  program_NAME  link_NAME
 *
 * The first folder is one recording's own: its id, and the device and inode of the folder that it lies in. So two
 * recordings never share a ring, not even where one is a copy of the other, and a recording that is moved on its disk
 * keeps it. The second says which records the ring holds and for what the programs were assembled (`makeOf`). It
 * appears whole or not at all. `about` says where the recording lies, for whoever wants to clear up after it.
 */
import { mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { openPin, pin, readEntry, writeEntry } from '../../system/bpf.ts';
import { bpfFilesystem, isBpfFilesystemMounted } from '../../system/bpfFilesystem.ts';
import { hasCode, SystemCallError } from '../../system/errno.ts';
import { Descriptors } from './descriptors.ts';
import { aboutBytes, type Installation } from './installation.ts';

const pinsFolder = `${bpfFilesystem}/tasktrail`;
const maps = ['ring', 'losses', 'places', 'about'] as const;
const unfinished = 'new-';
const firstKey = new Uint32Array(1);

/** Whose pins they are: the id of a recording, and the folder that it lies in. */
export interface PinOwner {
  readonly recording: string;
  readonly folder: string;
}

/** What the `about` map says. */
interface About {
  readonly folder: string;
  readonly ringBytes: number;
  readonly blind: string;
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
export function pinInstallation(installation: Installation, owner: PinOwner, make: string): void {
  const { about, ringBytes, blind } = installation;
  writeAbout(about, { folder: owner.folder, ringBytes, blind });
  const made = `${folderOf(owner)}/${unfinished}${make}`;
  mkdirSync(made, { recursive: true, mode: 0o700 });
  for (const map of maps) pin(installation[map], `${made}/${map}`);
  for (const [name, fd] of installation.programs) pin(fd, `${made}/program_${name}`);
  for (const [name, fd] of installation.links) pin(fd, `${made}/link_${name}`);
  renameSync(made, `${folderOf(owner)}/${make}`);
}

/** The installation of this make that the owner has pinned; undefined where there is none. */
export function findInstallation(
  owner: PinOwner,
  make: string,
  descriptors: Descriptors,
): Installation | undefined {
  const path = `${folderOf(owner)}/${make}`;
  const names = entriesOf(path);
  if (names.length === 0) return undefined;
  const open = (name: string): number => descriptors.keep(openPin(`${path}/${name}`));
  const [ring = 0, losses = 0, places = 0, about = 0] = maps.map(open);
  const all = (kind: string): Map<string, number> => {
    const found = names.filter((name) => name.startsWith(kind));
    return new Map(found.map((name) => [name.slice(kind.length), open(name)]));
  };
  const { ringBytes, blind } = readAbout(about);
  writeAbout(about, { folder: owner.folder, ringBytes, blind });
  return { ring, losses, places, about, programs: all('program_'), links: all('link_'), ringBytes, blind };
}

/** Takes away what the owner has pinned, all or all but one make; tells how many installations that were. */
export function removePins(owner: PinOwner, keptMake?: string): number {
  return removeIn(folderOf(owner), keptMake);
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
    const { folder, ringBytes } = readAbout(descriptors.keep(openPin(`${path}/about`)));
    const recording = owner.split('_').slice(0, -2).join('_');
    return [{ recording, folder, ringBytes, isOrphan: ownerName(recording, folder) !== owner, path }];
  } catch (error) {
    if (error instanceof SystemCallError && error.errno === 'ENOENT') return [];
    throw error;
  } finally {
    descriptors.close();
  }
}

/** Links first, so that nothing is recorded any more that nobody will read. */
function removeIn(folder: string, keptMake?: string): number {
  const makes = entriesOf(folder).filter((make) => make !== keptMake);
  for (const make of makes) {
    const path = `${folder}/${make}`;
    for (const name of entriesOf(path).sort(linksFirst)) rmSync(`${path}/${name}`, { force: true });
    rmdirSync(path);
  }
  if (keptMake === undefined && makes.length > 0) {
    rmdirSync(folder);
    if (entriesOf(pinsFolder).length === 0) rmdirSync(pinsFolder);
  }
  return makes.length;
}

function linksFirst(a: string, b: string): number {
  return Number(b.startsWith('link_')) - Number(a.startsWith('link_'));
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

function writeAbout(map: number, about: About): void {
  const text = new Uint8Array(aboutBytes);
  const { written } = new TextEncoder().encodeInto(JSON.stringify(about), text);
  if (written === aboutBytes)
    throw new Error('the path of the recording is too long to be kept in the kernel');
  writeEntry(map, firstKey, text);
}

function readAbout(map: number): About {
  const text = new Uint8Array(aboutBytes);
  readEntry(map, firstKey, text);
  return JSON.parse(new TextDecoder().decode(text.subarray(0, text.indexOf(0)))) as About;
}
