import { Body, Controller, Get, HttpCode, HttpStatus, Param, ParseUUIDPipe, Post, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Idempotent, Versioned } from '@nest-transactional/http';
import { Fails, OTHER_VERSION } from '../documentation/fails.decorator.js';
import {
  CONTENT_LOCATION,
  LOCATION,
  NeedsIdempotencyKey,
  NeedsIfMatch,
  REPLAYED,
  Revalidates,
  VALIDATORS,
} from '../documentation/headers.js';
import { Order } from './order.entity.js';
import { OrdersService } from './orders.service.js';
import { PlaceOrderDto } from './place-order.dto.js';
import { addressOf, type ResponseWithHeaders, showOrder } from './representation.js';

@ApiTags('orders')
@Controller('orders')
export class OrdersController {
  constructor(private readonly orders: OrdersService) {}

  @Post()
  @Idempotent()
  @Versioned(Order)
  @ApiOperation({ summary: 'Place an order: all of it or nothing, and once however often it is sent' })
  @NeedsIdempotencyKey()
  @ApiCreatedResponse({
    type: Order,
    headers: { ...VALIDATORS, ...LOCATION, ...CONTENT_LOCATION, ...REPLAYED },
  })
  @Fails({
    400: 'The body is not a valid order, or there is no Idempotency-Key',
    404: 'No such product',
    409: 'A product is out of stock, or a request with this key is under way',
    422: 'The key was used for another request',
  })
  async place(
    @Body() body: PlaceOrderDto,
    @Res({ passthrough: true }) response: ResponseWithHeaders,
  ): Promise<Order> {
    const order = await this.orders.place(body);
    response.header('Location', addressOf(order));
    return showOrder(order, response);
  }

  @Get(':id')
  @Versioned(Order)
  @ApiOperation({ summary: 'Get an order with its lines' })
  @Revalidates()
  @ApiOkResponse({ type: Order, headers: VALIDATORS })
  @Fails({ 400: 'The id is not a UUID', 404: 'No such order', 412: OTHER_VERSION })
  get(@Param('id', ParseUUIDPipe) id: string): Promise<Order> {
    return this.orders.get(id);
  }

  @Post(':id/cancel')
  @HttpCode(HttpStatus.OK)
  @Versioned(Order, { requirePrecondition: true })
  @ApiOperation({ summary: 'Cancel an order and put its pieces back into stock' })
  @NeedsIfMatch()
  @ApiOkResponse({ type: Order, headers: { ...VALIDATORS, ...CONTENT_LOCATION } })
  @Fails({
    400: 'The id is not a UUID, or If-Match is malformed',
    404: 'No such order',
    409: 'The order is cancelled already',
    412: 'The order has been changed since the version that you have seen',
    428: 'If-Match is missing',
  })
  async cancel(
    @Param('id', ParseUUIDPipe) id: string,
    @Res({ passthrough: true }) response: ResponseWithHeaders,
  ): Promise<Order> {
    return showOrder(await this.orders.cancel(id), response);
  }
}
