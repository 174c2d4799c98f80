import { beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable, Scope, type Provider } from '@nestjs/common';
import {
  TransactionalEventListener,
  TransactionalEvents,
  TransactionManager,
} from '@nest-transactional/core';
import { startApplication } from '../transactions/application.js';
import { failureOf } from '../transactions/enlisted-database.js';

let heard: unknown[] = [];

beforeEach(() => {
  heard = [];
});

describe('listeners', () => {
  @Injectable()
  class Base {
    @TransactionalEventListener('inherited')
    inherited(payload: unknown): void {
      heard.push([this.constructor.name, payload]);
    }

    @TransactionalEventListener('overridden')
    overridden(): void {
      heard.push('base');
    }
  }

  @Injectable()
  class Derived extends Base {
    @TransactionalEventListener('overridden')
    override overridden(): void {
      heard.push('derived');
    }
  }

  class Plain {
    @TransactionalEventListener('made')
    made(payload: unknown): void {
      heard.push(['made', payload]);
    }
  }

  @Injectable({ scope: Scope.REQUEST })
  class OfARequest extends Base {}

  @Injectable()
  class NeedsARequest extends Base {
    constructor(readonly request: OfARequest) {
      super();
    }
  }

  @Injectable({ scope: Scope.TRANSIENT })
  class Transient extends Base {}

  /** What is heard of `event` in an application of these providers. */
  async function heardWith(providers: Provider[], event: string): Promise<unknown[]> {
    const other = await startApplication({ providers });
    try {
      await other.get(TransactionManager).run(() => other.get(TransactionalEvents).publish(event, 1));
      return heard;
    } finally {
      await other.close();
    }
  }

  it('that are inherited listen for the subclass', async () => {
    expect(await heardWith([Derived], 'inherited')).toEqual([['Derived', 1]]);
  });

  it('that a subclass overrides hear an event once', async () => {
    expect(await heardWith([Derived], 'overridden')).toEqual(['derived']);
  });

  it('that stand under a second name hear an event once', async () => {
    const alias = { provide: 'alias', useExisting: Derived };

    expect(await heardWith([Derived, alias], 'overridden')).toEqual(['derived']);
  });

  it.each<[string, Provider]>([
    ['a factory', { provide: Plain, useFactory: () => new Plain() }],
    ['an async factory', { provide: Plain, useFactory: async () => new Plain() }],
    ['a value', { provide: Plain, useValue: new Plain() }],
    ['a class under another name', { provide: 'plain', useClass: Plain }],
  ])('listen also where they come from %s', async (_what, provider) => {
    expect(await heardWith([provider], 'made')).toEqual([['made', 1]]);
  });

  it.each<[string, Provider[], string]>([
    ['request-scoped', [OfARequest], 'OfARequest'],
    ['made for a request because of what they need', [OfARequest, NeedsARequest], 'OfARequest'],
    ['transient', [Transient], 'Transient'],
  ])('are refused at start where they are %s', async (_scope, providers, name) => {
    const refusal = await failureOf(startApplication({ providers }));

    expect(refusal).toMatchObject({ code: 'INVALID_OPTIONS', option: name });
    expect(refusal.message).toContain('Make it a singleton');
  });
});
