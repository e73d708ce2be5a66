/** How a page hands over what it has found, or why it could not. */
export async function tellOf(find: () => Promise<unknown>): Promise<void> {
  try {
    await fetch('/told', { method: 'POST', body: JSON.stringify(await find()) });
  } catch (error) {
    const what = error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
    await fetch('/failed', { method: 'POST', body: what });
  }
}
