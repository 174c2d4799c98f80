import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mergeVary } from './vary.js';

describe('RFC 9110 §12.5.5: Vary', () => {
  it.each<[string | number | string[] | undefined, string[], string]>([
    [undefined, ['Accept-Language'], 'Accept-Language'],
    ['Origin', ['Accept-Language'], 'Origin, Accept-Language'],
    ['Origin, Accept-Encoding', ['Accept-Language'], 'Origin, Accept-Encoding, Accept-Language'],
    [['Origin', 'Accept-Encoding'], ['Accept'], 'Origin, Accept-Encoding, Accept'],
    ['Origin', [], 'Origin'],
    [undefined, [], ''],
    ['', ['Accept'], 'Accept'],
    [' Origin ,, Accept\t,', ['Prefer'], 'Origin, Accept, Prefer'],
    ['Prefer', ['Accept, prefer'], 'Prefer, Accept'],
  ])('names the request headers that a response depends on: %p and %p', (existing, additions, merged) => {
    expect(mergeVary(existing, additions)).toBe(merged);
  });

  it('names each header once, whatever its case, in the spelling that came first', () => {
    expect(mergeVary('accept-language', ['Accept-Language', 'ACCEPT', 'accept'])).toBe(
      'accept-language, ACCEPT',
    );
  });

  it.each<[string | undefined, string[]]>([
    ['*', ['Accept']],
    ['Origin', ['*']],
    ['Origin, *', []],
    [undefined, ['Accept', '*', 'Origin']],
  ])('is * alone when anything may matter: %p and %p', (existing, additions) => {
    expect(mergeVary(existing, additions)).toBe('*');
  });

  it('does not change when the same is added again', () => {
    const names = fc.array(fc.constantFrom('Accept', 'accept', 'Origin', 'Prefer', '*'));

    fc.assert(
      fc.property(names, names, (existing, additions) => {
        const merged = mergeVary(existing, additions);

        expect(mergeVary(merged, additions)).toBe(merged);
        expect(mergeVary(merged, existing)).toBe(merged);
      }),
    );
  });
});
