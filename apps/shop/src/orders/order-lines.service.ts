import { ConflictException, Injectable, NotFoundException } from '@nestjs/common';
import { expectVersion, Transactional } from '@nest-transactional/core';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { StockService } from '../products/stock.service.js';
import type { OrderLineDto } from './order-line.dto.js';
import { OrderLine } from './order-line.entity.js';
import { Order } from './order.entity.js';
import { OrdersService } from './orders.service.js';

const MOST_LINES = 100;

/**
 * Changes the lines of orders that are open. What holds for an order as a whole (its total, that it has a line) stays true
 * although many change its lines at once: every line that is written raises the version of the order, and who has read an
 * older one starts over.
 */
@Injectable()
export class OrderLinesService {
  constructor(
    @InjectRepository(Order) private readonly repository: Repository<Order>,
    @InjectRepository(OrderLine) private readonly lines: Repository<OrderLine>,
    private readonly orders: OrdersService,
    private readonly stock: StockService,
    private readonly audit: AuditService,
  ) {}

  /** Adds the line if the order has none of this product yet, at the price of the day. */
  @Transactional({ retry: 5 })
  async set(id: string, productId: string, { quantity, version }: OrderLineDto): Promise<Order> {
    if (version) expectVersion(Order, id, version);
    const order = await this.orders.getOpen(id);
    const line = lineOf(order, productId) ?? this.lines.create({ orderId: id, productId, quantity: 0 });
    const more = quantity - line.quantity;
    if (more === 0) return order;
    line.product = await this.stock.take(productId, more);
    line.unitPriceCents ??= line.product.priceCents;
    order.totalCents += more * line.unitPriceCents;
    // Before its lines: of two that add the same line at once, one is refused here and starts over.
    await this.repository.save(order);
    await this.lines.save(Object.assign(line, { quantity }));
    order.lines = [...new Set([...order.lines, line])];
    if (order.lines.length > MOST_LINES)
      throw new ConflictException(`An order has ${MOST_LINES} lines at most.`);
    await this.audit.record('order.changed', 'Order', id);
    return order;
  }

  @Transactional({ retry: 5 })
  async remove(id: string, productId: string, version?: number): Promise<Order> {
    if (version) expectVersion(Order, id, version);
    const order = await this.orders.getOpen(id);
    const line = lineOf(order, productId);
    if (!line) throw new NotFoundException(`Order ${id} has no line of product ${productId}.`);
    if (order.lines.length === 1)
      throw new ConflictException('The last line stays; cancel the order instead.');
    await this.stock.putBack(productId, line.quantity);
    order.totalCents -= line.quantity * line.unitPriceCents;
    await this.repository.save(order);
    await this.lines.remove(line);
    order.lines = order.lines.filter((other) => other !== line);
    await this.audit.record('order.changed', 'Order', id);
    return order;
  }
}

function lineOf({ lines }: Order, productId: string): OrderLine | undefined {
  return lines.find((line) => line.productId === productId);
}
