import { api } from './api.js';
import { announce, byId, money, moment, showText } from './format.js';
import { clickedChange, focusAgain, lineRow } from './line.js';

const section = byId('order');
/** The order as it was seen last, and its entity tag. */
let current;
let currentTag;

const idInAddress = () => /^#order\/(.+)$/.exec(location.hash)?.[1];

export function showOrder({ value: order, tag }) {
  current = order;
  currentTag = tag;
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
  const { productName: name, quantity } = line;
  const item = lineRow({ ...line, name }, { canRemove: lines.length > 1 });
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
  const line = current.lines.find((each) => each.id === id);
  const place = { order: current.id, id, quantity: line.quantity + change };
  try {
    showOrder(await (place.quantity > 0 ? api.setQuantity : api.removeLine)(place, currentTag));
    announce(`${line.productName}: ${place.quantity} on your order`);
    await onStock();
  } catch (refusal) {
    await explain(refusal);
  }
  focusAgain(byId('order-lines'), clicked);
}

async function explain(refusal) {
  if (!refusal.isStale) return showText(byId('order-error'), refusal.message);
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
    showOrder(await api.cancelOrder(current.id, currentTag));
    section.focus();
    announce('Order cancelled. Everything on it is back in stock.');
    await onStock();
  } catch (refusal) {
    await explain(refusal);
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

/** @param onStock - is told when a change of the order has changed the stock */
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
