/**
 * Names: what people call the groups of a machine, as far as a path tells. systemd, container runtimes, kubelet
 * and Slurm write what a group is for into the name of its directory, each in its own way; here it becomes one
 * name for each: `nginx.service`, `docker/1f3a…`, `pod/6c1a2f…`, `slurm/42.0`. Pure; nobody is asked.
 *
 * Every rule looks at one segment of a path and at those before it, never at where the tree begins: runtimes are
 * nested in services, kubelets in containers, and slices in the slices of a user's own systemd.
 */
import type { Bytes } from '../../events/bytes.ts';

/**
 * What a group is for. A `monitor` is what a runtime keeps running beside a container; a `class` holds the pods of
 * one quality of service.
 */
export type NameKind =
  | 'unit'
  | 'scope'
  | 'slice'
  | 'container'
  | 'machine'
  | 'monitor'
  | 'pod'
  | 'class'
  | 'job'
  | 'step';

/** The programs that make containers, as far as a path tells them apart. */
export type Runtime = 'docker' | 'podman' | 'containerd' | 'crio' | 'nerdctl' | 'lxc' | 'nspawn' | 'qemu';

export interface KnownName {
  readonly kind: NameKind;
  /** One word, unique on a machine as far as what made the group sees to it. */
  readonly name: Bytes;
  /** Of containers, monitors and pods, where the path tells. */
  readonly runtime?: Runtime;
  /** What `name` ends in, where that is an id which may be cut short: 64 hex digits, or a pod's uid. */
  readonly id?: string;
}

/** What people call the group with this path; undefined where nothing in it is of a form that is known. */
export function knownName(path: Bytes): KnownName | undefined {
  const segments = path.split('/').filter((segment) => segment !== '');
  const segment = segments.pop();
  if (segment === undefined) return undefined;
  for (const rule of rules) {
    const known = rule(segment, segments);
    if (known) return known;
  }
  return undefined;
}

/**
 * How a word fits a group: `whole` when it is one of its names, `resolved` when it is the name of a unit of systemd
 * without its escapes, `prefix` when it is the beginning of the one that ends in an id, as people type ids.
 */
export type Fit = 'whole' | 'resolved' | 'prefix';

/** `called` is what the runtime calls the group, if that is known. */
export function fitOf(word: Bytes, path: Bytes, called: Bytes | undefined): Fit | undefined {
  const known = knownName(path);
  if (!known) return undefined;
  const { name, id } = known;
  const realm = name.slice(0, name.indexOf('/') + 1);
  const names = [name, path.slice(path.lastIndexOf('/') + 1)];
  if (called !== undefined) names.push(called, realm + called);
  if (names.includes(word)) return 'whole';
  if (unescaped(name) === word) return 'resolved';
  const begins = id !== undefined && word.length > realm.length && name.startsWith(word);
  return begins ? 'prefix' : undefined;
}

/** A segment and those before it, outermost first. */
type Rule = (segment: Bytes, above: readonly Bytes[]) => KnownName | undefined;

/** The first that knows a segment names it: what is more special stands before what is more general. */
const rules: readonly Rule[] = [
  container,
  bareContainer,
  monitor,
  pod,
  podmanPod,
  podClass,
  job,
  step,
  lxc,
  machine,
  unit,
];

/** How the directories of containers begin, whichever of both drivers made them (`X-ID`, or `X-ID.scope`). */
const runtimes: ReadonlyMap<string | undefined, Runtime> = new Map([
  ['docker', 'docker'],
  ['libpod', 'podman'],
  ['libpod-payload', 'podman'],
  ['cri-containerd', 'containerd'],
  ['crio', 'crio'],
  ['nerdctl', 'nerdctl'],
]);

/**
 * `docker-ID.scope`, `crio-ID`, `libpod-payload-ID` (podman's --cgroups=split), and `SLICE:cri-containerd:ID`, which
 * comes of a runtime that does not ask systemd under a kubelet that does.
 */
