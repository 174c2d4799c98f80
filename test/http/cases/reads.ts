import {
  absent,
  ask,
  ASCTIME,
  EARLIER,
  empty,
  LAST_MODIFIED,
  LATER,
  MALFORMED,
  MISSING,
  notModified,
  ok,
  on,
  problem,
  RFC850,
  softDeleted,
  STALE,
  VALIDATORS,
  type Case,
  type Expected,
} from './case.js';

const BOOK = ok({ id: '{id}', title: 'Moby-Dick', version: 3 });
const GET = 'GET /books/{id}';
const QUICK = 'GET /books/{id}/quick';

function get(name: string, headers: Case['headers'], answer: Expected): Case {
  return on(name, ask(GET, headers), answer);
}

const BY_TAG: Case[] = [
  get('§8.8 GET tells the validators', {}, BOOK),
  get('§13.1.2 If-None-Match with the current tag', { 'if-none-match': '"3"' }, notModified()),
  get('§13.1.2 If-None-Match compares weakly', { 'if-none-match': 'W/"3"' }, notModified()),
  get('§13.1.2 If-None-Match with an old tag', { 'if-none-match': '"2"' }, BOOK),
  get('§13.1.2 If-None-Match with a list', { 'if-none-match': '"1", W/"3" ,"5"' }, notModified()),
  get('§13.1.2 If-None-Match with other tags', { 'if-none-match': '"1", "30", "x3"' }, BOOK),
  get('§13.1.2 If-None-Match: *', { 'if-none-match': '*' }, notModified()),
  get('§8.8.3 a comma inside of a tag', { 'if-none-match': '"1,2", "3"' }, notModified()),
  get('§8.8.3 a comma that does not end the tag', { 'if-none-match': '"1,3", "3,"' }, BOOK),
  get('§8.8.3 an empty tag', { 'if-none-match': '""' }, BOOK),
  get('§8.8.3.2 a number is not a tag for being equal', { 'if-none-match': '"03", "3.0", "+3"' }, BOOK),
  get('§5.3 a header that is sent twice', { 'if-none-match': ['"1"', '"3"'] }, notModified()),
  get('§5.6.1.2 empty elements of a list', { 'if-none-match': ', "1",, "3",' }, notModified()),
  get('§13.1.2 a tag without quotes', { 'if-none-match': '3' }, MALFORMED),
  get('§8.8.3 w/ in lower case', { 'if-none-match': 'w/"3"' }, MALFORMED),
  get('§13.1.2 * beside a tag', { 'if-none-match': '*, "3"' }, MALFORMED),
  get('§13.1.2 garbage after the tag', { 'if-none-match': '"3" x' }, MALFORMED),
  get('§8.8.3 a blank inside of a tag', { 'if-none-match': '"1, 3"' }, MALFORMED),
  get('§13.1.2 no tag at all', { 'if-none-match': ',' }, MALFORMED),
  get('§13.1.1 If-Match with the current tag', { 'if-match': '"3"' }, BOOK),
  get('§13.1.1 If-Match with an old tag', { 'if-match': '"2"' }, STALE),
  get('§13.1.1 If-Match compares strongly', { 'if-match': 'W/"3"' }, STALE),
  get('§13.1.1 If-Match: *', { 'if-match': '*' }, BOOK),
  get('§13.1.1 If-Match with a quote that is never closed', { 'if-match': '"3' }, MALFORMED),
];

const BY_DATE: Case[] = [
  get('§13.1.3 If-Modified-Since the last change', { 'if-modified-since': LAST_MODIFIED }, notModified()),
  get('§13.1.3 If-Modified-Since a later date', { 'if-modified-since': LATER }, notModified()),
  get('§13.1.3 If-Modified-Since an earlier date', { 'if-modified-since': EARLIER }, BOOK),
  get('§5.6.7 a date of RFC 850', { 'if-modified-since': RFC850 }, notModified()),
  get('§5.6.7 a date of asctime()', { 'if-modified-since': ASCTIME }, notModified()),
  get('§13.1.3 an invalid date is ignored', { 'if-modified-since': 'yesterday' }, BOOK),
  get('§13.1.3 a date that no calendar has', { 'if-modified-since': 'Sun, 31 Feb 2094 08:49:37 GMT' }, BOOK),
  get('§13.1.3 a date that only JavaScript reads', { 'if-modified-since': '2094-11-06' }, BOOK),
  get('§13.1.3 a date and garbage', { 'if-modified-since': `${LATER} x` }, BOOK),
  get('§13.1.4 If-Unmodified-Since the last change', { 'if-unmodified-since': LAST_MODIFIED }, BOOK),
  get('§13.1.4 If-Unmodified-Since an earlier date', { 'if-unmodified-since': EARLIER }, STALE),
  get('§13.1.4 an invalid date to be unmodified since', { 'if-unmodified-since': '0' }, BOOK),
  get('§13.1.5 If-Range without a range', { 'if-range': '"2"' }, BOOK),
];

