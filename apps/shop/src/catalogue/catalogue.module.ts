import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Product } from '../products/product.entity.js';
import { CatalogueSeeder } from './catalogue-seeder.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([Product])],
  providers: [CatalogueSeeder],
})
export class CatalogueModule {}
