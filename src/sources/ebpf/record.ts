/**
 * The layout of the records that the programs write into the ring and the decoder reads out of it, in bytes from a
 * record's start. Each begins with its type, the pid it is about and the BOOTTIME in microseconds; what follows
 * depends on the type. Names are zero-terminated.
 *
 * Programs go on writing records while tasktrail is replaced, so whoever reads them may be another version: each
 * change of a layout, of what stands in a map, or of how the hooks are tied, gets another `recordVersion`.
 */
export const recordVersion = 2;

export const recordTypes = {
  fork: 1,
  exit: 2,
  exec: 3,
  comm: 4,
  uid: 5,
  oom: 6,
  groupMade: 7,
  groupRemoved: 8,
  groupRenamed: 9,
  moved: 10,
  hierarchyGone: 11,
} as const;

/** The kernel's TASK_COMM_LEN: 15 bytes of name and a zero. */
export const commBytes = 16;

/** A group's name is as long as a file's may be: 255 bytes and a zero. */
export const groupNameBytes = 256;

/** A program's path is cut to 255 bytes, so that a record has one size. */
export const programBytes = 256;

const head = { type: 0, pid: 4, bootUs: 8 } as const;

export const forkRecord = {
  ...head,
  startTicks: 16,
  tgid: 24,
  parentPid: 28,
  uid: 32,
  suid: 36,
  comm: 40,
  /** The container of our own tree that the child is born into, as the map of places says; 0 for the root. */
  place: 40 + commBytes,
  /** The child's group in each mirrored hierarchy, in their order, 8 bytes each; 0 where it was not found. */
  groups: 48 + commBytes,
  /** With no hierarchy mirrored. */
  sizeBytes: 48 + commBytes,
} as const;

/** What the map of places holds for a task: its container, and its process, by which a pid's next owner is told. */
export const placeEntry = { container: 0, tgid: 8, sizeBytes: 16 } as const;

/** In place of a container: the kernel does not know. It is all ones as the programs write it. */
export const unknownPlace = -1;

/** The size of a fork's record with so many hierarchies mirrored. */
export function forkRecordBytes(hierarchies: number): number {
  return forkRecord.sizeBytes + 8 * hierarchies;
}

export const exitRecord = { ...head, status: 16, peakPages: 20, cpuNs: 24, sizeBytes: 32 } as const;

export const execRecord = {
  ...head,
  startTicks: 16,
  oldPid: 24,
  /** The length of the path with its final zero; negative where the kernel could not read it. */
  programLength: 28,
  uid: 32,
  suid: 36,
  comm: 40,
  program: 40 + commBytes,
  /** With no command line told. */
  sizeBytes: 40 + commBytes + programBytes,
  /** How many bytes the command line has, 0 where it could not be read, and those of them that are told. */
  commandLineLength: 40 + commBytes + programBytes,
  commandLine: 48 + commBytes + programBytes,
} as const;

/** The size of an exec's record that tells so many bytes of the command line. */
export function execRecordBytes(commandLineBytes: number): number {
  return commandLineBytes === 0 ? execRecord.sizeBytes : execRecord.commandLine + commandLineBytes;
}

export const commRecord = { ...head, comm: 16, sizeBytes: 16 + commBytes } as const;

export const uidRecord = { ...head, uid: 16, suid: 20, sizeBytes: 24 } as const;

export const oomRecord = { ...head, sizeBytes: 16 } as const;

/** What happens to a group begins with who did it, whose pid is `byPid`, and where. */
const groupHead = { ...head, byPid: 4, byUid: 16, byGid: 20, hierarchy: 24, group: 32 } as const;

export const groupRemovedRecord = { ...groupHead, sizeBytes: 40 } as const;

export const groupNamedRecord = {
  ...groupHead,
  parent: 40,
  name: 48,
  sizeBytes: 48 + groupNameBytes,
} as const;

/** Here the pid in the head is that of the task that was moved. */
export const movedRecord = { ...groupHead, byPid: 28, tgid: 40, whole: 44, sizeBytes: 48 } as const;

export const hierarchyGoneRecord = { ...head, hierarchy: 16, sizeBytes: 24 } as const;
