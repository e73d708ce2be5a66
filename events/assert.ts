/**
 * The assertion that every room can use. It stops at a state that must not be: a log or a recorder that is
 * wrong about one thing is not to be trusted with the next.
 *
 * `about` stands where the message has a `%`. Folds over many events assert something of each: a message that is
 * put together before anybody knows whether it is needed would cost more than all that is asserted.
 */
export function assert(condition: unknown, message: string, about?: number): asserts condition {
  if (!condition) throw new Error(`impossible state: ${message.replace('%', String(about))}`);
}
