import { Injectable } from '@nestjs/common';
import { TransactionManager, Transactional } from '@nest-transactional/core';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { AuditEntry } from './audit-entry.entity.js';

@Injectable()
export class AuditService {
  constructor(
    @InjectRepository(AuditEntry) private readonly entries: Repository<AuditEntry>,
    private readonly transactions: TransactionManager,
  ) {}

  /** Joins the caller's transaction: there is an entry if, and only if, what it tells has happened. */
  @Transactional()
  async record(action: string, entity: string, entityId: string): Promise<void> {
    const requestId = this.transactions.current?.requestId ?? null;
    await this.entries.insert({ action, entity, entityId, requestId });
  }
}
