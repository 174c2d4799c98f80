import { ConflictException, Injectable, NotFoundException } from '@nestjs/common';
import { Transactional } from '@nest-transactional/core';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { StockService } from '../products/stock.service.js';
import { Order } from './order.entity.js';
import type { PlaceOrderDto, PlaceOrderLineDto } from './place-order.dto.js';

@Injectable()
export class OrdersService {
  constructor(
    @InjectRepository(Order) private readonly orders: Repository<Order>,
    private readonly stock: StockService,
    private readonly audit: AuditService,
  ) {}

  async get(id: string): Promise<Order> {
    const order = await this.orders.findOne({
      where: { id },
      relations: { lines: { product: true } },
      order: { lines: { productId: 'ASC' } },
    });
    if (!order) throw new NotFoundException(`There is no order ${id}.`);
    return order;
  }

  @Transactional()
  async place({ customer, lines: wanted }: PlaceOrderDto): Promise<Order> {
    const lines = [];
    for (const { productId, quantity } of onePerProduct(wanted)) {
      const product = await this.stock.take(productId, quantity);
      lines.push({ product, quantity, unitPriceCents: product.priceCents });
    }
    const totalCents = lines.reduce((sum, line) => sum + line.quantity * line.unitPriceCents, 0);
    const order = await this.orders.save(
      this.orders.create({ customer, status: 'placed', totalCents, lines }),
    );
    await this.audit.record('order.placed', 'Order', order.id);
    return order;
  }

  @Transactional()
  async cancel(id: string): Promise<Order> {
    const { lines } = await this.get(id);
    // Of two that cancel at once, the second finds no placed order any more and returns nothing to the stock.
    const { affected } = await this.orders.update({ id, status: 'placed' }, { status: 'cancelled' });
    if (!affected) throw new ConflictException(`Order ${id} is cancelled already.`);
    for (const { productId, quantity } of lines) await this.stock.putBack(productId, quantity);
    await this.audit.record('order.cancelled', 'Order', id);
    return this.get(id);
  }
}

/**
 * Merges the lines of the same product and sorts them by its id:
 * orders that lock products in one and the same sequence cannot deadlock.
 */
function onePerProduct(lines: PlaceOrderLineDto[]): PlaceOrderLineDto[] {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of lines) {
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  }
  return [...quantities]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([productId, quantity]) => ({ productId, quantity }));
}
