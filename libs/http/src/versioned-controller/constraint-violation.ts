import { ConflictException, type HttpException, UnprocessableEntityException } from '@nestjs/common';
import { type EntityMetadata, QueryFailedError } from 'typeorm';

/** What PostgreSQL tells of a refused statement. Its message and its detail show values, so they are never shown. */
interface DriverError {
  readonly code?: string;
  readonly table?: string;
  readonly column?: string;
  readonly constraint?: string;
}

/**
 * Says in terms of the resource why the database refused a write; `undefined` for what is not about the entity's own table, and
 * so no fault of the client's.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
export function explainViolation(
  error: unknown,
  metadata: EntityMetadata,
  isRemoval: boolean,
): HttpException | undefined {
  if (!(error instanceof QueryFailedError)) return undefined;
  const driverError = error.driverError as DriverError;
  const violation = { driverError, metadata };
  if (driverError.code === '23503' && isRemoval)
    return new ConflictException(`The ${metadata.name} is in use, and cannot be deleted.`);
  const isOwn =
    driverError.table === undefined
      ? isAbout(error.query, metadata)
      : driverError.table === metadata.tableName;
  return isOwn ? EXPLANATIONS[driverError.code ?? '']?.(violation) : undefined;
}

interface Violation {
  readonly driverError: DriverError;
  readonly metadata: EntityMetadata;
}

const EXPLANATIONS: Readonly<Record<string, (violation: Violation) => HttpException>> = {
  '23505': (violation) =>
    new ConflictException(`Another ${violation.metadata.name} has this ${uniqueProperties(violation)}.`),
  '23P01': ({ metadata }) => new ConflictException(`Another ${metadata.name} excludes this one.`),
  '23503': (violation) => unprocessable(`${foreignProperties(violation)} refers to nothing that is there.`),
  '23502': ({ driverError, metadata }) =>
    unprocessable(`${propertyOf(metadata, driverError.column)} must not be null.`),
  '23514': ({ metadata }) => unprocessable(`A rule of ${metadata.name} does not allow these values.`),
  '22001': () => unprocessable('A text is too long.'),
  '22003': () => unprocessable('A number is out of range.'),
  '22007': () => unprocessable('A date or time is malformed.'),
  '22008': () => unprocessable('A date or time is out of range.'),
  '22021': () => unprocessable('A text has characters that cannot be stored.'),
  '22P02': () => unprocessable('A value is malformed.'),
  '22P05': () => unprocessable('A text has characters that cannot be stored.'),
};

const unprocessable = (message: string): HttpException => new UnprocessableEntityException(message);

/** Errors of a value's form do not name a table. */
function isAbout(query: string, { tableName }: EntityMetadata): boolean {
  return query.includes(`"${tableName}"`);
}

function uniqueProperties({ driverError: { constraint }, metadata }: Violation): string {
  const keys = [...metadata.uniques, ...metadata.indices];
  const columns = keys.find(({ name }) => name === constraint)?.columns;
  return namesOf(columns ?? columnsNamedIn(constraint, metadata));
}

function foreignProperties({ driverError: { constraint }, metadata }: Violation): string {
  const columns = metadata.foreignKeys.find(({ name }) => name === constraint)?.columns;
  return namesOf(columns ?? columnsNamedIn(constraint, metadata));
}

type Column = EntityMetadata['columns'][number];

/** Of a primary key, and where migrations have named a constraint in PostgreSQL's own way: `products_sku_key`. */
function columnsNamedIn(constraint: string | undefined, metadata: EntityMetadata): readonly Column[] {
  const name = constraint?.replace(`${metadata.tableName}_`, '') ?? '';
  if (name === 'pkey' || name.startsWith('PK_')) return metadata.primaryColumns;
  return metadata.columns.filter(({ databaseName }) =>
    new RegExp(`(?:^|_)${escaped(databaseName)}(?:_|$)`).test(name),
  );
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function namesOf(columns: readonly Column[]): string {
  return columns.map(({ propertyPath }) => propertyPath).join(', ') || 'value';
}

function propertyOf(metadata: EntityMetadata, column: string | undefined): string {
  return metadata.columns.find(({ databaseName }) => databaseName === column)?.propertyPath ?? 'A value';
}