function container(segment: Bytes): KnownName | undefined {
  const [, dashed, dashedId] = /^([a-z-]+)-([0-9a-f]{64})(?:\.scope)?$/.exec(segment) ?? [];
  const [, colons, colonsId] = /^[^:]*:([a-z-]+):([0-9a-f]{64})$/.exec(segment) ?? [];
  const runtime = runtimes.get(dashed ?? colons);
  return runtime && containerOf(runtime, dashedId ?? colonsId ?? '');
}

/** With the cgroupfs driver docker and containerd name a directory by the id alone; what is above it may tell whose. */
function bareContainer(segment: Bytes, above: readonly Bytes[]): KnownName | undefined {
  if (!/^[0-9a-f]{64}$/.test(segment)) return undefined;
  if (above.at(-1) === 'libpod_parent') return idName('pod', 'pod', segment, 'podman');
  if (above.at(-1) === 'docker' || above.slice(-2).includes('ecs')) return containerOf('docker', segment);
  if (above.at(-1) === 'k8s.io') return containerOf('containerd', segment);
  return idName('container', 'container', segment);
}

/** conmon, which stays beside each container of podman and CRI-O: `libpod-conmon-ID.scope`. */
function monitor(segment: Bytes): KnownName | undefined {
  const [, runtime, id = ''] = /^(libpod|crio)-conmon-([0-9a-f]{64})(?:\.scope)?$/.exec(segment) ?? [];
  if (runtime === undefined) return undefined;
  return idName('monitor', 'conmon', id, runtime === 'crio' ? 'crio' : 'podman');
}

/**
 * `kubepods-burstable-podUID.slice`, in which systemd's rules make `_` of every `-` in the uid, or `podUID` below
 * `kubepods`. Pods that kubelet takes from a file have a uid without dashes.
 */
function pod(segment: Bytes, above: readonly Bytes[]): KnownName | undefined {
  const [, escaped] = /kubepods(?:-besteffort|-burstable)?-pod([0-9a-f_]+)\.slice$/.exec(segment) ?? [];
  if (escaped !== undefined) return idName('pod', 'pod', escaped.replaceAll('_', '-'));
  const [, uid] = /^pod([0-9a-f-]+)$/.exec(segment) ?? [];
  return uid !== undefined && above.includes('kubepods') ? idName('pod', 'pod', uid) : undefined;
}

/** The pods of podman: `machine-libpod_pod_ID.slice`, or `user-libpod_pod_ID.slice` of a user without root. */
function podmanPod(segment: Bytes): KnownName | undefined {
  const [, id] = /^\w+-libpod_pod_([0-9a-f]{64})\.slice$/.exec(segment) ?? [];
  return id === undefined ? undefined : idName('pod', 'pod', id, 'podman');
}

/** What kubelet sorts pods into by their quality of service. Guaranteed pods are in `kubepods` itself. */
function podClass(segment: Bytes, above: readonly Bytes[]): KnownName | undefined {
  const [isSlice, ofSlice] = /(?:^|-)kubepods(?:-(besteffort|burstable))?\.slice$/.exec(segment) ?? [];
  if (isSlice !== undefined) return className(ofSlice);
  if (segment === 'kubepods') return className(undefined);
  const isClass = segment === 'besteffort' || segment === 'burstable';
  return isClass && above.at(-1) === 'kubepods' ? className(segment) : undefined;
}

/** `slurmstepd.scope/job_42` (cgroup v2; several slurmd on a machine: `NODE_slurmstepd.scope`), `slurm/uid_1000/job_42` (v1). */
function job(segment: Bytes, above: readonly Bytes[]): KnownName | undefined {
  const [, number] = /^job_(\d+)$/.exec(segment) ?? [];
  if (number === undefined || !above.some(isSlurm)) return undefined;
  return { kind: 'job', name: `slurm/${number}` };
}

