import {
  ABSENT,
  ASCTIME,
  EARLIER,
  LAST_MODIFIED,
  LATER,
  MALFORMED,
  MISSING,
  NOW,
  RFC850,
  STALE,
  absent,
  ask,
  changed,
  empty,
  leaving,
  on,
  problem,
  softDeleted,
  type Case,
  type Expected,
} from './case.js';

const NEW = { title: 'The Whale' };
const RENAMED = changed('The Whale');

function patch(name: string, headers: Case['headers'], answer: Expected): Case {
  return on(name, ask('PATCH /books/{id}', headers, NEW), answer);
}

function put(name: string, headers: Case['headers'], answer: Expected): Case {
  return on(name, ask('PUT /books/{id}', headers, NEW), answer);
}

const PATCHES: Case[] = [
  patch('PATCH without condition', {}, RENAMED),
  patch('§13.1.1 PATCH with the current tag', { 'if-match': '"3"' }, RENAMED),
  patch('§13.1.1 PATCH with an old tag', { 'if-match': '"2"' }, STALE),
  patch('§13.1.1 PATCH with a tag of the future', { 'if-match': '"4"' }, STALE),
  patch('§13.1.1 PATCH compares strongly', { 'if-match': 'W/"3"' }, STALE),
  patch('§13.1.1 PATCH with a list', { 'if-match': '"1", "3"' }, RENAMED),
  patch('§13.1.1 PATCH with a list of old tags', { 'if-match': '"1", "2"' }, STALE),
  patch('§13.1.1 PATCH with a list in which the current tag is weak', { 'if-match': '"1", W/"3"' }, STALE),
  patch('§13.1.1 PATCH with *', { 'if-match': '*' }, RENAMED),
  patch('§5.3 PATCH with the tag in a second header', { 'if-match': ['"1"', '"3"'] }, RENAMED),
  patch('§8.8.3 PATCH with a tag that is no version', { 'if-match': '"abc"' }, STALE),
  patch('§8.8.3 PATCH with an empty tag', { 'if-match': '""' }, STALE),
  patch('§8.8.3 PATCH with a tag that only equals the version', { 'if-match': '"03"' }, STALE),
  patch('§8.8.3 PATCH with a version that no column holds', { 'if-match': `"${'9'.repeat(30)}"` }, STALE),
  patch('§8.8.3 PATCH with a version just beyond the column', { 'if-match': '"2147483648"' }, STALE),
  patch('§8.8.3 PATCH with the last version of the column', { 'if-match': '"2147483647"' }, STALE),
  patch('§8.8.3 PATCH with version 0', { 'if-match': '"0"' }, STALE),
  patch('§8.8.3 PATCH with commas in a tag', { 'if-match': '"3,3", "3"' }, RENAMED),
  patch('§13.1.1 PATCH with a number', { 'if-match': '3' }, MALFORMED),
  patch('§13.1.1 PATCH with garbage after the tag', { 'if-match': '"3";' }, MALFORMED),
  patch('§13.1.1 PATCH with * beside a tag', { 'if-match': '"3", *' }, MALFORMED),
  patch('§13.1.1 PATCH with an empty If-Match', { 'if-match': '' }, MALFORMED),
  patch(
    '§13.1.2 PATCH with a malformed If-None-Match',
    { 'if-match': '"3"', 'if-none-match': 'x' },
    MALFORMED,
  ),
  patch('§13.1.2 PATCH with If-None-Match: *', { 'if-none-match': '*' }, STALE),
  patch('§13.1.2 PATCH with If-None-Match and the current tag', { 'if-none-match': '"3"' }, STALE),
  patch('§13.1.2 PATCH compares If-None-Match weakly', { 'if-none-match': 'W/"3"' }, STALE),
  patch('§13.1.2 PATCH with If-None-Match and an old tag', { 'if-none-match': '"2"' }, RENAMED),
  patch('§13.2.2 1, 3 PATCH where both tags hold', { 'if-match': '"3"', 'if-none-match': '"2"' }, RENAMED),
  patch('§13.2.2 3 PATCH where only the first holds', { 'if-match': '"3"', 'if-none-match': '"3"' }, STALE),
  patch('§13.1.4 PATCH of what was not modified since', { 'if-unmodified-since': LAST_MODIFIED }, RENAMED),
  patch('§13.1.4 PATCH of what was not modified since, later', { 'if-unmodified-since': LATER }, RENAMED),
  patch('§13.1.4 PATCH of what was modified since', { 'if-unmodified-since': EARLIER }, STALE),
  patch('§5.6.7 PATCH with a date of RFC 850', { 'if-unmodified-since': RFC850 }, RENAMED),
  patch('§5.6.7 PATCH with a date of asctime()', { 'if-unmodified-since': ASCTIME }, RENAMED),
  patch('§13.1.4 PATCH with an invalid date', { 'if-unmodified-since': 'Sun, 06 Nov' }, RENAMED),
  patch(
    '§13.2.2 1 PATCH: the tag counts before the date',
    { 'if-match': '"3"', 'if-unmodified-since': EARLIER },
    RENAMED,
  ),
  patch(
    '§13.2.2 1 PATCH: an old tag is not saved by the date',
    { 'if-match': '"2"', 'if-unmodified-since': LATER },
    STALE,
  ),
  patch('§13.1.3 PATCH ignores If-Modified-Since', { 'if-modified-since': LATER }, RENAMED),
  absent(patch('§13.2.1 PATCH of what is not there', { 'if-match': '"3"' }, MISSING)),
  absent(patch('§13.2.1 PATCH of what is not there, with *', { 'if-match': '*' }, MISSING)),
  absent(patch('§13.2.1 PATCH of what is not there, with a date', { 'if-unmodified-since': LATER }, MISSING)),
  softDeleted(patch('§13.2.1 PATCH of what was deleted softly', { 'if-match': '"3"' }, MISSING)),
  softDeleted(patch('§13.2.1 PATCH of what was deleted softly, stale', { 'if-match': '"2"' }, MISSING)),
  softDeleted(patch('§13.2.1 PATCH of what was deleted softly, with *', { 'if-match': '*' }, MISSING)),
  on('PATCH of a key that no row has', ask('PATCH /books/seven', { 'if-match': '"3"' }, NEW), problem(400)),
];

