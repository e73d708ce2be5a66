/**
 * A process that mounts a filesystem at the folder it is given, serves nobody, and prints which cgroup hierarchies are
 * mounted. It would wait for itself for ever if it looked at more of the machine's mounts than those. The mount goes
 * with the namespace that it is made in.
 */
import { mountedHierarchies } from '../../src/sources/cgroups.ts';
import { mountFuse } from '../../src/system/fuse.ts';

const [, , folder = ''] = process.argv;
mountFuse(folder, { subtype: 'unserved', isReadOnly: false });
process.stdout.write(JSON.stringify(mountedHierarchies()));
