import { gate, type Gate } from '../support/gate.js';

/** What arrives here is taken in its order, by one who waits for it. */
export class Inbox<T> {
  #arrived: T[] = [];
  #awaited: Gate<T> | undefined;

  put(item: T): void {
    const awaited = this.#awaited;
    this.#awaited = undefined;
    if (awaited === undefined) this.#arrived.push(item);
    else awaited.open(item);
  }

  async take(): Promise<T> {
    if (this.#arrived.length > 0) return this.#arrived.shift()!;
    this.#awaited = gate();
    return await this.#awaited.opened;
  }

  async takeFew(count: number): Promise<T[]> {
    const few: T[] = [];
    while (few.length < count) few.push(await this.take());
    return few;
  }

  /** What has arrived and was not taken. */
  get rest(): readonly T[] {
    return this.#arrived;
  }

  clear(): void {
    this.#arrived = [];
  }
}
