import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { fateOf, StrickenDatabase } from '../faults/stricken-database.js';
import { settle, watched } from '../support/gate.js';

let database: StrickenDatabase;

beforeAll(async () => {
  database = await StrickenDatabase.open();
});
beforeEach(() => database.empty());
afterEach(() => database.expectHealthy());
afterAll(() => database.close());

const nested = (work: () => Promise<unknown>): Promise<unknown> =>
  database.transactions.run({ propagation: 'NESTED' }, work);

/** When the forgotten inner call fails, counted in turns of the event loop after the end of the one around it began. */
it.each([0, 1, 2, 3, 5])(
  'a NESTED call that nobody awaits inside another one costs the outer transaction nothing (turn %i)',
  async (turns) => {
    for (const how of ['throws', 'returns', 'writes on']) {
      await database.empty();
      let forgotten: Promise<unknown> = Promise.resolve();
      const fate = await fateOf(
        database.transactions.run(async () => {
          await database.write('outer');
          await nested(async () => {
            await database.write('middle');
            forgotten = watched(
              nested(async () => {
                const writing = watched(database.write('forgotten'));
                await settle(turns);
                if (how === 'writes on') await database.write('late');
                await writing;
                if (how === 'throws') throw new Error('undo');
              }),
            );
            await settle(turns > 2 ? 2 : 0);
          });
          await forgotten.catch(() => undefined);
          await database.write('later');
        }),
      );

      expect([how, fate]).toEqual([how, undefined]);
      expect(await database.notes()).toEqual(expect.arrayContaining(['later', 'middle', 'outer']));
    }
  },
);

it('NESTED calls that race the end of the one around them leave a whole transaction or none', async () => {
  for (let round = 0; round < 40; round++) {
    await database.empty();
    const left: Promise<unknown>[] = [];
    const fate = await fateOf(
      database.transactions.run(async () => {
        await database.write('outer');
        await nested(async () => {
          await database.write('middle');
          for (let number = 0; number < 4; number++) {
            left.push(
              watched(
                nested(async () => {
                  await database.write(`forgotten ${number}`);
                  await settle((round + number) % 4);
                  if (number % 2 === 0) throw new Error('undo');
                }),
              ),
            );
          }
          await settle(round % 5);
        });
        await Promise.allSettled(left);
        await database.write('later');
      }),
    );
    const notes = await database.notes();

    expect(fate).toBeUndefined();
    expect(notes).toEqual(expect.arrayContaining(['later', 'middle', 'outer']));
  }
});
