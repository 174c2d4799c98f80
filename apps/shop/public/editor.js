import { api } from './api.js';
import { announce, byId, money, moment, showText } from './format.js';

const dialog = byId('editor');
const form = byId('editor-form');

const asIs = { toInput: String, fromInput: (text) => text.trim(), show: (text) => `“${text}”` };
const FIELDS = {
  name: { ...asIs, label: 'Name' },
  description: { ...asIs, label: 'Description' },
  sku: { ...asIs, label: 'SKU' },
  category: { ...asIs, label: 'Category' },
  priceCents: {
    label: 'Price',
    toInput: (cents) => (cents / 100).toFixed(2),
    fromInput: (text) => Math.round(Number(text) * 100),
    show: money,
  },
  stock: { label: 'Stock', toInput: String, fromInput: Number, show: String },
};
const NAMES = Object.keys(FIELDS);

/** The product as it was when the editor opened, or as the shop has told since. */
let seen;

const typed = (name) => FIELDS[name].fromInput(form.elements[name].value);
const edited = () => NAMES.filter((name) => typed(name) !== seen[name]);
const fill = (name, product) => (form.elements[name].value = FIELDS[name].toInput(product[name]));

export function editProduct(product) {
  look(product);
  for (const name of NAMES) fill(name, product);
  dialog.showModal();
  form.elements.name.focus();
}

function look(product) {
  seen = product;
  byId('editor-stamps').textContent =
    `Version ${product.version}, changed ${moment(product.updatedAt)}. On sale since ${moment(product.createdAt)}.`;
  explain();
}

async function save(onCurrent) {
  const changes = Object.fromEntries(edited().map((name) => [name, typed(name)]));
  if (Object.keys(changes).length === 0) return dialog.close();
  const button = form.querySelector('[type="submit"]');
  button.disabled = true;
  try {
    const product = await api.changeProduct(seen.id, { ...changes, version: seen.version });
    onCurrent(product);
    dialog.close();
    announce(`${product.name} saved.`);
  } catch (refusal) {
    refuse(refusal, onCurrent);
  } finally {
    button.disabled = false;
  }
}

function refuse({ current, message }, onCurrent) {
  if (!current) return explain(message);
  onCurrent(current);
  const theirs = NAMES.filter((name) => current[name] !== seen[name]);
  const clashing = edited().filter((name) => theirs.includes(name) && typed(name) !== current[name]);
  explain('Somebody else has changed this product while you were editing. Nothing of yours was saved.');
  byId('editor-changes').replaceChildren(...theirs.map((name) => difference(name, current, clashing)));
  const takeOver = (names) => () => {
    for (const name of names) fill(name, current);
    look(current);
    form.querySelector('[type="submit"]').focus();
  };
  const buttons = [choice('Take over these changes', takeOver(theirs))];
  if (clashing.length > 0) {
    const others = theirs.filter((name) => !clashing.includes(name));
    buttons.push(choice('Keep what I have written', takeOver(others)));
  }
  byId('editor-choices').replaceChildren(...buttons);
  buttons[0].focus();
}

function difference(name, current, clashing) {
  const { label, show } = FIELDS[name];
  const item = document.createElement('li');
  const yours = clashing.includes(name) ? ` (yours: ${show(typed(name))})` : '';
  item.textContent = `${label}: ${show(seen[name])} → ${show(current[name])}${yours}`;
  return item;
}

function choice(text, onClick) {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = text;
  button.addEventListener('click', onClick);
  return button;
}

function explain(text) {
  byId('editor-refusal').hidden = !text;
  showText(byId('editor-error'), text);
  byId('editor-changes').replaceChildren();
  byId('editor-choices').replaceChildren();
}

/** @param onCurrent - is told of the product as the shop has it, saved or refused */
export function startEditor(onCurrent) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void save(onCurrent);
  });
  byId('editor-cancel').addEventListener('click', () => dialog.close());
}
