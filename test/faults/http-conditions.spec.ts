import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer } from '../http/exchange.js';
import * as fates from './fates.js';
import { expectProblem, fateOfRequest } from './fates.js';
import { GENERATED_PATCH, PATCH, PUT, type Operation } from './operations.js';
import { StrickenWarehouse, type Sent } from './stricken-warehouse.js';

let warehouse: StrickenWarehouse;
const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);

beforeAll(() => void process.on('unhandledRejection', note));
afterAll(() => void process.off('unhandledRejection', note));
afterEach(() => expect(unhandled).toEqual([]));

/** The SELECT by which conditions are judged. */
const JUDGEMENT = 'FROM "ware" "part"';
const STALE = { headers: { 'if-match': '"7"' } };
const codeOf = ({ status, body }: Answer): unknown[] => [
  status,
  (JSON.parse(body) as { code?: string }).code,
];

/** Somebody else creates the ware, or changes it, between the two writes of a request. */
function meetAnother({ id, operation }: Sent, then = (): unknown => undefined): void {
  warehouse.halfway = async () => {
    const sql = operation.changes
      ? `UPDATE ware SET title = 'another', version = version + 1 WHERE id = $1`
      : `INSERT INTO ware (id, title, version) VALUES ($1, 'another', 1)`;
    await warehouse.observer.query(sql, [id]);
    then();
  };
}

describe.each([PATCH, GENERATED_PATCH])('conditions of a $name that fails', (operation: Operation) => {
  beforeAll(async () => {
    warehouse = await StrickenWarehouse.open();
  });
  afterEach(() => warehouse.expectAtRest());
  afterAll(() => warehouse.close());

  it('are not said to be false when they cannot be read', async () => {
    const sent = await warehouse.prepare(operation, 'refused');
    const struck = warehouse.proxy.strike(JUDGEMENT, 'cut');
    const answer = await warehouse.ask(sent);
    await struck;

    const fate = operation === PATCH ? fates.UNFORESEEN : fates.CONFLICTING;
    expect(await fateOfRequest(warehouse, sent, answer)).toEqual(fate);
  });

  it('are said to be false when the write has met another version, although that cannot be read', async () => {
    const sent = await warehouse.prepare(operation);
    const struck = warehouse.proxy.strike(JUDGEMENT, 'cut-answer');
    const answer = await warehouse.ask(sent, STALE);
    await struck;

    expect(await fateOfRequest(warehouse, sent, answer)).toEqual(fates.STALE);
  });

  it('are said to be false when somebody else was faster', async () => {
    const sent = await warehouse.prepare(operation);
    meetAnother(sent);
    const answer = await warehouse.ask(sent);

    expectProblem(answer);
    expect(codeOf(answer)).toEqual([412, 'PRECONDITION_FAILED']);
  });

  it('are no reason when they were true', async () => {
    const sent = await warehouse.prepare(operation, 'doomed');
    const answer = await warehouse.ask(sent);

    expect(await fateOfRequest(warehouse, sent, answer)).toEqual(fates.EXHAUSTED);
  });
});

describe('a condition that nothing is there', () => {
  beforeAll(async () => {
    warehouse = await StrickenWarehouse.open({ platform: 'fastify' });
  });
  afterAll(() => warehouse.close());
  afterEach(() => warehouse.expectAtRest());

  it('is false for whoever is the second to create', async () => {
    const sent = await warehouse.prepare(PUT);
    meetAnother(sent);
    const answer = await warehouse.ask(sent);

    expect(await fateOfRequest(warehouse, sent, answer)).toEqual(fates.STALE);
  });

  it('is not said to be false when it cannot be judged', async () => {
    const sent = await warehouse.prepare(PUT);
    meetAnother(sent, () => warehouse.proxy.strike(JUDGEMENT, 'cut'));
    const answer = await warehouse.ask(sent);

    expect(await fateOfRequest(warehouse, sent, answer)).toEqual(fates.UNFORESEEN);
  });

  it('is a matter of the server when it cannot be read at first', async () => {
    const sent = await warehouse.prepare(PUT);
    const struck = warehouse.proxy.strike(JUDGEMENT, 'cut-answer');
    const answer = await warehouse.ask(sent);
    await struck;

    expect(await fateOfRequest(warehouse, sent, answer)).toEqual(fates.CANNOT_BEGIN);
  });
});

describe('without the filter of problem details', () => {
  beforeAll(async () => {
    warehouse = await StrickenWarehouse.open({ versioning: { problemDetails: false } });
  });
  afterAll(() => warehouse.close());

  it.each([PATCH, GENERATED_PATCH])(
    'a failed COMMIT of a $name leaves no validators behind',
    async (operation) => {
      const sent = await warehouse.prepare(operation);
      const struck = warehouse.proxy.strike('COMMIT', 'cut');
      const { status, headers } = await warehouse.ask(sent);
      await struck;

      expect(status).toBe(500);
      expect(Object.keys(headers).filter((name) => /etag|modified|location/.test(name))).toEqual([]);
      await warehouse.expectAtRest();
    },
  );
});
