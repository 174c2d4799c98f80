import {
  ABSENT,
  EARLIER,
  LATER,
  MISSING,
  NOW,
  STALE,
  absent,
  ask,
  changed,
  empty,
  leaving,
  ok,
  on,
  problem,
  softDeleted,
  type Case,
  type Expected,
} from './case.js';
import { created } from './writes.js';

const NEW = { title: 'The Whale' };
function remove(name: string, headers: Case['headers'], answer: Expected): Case {
  return on(name, ask('DELETE /odd/{id}', headers), answer);
}

function removeSoftly(name: string, headers: Case['headers'], answer: Expected): Case {
  return on(name, ask('DELETE /books/{id}', headers), answer);
}

const DELETES: Case[] = [
  leaving(null, remove('DELETE without condition', {}, empty(204))),
  leaving(null, remove('§13.1.1 DELETE with the current tag', { 'if-match': '"3"' }, empty(204))),
  remove('§13.1.1 DELETE with an old tag', { 'if-match': '"2"' }, STALE),
  leaving(null, remove('§13.1.1 DELETE with *', { 'if-match': '*' }, empty(204))),
  leaving(null, remove('§13.1.1 DELETE with a list', { 'if-match': '"2", "3"' }, empty(204))),
  remove('§13.1.2 DELETE with If-None-Match: *', { 'if-none-match': '*' }, STALE),
  remove('§13.1.4 DELETE of what was modified since', { 'if-unmodified-since': EARLIER }, STALE),
  leaving(null, remove('§13.1.4 DELETE of what was not', { 'if-unmodified-since': LATER }, empty(204))),
  absent(remove('§13.2.1 DELETE of what is not there', { 'if-match': '"3"' }, MISSING)),
  absent(remove('§13.2.1 DELETE of what is not there, with *', { 'if-match': '*' }, MISSING)),
  leaving('Moby-Dick', removeSoftly('DELETE softly', { 'if-match': '"3"' }, empty(204))),
  removeSoftly('§13.1.1 DELETE softly with an old tag', { 'if-match': '"2"' }, STALE),
  softDeleted(removeSoftly('§13.2.1 DELETE of what was deleted softly', { 'if-match': '"3"' }, MISSING)),
];

const LOOKED_AT = 'POST /books/{id}/looked-at';
const COPIES = 'POST /books/{id}/copies';

const POSTS: Case[] = [
  on(
    '§13.1.1 POST that writes nothing, with the current tag',
    ask(LOOKED_AT, { 'if-match': '"3"' }),
    empty(204, { etag: '"3"' }),
  ),
  on('§13.1.1 POST that writes nothing, with an old tag', ask(LOOKED_AT, { 'if-match': '"2"' }), STALE),
  on('§13.1.1 POST that writes nothing, with *', ask(LOOKED_AT, { 'if-match': '*' }), empty(204)),
  on(
    '§13.1.4 POST that writes nothing, under a date',
    ask(LOOKED_AT, { 'if-unmodified-since': LATER }),
    empty(204, { etag: '"3"' }),
  ),
  on(
    '§13.1.2 POST that writes nothing, with another tag',
    ask(LOOKED_AT, { 'if-none-match': '"2"' }),
    empty(204, { etag: '"3"' }),
  ),
  absent(on('POST to what is not there', ask(LOOKED_AT, { 'if-match': '"3"' }), MISSING)),
  on(
    '§13.1.1 POST that adds, with the current tag',
    ask(COPIES, { 'if-match': '"3"' }, { copies: 2 }),
    ok({ copies: 2, version: 4 }, { etag: '"4"', 'last-modified': NOW }),
  ),
  on('§13.1.1 POST that adds, with an old tag', ask(COPIES, { 'if-match': '"2"' }, { copies: 2 }), STALE),
  absent(on('§9.3.3 POST creates', ask('POST /books', {}, { id: '{id}', title: 'The Whale' }), posted())),
  absent(
    on(
      '§13.1.2 POST creates with If-None-Match: *',
      ask('POST /books', { 'if-none-match': '*' }, { id: '{id}', title: 'The Whale' }),
      posted(),
    ),
  ),
  absent(
    on(
      '§13.1.1 POST creates with If-Match',
      ask('POST /books', { 'if-match': '*' }, { id: '{id}', title: 'The Whale' }),
      ABSENT,
    ),
  ),
  leaving(
    'The Whale',
    on(
      '§13.1.1 a resource that the content names',
      ask('POST /odd/renamed', { 'if-match': '"3"' }, { id: '{id}', ...NEW }),
      ok({ version: 4 }, { etag: '"4"', 'last-modified': NOW }),
    ),
  ),
  on(
    '§13.1.1 a resource that the content names, stale',
    ask('POST /odd/renamed', { 'if-match': '"2"' }, { id: '{id}', ...NEW }),
    STALE,
  ),
];

