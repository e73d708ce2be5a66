/**
 * The layout of the records that the programs write into the ring and the decoder reads out of it, in bytes from a
 * record's start. Each begins with its type, the pid it is about and the BOOTTIME in microseconds; what follows
 * depends on the type. Names are zero-terminated.
 */
export const recordTypes = {
  fork: 1,
  exit: 2,
  exec: 3,
  comm: 4,
  uid: 5,
} as const;

/** The kernel's TASK_COMM_LEN: 15 bytes of name and a zero. */
export const commBytes = 16;

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
  sizeBytes: 40 + commBytes,
} as const;

export const exitRecord = { ...head, status: 16, sizeBytes: 24 } as const;

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
  sizeBytes: 40 + commBytes + programBytes,
} as const;

export const commRecord = { ...head, comm: 16, sizeBytes: 16 + commBytes } as const;

export const uidRecord = { ...head, uid: 16, suid: 20, sizeBytes: 24 } as const;
