import { ConflictException, HttpStatus, NotFoundException } from '@nestjs/common';
import type { Product } from './product.entity.js';

export class ProductNotFoundException extends NotFoundException {
  constructor(id: string) {
    super(`There is no product ${id}.`);
  }
}

export class OutOfStockException extends ConflictException {
  constructor({ id, name, stock }: Product, quantity: number) {
    super({
      statusCode: HttpStatus.CONFLICT,
      error: 'Conflict',
      message: `Out of stock: ${quantity} of "${name}" ordered, ${stock} left.`,
      productId: id,
      left: stock,
    });
  }
}
