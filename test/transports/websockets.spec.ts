import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Catch,
  UseFilters,
  type ArgumentsHost,
  type ExceptionFilter,
  type INestApplication,
  type Type,
} from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import {
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  WsException,
  type WsResponse,
} from '@nestjs/websockets';
import type { Server, WebSocket } from 'ws';
import {
  afterCommit,
  OptimisticLockError,
  Transactional,
  TransactionManager,
} from '@nest-transactional/core';
import { compileApplication, ErrorLog } from './application.js';
import { DiaryDatabase, REFUSED_BY_COMMIT } from './diary-database.js';
import { Diary, type Page } from './diary.js';
import { Inbox } from './inbox.js';
import { Peer } from './peer.js';

/** As an application would tell its clients of conflicts. */
@Catch(OptimisticLockError)
class ConflictFilter implements ExceptionFilter<OptimisticLockError> {
  catch({ code }: OptimisticLockError, host: ArgumentsHost): void {
    host
      .switchToWs()
      .getClient<WebSocket>()
      .send(JSON.stringify({ event: 'exception', data: { code } }));
  }
}

@WebSocketGateway()
class DiaryGateway {
  @WebSocketServer()
  private readonly server!: Server;

  constructor(private readonly diary: Diary) {}

  @SubscribeMessage('write')
  async write(@MessageBody() text: string): Promise<WsResponse<Page>> {
    return { event: 'written', data: await this.diary.write(text) };
  }

  @SubscribeMessage('spoil')
  async spoil(@MessageBody() text: string): Promise<void> {
    await this.diary.spoil(text);
  }

  @SubscribeMessage('above')
  @Transactional()
  async above(@MessageBody() text: string): Promise<void> {
    await this.diary.write(text);
    throw new WsException('no more pages');
  }

  @Transactional()
  @SubscribeMessage('below')
  async below(@MessageBody() text: string): Promise<void> {
    await this.above(text);
  }

  @UseFilters(ConflictFilter)
  @SubscribeMessage('conflict')
  async conflict(@MessageBody() text: string): Promise<void> {
    await this.diary.collide(text);
  }

  @SubscribeMessage('announce')
  @Transactional()
  async announce(@MessageBody() text: string): Promise<void> {
    afterCommit(() => this.broadcast('announced', text), { robust: true });
    await this.diary.write(text);
  }

  private broadcast(event: string, data: unknown): void {
    for (const client of this.server.clients) client.send(JSON.stringify({ event, data }));
  }
}

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

async function start(gateway: Type): Promise<INestApplication> {
  const module = await compileApplication({ database, log, providers: [gateway] });
  const application = module.createNestApplication({ logger: log });
  application.useWebSocketAdapter(new WsAdapter(application));
  await application.listen(0, '127.0.0.1');
  return application;
}

function portOf(application: INestApplication): number {
  return (application.getHttpServer().address() as AddressInfo).port;
}

