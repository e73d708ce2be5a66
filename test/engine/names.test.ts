/**
 * Names come out of paths. Of the layouts here, this project's machines have made none but those that say so: the
 * others were written by hand after what is named with them, a manual or the source of what makes the directories.
 * Those that real managers make are tried in `managers.test.ts`.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fitOf, knownName } from '../../src/engine/names.ts';

const names = suite('names');

const id = '1f3a5c7e9b0d2f4a6c8e0b1d3f5a7c9e1b3d5f7a9c0e2b4d6f8a1c3e5b7d9f0a';
const uid = '6c1a2f3e-9d4b-4c5a-8e7f-0a1b2c3d4e5f';
const uid_ = '6c1a2f3e_9d4b_4c5a_8e7f_0a1b2c3d4e5f';

/** `kind name`, with the runtime behind it where there is one. */
function said(path: string): string {
  const known = knownName(path);
  if (!known) return 'nothing';
  const { kind, name, runtime } = known;
  return [kind, name, ...(runtime ? [`by ${runtime}`] : [])].join(' ');
}

function saying(paths: Readonly<Record<string, string>>): void {
  for (const [path, expected] of Object.entries(paths)) assert.is(said(path), expected, path);
}

// systemd.slice(5), systemd.scope(5), systemd.unit(5), user@.service(5), pam_systemd(8).
names('units, slices and scopes of systemd are called as systemctl calls them', () => {
  saying({
    '/init.scope': 'scope init.scope',
    '/system.slice': 'slice system.slice',
    '/system.slice/nginx.service': 'unit nginx.service',
    '/system.slice/dbus.socket': 'unit dbus.socket',
    '/system.slice/boot-efi.mount': 'unit boot-efi.mount',
    '/system.slice/system-postgresql.slice/postgresql@14-main.service': 'unit postgresql@14-main.service',
    '/user.slice/user-1000.slice': 'slice user-1000.slice',
    '/user.slice/user-1000.slice/session-5.scope': 'scope session-5.scope',
    '/user.slice/user-1000.slice/user@1000.service': 'unit user@1000.service',
    '/user.slice/user-1000.slice/user@1000.service/app.slice/foot.service': 'unit foot.service',
    '/user.slice/user-1000.slice/user@1000.service/init.scope': 'scope init.scope',
  });
});

// systemd.unit(5) on escapes, and cg_escape in systemd's src/basic/cgroup-util.c.
names('units with escapes in their names keep them, as systemctl does', () => {
  saying({
    '/system.slice/system-serial\\x2dgetty.slice': 'slice system-serial\\x2dgetty.slice',
    '/system.slice/system-serial\\x2dgetty.slice/serial-getty@ttyS0.service':
      'unit serial-getty@ttyS0.service',
    '/system.slice/dev-disk-by\\x2duuid-7b\\x2d01.swap': 'unit dev-disk-by\\x2duuid-7b\\x2d01.swap',
    '/system.slice/Hall\\xc3\\xb6chen.service': 'unit Hall\\xc3\\xb6chen.service',
    '/system.slice/_cpu.service': 'unit cpu.service',
  });
});

// moby's daemon/oci_linux.go: the default parents of both drivers; dockerd(8), --cgroup-parent.
names('docker’s containers have their id, with either driver', () => {
  saying({
    [`/system.slice/docker-${id}.scope`]: `container docker/${id} by docker`,
    [`/docker/${id}`]: `container docker/${id} by docker`,
    [`/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${id}.scope`]: `container docker/${id} by docker`,
    [`/ecs/4a5b6c/${id}`]: `container docker/${id} by docker`,
    [`/actions_job/${id}`]: `container container/${id}`,
    [`/docker/${id}/init.scope`]: 'scope init.scope',
    [`/docker/${id}/child`]: 'nothing',
  });
});

