import { api } from './api.js';
import { announce, byId, money, moment, showText } from './format.js';
import { clickedChange, focusAgain, lineRow } from './line.js';

const section = byId('order');
let current;

const idInAddress = () => /^#order\/(.+)$/.exec(location.hash)?.[1];

export function showOrder(order) {
  current = order;
  const placed = order.status === 'placed';
  history.replaceState(null, '', `${location.search || '/'}#order/${order.id}`);
  section.dataset.status = order.status;
  byId('order-status').textContent = placed ? 'Placed' : 'Cancelled';
  byId('order-title').textContent = placed ? `Thank you, ${order.customer}` : 'Order cancelled';
  byId('order-note').textContent = placed
    ? 'The goods are set aside for you; the stock has fallen by what you took.'
    : 'Everything on it is back in stock.';
  byId('order-id').textContent = order.id;
  byId('order-id').href = `/orders/${order.id}`;
  byId('order-date').textContent = moment(order.createdAt);
  byId('order-date').dateTime = order.createdAt;
  byId('order-changed').textContent = moment(order.updatedAt);
  byId('order-changed').dateTime = order.updatedAt;
  byId('order-lines').replaceChildren(...order.lines.map((line) => row(line, order)));
  byId('order-total').textContent = money(order.totalCents);
  byId('order-cancel').hidden = !placed;
  showText(byId('order-error'), undefined);
  reveal(true);
}

function row(line, { status, lines }) {
  const { product, quantity } = line;
  const item = lineRow(line, { canRemove: lines.length > 1, most: quantity + product.stock });
  if (status === 'placed') return item;
  item.querySelector('.name').prepend(`${quantity} × `);
  item.querySelector('.stepper').remove();
  item.querySelector('.each').remove();
  return item;
}

function reveal(isOrder) {
  section.hidden = !isOrder;
  byId('basket').hidden = isOrder;
}

async function changeByButton(event, onStock) {
  const clicked = clickedChange(event);
  if (!clicked) return;
  const { id, change } = clicked;
  const { product, quantity } = current.lines.find((line) => line.product.id === id);
  try {
    const left = quantity + change;
    const changed = left > 0 ? api.setLine(current, id, left) : api.removeLine(current, id);
    showOrder(await changed);
    announce(`${product.name}: ${left} on your order`);
    onStock([await api.product(id)]);
  } catch (refusal) {
    await explain(refusal);
  }
  focusAgain(byId('order-lines'), clicked);
}

async function explain(refusal) {
  if (!refusal.current) return showText(byId('order-error'), refusal.message);
  showOrder(await api.order(current.id));
  showText(
    byId('order-error'),
    'This order has been changed elsewhere. Here it is as it is now; your change was not made.',
  );
}

async function cancel(onStock) {
  const button = byId('order-cancel');
  button.disabled = true;
  try {
    const order = await api.cancelOrder(current.id);
    showOrder(order);
    section.focus();
    announce('Order cancelled. Everything on it is back in stock.');
    onStock(order.lines.map((line) => line.product));
  } catch (refusal) {
    showText(byId('order-error'), refusal.message);
  } finally {
    button.disabled = false;
  }
}

export function closeOrder() {
  if (idInAddress()) history.replaceState(null, '', location.pathname + location.search);
  reveal(false);
}

/** An order's address can be kept: after a reload, or a restart of the shop, the order is still there. */
async function showOrderInAddress() {
  const id = idInAddress();
  if (!id) return;
  try {
    showOrder(await api.order(id));
  } catch {
    closeOrder();
  }
}

/** @param onStock - is told of the products whose stock a change of the order has changed */
export function startOrder(onStock) {
  byId('order-lines').addEventListener('click', (event) => changeByButton(event, onStock));
  byId('order-cancel').addEventListener('click', () => cancel(onStock));
  byId('order-again').addEventListener('click', () => {
    closeOrder();
    byId('slip').focus();
  });
  window.addEventListener('hashchange', showOrderInAddress);
  return showOrderInAddress();
}