describe('a message to a gateway', () => {
  let application: INestApplication;
  let diary: Diary;
  let peer: Peer;
  let other: Peer;

  beforeAll(async () => {
    application = await start(DiaryGateway);
    diary = application.get(Diary);
  });
  beforeEach(async () => {
    diary.forget();
    const port = portOf(application);
    [peer, other] = await Promise.all([Peer.connect(port), Peer.connect(port)]);
  });
  afterEach(() => Promise.all([peer.close(), other.close()]));
  afterAll(() => application.close());

  it('is acknowledged when its transaction is committed and its hooks have run', async () => {
    peer.send('write', 'a');

    expect(await peer.next()).toMatchObject({ event: 'written', data: { text: 'a', visible: ['a'] } });
    expect(await database.notes()).toEqual(['a']);
    expect(diary.seenByHooks.get('a')).toEqual(['a']);
  });

  it('whose handler fails is rolled back, told as an exception without details, and logged', async () => {
    peer.send('spoil', 'a');

    expect(await peer.next()).toMatchObject({
      event: 'exception',
      data: { status: 'error', message: 'Internal server error' },
    });
    expect(await database.notes()).toEqual([]);
    expect(log.lines).toEqual(['Error: out of ink']);
  });

  it('whose COMMIT fails is told an exception in place of the acknowledgement, and runs no hook', async () => {
    peer.send('write', REFUSED_BY_COMMIT);

    expect(await peer.next()).toMatchObject({ event: 'exception' });
    expect(log.lines.join('\n')).toContain('the diary is closed');
    expect(diary.seenByHooks.size).toBe(0);
  });

  it.each(['above', 'below'])('may have a decorated handler, the decorator %s', async (event) => {
    peer.send(event, 'a');

    expect(await peer.next()).toMatchObject({ event: 'exception', data: { message: 'no more pages' } });
    expect(await database.notes()).toEqual([]);
  });

  it('is told of a conflict as a filter has decided', async () => {
    peer.send('conflict', 'a');

    expect(await peer.next()).toEqual({ event: 'exception', data: { code: 'OPTIMISTIC_LOCK' } });
    expect(await database.notes()).toEqual([]);
  });

  it('never sees the transaction of another that came at the same time over the same socket', async () => {
    diary.overlap(5);
    const texts = ['a', 'b', 'c', 'd', 'e'];
    for (const text of texts) peer.send('write', text);
    const pages = await peer.nextFew<Page>(5);

    expect(pages.map(({ text }) => text).toSorted()).toEqual(texts);
    for (const { text, visible } of pages) expect(visible).toEqual([text]);
    expect(new Set(pages.map(({ transaction }) => transaction)).size).toBe(5);
    expect(new Set(pages.map(({ requestId }) => requestId)).size).toBe(5);
  });

  it('never sees the transaction of another that came at the same time over another socket', async () => {
    diary.overlap(2);
    peer.send('write', 'a');
    other.send('write', 'b');
    const pages = [...(await peer.nextFew<Page>(1)), ...(await other.nextFew<Page>(1))];

    expect(pages.map(({ visible }) => visible)).toEqual([['a'], ['b']]);
  });

  it('is announced to others after COMMIT, from a hook', async () => {
    peer.send('announce', 'a');

    expect(await other.next()).toEqual({ event: 'announced', data: 'a' });
    expect(await database.notes()).toEqual(['a']);
  });

  it('is finished although its sender has gone', async () => {
    diary.overlap(2);
    peer.send('write', 'a');
    await peer.close();
    other.send('write', 'b');

    expect(await other.next()).toMatchObject({ event: 'written', data: { text: 'b' } });
    await diary.seenByHook('a');
    expect(await database.notes()).toEqual(['a', 'b']);
  });
});

describe('a connection to a gateway', () => {
  @WebSocketGateway()
  class Doorkeeper {
    readonly arrivals = new Inbox<Page>();
    readonly departures = new Inbox<Page>();

    constructor(
      private readonly diary: Diary,
      private readonly transactions: TransactionManager,
    ) {}

    @Transactional()
    async handleConnection(): Promise<void> {
      this.arrivals.put(await this.diary.write('arrived'));
    }

    async handleDisconnect(): Promise<void> {
      const written = this.transactions.withContext(() => this.diary.write('gone'), { requestId: 'door' });
      this.departures.put(await written);
    }
  }

  it('may be noted in transactions, when it opens and when it is closed', async () => {
    const application = await start(Doorkeeper);
    const doorkeeper = application.get(Doorkeeper);
    const peer = await Peer.connect(portOf(application));
    const arrival = await doorkeeper.arrivals.take();
    await application.get(Diary).seenByHook('arrived');
    await peer.close();
    const departure = await doorkeeper.departures.take();
    await application.close();

    expect(arrival).toMatchObject({ requestId: null, visible: ['arrived'] });
    expect(departure).toMatchObject({ requestId: 'door', visible: ['arrived', 'gone'] });
  });
});
