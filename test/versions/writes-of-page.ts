import { Not, type EntityManager } from 'typeorm';
import { Page } from './entities.js';

export const loadedPage = (em: EntityManager): Promise<Page> => em.findOneByOrFail(Page, { id: 1 });

/** Ways to write the page with the id 1, called `ours`. */
export const WRITES_OF_PAGE: Record<string, (em: EntityManager) => Promise<unknown>> = {
  save: async (em) => em.save(Object.assign(await loadedPage(em), { name: 'changed' })),
  'save of an object without a version': (em) => em.save(Page, { id: 1, name: 'changed' }),
  remove: async (em) => em.remove(await loadedPage(em)),
  softRemove: async (em) => em.softRemove(await loadedPage(em)),
  'update() by id': (em) => em.update(Page, 1, { name: 'changed' }),
  'update() by criteria': (em) => em.update(Page, { id: 1 }, { name: 'changed' }),
  'update() by other criteria': (em) => em.update(Page, { name: 'ours' }, { name: 'changed' }),
  'update() of criteria that more rows meet': (em) => em.update(Page, { id: Not(9) }, { name: 'changed' }),
  'delete()': (em) => em.delete(Page, { id: 1 }),
  'softDelete()': (em) => em.softDelete(Page, { id: 1 }),
};
