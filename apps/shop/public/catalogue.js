import { api } from './api.js';
import { byId, fromTemplate, money, showText, unbroken } from './format.js';

const LIMIT = 24;
const FEW = 9;

const products = new Map();
const list = byId('products');

const stateOf = (search) => {
  const query = new URLSearchParams(search);
  return {
    page: Math.max(1, Number.parseInt(query.get('page') ?? '1', 10) || 1),
    search: query.get('search') ?? '',
    category: query.get('category') ?? '',
  };
};
let state = stateOf(location.search);
let latestLoad = 0;

/** Keeps what is not the default, for the address bar and for the request. */
const chosen = ({ page, search, category }) => ({
  ...(page > 1 && { page }),
  ...(search && { search }),
  ...(category && { category }),
});

export async function loadProducts() {
  const load = ++latestLoad;
  try {
    const answer = await api.products({ limit: LIMIT, ...chosen(state) });
    // A later search may have been answered sooner.
    if (load === latestLoad) render(answer);
  } catch (refusal) {
    if (load === latestLoad) showText(byId('list-error'), `The list could not be loaded. ${refusal.message}`);
  }
}

function render({ items, total }) {
  products.clear();
  list.replaceChildren(...items.map(card));
  showText(byId('list-error'), undefined);
  byId('count').textContent = total === 1 ? '1 product' : `${total} products`;
  renderState(Math.max(1, Math.ceil(total / LIMIT)));
}

function renderState(pages) {
  const current = document.querySelector(`#categories [data-category="${CSS.escape(state.category)}"]`);
  for (const link of byId('categories').children) {
    if (link === current) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  byId('heading').textContent = state.search
    ? `Results for “${state.search}”`
    : !state.category
      ? 'All goods'
      : (current?.textContent ?? state.category);
  const nav = byId('pages');
  nav.hidden = pages === 1;
  byId('page-of').textContent = `Page ${state.page} of ${pages}`;
  nav.querySelector('[data-step="-1"]').disabled = state.page <= 1;
  nav.querySelector('[data-step="1"]').disabled = state.page >= pages;
}

function card(product) {
  products.set(product.id, product);
  const item = fromTemplate('product-template');
  item.dataset.id = product.id;
  item.querySelector('h3').textContent = unbroken(product.name);
  item.querySelector('.description').textContent = unbroken(product.description);
  item.querySelector('.sku').textContent = product.sku;
  item.querySelector('.price').textContent = money(product.priceCents);
  item.querySelector('.add').setAttribute('aria-label', `Add ${product.name} to the order`);
  item.querySelector('.edit').setAttribute('aria-label', `Edit ${product.name}`);
  showStock(item, product.stock);
  return item;
}

function showStock(item, stock) {
  const badge = item.querySelector('.stock');
  badge.dataset.level = stock === 0 ? 'none' : stock <= FEW ? 'few' : 'many';
  badge.textContent = stock === 0 ? 'Sold out' : stock <= FEW ? `Only ${stock} left` : `${stock} in stock`;
  item.querySelector('.add').disabled = stock === 0;
}

/** Shows what has become of the stock, and draws the eye to it. */
export function updateStock(changed) {
  for (const product of changed) {
    const item = list.querySelector(`[data-id="${product.id}"]`);
    if (!item) continue;
    const before = products.get(product.id);
    products.set(product.id, { ...before, ...product });
    if (before.stock === product.stock) continue;
    showStock(item, product.stock);
    const badge = item.querySelector('.stock');
    badge.classList.remove('changed');
    void badge.offsetWidth; // so that the animation starts over
    badge.classList.add('changed');
  }
}

/** Shows what an order has done to the stock of whatever is on this page. */
export async function refreshStock() {
  const { items } = await api.products({ limit: LIMIT, ...chosen(state) });
  updateStock(items);
}

/** Shows a product as it is now, unless it is on another page. */
export function showProduct(product) {
  const item = list.querySelector(`[data-id="${product.id}"]`);
  if (!item) return;
  const isFocused = item.contains(document.activeElement);
  const shown = card(product);
  item.replaceWith(shown);
  if (isFocused) shown.querySelector('.edit').focus();
}

function go(change) {
  state = { ...state, page: 1, ...change };
  history.pushState(null, '', `/?${new URLSearchParams(chosen(state))}`.replace(/\?$/, '') + location.hash);
  return loadProducts();
}

/** @param listeners - onAdd(product), onEdit(product) */
export function startCatalogue({ onAdd, onEdit }) {
  byId('query').value = state.search;
  list.addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (!button) return;
    const product = products.get(button.closest('.product').dataset.id);
    if (button.matches('.add')) onAdd(product);
    else onEdit(product);
  });
  byId('categories').addEventListener('click', (event) => {
    const link = event.target.closest('a');
    if (!link || event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    byId('query').value = '';
    void go({ category: link.dataset.category, search: '' });
  });
  byId('search').addEventListener('submit', (event) => event.preventDefault());
  byId('query').addEventListener('input', ({ target }) => go({ search: target.value.trim() }));
  byId('pages').addEventListener('click', async (event) => {
    const step = Number(event.target.dataset.step);
    if (!step) return;
    await go({ page: state.page + step });
    byId('heading').scrollIntoView({ block: 'start' });
  });
  window.addEventListener('popstate', () => {
    state = stateOf(location.search);
    byId('query').value = state.search;
    void loadProducts();
  });
  // Others buy too: whoever comes back to the page sees today's stock.
  document.addEventListener('visibilitychange', () => document.hidden || loadProducts());
  return loadProducts();
}