const PUTS: Case[] = [
  put('PUT without condition', {}, RENAMED),
  put('§13.1.1 PUT with the current tag', { 'if-match': '"3"' }, RENAMED),
  put('§13.1.1 PUT with an old tag', { 'if-match': '"2"' }, STALE),
  put('§13.1.1 PUT with *', { 'if-match': '*' }, RENAMED),
  put('§13.1.2 PUT with If-None-Match: * of what is there', { 'if-none-match': '*' }, STALE),
  put('§13.1.2 PUT with If-None-Match and the current tag', { 'if-none-match': 'W/"3"' }, STALE),
  put('§13.1.4 PUT of what was modified since', { 'if-unmodified-since': EARLIER }, STALE),
  put('§13.1.4 PUT of what was not modified since', { 'if-unmodified-since': LAST_MODIFIED }, RENAMED),
  absent(put('§13.1.1 PUT with a tag of what is not there', { 'if-match': '"3"' }, ABSENT)),
  absent(put('§13.1.1 PUT with * of what is not there', { 'if-match': '*' }, ABSENT)),
  absent(put('§13.1.1 PUT with version 0 of what is not there', { 'if-match': '"0"' }, ABSENT)),
  absent(put('§13.1.1 PUT with an unknown tag of what is not there', { 'if-match': '"x"' }, ABSENT)),
  softDeleted(put('§13.1.1 PUT with a tag of what was deleted softly', { 'if-match': '"3"' }, ABSENT)),
  softDeleted(put('§13.1.1 PUT with * of what was deleted softly', { 'if-match': '*' }, ABSENT)),
  absent(put('§9.3.4 PUT creates', {}, created())),
  absent(put('§13.1.2 PUT creates with If-None-Match: *', { 'if-none-match': '*' }, created())),
  absent(put('§13.1.2 PUT creates with If-None-Match and a tag', { 'if-none-match': '"3"' }, created())),
  absent(put('§13.1.4 PUT creates what has no date', { 'if-unmodified-since': LATER }, created())),
  absent(
    leaving(
      'The Whale',
      on('§13.1.2 PUT creates by an upsert', ask('PUT /odd/{id}/upserted', { 'if-none-match': '*' }, NEW), {
        ...empty(200),
      }),
    ),
  ),
  softDeleted(
    on(
      '§13.1.2 PUT revives what was deleted softly',
      ask('PUT /odd/{id}/revived', { 'if-none-match': '*' }, NEW),
      changed('The Whale', { at: '/odd/{id}/revived' }),
    ),
  ),
  on(
    '§13.1.2 PUT does not revive what is there',
    ask('PUT /odd/{id}/revived', { 'if-none-match': '*' }, NEW),
    STALE,
  ),
  on(
    '§13.1.2 PUT by an upsert, of what is there',
    ask('PUT /odd/{id}/upserted', { 'if-none-match': '*' }, NEW),
    STALE,
  ),
  on(
    '§13.1.1 PUT by an upsert, with an old tag',
    ask('PUT /odd/{id}/upserted', { 'if-match': '"2"' }, NEW),
    STALE,
  ),
  leaving(
    'The Whale',
    on(
      '§13.1.1 PUT by an upsert, with the current tag',
      ask('PUT /odd/{id}/upserted', { 'if-match': '"3"' }, NEW),
      empty(200),
    ),
  ),
  on('PUT to a key that no row has', ask('PUT /books/seven', { 'if-none-match': '*' }, NEW), problem(400)),
  on(
    'PUT to a key that no row has, with a tag',
    ask('PUT /books/seven', { 'if-match': '"1"' }, NEW),
    problem(400),
  ),
];

export function created(): Expected {
  return {
    status: 201,
    said: {
      'content-type': 'application/json; charset=utf-8',
      etag: '"1"',
      'last-modified': NOW,
      'content-location': '/books/{id}',
    },
    content: { id: '{id}', title: 'The Whale', version: 1 },
  };
}

export const WRITES: readonly Case[] = [...PATCHES, ...PUTS];
