/**
 * Groups of the machine's own cgroup hierarchies for tests: in a private hierarchy of the first version that a test
 * mounts for itself, or below the root of v2. All of them are gone afterwards.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hierarchiesOfMachine, mountedHierarchies } from '../../src/sources/cgroups.ts';

let mounted = 0;
const deadlineMs = 10_000;

/** A hierarchy of a test's own, with no controller. */
export class PrivateHierarchy {
  /** As the mirror is told: `name=…`. */
  readonly name: string;
  readonly hierarchy: number;
  #folder: string;

  constructor() {
    mounted += 1;
    this.name = `name=tasktrail-test-${process.pid}-${mounted}`;
    this.#folder = this.#mount();
    this.hierarchy = idOf(this.name) ?? assert.fail(`${this.name} is mounted`);
  }

  /** Where it is mounted. */
  get folder(): string {
    return this.#folder;
  }

  /** It must have a group: else the kernel could take it for one that nobody wants any more. */
  mountElsewhere(): void {
    this.#unmount();
    this.#folder = this.#mount();
  }

  /** Unmounts it, and returns when the kernel has none of it any more. It must have no group left. */
  async unmount(): Promise<void> {
    this.#unmount();
    const deadline = Date.now() + deadlineMs;
    // A group that was removed lingers a while, and a hierarchy that is unmounted meanwhile stays for ever.
    while (idOf(this.name) !== undefined) {
      assert(Date.now() < deadline, `the hierarchy ${this.name} stays`);
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (idOf(this.name) === undefined) break;
      this.#folder = this.#mount();
      this.#unmount();
    }
  }

  #mount(): string {
    const folder = mkdtempSync(join(tmpdir(), 'tasktrail-hierarchy-'));
    execFileSync('mount', ['-t', 'cgroup', '-o', `none,${this.name}`, 'tasktrail-test', folder]);
    return folder;
  }

  #unmount(): void {
    execFileSync('umount', [this.#folder]);
    rmdirSync(this.#folder);
  }
}

function idOf(name: string): number | undefined {
  return hierarchiesOfMachine().find((one) => one.name === name)?.hierarchy;
}

/** Where v2 is mounted. */
export function unifiedRoot(): string {
  return mountedHierarchies().find(({ hierarchy }) => hierarchy === 0)?.mountPoint ?? assert.fail('no v2');
}

/** The kernel's id of the group whose folder this is. */
export function idOfGroup(folder: string | Buffer): number {
  return statSync(folder).ino;
}

/** A new group in this folder, of a name that no other test has. */
export function makeGroup(parent: string): string {
  return mkdtempSync(join(parent, 'tasktrail-test-'));
}

/** Removes a group and all below it; nothing may be in them any more. */
export function removeGroup(folder: string): void {
  const folders = execFileSync('find', [folder, '-depth', '-type', 'd'], { encoding: 'latin1' });
  for (const one of folders.split('\n').filter((line) => line !== '')) rmdirSync(Buffer.from(one, 'latin1'));
}
