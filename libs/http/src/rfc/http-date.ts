/**
 * Parses an `HTTP-date`: an IMF-fixdate, or one of the two obsolete formats that recipients have to accept.
 *
 * `undefined` for anything else: a precondition with an invalid date is ignored, not refused. That the name of the day fits
 * the date is not checked, for an ignored `If-Unmodified-Since` would let an update through.
 *
 * @param now Decides the century of a year with two digits: a date more than 50 years ahead is taken for one in the past.
 * @see RFC 9110 §5.6.7
 * @example
 * ```ts
 * parseHttpDate('Sun, 06 Nov 1994 08:49:37 GMT')?.toISOString(); // '1994-11-06T08:49:37.000Z'
 * ```
 */
export function parseHttpDate(text: string, now = new Date()): Date | undefined {
  const imf = IMF_FIXDATE.exec(text) ?? ASCTIME_DATE.exec(text);
  if (imf !== null) return utcDate(partsOf(imf));
  const rfc850 = RFC850_DATE.exec(text);
  return rfc850 === null ? undefined : nearDate(partsOf(rfc850), now);
}

/**
 * Formats a date as an IMF-fixdate, the one format that senders may use. Milliseconds are cut off.
 *
 * @throws RangeError for a date that is invalid or outside the years 0 to 9999.
 * @see RFC 9110 §5.6.7
 */
export function formatHttpDate(date: Date): string {
  const year = date.getUTCFullYear();
  if (!(year >= 0 && year <= 9999)) {
    throw new RangeError('An HTTP date needs a valid date of the years 0 to 9999.');
  }
  return date.toUTCString();
}

/** Whole seconds since 1970, which is all of a date that an HTTP header can tell. */
export function toSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

interface DateParts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

function partsOf({ groups = {} }: RegExpExecArray): DateParts {
  const number = (name: string) => Number(groups[name]);
  return {
    year: number('year'),
    month: MONTHS.indexOf(groups['month']!),
    day: number('day'),
    hour: number('hour'),
    minute: number('minute'),
    second: number('second'),
  };
}

/** The date of this century, unless that is more than 50 years ahead. */
function nearDate(parts: DateParts, now: Date): Date | undefined {
  const year = now.getUTCFullYear() - (now.getUTCFullYear() % 100) + parts.year;
  const horizon = new Date(now);
  horizon.setUTCFullYear(now.getUTCFullYear() + 50);
  const date = utcDate({ ...parts, year });
  return date !== undefined && date > horizon ? utcDate({ ...parts, year: year - 100 }) : date;
}

/** `undefined` for what no calendar and no clock shows. A 60th second is a leap second, and becomes the next minute. */
function utcDate({ year, month, day, hour, minute, second }: DateParts): Date | undefined {
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  if (date.getUTCMonth() !== month || date.getUTCDate() !== day) return undefined;
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  date.setUTCHours(hour, minute, second);
  return date;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MONTH = `(?<month>${MONTHS.join('|')})`;
const DAY_NAME = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const LONG_DAY_NAME = '(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)';
const TIME = String.raw`(?<hour>\d{2}):(?<minute>\d{2}):(?<second>\d{2})`;

// Anchored, and every part has a fixed width or is one of a few words: a match never backtracks.
const IMF_FIXDATE = new RegExp(String.raw`^${DAY_NAME}, (?<day>\d{2}) ${MONTH} (?<year>\d{4}) ${TIME} GMT$`);
const RFC850_DATE = new RegExp(
  String.raw`^${LONG_DAY_NAME}, (?<day>\d{2})-${MONTH}-(?<year>\d{2}) ${TIME} GMT$`,
);
const ASCTIME_DATE = new RegExp(String.raw`^${DAY_NAME} ${MONTH} (?<day>\d{2}| \d) ${TIME} (?<year>\d{4})$`);
