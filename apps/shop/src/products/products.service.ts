import { Injectable } from '@nestjs/common';
import { Transactional } from '@nest-transactional/core';
import { InjectRepository } from '@nestjs/typeorm';
import { type FindOptionsWhere, ILike, Repository } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import type { ProductListDto, ProductQueryDto } from './product-list.dto.js';
import type { ProductDto, ProductPatchDto } from './product.dto.js';
import { Product } from './product.entity.js';
import { ProductNotFoundException } from './product.exceptions.js';

@Injectable()
export class ProductsService {
  constructor(
    @InjectRepository(Product) private readonly products: Repository<Product>,
    private readonly audit: AuditService,
  ) {}

  async list({ page, limit, ...filter }: ProductQueryDto): Promise<ProductListDto> {
    const [items, total] = await this.products.findAndCount({
      where: matching(filter),
      order: { name: 'ASC', id: 'ASC' },
      skip: (page - 1) * limit,
      take: limit,
    });
    return { items, page, limit, total };
  }

  async get(id: string): Promise<Product> {
    const product = await this.products.findOneBy({ id });
    if (!product) throw new ProductNotFoundException(id);
    return product;
  }

  @Transactional()
  async create(details: ProductDto): Promise<Product> {
    const product = await this.products.save(this.products.create(details));
    await this.audit.record('product.created', 'Product', product.id);
    return product;
  }

  /** Replaces every part that the owner writes; what the body leaves out becomes empty. */
  @Transactional()
  async replace(id: string, details: ProductDto): Promise<Product> {
    const { description = '', category = 'other' } = details;
    return this.change(id, Object.assign(details, { description, category }));
  }

  @Transactional()
  async change(id: string, changes: ProductPatchDto): Promise<Product> {
    // Orders take stock from the same row. Whoever read it unlocked would write an old stock back.
    const product = await this.products.findOne({ where: { id }, lock: { mode: 'for_no_key_update' } });
    if (!product) throw new ProductNotFoundException(id);
    await this.products.save(Object.assign(product, changes));
    await this.audit.record('product.changed', 'Product', id);
    return product;
  }

  @Transactional()
  async remove(id: string): Promise<void> {
    const { affected } = await this.products.delete({ id });
    if (!affected) throw new ProductNotFoundException(id);
    await this.audit.record('product.deleted', 'Product', id);
  }
}

function matching({ search, category }: Pick<ProductQueryDto, 'search' | 'category'>) {
  const inCategory: FindOptionsWhere<Product> = category ? { category } : {};
  if (!search) return inCategory;
  // LIKE has wildcards; what the customer types has none.
  const pattern = ILike(`%${search.replace(/[\\%_]/g, '\\$&')}%`);
  return [
    { ...inCategory, name: pattern },
    { ...inCategory, sku: pattern },
  ];
}
