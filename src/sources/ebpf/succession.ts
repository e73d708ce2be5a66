/**
 * Succession: how the source comes by what it has in the kernel. What is pinned for its recording goes on; where other
 * mirrors, another ring, other command lines or other programs are asked for than it has, a new generation takes over
 * from the one that records, and what that has recorded stays to be read.
 *
 * Somebody may be killed at any instant of this. A generation that is pinned and whose turn has not come is none; from
 * when its turn has come it is found together with the one before, whose ring the log's cursor names.
 */
import assert from 'node:assert/strict';
import { totalmem } from 'node:os';
import { useBpfFilesystem } from '../../system/bpfFilesystem.ts';
import { messageOf } from '../../system/errno.ts';
import type { Btf } from './btf.ts';
import type { Descriptors } from './descriptors.ts';
import {
  createInstallation,
  type Installation,
  makeOf,
  type Purpose,
  prepareGeneration,
  settleGenerations,
  takeOver,
} from './installation.ts';
import {
  findInstallation,
  type PinOwner,
  pinGeneration,
  pinInstallation,
  removePins,
  removeUnfoundPins,
  writeAbout,
} from './pins.ts';
import type { EbpfSourceOptions } from './source.ts';

/** What of the machine's memory a ring takes unless told otherwise, and the bounds of that. */
const ringShare = 1 / 256;
const leastUsualBytes = 8 * 2 ** 20;
const mostUsualBytes = 256 * 2 ** 20;

/** Whether the installation stays when this process ends, and if it should and cannot, why. */
export interface Pinning {
  readonly owner: PinOwner | undefined;
  readonly isPinned: boolean;
  readonly obstacle: string;
  /** Something was pinned for the owner that we cannot read. */
  readonly wasUnreadable: boolean;
}

/**
 * Goes on with the installation that is pinned for the owner, else makes one. When this returns, everything that happens
 * is written into its newest ring.
 */
export function obtain(
  btf: Btf,
  purpose: Purpose,
  { owner, pin = false, ringBytes }: Pick<EbpfSourceOptions, 'owner' | 'pin' | 'ringBytes'>,
  descriptors: Descriptors,
): { readonly installation: Installation; readonly pinning: Pinning } {
  const wanted: Wanted = { btf, purpose, ringBytes, descriptors };
  const obstacle = owner && obstacleToPins(pin);
  if (!owner || obstacle !== '') {
    const pinning = { owner, isPinned: false, obstacle: (pin && obstacle) || '', wasUnreadable: false };
    return { installation: begun(wanted), pinning };
  }
  const found = findInstallation(owner, descriptors);
  const installation = found ?? begun(wanted);
  // What cannot be gone on with goes only when the new one sees everything.
  const wasUnreadable = removeUnfoundPins(owner);
  const refusal = found
    ? goOn(found, wanted, pin ? owner : undefined)
    : refusalOf(() => pin && pinInstallation(installation, owner));
  const isPinned = pin && refusal === '';
  if (!isPinned) removePins(owner);
  return { installation, pinning: { owner, isPinned, obstacle: refusal, wasUnreadable } };
}

/** What is asked for, and who keeps what it takes. */
interface Wanted {
  readonly btf: Btf;
  readonly purpose: Purpose;
  readonly ringBytes: number | undefined;
  readonly descriptors: Descriptors;
}

function begun({ btf, purpose, ringBytes, descriptors }: Wanted): Installation {
  const made = createInstallation(descriptors);
  takeOver(made, prepareGeneration(made, btf, purpose, ringBytes ?? usualRingBytes(), descriptors));
  return made;
}

/**
 * Has the newest generation go on where it does what is asked for, else another one take over from it. With an owner
 * that one is pinned before it records anything; says why it could not be, empty where it could.
 */
function goOn(
  found: Installation,
  { btf, purpose, ringBytes, descriptors }: Wanted,
  owner: PinOwner | undefined,
): string {
  // Somebody may have been killed before the older rings were known to be whole.
  settleGenerations(found);
  const newest = found.generations.at(-1);
  assert(newest, 'an installation has a generation');
  const wantedBytes = ringBytes ?? newest.ringBytes;
  let refusal = '';
  if (newest.make !== makeOf(btf, purpose) || newest.ringBytes !== wantedBytes) {
    const next = prepareGeneration(found, btf, purpose, wantedBytes, descriptors);
    if (owner) refusal = refusalOf(() => pinGeneration(found, next, owner));
    takeOver(found, next);
    settleGenerations(found);
  }
  if (owner) writeAbout(found, owner);
  return refusal;
}

/** Empty where it is pinned. A recorder that goes without is better than none. */
function refusalOf(pin: () => unknown): string {
  try {
    pin();
    return '';
  } catch (error) {
    return `nothing can be pinned: ${messageOf(error)}`;
  }
}

/** Why nothing can be pinned or found pinned; empty where it can. Only who wants to pin has a filesystem mounted. */
function obstacleToPins(mayMount: boolean): string {
  try {
    useBpfFilesystem(mayMount);
    return '';
  } catch (error) {
    return `the BPF filesystem cannot be used: ${messageOf(error)}`;
  }
}

function usualRingBytes(): number {
  const share = 2 ** Math.floor(Math.log2(totalmem() * ringShare));
  return Math.min(Math.max(share, leastUsualBytes), mostUsualBytes);
}
