import { gate } from '../support/gate.js';

/** Lets nobody go on before `size` have come, again and again, so that what is to overlap does overlap. */
export class Meeting {
  #complete = gate();
  #present = 0;

  constructor(private readonly size: number) {}

  async attend(): Promise<void> {
    const complete = this.#complete;
    if (++this.#present === this.size) {
      [this.#complete, this.#present] = [gate(), 0];
      complete.open();
    }
    await complete.opened;
  }
}
