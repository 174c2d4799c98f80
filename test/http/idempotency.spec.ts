import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Post, Redirect, Render, Res, Sse, Next, type Type } from '@nestjs/common';
import { InvalidOptionsError } from '@nest-transactional/core';
import { Idempotent, IdempotencyRecords, type IdempotentOptions } from '@nest-transactional/http';
import { createDatabase } from '../support/database.js';
import { settle } from '../support/gate.js';
import { WireProxy } from '../support/wire-proxy.js';
import { PLATFORMS } from '../transactions/application.js';
import { failureOf } from '../transactions/enlisted-database.js';
import { saidBy, type Answer } from './exchange.js';
import { IdempotentApplication, Parcel } from './idempotent-application.js';

let databaseUrl: string;

beforeAll(async () => {
  databaseUrl = await createDatabase();
});

const isReplayed = ({ headers }: Answer): boolean => headers['idempotency-replayed'] === 'true';

const codeOf = ({ body }: Answer): string => JSON.parse(body).code;

describe.each(PLATFORMS)('an idempotent handler on %s', (platform) => {
  let shop: IdempotentApplication;
  let key: Record<string, string>;

  beforeAll(async () => {
    shop = await IdempotentApplication.start({ platform, url: databaseUrl });
  });

  afterAll(async () => {
    await shop.close();
  });

  beforeEach(async () => {
    await shop.empty();
    key = { 'idempotency-key': `"${randomUUID()}"` };
  });

  const parcels = (): Promise<string[]> => shop.rows('SELECT "to" FROM parcel ORDER BY id');
  const records = (): Promise<string[]> => shop.rows('SELECT id FROM idempotency_keys');

  it('takes effect once, and answers the same bytes again', async () => {
    const first = await shop.post('parcels', { to: 'Ada' }, key);
    const again = await shop.post('parcels', { to: 'Ada' }, key);

    expect(first).toMatchObject({ status: 201, body: '{"to":"Ada","id":1}' });
    expect(saidBy(first)).toEqual({
      'content-type': 'application/json; charset=utf-8',
      'content-length': '19',
      location: '/parcels/1',
      etag: '"1"',
      'set-cookie': ['session=1'],
      'x-carrier': 'mule',
      'x-other': 'other',
    });
    expect({ ...again, headers: saidBy(again) }).toEqual({
      ...first,
      headers: { ...saidBy(first), 'idempotency-replayed': 'true' },
    });
    expect(await parcels()).toEqual(['Ada']);
  });

  it('stores what is sent: no field that an interceptor hides, no cookie', async () => {
    await shop.post('parcels', { to: 'Ada' }, key);
    const [stored] = await shop.rows(
      "SELECT headers || jsonb_build_object('body', convert_from(body, 'UTF8')) FROM idempotency_keys",
    );

    expect(stored).toEqual({
      'Content-Type': 'application/json; charset=utf-8',
      ETag: '"1"',
      Location: '/parcels/1',
      'X-Carrier': 'mule',
      body: '{"to":"Ada","id":1}',
    });
  });

  it.each(['letters', 'nothing', 'number'])('repeats what /%s answers', async (path) => {
    const first = await shop.post(path, { to: 'Ada' }, key);
    const again = await shop.post(path, { to: 'Ada' }, key);

    expect(first.status).toBe(path === 'nothing' ? 204 : 201);
    expect(first.body).toBe({ letters: 'letter 1', nothing: '', number: '1' }[path]);
    expect({ ...again, headers: saidBy(again) }).toEqual({
      ...first,
      headers: { ...saidBy(first), 'idempotency-replayed': 'true' },
    });
    expect(await parcels()).toEqual(['Ada']);
  });

  it('takes a bare key for the same as a quoted one', async () => {
    await shop.post('parcels', { to: 'Ada' }, { 'idempotency-key': 'abc' });

    expect(isReplayed(await shop.post('parcels', { to: 'Ada' }, { 'idempotency-key': '"abc"' }))).toBe(true);
  });

  it('refuses a request without a key', async () => {
    const answer = await shop.post('parcels', { to: 'Ada' });

    expect([answer.status, codeOf(answer)]).toEqual([400, 'IDEMPOTENCY_KEY_REQUIRED']);
    expect(await parcels()).toEqual([]);
  });

  it('refuses a malformed key', async () => {
    const answer = await shop.post('parcels', { to: 'Ada' }, { 'idempotency-key': '"abc' });

    expect([answer.status, codeOf(answer)]).toEqual([400, 'MALFORMED_HEADER']);
    expect(await parcels()).toEqual([]);
  });

  it('does as if it was undecorated without a key, where none is required', async () => {
    await shop.post('letters', { to: 'Ada' });
    await shop.post('letters', { to: 'Ada' });

    expect(await parcels()).toEqual(['Ada', 'Ada']);
    expect(await records()).toEqual([]);
  });

  it.each([
    ['another body', 'parcels', { to: 'Bob' }],
    ['another query', 'parcels?express=1', { to: 'Ada' }],
    ['more in the body', 'parcels', { to: 'Ada', parts: [] }],
  ])('refuses the key of another request: %s', async (_what, path, body) => {
    await shop.post('parcels', { to: 'Ada' }, key);
    const answer = await shop.post(path, body, key);

    expect([answer.status, codeOf(answer)]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
    expect(await parcels()).toEqual(['Ada']);
  });

  it('knows a body whose members come in another order', async () => {
    await shop.post('parcels', '{"to":"Ada","parts":{"a":1,"b":2}}', key);

    expect(isReplayed(await shop.post('parcels', '{ "parts": {"b":2,"a":1}, "to":"Ada" }', key))).toBe(true);
  });

  it('keeps the keys of different addresses apart', async () => {
    await shop.post('parcels', { to: 'Ada' }, key);

    expect(await shop.post('letters', { to: 'Ada' }, key)).toMatchObject({ status: 201, body: 'letter 2' });
  });

  it('keeps the keys of different callers apart, where it is told who calls', async () => {
    const first = await shop.post('callers/a', { to: 'Ada' }, { ...key, 'x-caller': 'one' });
    const other = await shop.post('callers/a', { to: 'Ada' }, { ...key, 'x-caller': 'two' });

    expect([first, other].map(isReplayed)).toEqual([false, false]);
    expect(await parcels()).toEqual(['Ada', 'Ada']);
  });

  it('refuses a key that its caller has used at another address', async () => {
    await shop.post('callers/a', { to: 'Ada' }, { ...key, 'x-caller': 'one' });
    const answer = await shop.post('callers/b', { to: 'Ada' }, { ...key, 'x-caller': 'one' });

    expect(answer.status).toBe(422);
  });

  it('handles no request whose caller it cannot tell', async () => {
    const answer = await shop.post('callers/a', { to: 'Ada' }, key);

    expect(answer.status).toBe(500);
    expect(shop.log.lines.join()).toContain('scope returned no text');
    expect(await parcels()).toEqual([]);
  });

  it('refuses the key of a request that is under way, and repeats its answer afterwards', async () => {
    const first = shop.post('parcels', { to: 'halt' }, key);
    await shop.halt.reached.opened;
    const meanwhile = await shop.post('parcels', { to: 'halt' }, key);
    const unrelated = await shop.post('parcels', { to: 'Ada' }, { 'idempotency-key': randomUUID() });
    shop.halt.resumed.open();

    expect([meanwhile.status, codeOf(meanwhile)]).toEqual([409, 'IDEMPOTENCY_KEY_IN_USE']);
    expect(unrelated.status).toBe(201);
    expect((await first).status).toBe(201);
    expect((await shop.post('parcels', { to: 'halt' }, key)).body).toBe((await first).body);
    expect(await parcels()).toEqual(['halt', 'Ada']);
  });

  it('stores nothing when it throws, and tries again', async () => {
    const failed = await shop.post('parcels', { to: 'nobody' }, key);
    const again = await shop.post('parcels', { to: 'nobody' }, key);

    expect([failed, again].map(({ status }) => status)).toEqual([409, 409]);
    expect([failed, again].map(isReplayed)).toEqual([false, false]);
    expect(await parcels()).toEqual([]);
    expect(await records()).toEqual([]);
  });

  it('stores nothing when a pipe refuses the body, and takes the key for the corrected one', async () => {
    expect((await shop.post('parcels', { to: 5 }, key)).status).toBe(400);
    expect((await shop.post('parcels', { to: 'Ada' }, key)).status).toBe(201);
  });

  it("rolls back when it answers with an error's status", async () => {
    const answer = await shop.post('refused', { to: 'Ada' }, key);

    expect(answer).toMatchObject({ status: 402, body: '{"to":"Ada","id":1}' });
    expect(await parcels()).toEqual([]);
    expect(await records()).toEqual([]);
  });

  it('has stored neither effect nor answer when the backend dies between them', async () => {
    const first = shop.post('parcels', { to: 'halt' }, key);
    await shop.halt.reached.opened;
    await shop.rows(`SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
      WHERE pid <> pg_backend_pid() AND datname = current_database() AND state = 'idle in transaction'`);
    shop.halt.resumed.open();

    expect((await first).status).toBeGreaterThanOrEqual(500);
    expect(await parcels()).toEqual([]);
    expect(await records()).toEqual([]);
    expect(await shop.post('parcels', { to: 'halt' }, key)).toMatchObject({ status: 201 });
    expect(isReplayed(await shop.post('parcels', { to: 'halt' }, key))).toBe(true);
    expect(await parcels()).toEqual(['halt']);
  });

  it('takes an expired key for a new one, and replaces what it has stored', async () => {
    await shop.post('parcels', { to: 'Ada' }, key);
    await shop.rows("UPDATE idempotency_keys SET expires_at = now() - interval '1 second'");
    const other = await shop.post('parcels', { to: 'Bob' }, key);
    const again = await shop.post('parcels', { to: 'Bob' }, key);

    expect(other).toMatchObject({ status: 201, body: '{"to":"Bob","id":2}' });
    expect(again.body).toBe(other.body);
    expect(isReplayed(again)).toBe(true);
    expect(await records()).toHaveLength(1);
  });

  it('keeps an answer as long as it was told to', async () => {
    await shop.post('nothing', { to: 'Ada' }, key);
    const [ttl] = await shop.rows(
      'SELECT extract(epoch FROM expires_at - created_at)::float FROM idempotency_keys',
    );

    expect(Math.round(ttl as number)).toBe(60);
  });

  it('repeats the entity tag of a versioned resource', async () => {
    const first = await shop.post('crates', { to: 'Ada' }, key);
    const again = await shop.post('crates', { to: 'Ada' }, key);

    expect(first).toMatchObject({ status: 201, headers: { etag: '"2"' } });
    expect({ ...again, headers: saidBy(again) }).toEqual({
      ...first,
      headers: { ...saidBy(first), 'idempotency-replayed': 'true' },
    });
    expect(await shop.rows('SELECT version FROM crate')).toEqual([2]);
  });

  it('begins with the isolation level that it is told, and with no other later', async () => {
    const isolated = await shop.post('isolated', { to: 'Ada' }, key);
    const contradictory = await shop.post('contradictory', { to: 'Ada' }, key);

    expect(isolated).toMatchObject({ status: 201, body: 'serializable' });
    expect([contradictory.status, codeOf(contradictory)]).toEqual([500, 'INCOMPATIBLE_OPTIONS']);
  });

  it('refuses a body that it cannot compare', async () => {
    const answer = await shop.post('parcels', 'a', {
      ...key,
      'content-type': 'multipart/form-data; boundary=b',
    });

    expect(answer.status).toBe(415);
    expect(await parcels()).toEqual([]);
  });

  it('refuses to store bytes', async () => {
    const answer = await shop.post('binary', { to: 'Ada' }, key);

    expect(answer.status).toBe(500);
    expect(shop.log.lines.join()).toContain('returned bytes or a stream');
    expect(await parcels()).toEqual([]);
  });

  it('deletes what has expired, batch by batch', async () => {
    await shop.rows(`INSERT INTO idempotency_keys (id, fingerprint, status, headers, expires_at)
      SELECT n, '', 200, '{}', now() + (n - 6) * interval '1 hour' FROM generate_series(1, 10) n`);
    const deleted = await shop.application.get(IdempotencyRecords).deleteExpired({ batchSize: 2 });

    expect(deleted).toBe(6);
    expect(await records()).toEqual(['7', '8', '9', '10']);
  });
});

describe.each(PLATFORMS)('a hundred simultaneous requests with one key on %s', (platform) => {
  it.each([5, 20])('take effect once, with %i connections', async (poolSize) => {
    const shop = await IdempotentApplication.start({ platform, url: databaseUrl, poolSize });
    const key = { 'idempotency-key': randomUUID() };
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => shop.post('parcels', { to: 'Ada' }, key)),
    );
    const sent = await shop.rows('SELECT "to" FROM parcel');
    await shop.close();

    const statuses = new Set(answers.map(({ status }) => status));
    const bodies = new Set(answers.filter(({ status }) => status === 201).map(({ body }) => body));
    expect(sent).toEqual(['Ada']);
    expect([...bodies]).toEqual(['{"to":"Ada","id":1}']);
    expect([...statuses].filter((status) => status !== 201 && status !== 409)).toEqual([]);
    expect(answers.filter((answer) => answer.status === 201 && !isReplayed(answer))).toHaveLength(1);
  });
});

