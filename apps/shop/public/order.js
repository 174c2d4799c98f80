import { api } from './api.js';
import { announce, byId, fromTemplate, money, moment, showText, unbroken } from './format.js';

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
  byId('order-lines').replaceChildren(...order.lines.map(row));
  byId('order-total').textContent = money(order.totalCents);
  byId('order-cancel').hidden = !placed;
  showText(byId('order-error'), undefined);
  reveal(true);
}

function row({ product, quantity, unitPriceCents }) {
  const item = fromTemplate('line-template');
  item.querySelector('.name').textContent = `${quantity} × ${unbroken(product.name)}`;
  item.querySelector('.amount').textContent = money(unitPriceCents * quantity);
  item.querySelector('.stepper').remove();
  item.querySelector('.each').remove();
  return item;
}

function reveal(isOrder) {
  section.hidden = !isOrder;
  byId('basket').hidden = isOrder;
}

async function cancel(onCancelled) {
  const button = byId('order-cancel');
  button.disabled = true;
  try {
    const order = await api.cancelOrder(current.id);
    showOrder(order);
    section.focus();
    announce('Order cancelled. Everything on it is back in stock.');
    onCancelled(order);
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

export function startOrder(onCancelled) {
  byId('order-cancel').addEventListener('click', () => cancel(onCancelled));
  byId('order-again').addEventListener('click', () => {
    closeOrder();
    byId('slip').focus();
  });
  window.addEventListener('hashchange', showOrderInAddress);
  return showOrderInAddress();
}
