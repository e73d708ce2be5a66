/**
 * The namespaces that a source of the kernel's needs: the kernel's own pids and times are those of the initial ones;
 * what /proc shows is the reader's.
 */
import { otherNamespace } from '../system/namespaces.ts';
import { SourceError } from './sourceError.ts';

/** Throws a `SourceError` where pids and times of the kernel are not those that are seen here. */
export function requireInitialNamespaces(source: string): void {
  for (const kind of ['pid', 'time'] as const) {
    const own = otherNamespace(kind);
    if (own === undefined) continue;
    throw new SourceError(
      `${source} works only in the initial ${kind} namespace, and this process is in ${own}: start it outside of the container`,
    );
  }
}
