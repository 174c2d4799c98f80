import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CASES } from './cases.js';
import { AskedLibrary, filled, idFor, type Told } from './cases/asked-library.js';
import type { Case } from './cases/case.js';
import { PLATFORMS } from './running-library.js';

/** The headers by which clients and caches decide; whatever else is said must only be the same on each platform. */
const THAT_MATTER = [
  'allow',
  'cache-control',
  'content-location',
  'content-type',
  'etag',
  'expires',
  'last-modified',
  'location',
  'retry-after',
  'vary',
];

let libraries: AskedLibrary[];

beforeAll(async () => {
  const kinds = PLATFORMS.flatMap((platform) => [
    AskedLibrary.open(platform, 'opt-in'),
    AskedLibrary.open(platform, 'atomic'),
  ]);
  libraries = await Promise.all(kinds);
});
afterAll(async () => {
  await Promise.all(libraries.map((library) => library.close()));
});

describe('a request is answered on each platform, in each mode, as RFC 9110 has it', () => {
  it.each(CASES.map((one, number) => ({ ...one, number })))('$name: $request', async ({ number, ...one }) => {
    const [first, ...others] = await Promise.all(libraries.map((library) => library.tell(one, number)));

    expect(seen(first!)).toEqual(expectedOf(one, number));
    expect(contentOf(first!)).toEqual(contentExpectedOf(one, number));
    expect(others).toEqual(others.map(() => first));
  });
});

function seen({ status, headers, stored }: Told): unknown {
  const said = Object.entries(headers).filter(([name]) => THAT_MATTER.includes(name));
  return { status, said: Object.fromEntries(said), stored };
}

function expectedOf(one: Case, number: number): unknown {
  const id = idFor(one, number);
  const said = Object.entries(one.answer.said).map(([name, value]) => [name, filled(value, id)]);
  return { status: one.answer.status, said: Object.fromEntries(said), stored: storedBy(one) };
}

function storedBy({ given, stored, answer: { status, content } }: Case): string | null {
  if (stored !== undefined) return stored;
  const before = given.includes('book') ? 'Moby-Dick' : null;
  const { title, version } = (typeof content === 'object' ? content : {}) as {
    title?: string;
    version?: number;
  };
  return status < 300 && typeof version === 'number' && title !== undefined && version !== 3 ? title : before;
}

function contentOf({ headers, text }: Told): unknown {
  return String(headers['content-type']).includes('json') && text !== '' ? JSON.parse(text) : text;
}

function contentExpectedOf(one: Case, number: number): unknown {
  const { content } = one.answer;
  if (typeof content === 'string') return content;
  return JSON.parse(filled(JSON.stringify(content), idFor(one, number)), (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? expect.objectContaining(value as object)
      : value,
  );
}
