import { connect, Refusal } from './api.js';
import { Conflict } from './conflict.js';
import { FIELDS, NAMES } from './fields.js';
import { fromTemplate, moment, showText } from './format.js';
import { compare } from './three-ways.js';

const MOST_EXCHANGES = 4;
const STATUSES = { 200: 'OK', 304: 'Not Modified', 412: 'Precondition Failed' };

/** Where one person edits a product: what they have seen, what they have typed, and the entity tag under which they save it. */
export class Desk {
  element = fromTemplate('desk-template');
  #form = this.element.querySelector('.fields');
  #conflict;
  #api;
  #listeners;
  /** The product as this person has seen it last. */
  #seen;
  #tag;

  /**
   * @param who - e.g. You
   * @param listeners - onCurrent(product, tag): what the shop has; onSaved(product)
   */
  constructor(who, listeners) {
    this.#listeners = listeners;
    this.#api = connect((exchange) => this.#note(exchange));
    this.element.querySelector('h3').textContent = who;
    this.element.setAttribute('aria-label', who);
    this.#conflict = new Conflict(this.element.querySelector('.conflict'), {
      onResolved: async (values) => {
        this.#edit(values);
        this.#form.querySelector('[type="submit"]').focus();
        await this.#save();
      },
      onEdit: (values) => {
        this.#edit(values);
        this.#form.elements.name.focus();
      },
    });
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#save();
    });
  }

  /** Asks the shop for the product, and for its entity tag. */
  async open(id) {
    try {
      const { value, tag } = await this.#api.product(id);
      this.#take(value, tag);
    } catch (error) {
      this.#fail(error);
    }
  }

  focus() {
    this.#form.elements.name.select();
  }

  #take(product, tag) {
    this.#look(product, tag);
    for (const name of NAMES) this.#fill(name, product[name]);
  }

  #look(product, tag) {
    this.#listeners.onCurrent(product, tag);
    this.#seen = product;
    this.#tag = tag;
    this.element.querySelector('.tag code').textContent = tag;
    this.element.querySelector('.stamps').textContent =
      `Version ${product.version}, changed ${moment(product.updatedAt)}. On sale since ${moment(product.createdAt)}.`;
  }

  #typed = (name) => FIELDS[name].fromInput(this.#form.elements[name].value);

  #fill(name, value) {
    this.#form.elements[name].value = FIELDS[name].toInput(value);
  }

  /** Puts what was chosen into the form. */
  #edit(values) {
    for (const [name, value] of Object.entries(values)) this.#fill(name, value);
    this.#show('form');
  }

  async #save() {
    if (this.element.ariaBusy === 'true') return;
    const changed = NAMES.filter((name) => this.#typed(name) !== this.#seen[name]);
    if (changed.length === 0) return this.#tell('There is nothing to save: this is what the shop has.');
    const changes = Object.fromEntries(changed.map((name) => [name, this.#typed(name)]));
    this.element.ariaBusy = 'true';
    try {
      const { value, tag } = await this.#api.changeProduct(this.#seen.id, changes, this.#tag);
      this.#take(value, tag);
      this.#tell(`Saved. The shop has version ${value.version} now.`);
      this.#listeners.onSaved(value);
    } catch (refusal) {
      await this.#refuse(refusal);
    } finally {
      this.element.ariaBusy = 'false';
    }
  }

  async #refuse(refusal) {
    if (!refusal.isStale) return this.#fail(refusal);
    try {
      const { value: theirs, tag } = await this.#api.product(this.#seen.id);
      const yours = Object.fromEntries(NAMES.map((name) => [name, this.#typed(name)]));
      const seen = this.#seen;
      for (const name of NAMES) if (yours[name] === seen[name]) this.#fill(name, theirs[name]);
      this.#look(theirs, tag);
      this.#tell('');
      const differences = compare(NAMES, { seen, theirs, yours });
      if (differences.length === 0) return this.#tell('Somebody else has made the same change already.');
      this.#show('conflict');
      this.#conflict.show(differences, tag);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error) {
    if (!(error instanceof Refusal)) throw error;
    this.#tell('');
    showText(this.element.querySelector('.failure'), error.message);
  }

  #tell(text) {
    showText(this.element.querySelector('.failure'), '');
    this.element.querySelector('.told').textContent = text;
  }

  /** @param part - form or conflict */
  #show(part) {
    this.#form.hidden = part !== 'form';
    if (part === 'form') this.#conflict.hide();
  }

  #note({ method, headers, status, tag }) {
    const condition = headers['if-match'] ? ` If-Match: ${headers['if-match']}` : '';
    const answer = `${status} ${STATUSES[status] ?? ''}`.trim() + (tag ? `, ETag: ${tag}` : '');
    const item = document.createElement('li');
    item.textContent = `${method}${condition} → ${answer}`;
    item.dataset.status = status;
    const list = this.element.querySelector('.wire ol');
    list.append(item);
    while (list.children.length > MOST_EXCHANGES) list.firstElementChild.remove();
  }
}
