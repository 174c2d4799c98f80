// Products as one serves them by hand: the tag is compared with what was read. Two who read at the same time can both
// pass; the lock that forbids it would only cost more.
import 'reflect-metadata';
import {
  Body,
  Controller,
  Get,
  Headers,
  Inject,
  Injectable,
  Module,
  NotFoundException,
  Param,
  ParseIntPipe,
  Patch,
  PreconditionFailedException,
  Res,
} from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { dataSourceOptions, Product } from '../entities.mjs';
import { decorate } from './decorate.mjs';

/** @typedef {import('typeorm').DataSource} DataSource */

class ProductsService {
  /** @param {DataSource} dataSource */
  constructor(dataSource) {
    this.dataSource = dataSource;
  }

  /** @param {number} id */
  async read(id) {
    const product = await this.dataSource.getRepository(Product).findOneBy({ id });
    if (product === null) throw new NotFoundException();
    return product;
  }

  /**
   * @param {number} id
   * @param {{ stock: number }} changes
   * @param {string | undefined} ifMatch
   */
  async change(id, { stock }, ifMatch) {
    return await this.dataSource.transaction(async (manager) => {
      const product = await manager.findOneBy(Product, { id });
      if (product === null) throw new NotFoundException();
      if (ifMatch !== undefined && ifMatch !== tagOf(product)) throw new PreconditionFailedException();
      return await manager.save(Object.assign(product, { stock }));
    });
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
   * @param {string | undefined} ifMatch
   * @param {{ header(name: string, value: string): unknown }} response
   */
  async change(id, changes, ifMatch, response) {
    const product = await this.products.change(id, changes, ifMatch);
    response.header('ETag', tagOf(product));
    return product;
  }
}

/** @param {Product} product */
function tagOf({ version }) {
  return `"${version}"`;
}

decorate(ProductsService, { itself: [Injectable()], injected: [Inject(getDataSourceToken())] });
decorate(ProductsController, {
  // It has no tag that a client could ask with, so both ways of asking get the same.
  itself: [Controller(['products', 'quick-products'])],
  injected: [Inject(ProductsService)],
  methods: {
    read: { does: [Get(':id')], takes: [Param('id', ParseIntPipe)] },
    change: {
      does: [Patch(':id')],
      takes: [Param('id', ParseIntPipe), Body(), Headers('if-match'), Res({ passthrough: true })],
    },
  },
});

/**
 * @param {import('../contestant.mjs').Target} target
 * @returns {new () => object} the application's module
 */
export function applicationOn(target) {
  class Application {}
  Module({
    imports: [TypeOrmModule.forRoot(dataSourceOptions(target))],
    controllers: [ProductsController],
    providers: [ProductsService],
  })(Application);
  return Application;
}
