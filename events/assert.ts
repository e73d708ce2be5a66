/**
 * The assertion that every room can use. It stops at a state that must not be: a log or a recorder that is
 * wrong about one thing is not to be trusted with the next.
 */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`impossible state: ${message}`);
}
