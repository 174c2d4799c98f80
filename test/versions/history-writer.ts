import type pg from 'pg';
import type { EntityManager } from 'typeorm';
import type { TransactionManager } from '@nest-transactional/core';
import { gate, settle, type Gate } from '../support/gate.js';
import { CHECKED, Leaf, type Action, type History, type Step } from './history.js';

/** A write that its caller was told is done, in a transaction that its caller was told is committed. */
export interface Acknowledged {
  readonly xid: string;
  readonly action: Action;
  readonly id: number;
  readonly token: string;
  /** What a checked write was based on. */
  readonly from: number | undefined;
  /** What the entity says it came to. */
  readonly to: number | undefined;
}

/** An entity that a writer holds, and the version that is right for it in memory. */
interface Held {
  readonly leaf: Leaf;
  /** What it must have when the running transaction is rolled back. */
  readonly before: { readonly id: number; readonly version: number };
}

class Rollback extends Error {}

/** What a writer was refused. */
export interface Refusal {
  readonly error: unknown;
  readonly step: Step;
  /** What a checked write was based on. */
  readonly from: number | undefined;
  /** What everybody else saw then; `undefined` where no row was. */
  readonly actual: number | undefined;
  /** Whether the same transaction had written the row before. */
  readonly isOwnDoing: boolean;
}

export interface WriterParts {
  readonly name: string;
  readonly transactions: TransactionManager;
  readonly isolation: History['isolation'];
  /** Sees what is committed. */
  readonly observer: pg.Client;
}

/** One of those who write at once: it does what it is told, in transactions that stay open from step to step. */
export class HistoryWriter {
  readonly acknowledged: Acknowledged[] = [];
  readonly refused: Refusal[] = [];
  /** What was not as it should be. */
  readonly wrong: string[] = [];
  readonly #held = new Map<number, Held>();
  readonly #queue: Step[] = [];
  #more: Gate = gate();
  #isIdle = true;
  #isClosed = false;
  #pid: number | undefined;
  #done: Acknowledged[] = [];
  #count = 0;
  readonly ended: Promise<void>;

  constructor(private readonly parts: WriterParts) {
    this.ended = this.#live();
  }

  tell(step: Step): void {
    this.#queue.push(step);
    this.#isIdle = false;
    this.#more.open();
  }

  /** No more steps will come: what is open is committed. */
  close(): void {
    this.#isClosed = true;
    this.#isIdle = false;
    this.#more.open();
  }

  /** Resolves when it has done what it was told, or when it waits for another's lock. */
  async hasSettled(): Promise<void> {
    for (;;) {
      await settle(1);
      if (this.#isIdle || (await this.#isBlocked())) return;
    }
  }

  async #isBlocked(): Promise<boolean> {
    if (this.#pid === undefined) return false;
    const { rows } = await this.parts.observer.query('SELECT cardinality(pg_blocking_pids($1)) AS blockers', [
      this.#pid,
    ]);
    return rows[0].blockers > 0;
  }

  async #next(): Promise<Step | undefined> {
    while (this.#queue.length === 0) {
      this.#isIdle = true;
      if (this.#isClosed) return undefined;
      this.#more = gate();
      await this.#more.opened;
    }
    return this.#queue.shift();
  }

  async #live(): Promise<void> {
    for (let step = await this.#next(); step !== undefined; step = await this.#next()) {
      if (step.action !== 'commit' && step.action !== 'rollback') await this.#transaction(step);
    }
    this.#isIdle = true;
  }

