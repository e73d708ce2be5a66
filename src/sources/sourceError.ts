/**
 * The error of a source that cannot be opened here. Its message says in words what was tried, why it failed, and what
 * is probably the cause; who catches it can offer another source.
 */
export class SourceError extends Error {
  override readonly name = 'SourceError';
}
