/** Runs `work`; resolves with what it failed with, or with nothing. */
export async function attempt(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error ?? new Error('failed without an error');
  }
}