const IN_ORDER: Case[] = [
  get(
    '§13.2.2 1 If-Match counts before If-Unmodified-Since',
    { 'if-match': '"3"', 'if-unmodified-since': EARLIER },
    BOOK,
  ),
  get(
    '§13.2.2 1 If-Match fails, although nothing was modified since',
    { 'if-match': '"2"', 'if-unmodified-since': LATER },
    STALE,
  ),
  get(
    '§13.2.2 3 If-None-Match counts before If-Modified-Since',
    { 'if-none-match': '"2"', 'if-modified-since': LATER },
    BOOK,
  ),
  get(
    '§13.2.2 3 If-None-Match is enough, although something was modified since',
    { 'if-none-match': '"3"', 'if-modified-since': EARLIER },
    notModified(),
  ),
  get('§13.2.2 1, 3 both tags hold', { 'if-match': '"3"', 'if-none-match': '"3"' }, notModified()),
  get('§13.2.2 1 the first that fails decides', { 'if-match': '"2"', 'if-none-match': '"3"' }, STALE),
  get(
    '§13.2.2 2 a failed date comes before a matching tag',
    { 'if-unmodified-since': EARLIER, 'if-none-match': '"3"' },
    STALE,
  ),
  get(
    '§13.2.2 2, 4 both dates hold',
    { 'if-unmodified-since': LAST_MODIFIED, 'if-modified-since': LAST_MODIFIED },
    notModified(),
  ),
];

const BEFORE_CONDITIONS: Case[] = [
  absent(get('§13.2.1 404 of what is not there', { 'if-none-match': '"3"' }, MISSING)),
  absent(get('§13.2.1 404 comes before If-Match', { 'if-match': '"3"' }, MISSING)),
  absent(get('§13.2.1 404 comes before If-Match: *', { 'if-match': '*' }, MISSING)),
  softDeleted(get('§13.2.1 404 of what was deleted softly', { 'if-none-match': '*' }, MISSING)),
  on('a key that no row has', ask('GET /books/seven', { 'if-none-match': '"3"' }), problem(400)),
  on('§13.2.1 403 comes before 304', ask('GET /books/{id}/hidden', { 'if-none-match': '*' }), problem(403)),
  on('§13.2.1 401 comes first', ask('GET /odd/{id}/guarded', { 'if-none-match': '*' }), problem(401)),
  on(
    '§13.2.1 403 of a guard comes before 400',
    ask('GET /odd/{id}/guarded', { authorization: 'reader', 'if-match': '3' }),
    problem(403),
  ),
  on(
    '§13.2.1 who is let in gets 304',
    ask('GET /odd/{id}/guarded', { authorization: 'librarian', 'if-none-match': '"3"' }),
    notModified(),
  ),
];

const FROM_THE_VERSION: Case[] = [
  on('revalidated by the version alone', ask(QUICK, { 'if-none-match': '"3"' }), notModified()),
  on('revalidated by the date alone', ask(QUICK, { 'if-modified-since': LAST_MODIFIED }), notModified()),
  on('not revalidated by an old version', ask(QUICK, { 'if-none-match': '"2"' }), BOOK),
  on('without condition', ask(QUICK), BOOK),
  on('refused by the version alone', ask(QUICK, { 'if-match': '"2"' }), STALE),
  absent(on('of what is not there', ask(QUICK, { 'if-none-match': '"3"' }), MISSING)),
  softDeleted(on('of what was deleted softly', ask(QUICK, { 'if-none-match': '"3"' }), MISSING)),
  on('of a key that no row has', ask('GET /books/seven/quick', { 'if-none-match': '"3"' }), problem(400)),
];

const GERMAN = { 'accept-language': 'de' };
const SPOKEN = {
  etag: '{tag of ["de",null]}',
  'cache-control': 'private, max-age=60',
  vary: 'Accept-Language',
};

