import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Controller, type INestApplication } from '@nestjs/common';
import { Args, GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import {
  ClientProxyFactory,
  MessagePattern,
  RpcException,
  Transport,
  type ClientProxy,
} from '@nestjs/microservices';
import { WsAdapter } from '@nestjs/platform-ws';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import { SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { firstValueFrom } from 'rxjs';
import { TransactionalModule } from '@nest-transactional/core';
import { HttpVersioningModule, PreconditionRequiredError } from '@nest-transactional/http';
import { workerDatabaseUrl } from '../support/database.js';
import { Peer } from '../transports/peer.js';
import { listen, LogLines } from '../transactions/application.js';
import { failureOf } from '../transactions/enlisted-database.js';
import { ask } from './exchange.js';

@Resolver()
class FailingResolver {
  @Query(() => String)
  fail(@Args('text') _text: string): string {
    throw new PreconditionRequiredError('Vault');
  }
}

@Controller()
class FailingMessages {
  @MessagePattern('told')
  tell(): never {
    throw new RpcException('It is told.');
  }

  @MessagePattern('untold')
  keep(): never {
    throw new PreconditionRequiredError('Vault');
  }
}

@WebSocketGateway()
class FailingGateway {
  @SubscribeMessage('told')
  tell(): never {
    throw new WsException('It is told.');
  }

  @SubscribeMessage('untold')
  keep(): never {
    throw new PreconditionRequiredError('Vault');
  }
}

describe('errors elsewhere than in HTTP are left to Nest', () => {
  const log = new LogLines();
  let application: INestApplication;
  let url: string;
  let messages: ClientProxy;

  beforeAll(async () => {
    const module = await Test.createTestingModule({
      imports: [
        TypeOrmModule.forRoot({ type: 'postgres', url: workerDatabaseUrl(), retryAttempts: 0 }),
        TransactionalModule.forRoot(),
        HttpVersioningModule.forRoot(),
        GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true }),
      ],
      controllers: [FailingMessages],
      providers: [FailingResolver, FailingGateway],
    })
      .setLogger(log)
      .compile();
    application = module.createNestApplication({ logger: log });
    application.useWebSocketAdapter(new WsAdapter(application));
    const microservice = application.connectMicroservice(
      { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } },
      // So that it has the filters of the application.
      { inheritAppConfig: true },
    );
    await application.startAllMicroservices();
    url = await listen(application);
    const { port } = microservice.unwrap<{ address(): AddressInfo }>().address();
    messages = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
  });

  afterAll(async () => {
    await messages.close();
    await application.close();
  });

  it('in GraphQL', async () => {
    const answer = await ask(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ fail(text: "a") }' }),
    });

    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body).errors[0].message).toContain(
      'This Vault is changed under a precondition only',
    );
  });

  it.each([
    ['told', 'It is told.'],
    ['untold', 'Internal server error'],
  ])('in a message handler: %s', async (pattern, message) => {
    const error = await failureOf(firstValueFrom(messages.send(pattern, {})));

    expect(error).toEqual({ status: 'error', message });
  });

  it.each([
    ['told', 'It is told.'],
    ['untold', 'Internal server error'],
  ])('in a gateway: %s', async (event, message) => {
    const peer = await Peer.connect(Number(new URL(url).port));
    peer.send(event, {});

    expect(await peer.next()).toMatchObject({ event: 'exception', data: { status: 'error', message } });
    await peer.close();
  });

  it('but an address that does not exist is a problem', async () => {
    expect((await ask(`${url}/nowhere`)).headers['content-type']).toBe('application/problem+json');
  });
});
