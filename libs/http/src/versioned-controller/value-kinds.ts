import type { ColumnOptions } from 'typeorm';

/** A part of an OpenAPI document that describes a value. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What the values of a column are, in JSON, in a query string and in OpenAPI. */
export interface ValueKind {
  /** In words that complete "must be …". */
  readonly expected: string;
  readonly schema: JsonSchema;
  /** What the entity has for a JSON value; `undefined` for a value that is none of this kind. */
  readonly fromJson: (value: unknown) => unknown;
  /** The same for the text of a query parameter or of a path; absent where there is no order and no equality to ask for. */
  readonly fromText?: (text: string) => unknown;
  readonly isText?: boolean;
  /** Whether JSON keeps a document in it, of which a merge patch changes parts. */
  readonly isDocument?: boolean;
  /** By `typeof`: what a stored value still is when it is read back; absent where the database spells it in another way. */
  readonly staysAs?: 'string' | 'number' | 'boolean';
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const WHOLE = /^-?\d{1,19}$/;
const DECIMAL = /^-?\d{1,400}(?:\.\d{1,400})?$/;
const FLOAT = /^-?\d{1,400}(?:\.\d{1,400})?(?:e[-+]?\d{1,3})?$/i;
const DAY = /^\d{4}-\d\d-\d\d$/;
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[-+]\d\d:\d\d)$/i;
const TIME = /^\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?$/;

/** PostgreSQL stores no NUL in text. */
const isStorable = (value: unknown): value is string => typeof value === 'string' && !value.includes('\0');

function text({ length }: ColumnOptions): ValueKind {
  const most = length === undefined || length === '' ? undefined : Number(length);
  const fits = (value: string): boolean =>
    most === undefined || value.length <= most || Array.from(value).length <= most;
  const fromJson = (value: unknown): unknown => (isStorable(value) && fits(value) ? value : undefined);
  return {
    expected: most === undefined ? 'text without NUL' : `text of at most ${most} characters, without NUL`,
    schema: { type: 'string', ...(most !== undefined && { maxLength: most }) },
    fromJson,
    fromText: fromJson,
    isText: true,
    staysAs: 'string',
  };
}

/** Text of which only the database knows what it may say; a refusal of it is answered with 422. */
function databaseText(): ValueKind {
  return {
    expected: 'text',
    schema: { type: 'string' },
    fromJson: (value) => (isStorable(value) ? value : undefined),
  };
}

function integer(bits: 16 | 32): () => ValueKind {
  const limit = 2 ** (bits - 1);
  const fromJson = (value: unknown): unknown =>
    Number.isInteger(value) && (value as number) >= -limit && (value as number) < limit ? value : undefined;
  return () => ({
    expected: `a whole number of ${bits} bits`,
    schema: { type: 'integer', format: 'int32', ...(bits === 16 && { minimum: -limit, maximum: limit - 1 }) },
    fromJson,
    fromText: (value) => (WHOLE.test(value) ? fromJson(Number(value)) : undefined),
    staysAs: 'number',
  });
}

/** Text in JavaScript, because a number would lose digits. */
function bigInteger(): ValueKind {
  const fromText = (value: string): unknown => {
    if (!WHOLE.test(value)) return undefined;
    const number = BigInt(value);
    return BigInt.asIntN(64, number) === number ? String(number) : undefined;
  };
  return {
    expected: 'a whole number of 64 bits, as text',
    schema: { type: 'string', pattern: '^-?[0-9]{1,19}$' },
    fromJson: (value) =>
      typeof value === 'string' || Number.isSafeInteger(value) ? fromText(String(value)) : undefined,
    fromText,
  };
}

/** TypeORM takes every version column for an `int4`; where a migration has made it a `bigint`, its values are text. */
export function versionKind({ type }: ColumnOptions): ValueKind {
  const isBig = type === 'bigint' || type === 'int8';
  const { schema } = isBig ? bigInteger() : integer(32)();
  return {
    expected: 'a version',
    schema,
    fromJson: (value) => (/^[1-9]\d{0,18}$/.test(String(value)) ? value : undefined),
    fromText: (value) => bigInteger().fromText!(value),
  };
}

function decimal(): ValueKind {
  const fromText = (value: string): unknown => (DECIMAL.test(value) ? value : undefined);
  return {
    expected: 'a decimal number, as text',
    schema: { type: 'string', pattern: '^-?[0-9]+(\\.[0-9]+)?$' },
    fromJson: (value) =>
      typeof value === 'string' || Number.isFinite(value) ? fromText(String(value)) : undefined,
    fromText,
  };
}

function float(isDouble: boolean): () => ValueKind {
  const fromJson = (value: unknown): unknown => (Number.isFinite(value) ? value : undefined);
  return () => ({
    expected: 'a number',
    schema: { type: 'number', format: isDouble ? 'double' : 'float' },
    fromJson,
    fromText: (value) => (FLOAT.test(value) ? fromJson(Number(value)) : undefined),
    // Four bytes keep about seven digits.
    ...(isDouble && { staysAs: 'number' }),
  });
}

