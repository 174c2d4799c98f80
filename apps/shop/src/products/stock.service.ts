import { Injectable } from '@nestjs/common';
import { Transactional } from '@nest-transactional/core';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Product } from './product.entity.js';
import { OutOfStockException, ProductNotFoundException } from './product.exceptions.js';

@Injectable()
export class StockService {
  constructor(@InjectRepository(Product) private readonly products: Repository<Product>) {}

  /** Takes pieces from the stock and returns the product as it is then. */
  @Transactional()
  async take(productId: string, quantity: number): Promise<Product> {
    // Check and write are one statement, so two customers cannot both get the last piece.
    // TypeORM adds `version = version + 1` itself.
    const { affected } = await this.products
      .createQueryBuilder()
      .update()
      .set({ stock: () => 'stock - :quantity' })
      .where('id = :productId AND stock >= :quantity', { productId, quantity })
      .execute();
    const product = await this.products.findOneBy({ id: productId });
    if (!product) throw new ProductNotFoundException(productId);
    if (!affected) throw new OutOfStockException(product, quantity);
    return product;
  }

  @Transactional()
  async putBack(productId: string, quantity: number): Promise<void> {
    await this.products.increment({ id: productId }, 'stock', quantity);
  }
}
