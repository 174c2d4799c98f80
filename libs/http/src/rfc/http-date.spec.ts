import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatHttpDate, parseHttpDate, toSeconds } from './http-date.js';

const EXAMPLE = new Date('1994-11-06T08:49:37Z');
const now = new Date('2026-03-01T12:00:00Z');

describe('RFC 9110 §5.6.7: an HTTP date', () => {
  it.each([
    ['IMF-fixdate', 'Sun, 06 Nov 1994 08:49:37 GMT'],
    ['the obsolete RFC 850 format', 'Sunday, 06-Nov-94 08:49:37 GMT'],
    ["the obsolete format of ANSI C's asctime()", 'Sun Nov  6 08:49:37 1994'],
  ])('is accepted as %s', (_format, text) => {
    expect(parseHttpDate(text, now)).toEqual(EXAMPLE);
  });

  it('is generated as IMF-fixdate', () => {
    expect(formatHttpDate(EXAMPLE)).toBe('Sun, 06 Nov 1994 08:49:37 GMT');
    expect(formatHttpDate(new Date('0001-01-01T00:00:00Z'))).toBe('Mon, 01 Jan 0001 00:00:00 GMT');
    expect(formatHttpDate(new Date('2026-03-01T12:00:00.999Z'))).toBe('Sun, 01 Mar 2026 12:00:00 GMT');
  });

  it.each([new Date(NaN), new Date('+010000-01-01T00:00:00Z'), new Date('-000001-12-31T00:00:00Z')])(
    'is not generated from what has no such format: %p',
    (date) => {
      expect(() => formatHttpDate(date)).toThrow(RangeError);
    },
  );

  it.each([
    'sun, 06 Nov 1994 08:49:37 GMT',
    'SUN, 06 NOV 1994 08:49:37 GMT',
    'Sun, 06 nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 gmt',
    'sun nov  6 08:49:37 1994',
  ])('is case-sensitive: %s', (text) => {
    expect(parseHttpDate(text)).toBeUndefined();
  });

  it.each([
    ' Sun, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT ',
    'Sun, 06 Nov 1994 08:49:37 GMT\n',
    'Sun,  06 Nov 1994 08:49:37 GMT',
    'Sun,06 Nov 1994 08:49:37 GMT',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun Nov 6 08:49:37 1994',
    'Sun Nov 06  08:49:37 1994',
  ])('has no whitespace but what the grammar names: %p', (text) => {
    expect(parseHttpDate(text)).toBeUndefined();
  });

  it.each([
    '',
    '0',
    '784111777',
    '1994-11-06T08:49:37Z',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37 +0000',
    'Sun, 06 Nov 1994 09:49:37 CET',
    'Sun, 06 Nov 1994 08:49 GMT',
    'Sun, 06 Nov 1994 8:49:37 GMT',
    'Sun, 06 Nov 94 08:49:37 GMT',
    'Sunday, 06-Nov-1994 08:49:37 GMT',
    'Sun, 06-Nov-94 08:49:37 GMT',
    'Sunday, 06 Nov 1994 08:49:37 GMT',
    '06 Nov 1994 08:49:37 GMT',
    'Xyz, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 Abc 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT, Mon, 07 Nov 1994 08:49:37 GMT',
    'Sun, ٠٦ Nov 1994 08:49:37 GMT',
  ])('has no other format: %s', (text) => {
    expect(parseHttpDate(text)).toBeUndefined();
  });

  it.each([
    'Thu, 31 Feb 1994 08:49:37 GMT',
    'Thu, 29 Feb 1900 08:49:37 GMT',
    'Sun, 00 Nov 1994 08:49:37 GMT',
    'Sun, 32 Dec 1994 08:49:37 GMT',
    'Thu, 31 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 08:60:37 GMT',
    'Sun, 06 Nov 1994 08:49:61 GMT',
    'Sun Nov  0 08:49:37 1994',
    'Sunday, 31-Nov-94 08:49:37 GMT',
  ])('is on the calendar and on the clock: not %s', (text) => {
    expect(parseHttpDate(text, now)).toBeUndefined();
  });

  it.each([
    ['Tue, 29 Feb 2000 00:00:00 GMT', '2000-02-29T00:00:00Z'],
    ['Sat, 31 Dec 2016 23:59:60 GMT', '2017-01-01T00:00:00Z'],
    ['Fri, 31 Dec 9999 23:59:59 GMT', '9999-12-31T23:59:59Z'],
    ['Sat, 01 Jan 0000 00:00:00 GMT', '0000-01-01T00:00:00Z'],
    ['Tue, 01 Jan 0095 00:00:00 GMT', '0095-01-01T00:00:00Z'],
  ])('knows leap years, leap seconds and early years: %s', (text, date) => {
    expect(parseHttpDate(text)).toEqual(new Date(date));
  });

  it('may name another day of the week than the calendar', () => {
    expect(parseHttpDate('Mon, 06 Nov 1994 08:49:37 GMT')).toEqual(EXAMPLE);
  });

  it.each([
    ['Sunday, 01-Mar-26 12:00:00 GMT', '2026-03-01T12:00:00Z'],
    ['Sunday, 01-Mar-76 12:00:00 GMT', '2076-03-01T12:00:00Z'],
    ['Sunday, 01-Mar-76 12:00:01 GMT', '1976-03-01T12:00:01Z'],
    ['Monday, 01-Mar-77 12:00:00 GMT', '1977-03-01T12:00:00Z'],
    ['Saturday, 01-Jan-00 00:00:00 GMT', '2000-01-01T00:00:00Z'],
    ['Friday, 31-Dec-99 23:59:59 GMT', '1999-12-31T23:59:59Z'],
  ])(
    'with a two-digit year more than 50 years ahead is the last year with these digits: %s',
    (text, date) => {
      expect(parseHttpDate(text, now)).toEqual(new Date(date));
    },
  );

  it('with a two-digit year may be a leap day in one century only', () => {
    const text = 'Tuesday, 29-Feb-00 00:00:00 GMT';

    expect(parseHttpDate(text, new Date('2040-01-01T00:00:00Z'))).toEqual(new Date('2000-02-29T00:00:00Z'));
    expect(parseHttpDate(text, new Date('2140-01-01T00:00:00Z'))).toBeUndefined();
  });

  it('is the same after formatting and parsing, in each of the formats', () => {
    fc.assert(
      fc.property(httpDates(), (date) => {
        expect(parseHttpDate(formatHttpDate(date))).toEqual(date);
        expect(parseHttpDate(asctime(date))).toEqual(date);
        expect(parseHttpDate(rfc850(date), date)).toEqual(date);
      }),
    );
  });

  it('is undefined for any other text, and never an error or an invalid date', () => {
    fc.assert(
      fc.property(fc.oneof(almostDates(), fc.string({ unit: 'binary' })), (text) => {
        const date = parseHttpDate(text, now);

        if (date !== undefined) expect(date.getTime()).not.toBeNaN();
      }),
      { numRuns: 1000 },
    );
  });
});

