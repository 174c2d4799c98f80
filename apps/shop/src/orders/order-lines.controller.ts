import { Body, Controller, Delete, Get, Param, ParseUUIDPipe, Patch, Post, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Versioned } from '@nest-transactional/http';
import { Fails, OTHER_VERSION } from '../documentation/fails.decorator.js';
import {
  CONTENT_LOCATION,
  LOCATION,
  NeedsIfMatch,
  Revalidates,
  VALIDATORS,
} from '../documentation/headers.js';
import { OrderLineDto, QuantityDto } from './order-line.dto.js';
import { OrderLine } from './order-line.entity.js';
import { OrderLinesService } from './order-lines.service.js';
import { Order } from './order.entity.js';
import { addressOf, type ResponseWithHeaders, showOrder } from './representation.js';

/** The order in the path is the root of its lines: what is shown and compared is its version. */
const OF_THE_ORDER = { by: 'root' } as const;
const REFUSALS = {
  400: 'An id, If-Match or the body is not valid',
  412: 'The order, be it another line, has been changed since the version that you have seen',
  428: 'If-Match is missing',
};

/** The lines of an order have its entity tag, and every change of one is answered with the order as it is then. */
@ApiTags('orders')
@Controller('orders/:id/lines')
export class OrderLinesController {
  constructor(private readonly lines: OrderLinesService) {}

  @Post()
  @Versioned(Order, { ...OF_THE_ORDER, requirePrecondition: true })
  @ApiOperation({ summary: 'Add a line to an order, at the price of the day' })
  @NeedsIfMatch()
  @ApiCreatedResponse({ type: Order, headers: { ...VALIDATORS, ...LOCATION, ...CONTENT_LOCATION } })
  @Fails({
    ...REFUSALS,
    404: 'No such order or product',
    409: 'The order is cancelled, is full or has a line of this product, or the stock does not suffice',
  })
  async add(
    @Param('id', ParseUUIDPipe) id: string,
    @Body() body: OrderLineDto,
    @Res({ passthrough: true }) response: ResponseWithHeaders,
  ): Promise<Order> {
    const order = await this.lines.add(id, body);
    response.header('Location', `${addressOf(order)}/lines/${order.lines.at(-1)!.id}`);
    return showOrder(order, response);
  }

  @Get(':lineId')
  @Versioned(OrderLine, { ...OF_THE_ORDER, id: 'params.lineId' })
  @ApiOperation({ summary: 'Get a line of an order' })
  @Revalidates()
  @ApiOkResponse({ type: OrderLine, headers: VALIDATORS })
  @Fails({ 400: 'An id is not a UUID', 404: 'No such order, or no such line', 412: OTHER_VERSION })
  get(
    @Param('id', ParseUUIDPipe) id: string,
    @Param('lineId', ParseUUIDPipe) lineId: string,
  ): Promise<OrderLine> {
    return this.lines.get(id, lineId);
  }

  @Patch(':lineId')
  @Versioned(Order, OF_THE_ORDER)
  @ApiOperation({ summary: 'Change how many pieces a line has' })
  @NeedsIfMatch()
  @ApiOkResponse({ type: Order, headers: { ...VALIDATORS, ...CONTENT_LOCATION } })
  @Fails({
    ...REFUSALS,
    404: 'No such order, or no such line',
    409: 'The order is cancelled, or the stock does not suffice',
  })
  async setQuantity(
    @Param('id', ParseUUIDPipe) id: string,
    @Param('lineId', ParseUUIDPipe) lineId: string,
    @Body() { quantity }: QuantityDto,
    @Res({ passthrough: true }) response: ResponseWithHeaders,
  ): Promise<Order> {
    return showOrder(await this.lines.setQuantity(id, lineId.toLowerCase(), quantity), response);
  }

  @Delete(':lineId')
  @Versioned(Order, OF_THE_ORDER)
  @ApiOperation({ summary: 'Take a line off an order and put its pieces back into stock' })
  @NeedsIfMatch()
  @ApiOkResponse({ type: Order, headers: { ...VALIDATORS, ...CONTENT_LOCATION } })
  @Fails({
    ...REFUSALS,
    404: 'No such order, or no such line',
    409: 'The order is cancelled, or this is its last line',
  })
  async remove(
    @Param('id', ParseUUIDPipe) id: string,
    @Param('lineId', ParseUUIDPipe) lineId: string,
    @Res({ passthrough: true }) response: ResponseWithHeaders,
  ): Promise<Order> {
    return showOrder(await this.lines.remove(id, lineId.toLowerCase()), response);
  }
}
