// Products as this project serves them: the service knows nothing of tags.
import 'reflect-metadata';
import { Transactional, TransactionalModule } from '@nest-transactional/core';
import { HttpVersioningModule, Versioned } from '@nest-transactional/http';
import {
  Body,
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  NotFoundException,
  Param,
  ParseIntPipe,
  Patch,
} from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { dataSourceOptions, Product } from '../entities.mjs';
import { decorate } from './decorate.mjs';

class ProductsService {
  /** @param {import('typeorm').DataSource} dataSource */
  constructor(dataSource) {
    this.products = dataSource.getRepository(Product);
  }

  /** @param {number} id */
  async read(id) {
    const product = await this.products.findOneBy({ id });
    if (product === null) throw new NotFoundException();
    return product;
  }

  /**
   * @param {number} id
   * @param {{ stock: number }} changes
   */
  async change(id, { stock }) {
    const product = await this.read(id);
    return await this.products.save(Object.assign(product, { stock }));
  }
}

class ProductsController {
  /** @param {ProductsService} products */
  constructor(products) {
    this.products = products;
  }

  /** @param {number} id */
  read(id) {
    return this.products.read(id);
  }

  /**
   * @param {number} id
   * @param {{ stock: number }} changes
   */
  change(id, changes) {
    return this.products.change(id, changes);
  }
}

/** Where the handler is not asked for what has not changed. */
class QuickProductsController {
  /** @param {ProductsService} products */
  constructor(products) {
    this.products = products;
  }

  /** @param {number} id */
  read(id) {
    return this.products.read(id);
  }
}

decorate(ProductsService, {
  itself: [Injectable()],
  injected: [Inject(getDataSourceToken())],
  methods: { change: { does: [Transactional()] } },
});
decorate(ProductsController, {
  itself: [Controller('products'), Versioned(Product)],
  injected: [Inject(ProductsService)],
  methods: {
    read: { does: [Get(':id')], takes: [Param('id', ParseIntPipe)] },
    change: { does: [Patch(':id')], takes: [Param('id', ParseIntPipe), Body()] },
  },
});
decorate(QuickProductsController, {
  itself: [Controller('quick-products'), Versioned(Product, { revalidate: 'version' })],
  injected: [Inject(ProductsService)],
  methods: { read: { does: [Get(':id')], takes: [Param('id', ParseIntPipe)] } },
});

/**
 * @param {import('../contestant.mjs').Target} target
 * @returns {new () => object} the application's module
 */
export function applicationOn(target) {
  class Application {}
  Module({
    imports: [
      TypeOrmModule.forRoot(dataSourceOptions(target)),
      TransactionalModule.forRoot(),
      HttpVersioningModule.forRoot(),
    ],
    controllers: [ProductsController, QuickProductsController],
    providers: [ProductsService],
  })(Application);
  return Application;
}
