import { Desk } from './desk.js';
import { announce, byId } from './format.js';

const dialog = byId('editor');
const desks = byId('editor-desks');
const invite = byId('editor-invite');

/** Which product is edited. */
let edited;

/** @param onCurrent - is told of the product as the shop has it, saved or refused */
export function startEditor(onCurrent) {
  invite.addEventListener('click', () => void inviteColleague(onCurrent));
  byId('editor-close').addEventListener('click', () => dialog.close());
  // Closed, it keeps nothing: the next one who edits sees what is there then.
  dialog.addEventListener('close', () => desks.replaceChildren());
}

export async function editProduct(product, onCurrent) {
  edited = product;
  byId('editor-title').textContent = product.name;
  dialog.classList.remove('shared');
  invite.hidden = false;
  dialog.showModal();
  const desk = await seat('You', onCurrent);
  desk.focus();
}

async function inviteColleague(onCurrent) {
  invite.hidden = true;
  dialog.classList.add('shared');
  const desk = await seat('A colleague', onCurrent);
  desk.focus();
}

async function seat(who, onCurrent) {
  const desk = new Desk(who, {
    onCurrent(product, tag) {
      byId('editor-title').textContent = product.name;
      byId('editor-now').textContent = tag;
      onCurrent(product);
    },
    onSaved(product) {
      if (dialog.classList.contains('shared')) return;
      // What stands behind an open dialog is not read aloud.
      dialog.close();
      announce(`${product.name} saved.`);
    },
  });
  desks.append(desk.element);
  await desk.open(edited.id);
  return desk;
}
