import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Transactional } from '@nest-transactional/core';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Product } from '../products/product.entity.js';
import { catalogue } from './catalogue.js';

@Injectable()
export class CatalogueSeeder implements OnModuleInit {
  private readonly logger = new Logger('Catalogue');

  constructor(@InjectRepository(Product) private readonly products: Repository<Product>) {}

  async onModuleInit(): Promise<void> {
    const seeded = await this.seedWhenEmpty();
    if (seeded > 0) this.logger.log(`Seeded ${seeded} products.`);
  }

  @Transactional()
  async seedWhenEmpty(): Promise<number> {
    if (await this.products.exists()) return 0;
    // Two processes may both have found the table empty; then the second one's products are ignored.
    const { raw } = await this.products
      .createQueryBuilder()
      .insert()
      .values(catalogue())
      .orIgnore()
      .returning('id')
      .execute();
    return raw.length;
  }
}
