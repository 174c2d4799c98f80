import { ConflictException, NotFoundException } from '@nestjs/common';
import { findOrCreate, type TransactionManager } from '@nest-transactional/core';
import type { DeepPartial, FindManyOptions, FindOptionsWhere, ObjectLiteral, Repository } from 'typeorm';
import type { Values } from './body-reader.js';
import { writableValues, type WritePurpose } from './entity-properties.js';
import type { ListRequest } from './list-query.js';
import type { ResourcePlan } from './resource-plan.js';

/** What is on a page of a list. */
export interface Page<E> {
  readonly items: readonly E[];
  /** How many there are on all pages together. */
  readonly total: number;
}

/** What a list is asked for: the request, read and checked, and the same as TypeORM takes it. */
export interface PageQuery<E> extends ListRequest {
  /** `where`, `order`, `skip` and `take` for `findAndCount()`. */
  readonly find: FindManyOptions<E>;
}

/** Where the plan of a controller stands in its prototype. */
export const PLAN = Symbol('ResourcePlan');
/** Where Nest puts the application's transactions. */
export const TRANSACTIONS = Symbol('TransactionManager');

/**
 * What `createVersionedController()` makes: override a method to change what an operation does, and call `super` for the rest.
 * `create…`, `replace…`, `patch…` and `removeOne` run in the request's transaction, in which also the row was read; services that
 * they call join it. When one throws, nothing is stored.
 */
export abstract class VersionedController<E extends object> {
  /** @internal */
  readonly [PLAN]!: ResourcePlan;
  /** @internal */
  readonly [TRANSACTIONS]!: TransactionManager;

  /** The entity's repository. */
  protected get repository(): Repository<E> {
    const { entity, options } = this[PLAN];
    return this[TRANSACTIONS].entityManager(options.dataSource).getRepository(entity) as Repository<E>;
  }

  /** Reads a page of a list. */
  protected async findPage({ find }: PageQuery<E>): Promise<Page<E>> {
    const [items, total] = await this.repository.findAndCount(find);
    return { items, total };
  }

  /**
   * Reads the row of an id, for GET and before every change.
   *
   * @throws NotFoundException when there is none, or only a soft-deleted one
   */
  protected async findOne(id: unknown): Promise<E> {
    const where = { [this[PLAN].key.name]: id } as FindOptionsWhere<E>;
    const row = await this.repository.findOneBy(where);
    if (row === null)
      throw new NotFoundException(`There is no ${this[PLAN].entity.name} with this ${this[PLAN].key.name}.`);
    return row;
  }

  /**
   * Stores a new row.
   *
   * @param values - validated; of plain columns only
   * @param id - of a PUT to an id that is not there; `undefined` for a POST
   * @returns what is in the database now
   * @throws ConflictException when another request has created the id meanwhile
   */
  protected async createOne(values: DeepPartial<E>, id?: unknown): Promise<E> {
    const { key } = this[PLAN];
    const written = this.#writable(values, 'create');
    if (id === undefined) {
      const saved = await this.repository.save(this.repository.create(written));
      return await this.#readBack((saved as Values)[key.name]);
    }
    const repository = this.repository as unknown as Repository<ObjectLiteral>;
    const [, isCreated] = await findOrCreate(repository, { [key.name]: id }, written);
    if (!isCreated)
      throw new ConflictException(`Another request has created this ${this[PLAN].entity.name} meanwhile.`);
    return await this.#readBack(id);
  }

  /**
   * Stores the row with the values of a PUT.
   *
   * @param row - as it was read in this transaction; the UPDATE is refused when it has changed since
   * @param values - validated; of every plain column that the body can have
   */
  protected async replaceOne(row: E, values: DeepPartial<E>): Promise<E> {
    return await this.#change(row, this.#writable(values, 'replace'));
  }

  /**
   * Stores the row with the values of a PATCH.
   *
   * @param row - as it was read in this transaction; the UPDATE is refused when it has changed since
   * @param values - validated; of those plain columns that the patch names
   */
  protected async patchOne(row: E, values: DeepPartial<E>): Promise<E> {
    return await this.#change(row, this.#writable(values, 'patch'));
  }

  /** Deletes the row; softly, when the entity has a `@DeleteDateColumn()`. */
  protected async removeOne(row: E): Promise<void> {
    const { repository } = this;
    if (repository.metadata.deleteDateColumn === undefined) await repository.remove(row);
    else await repository.softRemove(row as E & DeepPartial<E>);
  }

  async #change(row: E, values: DeepPartial<E>): Promise<E> {
    const saved = await this.repository.save(this.repository.merge(row, values) as E & DeepPartial<E>);
    return this.#isAsStored(values as Values)
      ? saved
      : await this.#readBack((saved as Values)[this[PLAN].key.name]);
  }

  /** Whether a GET would give the same bytes: the database spells dates, decimals and the like in its own way. */
  #isAsStored(values: Values): boolean {
    const { properties } = this[PLAN];
    return Object.entries(values).every(([name, value]) => {
      const { kind } = properties.get(name)!;
      return value === null || (kind?.staysAs !== undefined && typeof value === kind.staysAs);
    });
  }

  /** As a GET gives it, with eager relations and in the order of its columns. */
  async #readBack(id: unknown): Promise<E> {
    return await this.repository.findOneByOrFail({ [this[PLAN].key.name]: id } as FindOptionsWhere<E>);
  }

  /** Whatever an override may have added: keys, versions, dates and relations are not written here. */
  #writable(values: DeepPartial<E>, purpose: WritePurpose): DeepPartial<E> {
    return writableValues(this[PLAN].properties, values, purpose) as DeepPartial<E>;
  }
}