/** `step_0`, `step_batch`, `step_extern` below a job; named as `sacct` and `scancel` name steps. */
function step(segment: Bytes, above: readonly Bytes[]): KnownName | undefined {
  const [, name] = /^step_(\w+)$/.exec(segment) ?? [];
  const ofJob = name === undefined ? undefined : job(above.at(-1) ?? '', above.slice(0, -1));
  return ofJob && { kind: 'step', name: `${ofJob.name}.${name}` };
}

/** `lxc.payload.NAME` and `lxc.monitor.NAME` since LXC 4, `lxc/NAME` before, and at Proxmox still. */
function lxc(segment: Bytes, above: readonly Bytes[]): KnownName | undefined {
  const [, part, dotted] = /^lxc\.(payload|monitor)\.(.+)$/.exec(segment) ?? [];
  const parent = above.at(-1);
  if (part === 'payload' || parent === 'lxc' || parent === 'lxc.payload') {
    return { kind: 'container', name: `lxc/${dotted ?? segment}`, runtime: 'lxc' };
  }
  if (part === 'monitor' || parent === 'lxc.monitor') {
    return { kind: 'monitor', name: `lxc-monitor/${dotted ?? segment}`, runtime: 'lxc' };
  }
  return undefined;
}

/**
 * What systemd-machined knows: `machine-NAME.scope`, or `systemd-nspawn@NAME.service`. libvirt calls its own
 * `qemu-NUMBER-NAME` and `lxc-NUMBER-NAME`.
 */
function machine(segment: Bytes): KnownName | undefined {
  const [, ofScope] = /^machine-(.+)\.scope$/.exec(segment) ?? [];
  const [, ofService] = /^systemd-nspawn@(.+)\.service$/.exec(segment) ?? [];
  const name = unescaped(ofScope ?? ofService ?? '');
  if (name === '') return undefined;
  const [, driver, domain] = (ofService === undefined && /^(qemu|lxc)-\d+-(.+)$/.exec(name)) || [];
  if (driver === 'qemu') return { kind: 'machine', name: `qemu/${domain}`, runtime: 'qemu' };
  if (driver === 'lxc') return { kind: 'container', name: `lxc/${domain}`, runtime: 'lxc' };
  return { kind: 'container', name: `nspawn/${name}`, runtime: 'nspawn' };
}

/** The types of systemd's units that have groups of their own (systemd.unit(5), systemd.resource-control(5)). */
const unitKinds: ReadonlyMap<string | undefined, NameKind> = new Map([
  ['service', 'unit'],
  ['socket', 'unit'],
  ['mount', 'unit'],
  ['swap', 'unit'],
  ['scope', 'scope'],
  ['slice', 'slice'],
]);

/**
 * A unit of systemd by the name that systemctl(1) takes and shows, whose escapes are part of it: `a\x2db.service` is
 * another unit than `a-b.service`. Its directory has a `_` before it where the kernel might have a file of that name
 * (systemd's cg_escape).
 */
function unit(segment: Bytes): KnownName | undefined {
  const kind = unitKinds.get(/^.+\.([a-z]+)$/.exec(segment)?.[1]);
  return kind && { kind, name: segment.replace(/^_/, '') };
}

function containerOf(runtime: Runtime, id: string): KnownName {
  return idName('container', runtime, id, runtime);
}

function idName(kind: NameKind, realm: string, id: string, runtime?: Runtime): KnownName {
  return { kind, name: `${realm}/${id}`, id, ...(runtime && { runtime }) };
}

function className(name: string | undefined): KnownName {
  return { kind: 'class', name: name === undefined ? 'kubepods' : `kubepods/${name}` };
}

function isSlurm(segment: Bytes): boolean {
  return /^slurm(?:_.*)?$/.test(segment) || /^(?:.*_)?slurmstepd\.scope$/.test(segment);
}

/** `\x2d` as the byte that it stands for (systemd.unit(5), "string escaping for inclusion in unit names"). */
function unescaped(name: Bytes): Bytes {
  return name.replace(/\\x([0-9a-f]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}
