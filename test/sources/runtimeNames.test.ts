/**
 * The names that runtimes keep in files. The files here were written by hand, with what is read of them, after the
 * formats of moby (daemon/container), containers/storage, the OCI runtime specification, and the annotations of
 * containerd (pkg/cri/annotations), CRI-O (pkg/annotations) and nerdctl.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openRuntimeNames } from '../../src/sources/runtimeNames.ts';

const runtimeNames = suite('names of runtimes');

const id = '1f3a5c7e9b0d2f4a6c8e0b1d3f5a7c9e1b3d5f7a9c0e2b4d6f8a1c3e5b7d9f0a';
const other = id.replace('1f3a', '1f3b');

/** What is found on a machine with these files, by their paths. */
function found(runtime: string | undefined, files: Readonly<Record<string, unknown>>) {
  const root = mkdtempSync(join(tmpdir(), 'tasktrail-runtimes-'));
  try {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      writeFileSync(join(root, path), typeof content === 'string' ? content : JSON.stringify(content));
    }
    return openRuntimeNames(root).namesOf(runtime, id);
  } finally {
    rmSync(root, { recursive: true });
  }
}

const docker = `/var/lib/docker/containers/${id}/config.v2.json`;
const storage = '/var/lib/containers/storage/overlay-containers/containers.json';
const containerd = `/run/containerd/io.containerd.runtime.v2.task/k8s.io/${id}/config.json`;
const crio = `/run/containers/storage/overlay-containers/${id}/userdata/config.json`;

const cri = {
  'io.kubernetes.cri.container-type': 'container',
  'io.kubernetes.cri.container-name': 'nginx',
  'io.kubernetes.cri.sandbox-name': 'web-7d4b9',
  'io.kubernetes.cri.sandbox-namespace': 'shop',
};
const labels = {
  'io.kubernetes.container.name': 'nginx',
  'io.kubernetes.pod.name': 'web-7d4b9',
  'io.kubernetes.pod.namespace': 'shop',
};
const nginx = { name: 'shop/web-7d4b9/nginx', pod: 'shop/web-7d4b9' };

runtimeNames('docker’s, without the slash before it', () => {
  assert.equal(found('docker', { [docker]: { ID: id, Name: '/web-1', Config: { Labels: {} } } }), {
    name: 'web-1',
  });
  assert.equal(found('docker', { [docker]: { Name: '/größe' } }), { name: 'gr\xc3\xb6\xc3\x9fe' });
});

runtimeNames('docker’s under a kubelet are those of the pod', () => {
  assert.equal(found('docker', { [docker]: { Name: '/k8s_nginx_web', Config: { Labels: labels } } }), nginx);
});

runtimeNames('podman’s, of the list of all', () => {
  const list = [
    { id: other, names: ['db'] },
    { id, names: ['web', 'second'] },
  ];
  assert.equal(found('podman', { [storage]: list }), { name: 'web' });
  const fleeting = '/run/containers/storage/overlay-containers/volatile-containers.json';
  assert.equal(found('podman', { [storage]: [], [fleeting]: list }), { name: 'web' });
  assert.is(found('podman', { [storage]: [{ id: other, names: ['db'] }] }), undefined);
  assert.is(found('podman', { [storage]: [{ id }] }), undefined);
});

runtimeNames('containerd’s and CRI-O’s, with the pod’s', () => {
  assert.equal(found('containerd', { [containerd]: { ociVersion: '1.1.0', annotations: cri } }), nginx);
  const k3s = containerd.replace('/run/', '/run/k3s/');
  assert.equal(found('containerd', { [k3s]: { annotations: cri } }), nginx);
  assert.equal(found('crio', { [crio]: { annotations: labels } }), nginx);
  const { 'io.kubernetes.cri.container-name': _, ...sandbox } = cri;
  assert.is(found('containerd', { [containerd]: { annotations: sandbox } })?.name, 'shop/web-7d4b9/POD');
});

runtimeNames('nerdctl’s', () => {
  const bundle = containerd.replace('k8s.io', 'default');
  assert.equal(found('nerdctl', { [bundle]: { annotations: { 'nerdctl/name': 'web' } } }), { name: 'web' });
});

runtimeNames('of whichever it is, where the path does not tell', () => {
  assert.equal(found(undefined, { [containerd]: { annotations: cri } }), nginx);
  assert.equal(found(undefined, { [docker]: { Name: '/web' } }), { name: 'web' });
  assert.is(found('lxc', { [docker]: { Name: '/web' } }), undefined);
});

runtimeNames('what is not there, not whole, or of another form has none', () => {
  assert.is(found('docker', {}), undefined);
  assert.is(found('docker', { [docker]: '{"Name":"/we' }), undefined);
  for (const content of [
    null,
    [],
    7,
    { Name: 7 },
    { Name: '/' },
    { Config: null },
    { Config: { Labels: 7 } },
  ]) {
    assert.is(found('docker', { [docker]: content }), undefined, JSON.stringify(content));
  }
  for (const content of [{}, [null], [{ id, names: {} }], [{ id, names: [7] }]]) {
    assert.is(found('podman', { [storage]: content }), undefined, JSON.stringify(content));
  }
  assert.is(found('containerd', { [containerd]: { annotations: { constructor: 'x' } } }), undefined);
});

runtimeNames.run();