// podman-run(1), --cgroups and --cgroup-parent; podman's issue 13673 for the layout of pods and of split.
names('podman’s containers, pods and monitors are told apart', () => {
  saying({
    [`/machine.slice/libpod-${id}.scope`]: `container podman/${id} by podman`,
    [`/machine.slice/libpod-${id}.scope/container`]: 'nothing',
    [`/machine.slice/libpod-conmon-${id}.scope`]: `monitor conmon/${id} by podman`,
    [`/libpod_parent/libpod-${id}`]: `container podman/${id} by podman`,
    [`/libpod_parent/${id}`]: `pod pod/${id} by podman`,
    [`/system.slice/web.service/libpod-payload-${id}`]: `container podman/${id} by podman`,
    [`/machine.slice/machine-libpod_pod_${id}.slice`]: `pod pod/${id} by podman`,
    [`/user.slice/user-1000.slice/user@1000.service/user.slice/user-libpod_pod_${id}.slice`]: `pod pod/${id} by podman`,
    [`/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${id}.scope`]: `container podman/${id} by podman`,
  });
});

// kubernetes' pkg/kubelet/cm (cgroup_manager_linux.go, helpers_linux.go); containerd's and CRI-O's cgroup drivers.
names('kubernetes’ pods have their uid and class, and what is in them the id of its runtime', () => {
  const pods = '/kubepods.slice/kubepods-burstable.slice';
  saying({
    '/kubepods.slice': 'class kubepods',
    [pods]: 'class kubepods/burstable',
    '/kubepods.slice/kubepods-besteffort.slice': 'class kubepods/besteffort',
    [`${pods}/kubepods-burstable-pod${uid_}.slice`]: `pod pod/${uid}`,
    [`/kubepods.slice/kubepods-pod${uid_}.slice`]: `pod pod/${uid}`,
    [`${pods}/kubepods-burstable-pod0123456789abcdef0123456789abcdef.slice`]:
      'pod pod/0123456789abcdef0123456789abcdef',
    [`${pods}/kubepods-burstable-pod${uid_}.slice/cri-containerd-${id}.scope`]: `container containerd/${id} by containerd`,
    [`${pods}/kubepods-burstable-pod${uid_}.slice/crio-${id}.scope`]: `container crio/${id} by crio`,
    [`${pods}/kubepods-burstable-pod${uid_}.slice/crio-conmon-${id}.scope`]: `monitor conmon/${id} by crio`,
    [`${pods}/kubepods-burstable-pod${uid_}.slice/docker-${id}.scope`]: `container docker/${id} by docker`,
    '/kubepods': 'class kubepods',
    '/kubepods/besteffort': 'class kubepods/besteffort',
    [`/kubepods/besteffort/pod${uid}`]: `pod pod/${uid}`,
    [`/kubepods/pod${uid}`]: `pod pod/${uid}`,
    [`/kubepods/besteffort/pod${uid}/${id}`]: `container container/${id}`,
    [`/kubepods/besteffort/pod${uid}/crio-${id}`]: `container crio/${id} by crio`,
    [`/system.slice/containerd.service/kubepods-burstable-pod${uid_}.slice:cri-containerd:${id}`]: `container containerd/${id} by containerd`,
    '/besteffort': 'nothing',
    '/podcast': 'nothing',
  });
});

// kind's nodes: kubelet with --cgroup-root=/kubelet, in a container of docker.
names('a kubelet in a container is no other kubelet', () => {
  const node = `/system.slice/docker-${id}.scope/kubelet.slice`;
  const pods = `${node}/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice`;
  saying({
    [`${node}/kubelet-kubepods.slice`]: 'class kubepods',
    [pods]: 'class kubepods/burstable',
    [`${pods}/kubelet-kubepods-burstable-pod${uid_}.slice`]: `pod pod/${uid}`,
    [`/docker/${id}/kubelet/kubepods/burstable/pod${uid}/${id}`]: `container container/${id}`,
  });
});

// Slurm's cgroup_v2.html and src/plugins/cgroup (v1: xcgroup paths).
names('jobs and steps of Slurm are called as its commands call them', () => {
  saying({
    '/system.slice/slurmstepd.scope': 'scope slurmstepd.scope',
    '/system.slice/slurmstepd.scope/system': 'nothing',
    '/system.slice/slurmstepd.scope/job_42': 'job slurm/42',
    '/system.slice/slurmstepd.scope/job_42/step_0': 'step slurm/42.0',
    '/system.slice/slurmstepd.scope/job_42/step_batch': 'step slurm/42.batch',
    '/system.slice/slurmstepd.scope/job_42/step_0/user/task_0': 'nothing',
    '/system.slice/n17_slurmstepd.scope/job_42/step_extern': 'step slurm/42.extern',
    '/slurm/uid_1000/job_42': 'job slurm/42',
    '/slurm/uid_1000/job_42/step_0': 'step slurm/42.0',
    '/slurm_n17/uid_1000/job_42': 'job slurm/42',
    '/job_42': 'nothing',
    '/slurm/uid_1000/step_0': 'nothing',
  });
});

