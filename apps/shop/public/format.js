const euros = new Intl.NumberFormat('en-IE', { style: 'currency', currency: 'EUR' });
const dates = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short' });

export const money = (cents) => euros.format(cents / 100);
export const moment = (iso) => dates.format(new Date(iso));
/** Keeps a number and its unit on one line. */
export const unbroken = (text) => text.replace(/(\d) (?=(ml|l|g|kg|mm|cm|m)\b)/g, '$1\u00a0');

export const byId = (id) => document.getElementById(id);

export const fromTemplate = (id) => byId(id).content.firstElementChild.cloneNode(true);

/** Shows the text, or hides the element when there is none. */
export function showText(element, text) {
  element.textContent = text ?? '';
  element.hidden = !text;
}

/** Tells those who do not see the page what has changed on it. */
export const announce = (text) => (byId('announcer').textContent = text);
