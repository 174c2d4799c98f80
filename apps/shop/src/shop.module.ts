import { type DynamicModule, Module } from '@nestjs/common';
import { TransactionalModule } from '@nest-transactional/core';
import { HttpVersioningModule, IdempotencyRecord } from '@nest-transactional/http';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CatalogueModule } from './catalogue/catalogue.module.js';
import { connectAndMigrate, databaseOptions } from './database/database.js';
import { HealthController } from './health/health.controller.js';
import { OrdersModule } from './orders/orders.module.js';
import { PageController } from './page/page.controller.js';
import { ProductsModule } from './products/products.module.js';

@Module({})
export class ShopModule {
  static connectedTo(databaseUrl: string): DynamicModule {
    return {
      module: ShopModule,
      imports: [
        TypeOrmModule.forRootAsync({
          useFactory: () => databaseOptions(databaseUrl),
          dataSourceFactory: connectAndMigrate,
        }),
        TypeOrmModule.forFeature([IdempotencyRecord]),
        TransactionalModule.forRoot({}),
        HttpVersioningModule.forRoot({
          requirePrecondition: true,
          problemDetails: { typeBase: '/errors/' },
          idempotency: { cleanUpEveryMs: 60 * 60 * 1000 },
        }),
        CatalogueModule,
        ProductsModule,
        OrdersModule,
      ],
      controllers: [HealthController, PageController],
    };
  }
}
