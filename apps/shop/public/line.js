import { fromTemplate, money, unbroken } from './format.js';

const MOST_PIECES = 1000;

/**
 * A row of a slip, with buttons for one piece more or less.
 *
 * @param line - id, name, quantity, unitPriceCents
 * @param limits - canRemove: whether the last piece may go; most: how many pieces there may be
 */
export function lineRow(
  { id, name, quantity, unitPriceCents },
  { canRemove = true, most = MOST_PIECES } = {},
) {
  const item = fromTemplate('line-template');
  item.dataset.id = id;
  item.querySelector('.name').textContent = unbroken(name);
  item.querySelector('.amount').textContent = money(unitPriceCents * quantity);
  item.querySelector('.each').textContent = quantity > 1 ? `${money(unitPriceCents)} each` : '';
  item.querySelector('output').textContent = quantity;
  const [less, more] = item.querySelectorAll('button');
  less.setAttribute('aria-label', quantity > 1 ? `One ${name} less` : `Remove ${name}`);
  less.disabled = quantity === 1 && !canRemove;
  more.setAttribute('aria-label', `One more ${name}`);
  more.disabled = quantity >= Math.min(most, MOST_PIECES);
  return item;
}

/** Which row's button was clicked: { id, change }, or nothing. */
export function clickedChange({ target }) {
  const change = Number(target.dataset.change);
  return change ? { id: target.closest('.line').dataset.id, change } : undefined;
}

/** The rows are new; whoever uses the keyboard stays where they were. */
export function focusAgain(list, { id, change }) {
  const row = list.querySelector(`[data-id="${id}"]`);
  const button =
    row?.querySelector(`[data-change="${change}"]:enabled`) ?? row?.querySelector('button:enabled');
  (button ?? list.closest('.slip')).focus();
}
