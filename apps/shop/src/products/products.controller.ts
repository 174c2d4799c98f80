import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  HttpStatus,
  Param,
  ParseUUIDPipe,
  Patch,
  Post,
  Put,
  Query,
  Res,
} from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { Fails } from '../documentation/fails.decorator.js';
import type { ResponseWithHeaders } from '../http/response-with-headers.js';
import { ProductListDto, ProductQueryDto } from './product-list.dto.js';
import { ProductDto, ProductPatchDto, ProductReplacementDto } from './product.dto.js';
import { Product } from './product.entity.js';
import { ProductsService } from './products.service.js';

@ApiTags('products')
@Controller('products')
export class ProductsController {
  constructor(private readonly products: ProductsService) {}

  @Get()
  @ApiOperation({ summary: 'List products by name, a page at a time' })
  @ApiOkResponse({ type: ProductListDto })
  @Fails({ 400: 'A query parameter is malformed or out of bounds' })
  list(@Query() query: ProductQueryDto): Promise<ProductListDto> {
    return this.products.list(query);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Get a product' })
  @ApiOkResponse({ type: Product })
  @Fails({ 400: 'The id is not a UUID', 404: 'No such product' })
  get(@Param('id', ParseUUIDPipe) id: string): Promise<Product> {
    return this.products.get(id);
  }

  @Post()
  @ApiOperation({ summary: 'Add a product' })
  @ApiCreatedResponse({ type: Product, headers: { Location: { schema: { type: 'string' } } } })
  @Fails({ 400: 'The body is not a valid product', 409: 'Another product has this SKU' })
  async create(
    @Body() details: ProductDto,
    @Res({ passthrough: true }) response: ResponseWithHeaders,
  ): Promise<Product> {
    const product = await this.products.create(details);
    response.header('Location', `/products/${product.id}`);
    return product;
  }

  @Put(':id')
  @ApiOperation({ summary: 'Replace a product' })
  @ApiOkResponse({ type: Product })
  @Fails({
    400: 'The id or the body is not valid',
    404: 'No such product',
    409: 'The product has been changed since the version that you have seen, or another one has this SKU',
  })
  replace(@Param('id', ParseUUIDPipe) id: string, @Body() details: ProductReplacementDto): Promise<Product> {
    return this.products.replace(id, details);
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change parts of a product' })
  @ApiOkResponse({ type: Product })
  @Fails({
    400: 'The id or the body is not valid',
    404: 'No such product',
    409: 'The product has been changed since the version that you have seen, or another one has this SKU',
  })
  change(@Param('id', ParseUUIDPipe) id: string, @Body() changes: ProductPatchDto): Promise<Product> {
    return this.products.change(id, changes);
  }

  @Delete(':id')
  @HttpCode(HttpStatus.NO_CONTENT)
  @ApiOperation({ summary: 'Delete a product that nobody has ordered' })
  @ApiNoContentResponse()
  @Fails({ 400: 'The id is not a UUID', 404: 'No such product', 409: 'The product has been ordered' })
  remove(@Param('id', ParseUUIDPipe) id: string): Promise<void> {
    return this.products.remove(id);
  }
}
