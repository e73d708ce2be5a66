/**
 * What the recorder needs of the kernel, each tried on the real thing.
 */
import { readFileSync } from 'node:fs';
import type { CgroupsHere } from '../../daemon.ts';
import { allPinned, type PinnedInstallation } from '../../pinned.ts';
import { createCounters } from '../../system/bpf.ts';
import { bpfFilesystem, isBpfFilesystemMounted } from '../../system/bpfFilesystem.ts';
import { codeOf } from '../../system/errno.ts';
import { libc } from '../../system/libc.ts';
import { otherNamespace } from '../../system/namespaces.ts';
import { quoted } from '../dataFolder.ts';
import { size } from '../format/count.ts';
import { mirroredByDefault } from '../mirror.ts';
import { type Probe, Unknowable } from './finding.ts';

const btfPath = '/sys/kernel/btf/vmlinux';
const lockdownPath = '/sys/kernel/security/lockdown';
/** The first two bytes of type information, little-endian (include/uapi/linux/btf.h). */
const btfMagic = 0xeb9f;

export const kernelProbes: readonly Probe[] = [
  {
    name: 'type information (BTF)',
    needed: false,
    means: 'the eBPF source cannot find its way through the data of this kernel',
    causes: {
      ENOENT: 'the kernel is older than 5.4 or built without CONFIG_DEBUG_INFO_BTF, or /sys is not mounted',
      EACCES: 'it may be read by root only here',
    },
    attempt: () => {
      const bytes = readFileSync(btfPath);
      if (bytes.readUInt16LE(0) !== btfMagic) throw new Error(`${btfPath} is no type information`);
      return `${btfPath} has ${size(bytes.length)} of it`;
    },
  },
  {
    name: 'bpf(2)',
    needed: false,
    means: 'the eBPF source cannot be opened',
    causes: {
      EPERM: 'CAP_BPF is missing, or a seccomp filter or the lockdown forbids it',
      ENOSYS: 'the kernel is built without bpf(2), or a seccomp filter hides it',
      EINVAL: 'the kernel is too old',
    },
    attempt: () => {
      libc().close(createCounters('tasktrail_try', 1));
      return 'a map was created';
    },
  },
  {
    name: 'lockdown',
    needed: false,
    means: 'eBPF programs may not read the memory of the kernel',
    attempt: () => lockdownFrom(readLockdown()),
  },
  {
    name: 'capabilities',
    needed: false,
    means: 'the kernel refuses what tasktrail asks for: start it as root, outside of containers',
    attempt: () => capabilitiesFrom(readFileSync('/proc/self/status', 'latin1')),
  },
  {
    name: 'initial namespaces',
    needed: false,
    means: 'pids and times of the kernel would not be those that are seen here',
    attempt: () => {
      for (const kind of ['pid', 'time'] as const) {
        const own = otherNamespace(kind);
        if (own !== undefined) throw new Error(`this ${kind} namespace is ${own}: a container is around us`);
      }
      return 'pid and time namespaces are the initial ones';
    },
  },
  {
    name: 'cgroup hierarchies',
    needed: false,
    means: "none of the machine's own cgroups can be mirrored; everything else works without",
    attempt: async () => {
      const { cgroupsHere, trySource } = await import('../../daemon.ts');
      const cgroups = cgroupsHere();
      const says = cgroupsFrom(cgroups);
      tryMirror(mirroredByDefault(cgroups), (mirror) => trySource('ebpf', mirror));
      return says;
    },
  },
  {
    name: 'BPF filesystem',
    needed: false,
    means: 'the kernel cannot go on recording while no daemon runs: each restart is a gap',
    causes: {
      ENOENT: 'there is no /sys/fs/bpf: the kernel is built without it, or /sys is not mounted',
      EPERM: 'CAP_SYS_ADMIN is missing, or a container around us does not let it be mounted',
    },
    attempt: () => {
      if (isBpfFilesystemMounted()) return `${bpfFilesystem} is mounted`;
      throw new Unknowable(`${bpfFilesystem} is not mounted; \`tasktrail up\` mounts it where it may`);
    },
  },
  {
    name: 'kept recordings',
    needed: false,
    means: 'it cannot be told what the kernel goes on recording',
    attempt: () => keptText(allPinned()),
  },
];

