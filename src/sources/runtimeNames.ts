/**
 * What container runtimes call their containers, read from the files that they keep on this machine; no runtime is
 * asked. Only what runs as root is found: a user's own podman or docker keeps its files in that user's home.
 *
 * - docker: `config.v2.json` of the container (moby's daemon/container), its Name, or the labels that kubelet gave it;
 * - podman: the list of containers of containers/storage, the first of its names;
 * - containerd and CRI-O: the annotations in the `config.json` that they hand to runc or crun (OCI runtime-spec), as
 *   containerd's pkg/cri/annotations and CRI-O's pkg/annotations name them. nerdctl is a client of containerd.
 */
import { readFileSync, statSync } from 'node:fs';
import { utf8BytesOf } from '../../events/bytes.ts';
import type { GivenNames, RuntimeNames } from '../ports.ts';

/** A file that is larger than this is none of those that are looked for. */
const fileLimitBytes = 8 * 2 ** 20;

/** `root` is where the machine's files are. */
export function openRuntimeNames(root = ''): RuntimeNames {
  return {
    namesOf: (runtime, id) => {
      for (const find of findersOf(runtime)) {
        const names = find(root, id);
        if (names) return names;
      }
      return undefined;
    },
  };
}

type Finder = (root: string, id: string) => GivenNames | undefined;

function findersOf(runtime: string | undefined): readonly Finder[] {
  switch (runtime) {
    case 'docker':
      return [docker];
    case 'podman':
      return [podman];
    case 'containerd':
    case 'nerdctl':
      return [containerd];
    case 'crio':
      return [crio];
    case undefined:
      return [docker, containerd, crio];
    default:
      return [];
  }
}

function docker(root: string, id: string): GivenNames | undefined {
  const config = read(`${root}/var/lib/docker/containers/${id}/config.v2.json`);
  const labels = field(field(config, 'Config'), 'Labels');
  const name = text(config, 'Name')?.replace(/^\//, '');
  return ofKubernetes(labels) ?? named(name);
}

function podman(root: string, id: string): GivenNames | undefined {
  for (const list of [
    `${root}/var/lib/containers/storage/overlay-containers/containers.json`,
    `${root}/run/containers/storage/overlay-containers/volatile-containers.json`,
    `${root}/var/lib/containers/storage/vfs-containers/containers.json`,
  ]) {
    const containers = read(list);
    if (!Array.isArray(containers)) continue;
    const names = field(
      containers.find((each) => text(each, 'id') === id),
      'names',
    );
    if (Array.isArray(names) && typeof names[0] === 'string') return named(names[0]);
  }
  return undefined;
}

function containerd(root: string, id: string): GivenNames | undefined {
  for (const bundles of [
    `${root}/run/containerd/io.containerd.runtime.v2.task/k8s.io`,
    `${root}/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io`,
    `${root}/run/containerd/io.containerd.runtime.v2.task/default`,
  ]) {
    const annotations = field(read(`${bundles}/${id}/config.json`), 'annotations');
    const names = ofKubernetes(annotations) ?? named(text(annotations, 'nerdctl/name'));
    if (names) return names;
  }
  return undefined;
}

function crio(root: string, id: string): GivenNames | undefined {
  const bundle = `${root}/run/containers/storage/overlay-containers/${id}/userdata`;
  return ofKubernetes(field(read(`${bundle}/config.json`), 'annotations'));
}

/**
 * The names that kubelet gave, as labels or annotations: each is there under one of these keys. What holds a pod's
 * namespaces has no name of its own, and is called POD, as kubelet does.
 */
function ofKubernetes(labels: unknown): GivenNames | undefined {
  const pod = text(labels, 'io.kubernetes.cri.sandbox-name') ?? text(labels, 'io.kubernetes.pod.name');
  const space =
    text(labels, 'io.kubernetes.cri.sandbox-namespace') ?? text(labels, 'io.kubernetes.pod.namespace');
  if (pod === undefined || space === undefined) return undefined;
  const container =
    text(labels, 'io.kubernetes.cri.container-name') ?? text(labels, 'io.kubernetes.container.name') ?? 'POD';
  return { name: utf8BytesOf(`${space}/${pod}/${container}`), pod: utf8BytesOf(`${space}/${pod}`) };
}

function named(name: string | undefined): GivenNames | undefined {
  return name === undefined || name === '' ? undefined : { name: utf8BytesOf(name) };
}

/** What a file holds as JSON. Whatever keeps it from being read, its container is there all the same, with its id. */
function read(path: string): unknown {
  try {
    if (statSync(path).size > fileLimitBytes) return undefined;
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}

function text(value: unknown, name: string): string | undefined {
  const found = field(value, name);
  return typeof found === 'string' ? found : undefined;
}
