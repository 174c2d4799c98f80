import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { TransactionalModule } from '@nest-transactional/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CatalogueModule } from './catalogue/catalogue.module.js';
import { ConflictFilter } from './database/conflict.filter.js';
import { ConstraintViolationFilter } from './database/constraint-violation.filter.js';
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
        TransactionalModule.forRoot({}),
        CatalogueModule,
        ProductsModule,
        OrdersModule,
      ],
      controllers: [HealthController, PageController],
      providers: [
        { provide: APP_FILTER, useClass: ConstraintViolationFilter },
        { provide: APP_FILTER, useClass: ConflictFilter },
      ],
    };
  }
}
