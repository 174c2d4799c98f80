import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { outsideTransaction, TransactionEndedError } from '@nest-transactional/core';
import { StrickenDatabase } from '../faults/stricken-database.js';
import { gate, type Gate } from '../support/gate.js';

let database: StrickenDatabase;

beforeAll(async () => {
  database = await StrickenDatabase.open();
});
beforeEach(() => database.empty());
afterEach(() => database.expectHealthy());
afterAll(() => database.close());

/** Something of the process's own that works when it is told to, in the context in which it was started. */
class Loop {
  #next: Gate<Gate<unknown>> = gate();

  start(work: () => Promise<unknown>): void {
    void (async () => {
      for (;;) {
        const done = await this.#next.opened;
        this.#next = gate();
        await work().then(done.open, done.fail);
      }
    })();
  }

  async tick(): Promise<unknown> {
    const done = gate<unknown>();
    this.#next.open(done);
    return await done.opened;
  }
}

describe('a loop that is first started inside a transaction', () => {
  it('is refused when that has ended, and never autocommits', async () => {
    const loop = new Loop();
    await database.transactions.run(async () => {
      loop.start(() => database.write('by the loop'));
      await database.write('a');
    });

    await expect(loop.tick()).rejects.toBeInstanceOf(TransactionEndedError);
    await expect(loop.tick()).rejects.toBeInstanceOf(TransactionEndedError);
    expect(await database.notes()).toEqual(['a']);
  });

  it('works when it is started outside of it', async () => {
    const loop = new Loop();
    await database.transactions.run(async () => {
      outsideTransaction(() => loop.start(() => database.write('by the loop')));
      await database.write('a');
    });
    await loop.tick();

    expect(await database.notes()).toEqual(['a', 'by the loop']);
  });

  it('is not part of the transaction while that runs, when it is started outside of it', async () => {
    const loop = new Loop();
    const work = database.transactions.run(async () => {
      await database.write('a');
      outsideTransaction(() => loop.start(() => database.write('by the loop')));
      await loop.tick();
      throw new Error('undo');
    });
    await expect(work).rejects.toThrow('undo');

    expect(await database.notes()).toEqual(['by the loop']);
  });

  it('may begin transactions of its own', async () => {
    const loop = new Loop();
    await database.transactions.run(async () => {
      outsideTransaction(() =>
        loop.start(() => database.transactions.run(() => database.write('by the loop'))),
      );
    });
    await loop.tick();

    expect(await database.notes()).toEqual(['by the loop']);
  });
});

describe('an interval that is first started inside a transaction', () => {
  it.each([
    ['as it stands', <T>(work: () => T): T => work(), false],
    ['outside', outsideTransaction, true],
  ] as const)('(%s) does not write in silence', async (_name, start, works) => {
    const ticked = gate<PromiseSettledResult<unknown>>();
    const isOver = gate();
    await database.transactions.run(async () => {
      const interval = start(() =>
        setInterval(async () => {
          clearInterval(interval);
          await isOver.opened;
          ticked.open((await Promise.allSettled([database.write('by the interval')]))[0]);
        }, 1),
      );
      await database.write('a');
    });
    isOver.open();
    const fate = await ticked.opened;

    expect(fate.status === 'rejected' ? fate.reason.code : 'written').toBe(
      works ? 'written' : 'TRANSACTION_ENDED',
    );
  });
});

describe('a batcher that two requests share', () => {
  /** As DataLoader: what is asked for until `flush` is fetched together, in the context of whoever asked first. */
  class Batcher {
    readonly flush = gate();
    #batch: { text: string; done: Gate<unknown> }[] = [];

    constructor(private readonly dispatch: (work: () => void) => void) {}

    write(text: string): Promise<unknown> {
      const done = gate<unknown>();
      this.#batch.push({ text, done });
      if (this.#batch.length === 1) this.dispatch(() => void this.flush.opened.then(() => this.#flush()));
      return done.opened;
    }

    #flush(): void {
      for (const { text, done } of this.#batch) database.write(text).then(done.open, done.fail);
    }
  }

  /** The second asks after the first, and still runs when that has ended. */
  const twoRequests = async (batcher: Batcher): Promise<unknown> => {
    const firstAsked = gate();
    const secondAsked = gate();
    const firstEnded = gate();
    const second = database.transactions.run(async () => {
      await database.write('second');
      await firstAsked.opened;
      const mine = batcher.write('of the second');
      secondAsked.open();
      await firstEnded.opened;
      batcher.flush.open();
      return await mine.catch((error: unknown) => error);
    });
    await database.transactions.run(async () => {
      await database.write('first');
      void batcher.write('of the first');
      firstAsked.open();
      await secondAsked.opened;
    });
    firstEnded.open();
    return await second;
  };

  it('never writes into the ended transaction of whoever asked first', async () => {
    expect(await twoRequests(new Batcher((work) => work()))).toBeInstanceOf(TransactionEndedError);
    expect(await database.notes()).toEqual(['first', 'second']);
  });

  it('belongs to nobody when it dispatches outside of any transaction', async () => {
    await twoRequests(new Batcher((work) => outsideTransaction(work)));

    expect(await database.notes()).toEqual(['first', 'of the first', 'of the second', 'second']);
  });
});

describe('a semaphore that two requests share', () => {
  /** Hands over by calling the next one's work from the release of the one before, as many do. */
  class Semaphore {
    #waiting: (() => void)[] = [];
    #isTaken = false;

    async with<T>(work: () => Promise<T>): Promise<T> {
      if (this.#isTaken) await new Promise<void>((resume) => this.#waiting.push(resume));
      this.#isTaken = true;
      try {
        return await work();
      } finally {
        this.#isTaken = false;
        this.#waiting.shift()?.();
      }
    }
  }

  it('leaves each in its own transaction', async () => {
    const semaphore = new Semaphore();
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, number) =>
        database.transactions.run(async () => {
          const before = database.transactions.current!.id;
          await semaphore.with(async () => {
            expect(database.transactions.current!.id).toBe(before);
            await database.write(`note ${number}`);
          });
          if (number % 2 === 0) throw new Error('undo');
        }),
      ),
    );

    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(10);
    expect(await database.notes()).toHaveLength(10);
  });
});