describe('RFC 9110 §8.8.2: a modification date', () => {
  it.each([
    ['1970-01-01T00:00:00.000Z', 0],
    ['1970-01-01T00:00:00.999Z', 0],
    ['1970-01-01T00:00:01.000Z', 1],
    ['1969-12-31T23:59:59.999Z', -1],
  ])('is known to the second, as its header tells it: %s', (date, seconds) => {
    expect(toSeconds(new Date(date))).toBe(seconds);
  });
});

/** `Sun Nov  6 08:49:37 1994` */
function asctime(date: Date): string {
  const [day, dayOfMonth, month, year, time] = formatHttpDate(date).split(/,? /);
  return `${day} ${month} ${dayOfMonth!.replace(/^0/, ' ')} ${time} ${year}`;
}

/** `Sunday, 06-Nov-94 08:49:37 GMT` */
function rfc850(date: Date): string {
  const [, dayOfMonth, month, year, time] = formatHttpDate(date).split(/,? /);
  const day = date.toLocaleDateString('en', { weekday: 'long', timeZone: 'UTC' });
  return `${day}, ${dayOfMonth}-${month}-${year!.slice(2)} ${time} GMT`;
}

function httpDates(): fc.Arbitrary<Date> {
  const min = toSeconds(new Date('0000-01-01T00:00:00Z'));
  const max = toSeconds(new Date('9999-12-31T23:59:59Z'));
  return fc.integer({ min, max }).map((seconds) => new Date(seconds * 1000));
}

function almostDates(): fc.Arbitrary<string> {
  const digits = fc.integer({ min: 0, max: 99 }).map((number) => String(number).padStart(2, '0'));
  const month = fc.constantFrom('Jan', 'Feb', 'Nov', 'Dec', 'Xyz');
  return fc
    .tuple(digits, month, digits, digits, digits, digits)
    .chain(([day, name, year, hour, minute, second]) =>
      fc.constantFrom(
        `Sun, ${day} ${name} 19${year} ${hour}:${minute}:${second} GMT`,
        `Sunday, ${day}-${name}-${year} ${hour}:${minute}:${second} GMT`,
        `Sun ${name} ${day} ${hour}:${minute}:${second} 19${year}`,
      ),
    );
}
