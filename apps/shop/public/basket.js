import { api } from './api.js';
import { announce, byId, money, showText } from './format.js';
import { clickedChange, focusAgain, lineRow } from './line.js';

/** Product id → { product, quantity }, in the order in which they were added. */
const lines = new Map();
const form = byId('basket');
const customer = byId('customer');

export function addToBasket(product) {
  const quantity = (lines.get(product.id)?.quantity ?? 0) + 1;
  if (quantity > product.stock) {
    showText(byId('basket-error'), `All ${product.stock} of ${product.name} are on your slip already.`);
    return;
  }
  setQuantity(product, quantity);
  announce(`${product.name}: ${quantity} on your order slip`);
}

function setQuantity(product, quantity) {
  showText(byId('basket-error'), undefined);
  if (quantity > 0) lines.set(product.id, { product, quantity });
  else lines.delete(product.id);
  render();
}

function render() {
  const items = [...lines.values()];
  byId('basket-lines').replaceChildren(...items.map(row));
  byId('basket-empty').hidden = items.length > 0;
  byId('basket-rest').hidden = items.length === 0;
  const total = money(items.reduce((sum, { product, quantity }) => sum + product.priceCents * quantity, 0));
  byId('basket-total').textContent = total;
  showText(byId('slip-bar'), items.length > 0 ? `Your order slip · ${total}` : '');
}

function row({ product, quantity }) {
  const { id, name, priceCents, stock } = product;
  return lineRow({ id, name, quantity, unitPriceCents: priceCents }, { most: stock });
}

/** What is on the slip costs what it costs now. */
export function updateBasket(product) {
  const line = lines.get(product.id);
  if (!line) return;
  lines.set(product.id, { ...line, product });
  render();
}

function changeByButton(event) {
  const clicked = clickedChange(event);
  if (!clicked) return;
  const { product, quantity } = lines.get(clicked.id);
  setQuantity(product, quantity + clicked.change);
  focusAgain(byId('basket-lines'), clicked);
}

async function place({ onPlaced, onStock }) {
  showText(byId('basket-error'), undefined);
  if (!hasName()) return;
  const button = form.querySelector('[type="submit"]');
  button.disabled = true;
  try {
    const slip = {
      customer: customer.value,
      lines: [...lines].map(([productId, { quantity }]) => ({ productId, quantity })),
    };
    const order = await api.placeOrder(slip, keyOf(slip));
    lines.clear();
    sent = undefined;
    render();
    onPlaced(order);
  } catch (refusal) {
    explain(refusal, onStock);
  } finally {
    button.disabled = false;
  }
}

/** The key of the slip that was sent last: whoever sends the same slip again, after a broken connection, orders it once. */
let sent;

function keyOf(slip) {
  const text = JSON.stringify(slip);
  if (sent?.text !== text) {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    sent = { text, key: Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('') };
  }
  return sent.key;
}

function hasName() {
  const missing = customer.value.trim() === '';
  showText(
    byId('customer-error'),
    missing ? 'Please write your name, so that we know whose order it is.' : '',
  );
  customer.setAttribute('aria-invalid', String(missing));
  if (missing) customer.focus();
  return !missing;
}

function explain(refusal, onStock) {
  const line = lines.get(refusal.productId);
  if (!line || refusal.status !== 409) {
    const fate = refusal.status === 0 ? 'You may press again: it is ordered once.' : 'Nothing was ordered.';
    showText(byId('basket-error'), `${refusal.message} ${fate}`);
    return;
  }
  const { product } = line;
  const { left } = refusal;
  const current = { ...product, stock: left };
  lines.set(product.id, { ...line, product: current });
  onStock([current]);
  const text =
    left === 0 ? `${product.name} has just sold out.` : `Only ${left} of ${product.name} left now.`;
  showText(byId('basket-error'), `${text} Nothing was ordered. `);
  byId('basket-error').append(remedy(current));
}

function remedy(product) {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = product.stock === 0 ? 'Take it off the slip' : `Make it ${product.stock}`;
  button.addEventListener('click', () => {
    setQuantity(product, product.stock);
    form.querySelector('[type="submit"]').focus();
  });
  return button;
}

/** @param listeners - onPlaced({ value: order, tag }), onStock(products) */
export function startBasket(listeners) {
  byId('basket-lines').addEventListener('click', changeByButton);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void place(listeners);
  });
  render();
}