/** What goes on in the kernel, and how that is ended where nobody will read it. */
export function keptText(kept: readonly PinnedInstallation[]): string {
  if (kept.length === 0) return 'the kernel keeps nothing for any recording';
  const texts = kept.map(({ folder, ringBytes, isOrphan }) => {
    const text = `${folder}, a ring of ${size(ringBytes)}`;
    if (!isOrphan) return text;
    return `${text}, and that recording is gone: end it with \`tasktrail down --unload --data ${quoted(folder)}\``;
  });
  return `the kernel keeps for ${texts.join('; ')}`;
}

/** How many hierarchies are named that are of no use. */
const namedUnmounted = 5;

/** What can be mirrored here, and what would be unless `up` is told otherwise. */
export function cgroupsFrom(cgroups: CgroupsHere): string {
  const { existing, mounted, isNamespaced } = cgroups;
  if (existing.length === 0) throw new Error('this kernel has no cgroups');
  if (mounted.length === 0) throw new Error(`${existing.join(', ')}: none is mounted as a whole`);
  if (isNamespaced) throw new Error('this cgroup namespace is not the initial one: a container is around us');
  const places = mounted.map(({ name, mountPoint }) => `${name} on ${mountPoint}`);
  const unmounted = existing.filter((name) => !mounted.some((each) => each.name === name));
  const usual = mirroredByDefault(cgroups);
  return [
    `mounted: ${places.join(', ')}`,
    ...(unmounted.length === 0 ? [] : [`not mounted: ${someOf(unmounted)}`]),
    usual.length === 0
      ? 'mirrored only if asked for with --mirror'
      : `mirrored unless told otherwise: ${usual.join(', ')}`,
  ].join('; ');
}

/** Throws where the source can be opened, and not with these mirrored. */
export function tryMirror(names: readonly string[], trySource: (mirror: readonly string[]) => string): void {
  try {
    trySource([]);
  } catch {
    // That has been told, and says nothing of the mirror.
    return;
  }
  trySource(names);
}

function someOf(names: readonly string[]): string {
  const more = names.length - namedUnmounted;
  return [...names.slice(0, namedUnmounted), ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
}

/** What each is for; the numbers are those of include/uapi/linux/capability.h. */
const capabilities = {
  CAP_SYS_ADMIN: 21,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
} as const;

/** Reads `/proc/self/status`. CAP_SYS_ADMIN stands for the two others, which kernels before 5.8 do not have. */
export function capabilitiesFrom(status: string): string {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  const has = (number: number): boolean => ((effective >> BigInt(number)) & 1n) === 1n;
  const missing = Object.entries(capabilities)
    .filter(([, number]) => !has(number))
    .map(([name]) => name);
  const present = Object.keys(capabilities).filter((name) => !missing.includes(name));
  const needed = missing.filter((name) => name !== 'CAP_SYS_ADMIN');
  if (needed.length > 0 && missing.includes('CAP_SYS_ADMIN')) {
    throw new Error(`uid ${process.geteuid?.()} has no ${needed.join(' and no ')}`);
  }
  return `${present.join(', ')} ${present.length === 1 ? 'is' : 'are'} there`;
}

/** Reads the text of the lockdown file: `none [integrity] confidentiality`. */
export function lockdownFrom(text: string): string {
  const level = /\[(\w+)\]/.exec(text)?.[1] ?? text.trim();
  if (level === 'confidentiality') {
    throw new Error(`the kernel is locked down to ${level} (by secure boot or the kernel's command line)`);
  }
  return level === 'none'
    ? 'the kernel is not locked down'
    : `locked down to ${level}, which leaves eBPF alone`;
}

function readLockdown(): string {
  try {
    return readFileSync(lockdownPath, 'latin1');
  } catch (error) {
    throw new Unknowable(
      `${lockdownPath} cannot be read (${codeOf(error)}): a kernel without it is not locked down`,
    );
  }
}