// lxc.container.conf(5), lxc.cgroup.dir; LXC's src/lxc/cgroups/cgfsng.c for the default patterns.
names('containers of LXC have the name that they were given', () => {
  saying({
    '/lxc.payload.web': 'container lxc/web by lxc',
    '/lxc.monitor.web': 'monitor lxc-monitor/web by lxc',
    '/lxc.payload.project_web': 'container lxc/project_web by lxc',
    '/lxc/101': 'container lxc/101 by lxc',
    '/lxc/101/ns': 'nothing',
    '/lxc.monitor/101': 'monitor lxc-monitor/101 by lxc',
  });
});

// systemd-nspawn(1), systemd-machined(8); libvirt's cgroups.html.
names('machines are called as machinectl and virsh call them', () => {
  saying({
    '/machine.slice': 'slice machine.slice',
    '/machine.slice/machine-web\\x2d1.scope': 'container nspawn/web-1 by nspawn',
    '/machine.slice/systemd-nspawn@web.service': 'container nspawn/web by nspawn',
    '/machine.slice/systemd-nspawn@web.service/payload': 'nothing',
    '/machine.slice/machine-qemu\\x2d3\\x2dvm\\x2d1.scope': 'machine qemu/vm-1 by qemu',
    '/machine.slice/machine-lxc\\x2d7\\x2dct.scope': 'container lxc/ct by lxc',
  });
});

// Made by this project's machines with mkdir(1) and cgcreate(1).
names('what only looks like a name has none', () => {
  saying({
    '/': 'nothing',
    '/a': 'nothing',
    '/a/b.c': 'nothing',
    '/.service': 'nothing',
    '/x.constructor': 'nothing',
    [`/constructor-${id}.scope`]: `scope constructor-${id}.scope`,
    [`/docker-${id}0.scope`]: `scope docker-${id}0.scope`,
    [`/docker/${id.slice(1)}`]: 'nothing',
  });
});

names('a word fits by the whole name, by the directory’s, and by what the runtime says', () => {
  const docker = `/system.slice/docker-${id}.scope`;
  for (const word of [`docker/${id}`, `docker-${id}.scope`, 'web', 'docker/web']) {
    assert.is(fitOf(word, docker, 'web'), 'whole', word);
  }
  assert.is(fitOf('docker/web', docker, undefined), undefined);
  assert.is(fitOf('system-serial\\x2dgetty.slice', '/system-serial\\x2dgetty.slice', undefined), 'whole');
  assert.is(fitOf('system-serial-getty.slice', '/system-serial\\x2dgetty.slice', undefined), 'resolved');
  assert.is(fitOf('cpu.service', '/_cpu.service', undefined), 'whole');
  assert.is(fitOf('pod/shop/cart', `/kubepods/pod${uid}`, 'shop/cart'), 'whole');
});

names('an id may be cut short, and no other name', () => {
  const docker = `/docker/${id}`;
  assert.is(fitOf('docker/1f3a', docker, undefined), 'prefix');
  assert.is(fitOf(`docker/${id.slice(0, 63)}`, docker, undefined), 'prefix');
  assert.is(fitOf('docker/', docker, undefined), undefined);
  assert.is(fitOf('dock', docker, undefined), undefined);
  assert.is(fitOf('docker/1f3b', docker, undefined), undefined);
  assert.is(fitOf('podman/1f3a', docker, undefined), undefined);
  assert.is(fitOf('nginx', '/system.slice/nginx.service', undefined), undefined);
  assert.is(fitOf('slurm/4', '/slurm/uid_1/job_42', undefined), undefined);
  assert.is(fitOf('a', '/a', 'a'), undefined);
});

names.run();