const VARIANTS: Case[] = [
  on(
    '§12.5.5 a representation that varies has a tag of its own',
    ask('GET /books/{id}/translated', GERMAN),
    ok({ title: 'Moby-Dick (de)' }, SPOKEN),
  ),
  on(
    '§8.8.3.3 the tag of the same variant',
    ask('GET /books/{id}/translated', { ...GERMAN, 'if-none-match': '{tag of ["de",null]}' }),
    notModified(SPOKEN),
  ),
  on(
    '§8.8.3.3 the tag of another variant',
    ask('GET /books/{id}/translated', { ...GERMAN, 'if-none-match': '{tag of ["en",null]}' }),
    ok({ title: 'Moby-Dick (de)' }, SPOKEN),
  ),
  on(
    '§8.8.3.3 the tag of the version alone',
    ask('GET /books/{id}/translated', { ...GERMAN, 'if-none-match': '"3"' }),
    ok({ title: 'Moby-Dick (de)' }, SPOKEN),
  ),
  on(
    '§15.4.5 what the 200 would say of itself, the 304 says, too',
    ask('GET /odd/{id}/described', { 'if-modified-since': LATER }),
    notModified({
      etag: '{tag of [null,null,null]}',
      'last-modified': LAST_MODIFIED,
      'cache-control': 'public, max-age=5',
      'content-location': '/described',
      expires: 'Sun, 06 Nov 1994 09:49:37 GMT',
      vary: 'Origin, Accept-Language, Accept',
    }),
  ),
];

const HAS_NO_TAG = { 'content-type': 'application/json; charset=utf-8' };

/** A shelf has no date. */
const OF_ROOT: Expected['said'] = { etag: '"3"', 'cache-control': 'private, no-cache' };

const OTHERWISE: Case[] = [
  on(
    'content without version',
    ask('GET /odd/{id}/title', { 'if-none-match': '"3"' }),
    ok({ title: 'Moby-Dick' }, {}),
  ),
  on(
    'content without version, under any tag',
    ask('GET /odd/{id}/title', { 'if-none-match': '*' }),
    ok({ title: 'Moby-Dick' }, {}),
  ),
  on(
    'content of another row',
    ask('GET /odd/{id}/sequel', { 'if-none-match': '"3"' }),
    ok({ version: 3 }, {}),
  ),
  on('§15.3.3 a 202', ask('GET /odd/{id}/answered/202'), {
    status: 202,
    said: { ...HAS_NO_TAG, ...VALIDATORS },
    content: { version: 3 },
  }),
  on('§13.2.1 a 404 by status', ask('GET /odd/{id}/answered/404', { 'if-none-match': '"3"' }), {
    status: 404,
    said: HAS_NO_TAG,
    content: { version: 3 },
  }),
  on('§13.2.1 a 500 by status', ask('GET /odd/{id}/answered/500', { 'if-match': '"2"' }), {
    status: 500,
    said: HAS_NO_TAG,
    content: { version: 3 },
  }),
  on('a part, by its root', ask('GET /volumes/{id}'), ok({ title: 'I' }, OF_ROOT)),
  on('a part, unchanged', ask('GET /volumes/{id}', { 'if-none-match': '"3"' }), notModified(OF_ROOT)),
  on('a part, changed', ask('GET /volumes/{id}', { 'if-none-match': '"2"' }), ok({ title: 'I' }, OF_ROOT)),
  on('a part, refused', ask('GET /volumes/{id}', { 'if-match': '"2"' }), STALE),
  on(
    'a part under a date that it does not have',
    ask('GET /volumes/{id}', { 'if-modified-since': LATER }),
    ok({ title: 'I' }, OF_ROOT),
  ),
  absent(on('a part that is not there', ask('GET /volumes/{id}', { 'if-none-match': '*' }), MISSING)),
  on('a root with its parts', ask('GET /shelves/{id}'), ok({ volumes: [{ title: 'I' }] }, OF_ROOT)),
  on('no route', ask('GET /nowhere', { 'if-match': '3' }), problem(404)),
];

const GETS = [
  ...BY_TAG,
  ...BY_DATE,
  ...IN_ORDER,
  ...BEFORE_CONDITIONS,
  ...FROM_THE_VERSION,
  ...VARIANTS,
  ...OTHERWISE,
];

/** §9.3.2: the same headers, and nothing after them. */
const HEADS = GETS.map((one): Case => ({
  ...one,
  name: `§9.3.2 HEAD: ${one.name}`,
  request: one.request.replace('GET', 'HEAD'),
  answer: empty(one.answer.status, one.answer.said),
}));

export const READS: readonly Case[] = [...GETS, ...HEADS];
