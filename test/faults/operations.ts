/** A kind of request that writes two rows, the second of them a ware. */
export interface Operation {
  readonly name: string;
  readonly method: 'PATCH' | 'PUT' | 'POST';
  readonly path: string;
  /** Whether it changes a ware that is there; else it brings a new one. */
  readonly changes: boolean;
  /** How its second write begins. */
  readonly write: string;
  /** What it is answered when all is well. */
  readonly status: number;
  readonly headers: (id: string) => Record<string, string>;
}

const CHANGES = { method: 'PATCH', changes: true, write: 'UPDATE "ware"', status: 200 } as const;
const BRINGS = { changes: false, write: 'INSERT INTO "ware"', status: 201 } as const;

export const PATCH: Operation = {
  name: '@Versioned PATCH with If-Match',
  path: '/versioned',
  headers: () => ({ 'if-match': '"1"' }),
  ...CHANGES,
};

export const PUT: Operation = {
  name: '@Versioned PUT with If-None-Match: *',
  method: 'PUT',
  path: '/versioned',
  headers: () => ({ 'if-none-match': '*' }),
  ...BRINGS,
};

export const IDEMPOTENT_POST: Operation = {
  name: '@Idempotent POST',
  method: 'POST',
  path: '/idempotent',
  headers: (id) => ({ 'idempotency-key': id }),
  ...BRINGS,
};

export const IDEMPOTENT_PATCH: Operation = {
  name: '@Idempotent @Versioned PATCH with If-Match',
  path: '/idempotent',
  headers: (id) => ({ 'idempotency-key': id, 'if-match': '"1"' }),
  ...CHANGES,
};

export const GENERATED_PATCH: Operation = {
  name: 'PATCH of createVersionedController()',
  path: '/generated',
  headers: () => ({ 'if-match': '"1"' }),
  ...CHANGES,
};

/** In the mode `atomic` only. */
export const ATOMIC_POST: Operation = {
  name: 'atomic POST',
  method: 'POST',
  path: '/plain',
  headers: () => ({}),
  ...BRINGS,
};

export const OPERATIONS: readonly Operation[] = [PATCH, PUT, IDEMPOTENT_POST, GENERATED_PATCH];
