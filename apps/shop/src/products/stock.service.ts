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
    const product = await this.products.findOneBy({ id: productId });
    if (!product) throw new ProductNotFoundException(productId);
    if (product.stock < quantity) throw new OutOfStockException(product, quantity);
    product.stock -= quantity;
    // Refused if the product has been changed since it was read: two customers cannot both get the last piece.
    return this.products.save(product);
  }

  @Transactional()
  async putBack(productId: string, quantity: number): Promise<Product> {
    return this.take(productId, -quantity);
  }
}
