import type { AddressInfo, Server } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Catch, Controller, UseFilters, type ExceptionFilter, type INestMicroservice } from '@nestjs/common';
import {
  ClientProxyFactory,
  EventPattern,
  MessagePattern,
  Payload,
  RpcException,
  Transport,
  type ClientProxy,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { concat, defer, firstValueFrom, throwError, toArray, type Observable } from 'rxjs';
import { OptimisticLockError, Transactional, TransactionManager } from '@nest-transactional/core';
import { gate } from '../support/gate.js';
import { failureOf } from '../transactions/enlisted-database.js';
import { compileApplication, ErrorLog } from './application.js';
import { DiaryDatabase, REFUSED_BY_COMMIT } from './diary-database.js';
import { Diary, type Page } from './diary.js';

/** As an application would tell its clients of conflicts. */
@Catch(OptimisticLockError)
class ConflictFilter implements ExceptionFilter<OptimisticLockError> {
  catch({ code }: OptimisticLockError): Observable<never> {
    return throwError(() => ({ status: 'error', code }));
  }
}

@Controller()
class DiaryController {
  constructor(private readonly diary: Diary) {}

  @MessagePattern('write')
  write(@Payload() text: string): Promise<Page> {
    return this.diary.write(text);
  }

  @MessagePattern('look around')
  lookAround(): unknown {
    return this.diary.surroundings();
  }

  @MessagePattern('spoil')
  spoil(@Payload() text: string): Promise<Page> {
    return this.diary.spoil(text);
  }

  @MessagePattern('above')
  @Transactional()
  async above(@Payload() text: string): Promise<void> {
    await this.diary.write(text);
    throw new RpcException('no more pages');
  }

  @Transactional()
  @MessagePattern('below')
  async below(@Payload() text: string): Promise<void> {
    await this.above(text);
  }

  @UseFilters(ConflictFilter)
  @MessagePattern('conflict')
  async conflict(@Payload() text: string): Promise<void> {
    await this.diary.collide(text);
  }

  @MessagePattern('write several')
  @Transactional()
  several(@Payload() texts: string[]): Observable<Page> {
    return concat(...texts.map((text) => defer(() => this.diary.write(text))));
  }

  @EventPattern('happened')
  async happened(@Payload() text: string): Promise<void> {
    await this.diary.write(text);
  }

  @EventPattern('went wrong')
  async wentWrong(@Payload() text: string): Promise<void> {
    await this.diary.spoil(text);
  }
}

/** Another one who hears the same events. */
@Controller()
class WitnessController {
  constructor(private readonly diary: Diary) {}

  @EventPattern('went wrong')
  async witnessed(@Payload() text: string): Promise<void> {
    await this.diary.write(`witnessed: ${text}`);
  }
}

const CONTROLLERS = [DiaryController, WitnessController];
const TCP: MicroserviceOptions = { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } };

const log = new ErrorLog();
let database: DiaryDatabase;

beforeAll(async () => {
  database = await DiaryDatabase.open();
});
beforeEach(async () => {
  log.clear();
  await database.empty();
});
afterAll(() => database.close());

function clientOf(service: INestMicroservice): ClientProxy {
  const { port } = service.unwrap<Server>().address() as AddressInfo;
  return ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
}

const ask = (client: ClientProxy, pattern: string, data: unknown): Promise<Page> =>
  firstValueFrom(client.send<Page>(pattern, data));

