import { ConflictException, Injectable, NotFoundException } from '@nestjs/common';
import { Transactional } from '@nest-transactional/core';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { StockService } from '../products/stock.service.js';
import type { OrderLineDto } from './order-line.dto.js';
import { Order } from './order.entity.js';
import type { PlaceOrderDto } from './place-order.dto.js';

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
      relations: { lines: true },
      order: { lines: { createdAt: 'ASC', productId: 'ASC' } },
    });
    if (!order) throw new NotFoundException(`There is no order ${id}.`);
    return order;
  }

  async getOpen(id: string): Promise<Order> {
    const order = await this.get(id);
    if (order.status !== 'placed') throw new ConflictException(`Order ${id} is cancelled already.`);
    return order;
  }

  /** Starts over when another order has taken from the same stock meanwhile. */
  @Transactional({ retry: 5 })
  async place({ customer, lines: wanted }: PlaceOrderDto): Promise<Order> {
    const lines = [];
    for (const { productId, quantity } of onePerProduct(wanted).toSorted(byProduct)) {
      const product = await this.stock.take(productId, quantity);
      lines.push({ productId, productName: product.name, quantity, unitPriceCents: product.priceCents });
    }
    const totalCents = lines.reduce((sum, line) => sum + line.quantity * line.unitPriceCents, 0);
    const order = await this.orders.save(
      this.orders.create({ customer, status: 'placed', totalCents, lines }),
    );
    await this.audit.record('order.placed', 'Order', order.id);
    return order;
  }

  /** Of two that cancel at once, one starts over, finds no open order any more and returns nothing to the stock. */
  @Transactional({ retry: 5 })
  async cancel(id: string): Promise<Order> {
    const order = await this.getOpen(id);
    for (const { productId, quantity } of order.lines.toSorted(byProduct)) {
      await this.stock.putBack(productId, quantity);
    }
    order.status = 'cancelled';
    await this.orders.save(order);
    await this.audit.record('order.cancelled', 'Order', id);
    return order;
  }
}

function onePerProduct(lines: OrderLineDto[]): OrderLineDto[] {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of lines) {
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  }
  return [...quantities].map(([productId, quantity]) => ({ productId, quantity }));
}

/** Who reads and writes in one and the same sequence (products by their ids, then the order) does not deadlock. */
function byProduct(one: { productId: string }, other: { productId: string }): number {
  return one.productId < other.productId ? -1 : 1;
}
