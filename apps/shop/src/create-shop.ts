import { type INestApplication, type LoggerService, type LogLevel, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { serveDocumentation } from './documentation/serve-documentation.js';
import { ShopLogger } from './shop.logger.js';
import { ShopModule } from './shop.module.js';

export interface ShopOptions {
  /** `postgres://user:password@host:port/database` */
  databaseUrl: string;
  /** @defaultValue 'express' */
  platform?: 'express' | 'fastify';
  logger?: LoggerService | LogLevel[] | false;
}

/** The shop, initialised but not listening: migrated, seeded, ready for requests. */
export async function createShop(options: ShopOptions): Promise<INestApplication> {
  const app = await NestFactory.create(
    ShopModule.connectedTo(options.databaseUrl),
    adapterOf(options),
    // The caller decides what a failed start means; Nest would abort the process.
    { logger: options.logger ?? new ShopLogger(), abortOnError: false },
  );
  app.useGlobalPipes(new ValidationPipe({ transform: true, whitelist: true, forbidNonWhitelisted: true }));
  serveDocumentation(app);
  return initialised(app);
}

async function initialised(app: INestApplication): Promise<INestApplication> {
  try {
    return await app.init();
  } catch (error) {
    await app.close();
    throw error;
  }
}

function adapterOf({ platform }: ShopOptions): ExpressAdapter | FastifyAdapter {
  if (platform !== 'fastify') return new ExpressAdapter();
  // As on Express, `/docs/` is `/docs`.
  return new FastifyAdapter({ routerOptions: { ignoreTrailingSlash: true } });
}