describe('a faster request', () => {
  it('is repeated when it has stored its answer between the look-up and the lock', async () => {
    const shop = await IdempotentApplication.start({ platform: 'express', url: databaseUrl });
    const key = { 'idempotency-key': randomUUID() };
    shop.halt.resumed.open();
    const faster = await shop.post('parcels', { to: 'halt' }, key);
    await shop.rows('CREATE TABLE kept AS SELECT * FROM idempotency_keys');
    await shop.rows('DELETE FROM idempotency_keys');
    shop.halt.renew();
    const slower = shop.post('parcels', { to: 'halt' }, key);
    await shop.halt.reached.opened;
    await shop.rows('INSERT INTO idempotency_keys SELECT * FROM kept');
    shop.halt.resumed.open();

    const answer = await slower;
    expect(answer).toMatchObject({ status: 201, body: faster.body });
    expect(isReplayed(answer)).toBe(true);
    expect(await shop.rows('SELECT id FROM parcel')).toEqual([1]);
    await shop.close();
  });
});

describe('round trips', () => {
  it('are two more than those of the effect, and two for an answer that is repeated', async () => {
    const wire = await WireProxy.to(databaseUrl);
    const shop = await IdempotentApplication.start({ platform: 'express', url: wire.url, poolSize: 1 });
    const counted = async (headers: Record<string, string>): Promise<number> => {
      wire.forget();
      await shop.post('letters', { to: 'Ada' }, headers);
      return wire.roundTrips;
    };
    const key = { 'idempotency-key': randomUUID() };
    await counted({});
    await counted({ 'idempotency-key': randomUUID() });

    expect([await counted({}), await counted(key), await counted(key)]).toEqual([2, 4, 2]);
    await shop.close();
    await wire.stop();
  });
});

