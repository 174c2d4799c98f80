import type { StandardResult, StandardSchema } from './versioned-controller-options.js';

/** Schemas are objects, and with ArkType functions. */
export function isStandardSchema(candidate: unknown): candidate is StandardSchema {
  const standard = (candidate as Partial<StandardSchema> | null | undefined)?.['~standard'];
  return typeof standard?.validate === 'function';
}

/** What is wrong, one line each, with the way to it. */
export function issuesOf({ issues = [] }: StandardResult): readonly string[] {
  return issues.map(({ message, path }) => {
    const way = path
      ?.map((segment) => String((segment as { key?: unknown } | null)?.key ?? segment))
      .join('.');
    return way ? `${way}: ${message}` : message;
  });
}
