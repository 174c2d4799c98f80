import {
  Body,
  Controller,
  Header,
  HttpCode,
  Inject,
  Injectable,
  Param,
  Patch,
  Post,
  Put,
  Res,
} from '@nestjs/common';
import {
  Column,
  DataSource,
  Entity,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  UpdateDateColumn,
  VersionColumn,
  type DeepPartial,
  type EntityManager,
} from 'typeorm';
import { afterCommit, Transactional, TransactionManager } from '@nest-transactional/core';
import {
  createVersionedController,
  Idempotent,
  IdempotencyRecord,
  Versioned,
} from '@nest-transactional/http';

@Entity()
export class Ware {
  @PrimaryColumn('uuid') id!: string;
  @Column() title!: string;
  @VersionColumn() version!: number;
  @UpdateDateColumn({ type: 'timestamptz' }) updatedAt!: Date;
}

/** Written before the ware, by the same request. */
@Entity()
export class Move {
  @PrimaryGeneratedColumn() id!: number;
  @Column() title!: string;
}

export const WAREHOUSE = [Ware, Move, IdempotencyRecord];

/** The advisory lock that slow statements and slow commits wait for. */
export const LOCK = 77;

/** What befalls a ware is told by its title; the second of two constraints is looked at by COMMIT. */
export const BEFALL = `
  CREATE SEQUENCE tries;
  CREATE FUNCTION befall() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF NEW.title LIKE 'slow-%' THEN PERFORM pg_advisory_xact_lock(${LOCK}); END IF;
    IF NEW.title ~ '^(serialization|deadlock)-once-' AND nextval('tries') > 1 THEN RETURN NEW; END IF;
    IF NEW.title LIKE 'serialization-%' THEN
      RAISE EXCEPTION 'private' USING ERRCODE = '40001', DETAIL = 'Reason code: cycle.';
    END IF;
    IF NEW.title LIKE 'deadlock-%' THEN RAISE EXCEPTION 'private' USING ERRCODE = '40P01'; END IF;
    RETURN NEW;
  END $$;
  CREATE TRIGGER befall BEFORE INSERT OR UPDATE ON ware FOR EACH ROW EXECUTE FUNCTION befall();

  CREATE FUNCTION befall_commit() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF NEW.title LIKE 'late-%' THEN PERFORM pg_advisory_xact_lock(${LOCK}); END IF;
    IF NEW.title LIKE 'doomed-once-%' AND nextval('tries') > 1 THEN RETURN NULL; END IF;
    IF NEW.title LIKE 'doomed-%' THEN
      RAISE EXCEPTION 'private' USING ERRCODE = '40001', DETAIL = 'Reason code: cycle.';
    END IF;
    IF NEW.title LIKE 'refused-%' THEN
      RAISE EXCEPTION 'private' USING ERRCODE = '23505', TABLE = 'ware', CONSTRAINT = 'ware_title_key';
    END IF;
    RETURN NULL;
  END $$;
  CREATE CONSTRAINT TRIGGER befall_commit AFTER INSERT OR UPDATE ON ware DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION befall_commit();
`;

/** Where a request is when a test strikes. */
@Injectable()
export class Halfway {
  /** Called between the two statements that write. */
  meet: (em: EntityManager) => Promise<unknown> = () => Promise.resolve();
}

@Injectable()
export class Store {
  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: TransactionManager,
    private readonly halfway: Halfway,
  ) {}

  /** The first of two writes. */
  async move(title: string): Promise<void> {
    if (title.startsWith('unheard-')) afterCommit(fail);
    await this.dataSource.getRepository(Move).insert({ title });
    await this.halfway.meet(this.transactions.entityManager());
  }

  @Transactional()
  async rename(id: string, title: string): Promise<Ware> {
    const wares = this.dataSource.getRepository(Ware);
    const ware = await wares.findOneByOrFail({ id });
    await this.move(title);
    return await wares.save(Object.assign(ware, { title }));
  }

  @Transactional()
  async bring(id: string, title: string): Promise<Ware> {
    await this.move(title);
    const wares = this.dataSource.getRepository(Ware);
    await wares.insert({ id, title });
    return await wares.findOneByOrFail({ id });
  }
}

function fail(): never {
  throw new Error('private: the mail server is away');
}

interface Wish {
  readonly id: string;
  readonly title: string;
}

type Passthrough = { status(code: number): unknown };

@Controller('versioned')
export class VersionedWares {
  constructor(private readonly store: Store) {}

  @Patch(':id')
  @Versioned(Ware)
  rename(@Param('id') id: string, @Body() { title }: Wish): Promise<Ware> {
    return this.store.rename(id, title);
  }

  @Put(':id')
  @Versioned(Ware)
  @Header('Location', '/versioned/new')
  async bring(
    @Param('id') id: string,
    @Body() { title }: Wish,
    @Res({ passthrough: true }) response: Passthrough,
  ): Promise<Ware> {
    response.status(201);
    return await this.store.bring(id, title);
  }
}

@Controller('idempotent')
export class IdempotentWares {
  constructor(private readonly store: Store) {}

  @Patch(':id')
  @Idempotent()
  @Versioned(Ware)
  rename(@Param('id') id: string, @Body() { title }: Wish): Promise<Ware> {
    return this.store.rename(id, title);
  }

  @Post()
  @Idempotent()
  @Header('Location', '/idempotent/new')
  @Header('ETag', '"1"')
  bring(@Body() { id, title }: Wish): Promise<Ware> {
    return this.store.bring(id, title);
  }
}

/** Its transaction is the request's, in the mode `atomic`. */
@Controller('plain')
export class PlainWares {
  constructor(
    private readonly store: Store,
    private readonly dataSource: DataSource,
  ) {}

  @Post()
  @HttpCode(201)
  @Header('Location', '/plain/new')
  @Header('ETag', '"1"')
  @Header('Last-Modified', 'Sun, 06 Nov 1994 08:49:37 GMT')
  async bring(@Body() { id, title }: Wish): Promise<object> {
    await this.store.move(title);
    return await this.dataSource.getRepository(Ware).save({ id, title });
  }
}

export class GeneratedWares extends createVersionedController(Ware, { path: 'generated' }) {
  constructor(@Inject(Store) private readonly store: Store) {
    super();
  }

  protected override async patchOne(row: Ware, values: DeepPartial<Ware>): Promise<Ware> {
    await this.store.move(values.title!);
    return await super.patchOne(row, values);
  }
}

export const COUNTERS = [VersionedWares, IdempotentWares, PlainWares, GeneratedWares];