describe('a request that is atomic anyway', () => {
  it.each(PLATFORMS)('has one transaction on %s', async (platform) => {
    const transactional = { request: { mode: 'atomic' } } as const;
    const shop = await IdempotentApplication.start({ platform, url: databaseUrl, transactional });
    const key = { 'idempotency-key': randomUUID() };
    const first = await shop.post('parcels', { to: 'Ada' }, key);
    const again = await shop.post('parcels', { to: 'Ada' }, key);
    const sameTransaction = await shop.rows(
      'SELECT (SELECT xmin::text FROM parcel) = (SELECT xmin::text FROM idempotency_keys)',
    );
    await shop.close();

    expect([first, again].map(isReplayed)).toEqual([false, true]);
    expect(sameTransaction).toEqual([true]);
  });
});

describe('the timer', () => {
  it('deletes what has expired, and ends with the application', async () => {
    const versioning = { idempotency: { cleanUpEveryMs: 1 } };
    const shop = await IdempotentApplication.start({ platform: 'express', url: databaseUrl, versioning });
    await shop.rows(`INSERT INTO idempotency_keys (id, fingerprint, status, headers, expires_at)
      VALUES ('old', '', 200, '{}', now() - interval '1 hour'), ('new', '', 200, '{}', now() + interval '1 hour')`);
    const left = (): Promise<unknown[]> => shop.rows('SELECT id FROM idempotency_keys');
    while ((await left()).length > 1) await settle();

    expect(await left()).toEqual(['new']);
    await shop.close();
    expect(shop.log.lines).toEqual([]);
  });
});

