import { FIELDS } from './fields.js';
import { fromTemplate } from './format.js';

/** The difference between what somebody else has stored and what was refused, with a choice for each field. */
export class Conflict {
  #form;
  #rows = [];

  /**
   * @param form - where it is shown
   * @param listeners - onResolved(values): what shall be saved; onEdit(values): what shall be edited further
   */
  constructor(form, { onResolved, onEdit }) {
    this.#form = form;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      onResolved(this.#chosen());
    });
    form
      .querySelector('.shortcuts')
      .addEventListener('click', ({ target }) => this.#chooseAll(target.dataset.side));
    form.querySelector('.further').addEventListener('click', () => onEdit(this.#chosen()));
  }

  /**
   * @param differences - as compare() finds them
   * @param tag - the entity tag of theirs
   */
  show(differences, tag) {
    this.#rows = differences;
    this.#form.querySelector('.verdict').textContent = verdictOf(this.#rows);
    this.#form.querySelector('tbody').replaceChildren(...this.#rows.map(rowOf));
    this.#form.querySelector('.again').textContent = `Save again, with If-Match: ${tag}`;
    this.#form.hidden = false;
    this.#form.querySelector('.refused').focus();
  }

  hide() {
    this.#form.hidden = true;
    this.#form.querySelector('tbody').replaceChildren();
  }

  /** What the fields shall be; a clash that nobody has decided stays as it was typed. */
  #chosen() {
    const entries = this.#rows.map(({ name, theirs, yours }) => [
      name,
      this.#form.elements[name].value === 'theirs' ? theirs : yours,
    ]);
    return Object.fromEntries(entries);
  }

  /** @param side - theirs or yours; merge: whichever side has changed it */
  #chooseAll(side) {
    if (!side) return;
    for (const { name, choice } of this.#rows) {
      const chosen = side === 'merge' ? choice : side;
      for (const radio of this.#form.elements[name]) radio.checked = radio.value === chosen;
    }
    const undecided = this.#rows.find(({ choice }) => side === 'merge' && choice === undefined);
    if (undecided) this.#form.elements[undecided.name][0].focus();
    else this.#form.querySelector('.again').focus();
  }
}

function verdictOf(rows) {
  const clashing = rows.filter(({ choice }) => choice === undefined).map(({ name }) => FIELDS[name].label);
  return clashing.length === 0
    ? 'You have changed different things: both changes can be kept.'
    : `You have both changed: ${clashing.join(', ')}. Choose which it shall be.`;
}

function rowOf({ name, seen, theirs, yours, choice }) {
  const row = fromTemplate('difference-template');
  const { label, show } = FIELDS[name];
  row.classList.toggle('clash', choice === undefined);
  row.querySelector('th').textContent = label;
  row.querySelector('.before').textContent = show(seen);
  for (const [side, value] of Object.entries({ theirs, yours })) {
    const cell = row.querySelector(`.${side}`);
    cell.querySelector('span').textContent = show(value);
    const radio = cell.querySelector('input');
    radio.name = name;
    radio.checked = choice === side;
    radio.setAttribute('aria-label', `${label}: ${side}, ${show(value)}`);
    cell.classList.toggle('changed', value !== seen);
  }
  return row;
}
