import { Injectable } from '@nestjs/common';
import { expectVersion, Transactional } from '@nest-transactional/core';
import { InjectRepository } from '@nestjs/typeorm';
import { type FindOptionsWhere, ILike, Repository } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import type { ProductListDto, ProductQueryDto } from './product-list.dto.js';
import type { ProductDto, ProductPatchDto, ProductReplacementDto } from './product.dto.js';
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
  replace(id: string, details: ProductReplacementDto): Promise<Product> {
    return this.change(id, Object.assign({ description: '', category: 'other' }, details));
  }

  /**
   * Whoever tells which version they have seen is refused if it is not the newest any more. For all others, it is enough
   * that nothing is lost: if an order takes stock while this runs, it starts over.
   */
  @Transactional({ retry: 5 })
  async change(id: string, { version, ...changes }: ProductPatchDto): Promise<Product> {
    if (version) expectVersion(Product, id, version);
    const product = await this.products.save(Object.assign(await this.get(id), changes));
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