describe('what cannot work', () => {
  const started = (controller: Type, entities?: Type[]): Promise<unknown> =>
    failureOf(
      IdempotentApplication.start({
        platform: 'express',
        url: databaseUrl,
        controllers: [controller],
        ...(entities && { entities }),
      }),
    );

  @Controller()
  class TakesResponse {
    @Idempotent()
    @Post()
    post(@Res() _response: unknown): void {}
  }

  @Controller()
  class TakesNext {
    @Idempotent()
    @Post()
    post(@Next() _next: unknown): void {}
  }

  @Idempotent()
  @Controller()
  class Streams {
    @Sse()
    post(): void {}
  }

  @Controller()
  class Redirects {
    @Idempotent()
    @Redirect('/elsewhere')
    @Post()
    post(): void {}
  }

  @Controller()
  class Renders {
    @Idempotent()
    @Render('view')
    @Post()
    post(): void {}
  }

  @Controller()
  class Plain {
    @Idempotent()
    @Post()
    post(): void {}
  }

  it.each([
    ['@Res()', TakesResponse],
    ['@Next()', TakesNext],
    ['@Sse()', Streams],
    ['@Redirect()', Redirects],
    ['@Render()', Renders],
  ])('is refused at start: %s', async (what, controller) => {
    const error = await started(controller);

    expect(error).toBeInstanceOf(InvalidOptionsError);
    expect((error as Error).message).toContain(
      `@Idempotent() on ${controller.name}.post: a handler with ${what} answers`,
    );
  });

  it('is refused at start: a data source without the entity', async () => {
    const error = await started(Plain, [Parcel]);

    expect(error).toBeInstanceOf(InvalidOptionsError);
    expect((error as Error).message).toContain(
      "the data source 'default' does not have the entity IdempotencyRecord",
    );
  });

  it.each([
    [{ ttl: 5 }, "Did you mean 'ttlMs'?"],
    [{ ttlMs: -1 }, 'ttlMs must be a whole number of milliseconds above 0, not -1'],
    [{ scope: 'caller' }, "scope must be a function, not 'caller'"],
    [{ cleanUpEveryMs: 5 }, "there is no option 'cleanUpEveryMs'"],
  ])('is refused by the decorator: %j', (options, message) => {
    expect(() => Idempotent(options as IdempotentOptions)).toThrow(message);
  });
});
