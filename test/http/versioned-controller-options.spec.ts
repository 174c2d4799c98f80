import { describe, expect, it } from '@jest/globals';
import {
  Column,
  Entity,
  ManyToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type Relation,
  VersionColumn,
} from 'typeorm';
import { InvalidOptionsError } from '@nest-transactional/core';
import { createVersionedController, type StandardSchema } from '@nest-transactional/http';
import { Article, Leaflet, Ticket } from './stockroom.js';

@Entity()
class Composite {
  @PrimaryColumn()
  one!: number;

  @PrimaryColumn()
  other!: number;

  @VersionColumn()
  version!: number;
}

@Entity()
class Unversioned {
  @PrimaryGeneratedColumn()
  id!: number;
}

@Entity()
class Odd {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  page!: string;

  @Column('point', { nullable: true })
  place!: string;

  @Column({ transformer: { from: String, to: String } })
  encrypted!: string;

  @ManyToOne(() => Unversioned)
  unversioned!: Relation<Unversioned>;

  @VersionColumn()
  version!: number;
}

class Plain {}

const SCHEMA: StandardSchema = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
};

const refusal = (entity: unknown, options: unknown): InvalidOptionsError => {
  try {
    createVersionedController(entity as typeof Article, options as never);
  } catch (error) {
    return error as InvalidOptionsError;
  }
  throw new Error('It was not refused.');
};

describe('createVersionedController()', () => {
  it.each<[option: string, options: unknown, message: RegExp]>([
    ['', undefined, /takes an object of options, not undefined/],
    ['path', {}, /path is missing/],
    ['path', { path: '' }, /path must be a non-empty string/],
    ['filters', { path: 'a', filters: {} }, /there is no option 'filters'. Did you mean 'filter'\?/],
    [
      'operations',
      { path: 'a', operations: ['put'] },
      /operations must be an array of at least one of 'list'/,
    ],
    ['operations', { path: 'a', operations: [] }, /operations must be an array of at least one of/],
    ['dto', { path: 'a', dto: ArticleDtoLike }, /dto must be an object of options/],
    ['create', { path: 'a', dto: { create: {} } }, /create must be a class, or a schema/],
    ['update', { path: 'a', dto: { update: Plain } }, /there is no option 'update'/],
    [
      'dto',
      { path: 'a', dto: { create: SCHEMA } },
      /Give dto.patch a schema in which everything is optional/,
    ],
    [
      'maxLimit',
      { path: 'a', pagination: { maxLimit: 0 } },
      /maxLimit must be a whole number from 1 to 10000/,
    ],
    ['maxLimit', { path: 'a', pagination: { maxLimit: Infinity } }, /maxLimit must be a whole number/],
    [
      'defaultLimit',
      { path: 'a', pagination: { defaultLimit: 101 } },
      /defaultLimit 101 is above maxLimit 100/,
    ],
    ['allowed', { path: 'a', sort: {} }, /allowed is missing/],
    ['sort', { path: 'a', sort: { allowed: ['nmae'] } }, /there is no property 'nmae'/],
    ['sort', { path: 'a', sort: { allowed: [], default: ['-nmae'] } }, /there is no property 'nmae'/],
    ['sort', { path: 'a', sort: { allowed: ['secret'] } }, /'secret' is not a column that is selected/],
    ['sort', { path: 'a', sort: { allowed: ['supplier'] } }, /'supplier' is not a column/],
    ['sort', { path: 'a', sort: { allowed: ['size'] } }, /'size' is not a column/],
    ['filter', { path: 'a', filter: { nmae: ['eq'] } }, /there is no property 'nmae'/],
    ['filter', { path: 'a', filter: { secret: ['eq'] } }, /'secret' is not a selected column/],
    [
      'filter',
      { path: 'a', filter: { details: ['eq'] } },
      /'details' is not a selected column of a type with an order/,
    ],
    ['filter', { path: 'a', filter: { name: ['like'] } }, /name must be an array, each item one of 'eq'/],
    ['filter', { path: 'a', filter: { price: ['contains'] } }, /'price' is not a selected column of text/],
    ['search', { path: 'a', search: ['price'] }, /'price' is not a selected column of text/],
    ['search', { path: 'a', search: 'name' }, /search must be an array/],
    ['putCreates', { path: 'a', putCreates: 1 }, /putCreates must be true or false/],
    ['retry', { path: 'a', retry: -1 }, /retry must be a whole number, 0 or more, or false/],
    ['requirePrecondition', { path: 'a', requirePrecondition: 'yes' }, /must be true or false/],
    ['cacheControl', { path: 'a', cacheControl: 5 }, /must be a non-empty string/],
    ['vary', { path: 'a', vary: 'Accept' }, /must be an array/],
    ['tags', { path: 'a', tags: [1] }, /must be an array/],
  ])('refuses a wrong %s at once: %j', (option, options, message) => {
    const error = refusal(Article, options);

    expect(error).toBeInstanceOf(InvalidOptionsError);
    expect([error.option, error.message]).toEqual([option, expect.stringMatching(message)]);
  });

  it.each<[entity: unknown, options: object, message: RegExp]>([
    [Plain, {}, /give it a class that is decorated with @Entity\(\)/],
    [undefined, {}, /give it a class that is decorated with @Entity\(\)/],
    [Composite, {}, /one primary column of a plain type, and found one, other/],
    [Unversioned, {}, /the entity has no version/],
    [Ticket, { putCreates: true }, /putCreates lets the client choose the id, but the database counts id/],
    [Odd, { filter: { page: ['eq'] } }, /'page' is a parameter of every list/],
    [Odd, { filter: { place: ['eq'] } }, /'place' is not a selected column/],
    [Odd, { filter: { encrypted: ['eq'] } }, /'encrypted' is not a selected column/],
    [Odd, { search: ['encrypted'] }, /'encrypted' is not a selected column of text/],
  ])('refuses %p with %j at once', (entity, options, message) => {
    expect(refusal(entity, { path: 'a', ...options }).message).toMatch(message);
  });

  it('names the class after the entity, and makes another one at each call', () => {
    const [one, other] = [1, 2].map(() => createVersionedController(Leaflet, { path: 'leaflets' }));

    expect(one!.name).toBe('LeafletController');
    expect(one).not.toBe(other);
  });

  it('is typed by the entity', () => {
    // @ts-expect-error -- there is no such property
    expect(() => createVersionedController(Article, { path: 'a', sort: { allowed: ['nmae'] } })).toThrow();
    // @ts-expect-error -- there is no such operator
    expect(() => createVersionedController(Article, { path: 'a', filter: { name: ['like'] } })).toThrow();
    // @ts-expect-error -- there is no such operation
    expect(() => createVersionedController(Article, { path: 'a', operations: ['put'] })).toThrow();
  });
});

function ArticleDtoLike(): void {
  // A class in place of an object of classes.
}