  /** From a first step to `commit`, `rollback`, the first failure, or the end. */
  async #transaction(first: Step): Promise<void> {
    this.#done = [];
    for (const [id, { leaf }] of this.#held) this.#hold(id, leaf);
    try {
      const { transactions, isolation } = this.parts;
      await transactions.run({ isolation }, (manager) => this.#steps(manager, first));
      this.acknowledged.push(...this.#done);
    } catch (error) {
      this.#expectRestored();
      if (error instanceof Rollback || this.refused.at(-1)?.error === error) return;
      this.refused.push({
        error,
        step: { ...first, action: 'commit' },
        from: undefined,
        actual: undefined,
        isOwnDoing: true,
      });
    } finally {
      this.#pid = undefined;
    }
  }

  async #steps(manager: EntityManager, first: Step): Promise<void> {
    const [{ pid, xid }] = await manager.query(
      'SELECT pg_backend_pid() AS pid, pg_current_xact_id()::text AS xid',
    );
    this.#pid = pid;
    for (let step: Step | undefined = first; step !== undefined; step = await this.#next()) {
      if (step.action === 'commit') return;
      if (step.action === 'rollback') throw new Rollback();
      await this.#step(manager, step, xid);
    }
  }

  async #step(manager: EntityManager, step: Step, xid: string): Promise<void> {
    const { action, id } = step;
    if (action === 'load') return await this.#load(manager, id);
    const token = `${this.parts.name}.${++this.#count}`;
    const leaf = isChecked(action) ? this.#held.get(id)?.leaf : undefined;
    if (isChecked(action) && leaf?.id === undefined) return;
    const from = leaf?.version;
    const isOwnDoing = this.#done.some((each) => each.id === id);
    try {
      const hasWritten = await this.#write(manager, step, token);
      if (hasWritten) this.#done.push({ xid, action, id, token, from, to: leaf?.version });
      else if (from !== undefined && !isOwnDoing) await this.#expectCurrent(id, from);
    } catch (error) {
      this.refused.push({ error, step, from, actual: await this.#committed(id), isOwnDoing });
      throw error;
    }
  }

  async #committed(id: number): Promise<number | undefined> {
    const { rows } = await this.parts.observer.query('SELECT version FROM leaf WHERE id = $1', [id]);
    return rows[0]?.version;
  }

  /** Even a write that finds nothing to do must be based on the row as it is. */
  async #expectCurrent(id: number, from: number): Promise<void> {
    const actual = await this.#committed(id);
    if (this.parts.isolation === 'READ COMMITTED' && actual !== from) {
      this.wrong.push(`${this.parts.name}: nothing to do for ${id} at ${from}, but it is at ${actual}`);
    }
  }

  async #load(manager: EntityManager, id: number): Promise<void> {
    const leaf = await manager.findOne(Leaf, { where: { id }, withDeleted: true });
    if (leaf === null) this.#held.delete(id);
    else this.#hold(id, leaf);
  }

  #hold(id: number, leaf: Leaf): void {
    if (leaf.id === undefined) this.#held.delete(id);
    else this.#held.set(id, { leaf, before: { id: leaf.id, version: leaf.version } });
  }

  /** @returns whether there was anything to write */
  async #write(manager: EntityManager, { action, id }: Step, token: string): Promise<boolean> {
    const leaf = this.#held.get(id)?.leaf;
    const version = leaf?.version;
    switch (action) {
      case 'save':
        await manager.save(Object.assign(leaf!, { token }));
        return true;
      case 'remove':
        await manager.remove(leaf!);
        return true;
      case 'softRemove':
      case 'recover':
        await manager[action](leaf!);
        return leaf!.version !== version;
      case 'update':
        return (await manager.update(Leaf, { id }, { token })).affected === 1;
      case 'upsert':
        await manager.upsert(Leaf, { id, token, version: 999 }, ['id']);
        return true;
      default: {
        const insert = manager.createQueryBuilder().insert().into(Leaf).values({ id, token }).orIgnore();
        return ((await insert.execute()).raw as unknown[]).length === 1;
      }
    }
  }

  #expectRestored(): void {
    for (const { leaf, before } of this.#held.values()) {
      if (leaf.id === before.id && leaf.version === before.version) continue;
      this.wrong.push(
        `${this.parts.name}: in memory ${leaf.id}/${leaf.version}, not ${before.id}/${before.version}`,
      );
    }
  }
}

function isChecked(action: Action): boolean {
  return (CHECKED as readonly string[]).includes(action);
}