describe('a message over TCP', () => {
  let service: INestMicroservice;
  let client: ClientProxy;
  let diary: Diary;

  beforeAll(async () => {
    const module = await compileApplication({ database, log, controllers: CONTROLLERS });
    service = module.createNestMicroservice<MicroserviceOptions>({ ...TCP, logger: log });
    await service.listen();
    client = clientOf(service);
    diary = service.get(Diary);
  });
  beforeEach(() => diary.forget());
  afterAll(async () => {
    await client.close();
    await service.close();
  });

  it('is answered when its transaction is committed and its hooks have run', async () => {
    expect(await ask(client, 'write', 'a')).toMatchObject({ text: 'a', visible: ['a'] });
    expect(await database.notes()).toEqual(['a']);
    expect(diary.seenByHooks.get('a')).toEqual(['a']);
  });

  it('whose handler fails is rolled back, told as an error without details, and logged', async () => {
    expect(await failureOf(ask(client, 'spoil', 'a'))).toEqual({
      status: 'error',
      message: 'Internal server error',
    });
    expect(await database.notes()).toEqual([]);
    expect(log.lines).toEqual(['Error: out of ink']);
  });

  it('whose COMMIT fails is told an error, and runs no hook', async () => {
    expect(await failureOf(ask(client, 'write', REFUSED_BY_COMMIT))).toMatchObject({ status: 'error' });
    expect(log.lines.join('\n')).toContain('the diary is closed');
    expect(diary.seenByHooks.size).toBe(0);
  });

  it.each(['above', 'below'])('may have a decorated handler, the decorator %s', async (pattern) => {
    expect(await failureOf(ask(client, pattern, 'a'))).toEqual({ status: 'error', message: 'no more pages' });
    expect(await database.notes()).toEqual([]);
  });

  it('is told of a conflict as a filter has decided', async () => {
    expect(await failureOf(ask(client, 'conflict', 'a'))).toEqual({
      status: 'error',
      code: 'OPTIMISTIC_LOCK',
    });
    expect(await database.notes()).toEqual([]);
  });

  it('never sees the transaction of another that came at the same time', async () => {
    diary.overlap(5);
    const texts = ['a', 'b', 'c', 'd', 'e'];
    const pages = await Promise.all(texts.map((text) => ask(client, 'write', text)));

    expect(pages.map(({ visible }) => visible)).toEqual(texts.map((text) => [text]));
    expect(new Set(pages.map(({ transaction }) => transaction)).size).toBe(5);
    expect(new Set(pages.map(({ requestId }) => requestId)).size).toBe(5);
  });

  it('with several answers is complete after COMMIT of the one transaction of them all', async () => {
    const pages = await firstValueFrom(client.send<Page>('write several', ['a', 'b']).pipe(toArray()));

    expect(pages.map(({ visible }) => visible)).toEqual([['a'], ['a', 'b']]);
    expect(pages[0]!.transaction).toBe(pages[1]!.transaction);
    expect(diary.seenByHooks.get('a')).toEqual(['a', 'b']);
  });

  it('with several answers ends with an error in place of the last where COMMIT fails', async () => {
    const answers: string[] = [];
    const stream = client.send<Page>('write several', ['a', REFUSED_BY_COMMIT]);
    const failure = await failureOf(stream.forEach(({ text }) => void answers.push(text)));

    expect(failure).toMatchObject({ status: 'error' });
    expect(answers).toEqual(['a']);
    expect(await database.notes()).toEqual([]);
  });

  it('may be sent over a connection that another transaction has opened', async () => {
    const transactions = service.get(TransactionManager);
    const other = clientOf(service);
    await transactions.run({ label: 'opens it' }, () => ask(other, 'write', 'a'));
    const visible = await transactions.run(async () => {
      await ask(other, 'write', 'b');
      return (await diary.write('c')).visible;
    });
    await other.close();

    expect(visible).toEqual(['a', 'b', 'c']);
  });

  it('whose answer is heard by a callback is heard outside of the transaction that sent it', async () => {
    await client.connect();
    const heard = await service.get(TransactionManager).run(async () => {
      const awaited = await ask(client, 'look around', '').then(() => diary.surroundings());
      const answer = gate<typeof awaited>();
      client.send('look around', '').subscribe(() => answer.open(diary.surroundings()));
      return { awaited, called: await answer.opened };
    });

    expect(heard.awaited.transaction).not.toBe('none');
    expect(heard.called.transaction).toBe('none');
  });

  it('that is an event has a transaction of its own, though nobody is told of its end', async () => {
    await firstValueFrom(client.emit('happened', 'a'), { defaultValue: undefined });
    await ask(client, 'write', 'b');

    expect(await diary.seenByHook('a')).toContain('a');
  });

  it('that is an event, and fails, is rolled back and logged; others who hear it have their own', async () => {
    await firstValueFrom(client.emit('went wrong', 'a'), { defaultValue: undefined });

    expect(await log.next()).toBe('Error: out of ink');
    await diary.seenByHook('witnessed: a');
    expect(await database.notes()).toEqual(['witnessed: a']);
  });
});

describe('a message to an application that serves HTTP as well', () => {
  async function answersOf(
    hybrid: { inheritAppConfig: boolean; mode?: 'atomic' },
    ...questions: [pattern: string, text: string][]
  ): Promise<unknown[]> {
    const { inheritAppConfig, ...request } = hybrid;
    const module = await compileApplication({ database, log, controllers: CONTROLLERS, request });
    const application = module.createNestApplication({ logger: log });
    const service = application.connectMicroservice<MicroserviceOptions>(TCP, { inheritAppConfig });
    await application.startAllMicroservices();
    await application.init();
    const client = clientOf(service);
    const answers = await Promise.allSettled(questions.map(([pattern, text]) => ask(client, pattern, text)));
    await client.close();
    await application.close();
    return answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : answer.reason));
  }

  it('has a context of its own where it inherits the configuration', async () => {
    const [page] = await answersOf({ inheritAppConfig: true }, ['write', 'a'], ['spoil', 'b']);

    expect(page).toMatchObject({ requestId: expect.any(String), transaction: expect.any(String) });
    expect(await database.notes()).toEqual(['a']);
  });

  it('has no name where it does not, and transactions all the same', async () => {
    const [page] = await answersOf({ inheritAppConfig: false }, ['write', 'a'], ['spoil', 'b']);

    expect(page).toMatchObject({ requestId: null, transaction: expect.any(String) });
    expect(await database.notes()).toEqual(['a']);
  });

  it('is in no transaction before it asks for one, although each HTTP request is', async () => {
    const answers = await answersOf({ inheritAppConfig: true, mode: 'atomic' }, ['look around', '']);

    expect(answers).toEqual([{ requestId: expect.any(String), transaction: 'none' }]);
  });
});