function posted(): Expected {
  const { 'content-location': _, ...said } = created().said as Record<string, string>;
  return { ...created(), said: { ...said, location: '/books/{id}' } };
}

const AFTER: Case[] = [
  leaving(
    'The Whale',
    on(
      'a PATCH that shows nothing tells the new tag',
      ask('PATCH /odd/{id}/silently', { 'if-match': '"3"' }, NEW),
      empty(204, { etag: '"4"' }),
    ),
  ),
  leaving(
    'The Whale',
    on('also without condition', ask('PATCH /odd/{id}/silently', {}, NEW), empty(204, { etag: '"4"' })),
  ),
  on(
    '§8.8.3.3 a PATCH under the tag of another variant',
    ask('PATCH /odd/{id}/translated', { 'if-match': '"3-abc"' }, NEW),
    variant(),
  ),
  on(
    '§8.8.3.3 a PATCH under an old tag of a variant',
    ask('PATCH /odd/{id}/translated', { 'if-match': '"2-abc"' }, NEW),
    STALE,
  ),
  on('a server-side conflict', ask('PATCH /odd/{id}/contested', {}, NEW), problem(409)),
  on(
    'a server-side conflict under a tag',
    ask('PATCH /odd/{id}/contested', { 'if-match': '"3"' }, NEW),
    problem(412),
  ),
];

function variant(): Expected {
  const { said, ...answer } = changed('The Whale', {
    at: '/odd/{id}/translated',
    tag: '{new tag of [null,null]}',
  });
  return { ...answer, said: { ...said, vary: 'Accept-Language' } };
}

const OF_ROOT = { etag: '"4"' };
const VOLUME = 'PATCH /volumes/{id}';

const PARTS: Case[] = [
  on('a part under the tag of its root', ask(VOLUME, { 'if-match': '"3"' }, NEW), ok(NEW, OF_ROOT)),
  on('a part without condition', ask(VOLUME, {}, NEW), ok(NEW, {})),
  on('a part under an old tag', ask(VOLUME, { 'if-match': '"2"' }, NEW), STALE),
  on('a part under *', ask(VOLUME, { 'if-match': '*' }, NEW), ok(NEW, OF_ROOT)),
  on('a part under a list', ask(VOLUME, { 'if-match': '"2", "3"' }, NEW), ok(NEW, OF_ROOT)),
  on('a part under a weak tag', ask(VOLUME, { 'if-match': 'W/"3"' }, NEW), STALE),
  on('a part with If-None-Match: *', ask(VOLUME, { 'if-none-match': '*' }, NEW), STALE),
  on(
    'a part under a date, which its root does not have',
    ask(VOLUME, { 'if-unmodified-since': EARLIER }, NEW),
    ok(NEW, {}),
  ),
  absent(on('a part that is not there', ask(VOLUME, { 'if-match': '"3"' }, NEW), MISSING)),
  on('a part with invalid content and an old tag', ask(VOLUME, { 'if-match': '"2"' }, { title: '' }), STALE),
  on('a part that is deleted', ask('DELETE /volumes/{id}', { 'if-match': '"3"' }), empty(204, OF_ROOT)),
  on('a part that is deleted under an old tag', ask('DELETE /volumes/{id}', { 'if-match': '"2"' }), STALE),
  absent(
    on('a part that is deleted and not there', ask('DELETE /volumes/{id}', { 'if-match': '"3"' }), MISSING),
  ),
  on(
    'a part that is added',
    ask('POST /shelves/{id}/volumes', { 'if-match': '"3"' }, NEW),
    empty(201, OF_ROOT),
  ),
  on(
    'a part that is added without condition',
    ask('POST /shelves/{id}/volumes', {}, NEW),
    empty(201, OF_ROOT),
  ),
  on(
    'a part that is added under an old tag',
    ask('POST /shelves/{id}/volumes', { 'if-match': '"2"' }, NEW),
    STALE,
  ),
];

export const EFFECTS: readonly Case[] = [...DELETES, ...POSTS, ...AFTER, ...PARTS];
