import 'reflect-metadata';
import {
  Body,
  ClassSerializerInterceptor,
  ConflictException,
  Controller,
  Header,
  HttpCode,
  Injectable,
  Param,
  Post,
  Res,
  ValidationPipe,
  type INestApplication,
  type Type,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { Exclude } from 'class-transformer';
import { IsString } from 'class-validator';
import pg from 'pg';
import { Column, DataSource, Entity, PrimaryGeneratedColumn, Repository, VersionColumn } from 'typeorm';
import {
  Transactional,
  TransactionalModule,
  type TransactionalModuleOptions,
} from '@nest-transactional/core';
import {
  HttpVersioningModule,
  IdempotencyRecord,
  Idempotent,
  Versioned,
  type HttpVersioningOptions,
} from '@nest-transactional/http';
import { gate, type Gate } from '../support/gate.js';
import { listen, LogLines, type PLATFORMS } from '../transactions/application.js';
import { openObserver } from '../transactions/enlisted-database.js';
import { ask, type Answer } from './exchange.js';

@Entity()
export class Parcel {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  to!: string;

  @Exclude()
  @Column({ default: 'secret' })
  margin!: string;
}

@Entity()
export class Crate {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  to!: string;

  @VersionColumn()
  version!: number;
}

class Wish {
  @IsString()
  to!: string;

  parts?: unknown;
}

/** Where a handler stops, for the test to look around. */
export class Halt {
  reached: Gate = gate();
  resumed: Gate = gate();

  renew(): void {
    this.reached = gate();
    this.resumed = gate();
  }
}

@Injectable()
export class Parcels {
  constructor(
    @InjectRepository(Parcel) private readonly parcels: Repository<Parcel>,
    private readonly halt: Halt,
  ) {}

  @Transactional()
  async send({ to }: Wish): Promise<Parcel> {
    const parcel = await this.parcels.save(this.parcels.create({ to }));
    if (to === 'halt') {
      this.halt.reached.open();
      await this.halt.resumed.opened;
    }
    if (to === 'nobody') throw new ConflictException('Nobody lives there.');
    return parcel;
  }
}

interface Passthrough {
  status(code: number): unknown;
}

@Controller()
export class ParcelsController {
  constructor(private readonly parcels: Parcels) {}

  @Idempotent({ replayedHeaders: ['X-Carrier'] })
  @Post('parcels')
  @Header('Location', '/parcels/1')
  @Header('ETag', '"1"')
  @Header('Set-Cookie', 'session=1')
  @Header('X-Carrier', 'mule')
  @Header('X-Other', 'other')
  send(@Body() wish: Wish): Promise<Parcel> {
    return this.parcels.send(wish);
  }

  @Idempotent({ required: false })
  @Post('letters')
  async write(@Body() wish: Wish): Promise<string> {
    const { id } = await this.parcels.send(wish);
    return `letter ${id}`;
  }

  @Idempotent({ ttlMs: 60_000 })
  @Post('nothing')
  @HttpCode(204)
  async sendNothing(@Body() wish: Wish): Promise<void> {
    await this.parcels.send(wish);
  }

  @Idempotent()
  @Post('number')
  async count(@Body() wish: Wish): Promise<number> {
    return (await this.parcels.send(wish)).id;
  }

  @Idempotent()
  @Post('refused')
  async refuse(@Body() wish: Wish, @Res({ passthrough: true }) response: Passthrough): Promise<Parcel> {
    response.status(402);
    return await this.parcels.send(wish);
  }

  @Idempotent()
  @Post('binary')
  async bytes(@Body() wish: Wish): Promise<Buffer> {
    await this.parcels.send(wish);
    return Buffer.from('bytes');
  }
}

@Controller()
export class CratesController {
  constructor(private readonly dataSource: DataSource) {}

  @Idempotent()
  @Versioned(Crate)
  @Post('crates')
  async pack(@Body() { to }: Wish): Promise<Crate> {
    const crate = await this.dataSource.getRepository(Crate).save({ to });
    return await this.dataSource.getRepository(Crate).save(Object.assign(crate, { to: `${to}!` }));
  }

  @Idempotent({ isolation: 'SERIALIZABLE' })
  @Post('isolated')
  async isolated(@Body() wish: Wish): Promise<string> {
    return await this.strictly(wish);
  }

  @Idempotent()
  @Post('contradictory')
  async contradictory(@Body() wish: Wish): Promise<string> {
    return await this.strictly(wish);
  }

  @Transactional({ isolation: 'SERIALIZABLE', retry: 3 })
  async strictly({ to }: Wish): Promise<string> {
    await this.dataSource.getRepository(Crate).save({ to });
    const [{ level }] = await this.dataSource.query(
      "SELECT current_setting('transaction_isolation') AS level",
    );
    return level;
  }
}

type Asking = { headers: Record<string, string> };

@Idempotent({ scope: ({ headers }: Asking) => headers['x-caller']! })
@Controller('callers')
export class CallersController {
  constructor(private readonly parcels: Parcels) {}

  @Post(':name')
  send(@Param('name') _name: string, @Body() wish: Wish): Promise<Parcel> {
    return this.parcels.send(wish);
  }
}

export interface IdempotentParts {
  readonly platform: (typeof PLATFORMS)[number];
  readonly url: string;
  readonly poolSize?: number;
  readonly controllers?: Type[];
  readonly entities?: Type[];
  readonly transactional?: TransactionalModuleOptions;
  readonly versioning?: HttpVersioningOptions;
}

/** A shop of parcels, and somebody who looks into its tables. */
export class IdempotentApplication {
  private constructor(
    readonly application: INestApplication,
    readonly url: string,
    readonly observer: pg.Client,
    readonly log: LogLines,
  ) {}

  static async start(parts: IdempotentParts): Promise<IdempotentApplication> {
    const log = new LogLines();
    const { platform, url, controllers = [ParcelsController, CallersController, CratesController] } = parts;
    const module = await Test.createTestingModule({
      imports: [
        TypeOrmModule.forRoot({
          type: 'postgres',
          url,
          entities: parts.entities ?? [Parcel, Crate, IdempotencyRecord],
          synchronize: true,
          dropSchema: true,
          retryAttempts: 0,
          poolSize: parts.poolSize ?? 10,
        }),
        TypeOrmModule.forFeature([Parcel]),
        TransactionalModule.forRoot(parts.transactional),
        HttpVersioningModule.forRoot(parts.versioning),
      ],
      controllers,
      // Registered in the root module, it is an outer interceptor of all that come from imported ones.
      providers: [Parcels, Halt, { provide: APP_INTERCEPTOR, useClass: ClassSerializerInterceptor }],
    })
      .setLogger(log)
      .compile();
    const application =
      platform === 'fastify'
        ? module.createNestApplication(new FastifyAdapter(), { logger: log })
        : module.createNestApplication({ logger: log });
    application.useGlobalPipes(new ValidationPipe());
    try {
      return new IdempotentApplication(application, await listen(application), await openObserver(url), log);
    } catch (refusal) {
      await application.close();
      throw refusal;
    }
  }

  get halt(): Halt {
    return this.application.get(Halt);
  }

  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return ask(`${this.url}/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  }

  /** The first column of each row. */
  async rows<T = unknown>(sql: string, values: unknown[] = []): Promise<T[]> {
    const { rows } = await this.observer.query<[T]>({ text: sql, values, rowMode: 'array' });
    return rows.map(([value]) => value);
  }

  async empty(): Promise<void> {
    this.log.lines.length = 0;
    this.halt.renew();
    await this.observer.query('TRUNCATE parcel, crate, idempotency_keys RESTART IDENTITY');
  }

  async close(): Promise<void> {
    await this.application.close();
    await this.observer.end();
  }
}
