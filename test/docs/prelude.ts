import { DataSource, EntityManager, Repository } from 'typeorm';
import { TransactionManager } from '@nest-transactional/core';

// What the examples in the documentation talk about. Nothing of it runs: the examples are only type-checked.

export declare class Order {
  id: string;
  customer: string;
  status: 'placed' | 'paid' | 'cancelled';
  totalCents: number;
}

export declare class Product {
  id: string;
  name: string;
  stock: number;
  version: number;
  deletedAt: Date | null;
}

export declare class Invoice {
  id: number;
  customer: string;
  paid: boolean;
  version: number;
  items: InvoiceItem[];
}

export declare class InvoiceItem {
  id: number;
  text: string;
  cents: number;
  invoice: Invoice;
}

export declare class AuditEntry {
  id: string;
  action: string;
}

export declare class Mail {
  confirm(order: Order): Promise<void>;
}

export declare class Payments {
  charge(order: Order): Promise<string>;
}

export declare const url: string;
export declare const id: string;
export declare const order: Order;
export declare const product: Product;
export declare const dataSource: DataSource;
export declare const manager: EntityManager;
export declare const transactions: TransactionManager;
export declare const orders: Repository<Order>;
export declare const products: Repository<Product>;
export declare const invoices: Repository<Invoice>;
export declare const items: Repository<InvoiceItem>;
export declare const audit: Repository<AuditEntry>;
export declare const mail: Mail;
export declare const payments: Payments;
