/**
 * A method as one writes it without a library that knows the current transaction: it hands on what it needs.
 *
 * @param {object} handle of the transaction
 * @returns {import('./contestant.mjs').Descend}
 */
export function handingOn(handle) {
  const service = new PlainService();
  return (depth) => service.descend(handle, depth);
}

class PlainService {
  /** The last handle that came to the bottom. */
  seen = {};

  /**
   * @param {object} handle
   * @param {number} depth
   * @returns {Promise<void>}
   */
  async descend(handle, depth) {
    if (depth > 1) await this.descend(handle, depth - 1);
    else this.seen = handle;
  }
}