function truth(): ValueKind {
  return {
    expected: 'true or false',
    schema: { type: 'boolean' },
    fromJson: (value) => (typeof value === 'boolean' ? value : undefined),
    fromText: (value) => ({ true: true, false: false })[value],
    staysAs: 'boolean',
  };
}

function uuid(): ValueKind {
  const fromText = (value: string): unknown => (UUID.test(value) ? value.toLowerCase() : undefined);
  return {
    expected: 'a UUID',
    schema: { type: 'string', format: 'uuid' },
    fromJson: (value) => (typeof value === 'string' ? fromText(value) : undefined),
    fromText,
  };
}

function day(): ValueKind {
  const fromText = (value: string): unknown => (DAY.test(value) && isDay(value) ? value : undefined);
  return {
    expected: 'a date such as 2026-02-28',
    schema: { type: 'string', format: 'date' },
    fromJson: (value) => (typeof value === 'string' ? fromText(value) : undefined),
    fromText,
  };
}

/** A Date takes 30 February for 2 March. */
function isDay(value: string): boolean {
  const date = new Date(`${value}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(value);
}

function moment(): ValueKind {
  const fromText = (value: string): unknown => {
    if (!MOMENT.test(value) || !isDay(value.slice(0, 10))) return undefined;
    const date = new Date(value);
    return Number.isNaN(date.getTime()) ? undefined : date;
  };
  return {
    expected: 'a date and time such as 2026-02-28T12:30:00Z',
    schema: { type: 'string', format: 'date-time' },
    fromJson: (value) => (typeof value === 'string' ? fromText(value) : undefined),
    fromText,
  };
}

function time(): ValueKind {
  const fromText = (value: string): unknown => (TIME.test(value) ? value : undefined);
  return {
    expected: 'a time such as 12:30',
    schema: { type: 'string' },
    fromJson: (value) => (typeof value === 'string' ? fromText(value) : undefined),
    fromText,
  };
}

function enumeration({ enum: declared }: ColumnOptions): ValueKind | undefined {
  if (declared === undefined) return undefined;
  const values = enumValues(declared);
  return {
    expected: `one of ${values.join(', ')}`,
    schema: { enum: values, type: values.every((value) => typeof value === 'number') ? 'number' : 'string' },
    fromJson: (value) => values.find((each) => each === value),
    fromText: (value) => values.find((each) => String(each) === value),
  };
}

/** A numeric enum of TypeScript has its names among the values, too. */
function enumValues(declared: NonNullable<ColumnOptions['enum']>): readonly unknown[] {
  if (Array.isArray(declared)) return declared as unknown[];
  return Object.entries(declared)
    .filter(([name]) => !/^\d+$/.test(name))
    .map(([, value]) => value as unknown);
}

function json(): ValueKind {
  return { expected: 'a JSON value', schema: {}, fromJson: (value) => value, isDocument: true };
}

const listOf = (item: ValueKind): ValueKind => ({
  expected: `an array, each item ${item.expected}`,
  schema: { type: 'array', items: item.schema },
  fromJson: (value) => {
    if (!Array.isArray(value)) return undefined;
    const items = value.map(item.fromJson);
    return items.includes(undefined) ? undefined : items;
  },
});

type KindOf = (options: ColumnOptions) => ValueKind | undefined;

const KINDS = new Map<unknown, KindOf>();
const declare = (kindOf: KindOf, ...types: readonly unknown[]): void =>
  types.forEach((type) => KINDS.set(type, kindOf));

declare(text, String, 'character varying', 'varchar', 'text', 'citext');
declare(databaseText, 'character', 'char', 'interval', 'inet', 'cidr', 'macaddr', 'macaddr8', 'xml', 'money');
declare(databaseText, 'timetz', 'time with time zone', 'ltree', 'tsquery', 'jsonpath');
declare(integer(32), Number, 'int', 'int4', 'integer');
declare(integer(16), 'int2', 'smallint');
declare(bigInteger, 'int8', 'bigint');
declare(decimal, 'decimal', 'numeric');
declare(float(true), 'float', 'float8', 'double precision');
declare(float(false), 'real', 'float4');
declare(truth, Boolean, 'bool', 'boolean');
declare(uuid, 'uuid');
declare(day, 'date');
declare(moment, Date, 'timestamptz', 'timestamp with time zone', 'timestamp', 'timestamp without time zone');
declare(time, 'time', 'time without time zone');
declare(enumeration, 'enum', 'simple-enum');
declare(json, 'json', 'jsonb', 'simple-json');
declare(() => listOf(text({})), 'simple-array');

/**
 * The kind of a column's values; `undefined` where it cannot be told from the column: of a type that is not listed here, and
 * behind a transformer.
 */
export function kindOf(options: ColumnOptions): ValueKind | undefined {
  if (options.transformer !== undefined) return undefined;
  const kind = KINDS.get(options.type)?.(options);
  return options.array === true && kind !== undefined ? listOf(kind) : kind;
}
