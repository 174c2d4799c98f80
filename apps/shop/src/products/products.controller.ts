import { Controller } from '@nestjs/common';
import { createVersionedController } from '@nest-transactional/http';
import type { DeepPartial } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { ProductDto } from './product.dto.js';
import { Product } from './product.entity.js';

/** The products as a versioned resource. What this adds is an entry in the audit for every change, in its transaction. */
@Controller('products')
export class ProductsController extends createVersionedController(Product, {
  path: 'products',
  dto: { create: ProductDto },
  sort: { allowed: ['name', 'sku', 'priceCents', 'stock', 'createdAt', 'updatedAt'], default: ['name'] },
  filter: { category: ['eq'] },
  search: ['name', 'sku'],
  requirePrecondition: true,
  retry: 5,
}) {
  constructor(private readonly audit: AuditService) {
    super();
  }

  protected override async createOne(values: DeepPartial<Product>, id?: unknown): Promise<Product> {
    const product = await super.createOne(values, id);
    await this.audit.record('product.created', 'Product', product.id);
    return product;
  }

  protected override async replaceOne(row: Product, values: DeepPartial<Product>): Promise<Product> {
    const product = await super.replaceOne(row, values);
    await this.audit.record('product.changed', 'Product', product.id);
    return product;
  }

  protected override async patchOne(row: Product, values: DeepPartial<Product>): Promise<Product> {
    const product = await super.patchOne(row, values);
    await this.audit.record('product.changed', 'Product', product.id);
    return product;
  }

  protected override async removeOne(row: Product): Promise<void> {
    const { id } = row;
    await super.removeOne(row);
    await this.audit.record('product.deleted', 'Product', id);
  }
}
