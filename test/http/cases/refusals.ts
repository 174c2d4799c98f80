import {
  INVALID,
  LATER,
  MALFORMED,
  MISSING,
  REQUIRED,
  STALE,
  absent,
  ask,
  changed,
  ok,
  on,
  problem,
  softDeleted,
  type Case,
} from './case.js';

const NEW = { title: 'The Whale' };
/** There is no row of which it could hold. */
const UNVERIFIED = problem(412, { code: 'PRECONDITION_FAILED' });
const STRICTLY = 'PATCH /books/{id}/strictly';

/** What is checked before what, and whatever else a handler may answer. */
export const REFUSALS: readonly Case[] = [
  on('RFC 6585 §3 428 without condition', ask(STRICTLY, {}, NEW), REQUIRED),
  on(
    'RFC 6585 §3 428 with a condition that does not name what was seen',
    ask(STRICTLY, { 'if-none-match': '"2"' }, NEW),
    REQUIRED,
  ),
  on(
    'RFC 6585 §3 428 with a date that is none',
    ask(STRICTLY, { 'if-unmodified-since': 'x' }, NEW),
    REQUIRED,
  ),
  on(
    'RFC 6585 §3 with a tag',
    ask(STRICTLY, { 'if-match': '"3"' }, NEW),
    changed('The Whale', { at: '/books/{id}/strictly' }),
  ),
  on(
    'RFC 6585 §3 with *',
    ask(STRICTLY, { 'if-match': '*' }, NEW),
    changed('The Whale', { at: '/books/{id}/strictly' }),
  ),
  on(
    'RFC 6585 §3 with a date',
    ask(STRICTLY, { 'if-unmodified-since': LATER }, NEW),
    changed('The Whale', { at: '/books/{id}/strictly' }),
  ),
  absent(on('404 comes before 428', ask(STRICTLY, {}, NEW), MISSING)),
  softDeleted(on('404 of what was deleted softly comes before 428', ask(STRICTLY, {}, NEW), MISSING)),
  on('428 comes before the content is validated', ask(STRICTLY, {}, { title: '' }), REQUIRED),
  on('400 of a condition comes before 428', ask(STRICTLY, { 'if-match': 'x' }, NEW), MALFORMED),
  on('401 comes before 428', ask('PATCH /odd/{id}/guarded', {}, NEW), problem(401)),
  on(
    '403 comes before 412',
    ask('PATCH /odd/{id}/guarded', { authorization: 'reader', 'if-match': '"2"' }, NEW),
    problem(403),
  ),
  absent(on('401 comes before 404', ask('PATCH /odd/{id}/guarded', {}, NEW), problem(401))),
  on(
    '412 of who is let in',
    ask('PATCH /odd/{id}/guarded', { authorization: 'librarian', 'if-match': '"2"' }, NEW),
    STALE,
  ),
  on(
    '§13.2.1 412 comes before the content is validated',
    ask('PATCH /books/{id}', { 'if-match': '"2"' }, { title: '' }),
    STALE,
  ),
  on(
    '§13.2.1 412 with * comes before the content is validated',
    ask('PUT /books/{id}', { 'if-none-match': '*' }, { title: '' }),
    STALE,
  ),
  on(
    'invalid content under the current tag',
    ask('PATCH /books/{id}', { 'if-match': '"3"' }, { title: '' }),
    INVALID,
  ),
  on('invalid content without condition', ask('PATCH /books/{id}', {}, { title: '' }), INVALID),
  absent(
    on(
      '§13.2.1 404 comes before the content is validated',
      ask('PATCH /books/{id}', { 'if-match': '"2"' }, { title: '' }),
      MISSING,
    ),
  ),
  on(
    'a key as it is',
    ask('PATCH /odd/shelves/{id}', { 'if-match': '"3"' }, NEW),
    ok({ name: 'The Whale' }, { etag: '"4"', 'content-location': '/odd/shelves/{id}' }),
  ),
  on('a key in other words', ask('PATCH /odd/shelves/{id}.0', { 'if-match': '"2"' }, NEW), UNVERIFIED),
  on(
    'a key in other words, under what cannot be told of it',
    ask('PATCH /odd/shelves/{id}.0', { 'if-match': '"3"' }, NEW),
    UNVERIFIED,
  ),
  on(
    '§13.1.4 a date where none is known, which is no condition',
    ask('PATCH /odd/shelves/{id}.0', { 'if-unmodified-since': LATER }, NEW),
    ok({}, { etag: '"4"' }),
  ),
  on(
    'a key in other words, where a condition is required',
    ask('PATCH /odd/shelves/{id}.0/strictly', {}, NEW),
    REQUIRED,
  ),
  on(
    'mass assignment',
    ask(
      'PATCH /books/{id}',
      {},
      { ...NEW, id: 'x', version: 99, updatedAt: null, deletedAt: LATER, copies: 5 },
    ),
    changed('The Whale'),
  ),
  on('broken JSON', ask('PATCH /books/{id}', { 'if-match': '"3"' }, '{"title": "The'), problem(400)),
  on(
    'JSON and garbage',
    ask('PATCH /books/{id}', { 'if-match': '"3"' }, '{"title": "The Whale"} x'),
    problem(400),
  ),
  on('JSON that is no object', ask('PATCH /books/{id}', { 'if-match': '"3"' }, '[]'), problem(400)),
  on(
    '§15.5.14 too much content',
    ask('PATCH /books/{id}', { 'if-match': '"3"' }, { title: 'x'.repeat(110_000) }),
    problem(413),
  ),
  on(
    'a handler that refuses',
    ask('PATCH /books/{id}/refused', { 'if-match': '"3"' }, NEW),
    problem(422, { detail: 'No.' }),
  ),
  on(
    'a handler that refuses, under an old tag',
    ask('PATCH /books/{id}/refused', { 'if-match': '"2"' }, NEW),
    STALE,
  ),
  on('a handler that fails', ask('PATCH /odd/{id}/broken', { 'if-match': '"3"' }, NEW), problem(500)),
  on(
    'a handler that fails, under an old tag',
    ask('PATCH /odd/{id}/broken', { 'if-match': '"2"' }, NEW),
    STALE,
  ),
  on(
    '§10.2.3 a handler that is not available',
    ask('PATCH /odd/{id}/closed', { 'if-match': '"3"' }, NEW),
    problem(503, {}, { 'retry-after': '1' }),
  ),
  on('a status of success', ask('PATCH /odd/{id}/answered/202', { 'if-match': '"3"' }), {
    ...changed('answered', { at: '/odd/{id}/answered/202' }),
    status: 202,
  }),
  on('a status of failure rolls back', ask('PATCH /odd/{id}/answered/409', { 'if-match': '"3"' }), {
    status: 409,
    said: { 'content-type': 'application/json; charset=utf-8' },
    content: { title: 'answered' },
  }),
  on(
    'a status of failure, under an old tag',
    ask('PATCH /odd/{id}/answered/409', { 'if-match': '"2"' }),
    STALE,
  ),
  on(
    '@IfMatch() tells what is there',
    ask('POST /books/seen', { 'if-match': 'W/"a", "b"' }, {}),
    ok(
      {
        expected: [
          { isWeak: true, opaque: 'a' },
          { isWeak: false, opaque: 'b' },
        ],
      },
      {},
    ),
  ),
  on('@IfMatch() refuses what it cannot read', ask('POST /books/seen', { 'if-match': 'a' }, {}), MALFORMED),
];
