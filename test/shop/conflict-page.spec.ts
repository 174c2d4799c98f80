import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import type { Product } from '../../apps/shop/src/products/product.entity.js';
import { HeadlessBrowser, hasChromium, tellThatChromiumIsMissing } from './browser.js';
import { PLATFORMS, RunningShop } from './running-shop.js';

if (!hasChromium()) tellThatChromiumIsMissing('test/shop/conflict-page.spec.ts');
const describeInChromium = hasChromium() ? describe : describe.skip;
const LIMIT_MS = 60_000;

describeInChromium.each(PLATFORMS)('two editors of one product in Chromium, on %s', (platform) => {
  let shop: RunningShop;
  let browser: HeadlessBrowser;
  let page: Page;
  let product: Product;
  let you: Locator;
  let colleague: Locator;
  beforeAll(async () => {
    [shop, browser] = await Promise.all([RunningShop.on(platform), HeadlessBrowser.open()]);
  }, LIMIT_MS);
  beforeEach(async () => {
    product = await shop.newProduct({ description: 'Before', priceCents: 250, stock: 10 });
    page = await browser.visit(`${shop.url}/?search=${product.sku}`);
    await page.getByRole('button', { name: `Edit ${product.name}`, exact: true }).click();
    you = page.getByRole('region', { name: 'You', exact: true });
    colleague = page.getByRole('region', { name: 'A colleague', exact: true });
    await page.getByRole('button', { name: 'Let a colleague edit it, too' }).click();
    await seen(you, 1);
    await seen(colleague, 1);
  }, LIMIT_MS);
  afterEach(async () => {
    await page.context().close();
    expect(browser.failures).toEqual([]);
  });
  afterAll(async () => {
    await browser.close();
    await shop.close();
  });

  const stored = async (): Promise<Product> => (await shop.get(`/products/${product.id}`)).body as Product;

  async function seen(desk: Locator, version: number): Promise<void> {
    await desk.locator('.tag', { hasText: `"${version}"` }).waitFor();
  }

  async function save(desk: Locator, values: Record<string, string>): Promise<void> {
    for (const [label, value] of Object.entries(values)) await desk.getByLabel(label).fill(value);
    await desk.getByRole('button', { name: 'Save', exact: true }).click();
  }

  /** Both change the price; the colleague also the stock, and is faster; you also the name. */
  async function clash(): Promise<void> {
    await save(colleague, { 'Price in euros': '3.00', Stock: '7' });
    await seen(colleague, 2);
    await save(you, { Name: 'Yours', 'Price in euros': '4.00' });
    await you.getByRole('heading', { name: 'Not saved' }).waitFor();
  }

  const saveAgain = () => you.getByRole('button', { name: 'Save again, with If-Match: "2"' }).click();

  it('shows the second one the difference, and has stored nothing of theirs', async () => {
    await clash();
    expect(await stored()).toMatchObject({ name: product.name, priceCents: 300, stock: 7, version: 2 });
    expect(await you.getByRole('alert').first().innerText()).toContain('You have both changed: Price.');
    const rows = await you.getByRole('row').allInnerTexts();
    expect(rows.slice(1).map((row) => row.replace(/\s+/g, ' '))).toEqual([
      `Name ${product.name} ${product.name} Yours`,
      'Price €2.50 €3.00 €4.00',
      'Stock 10 7 10',
    ]);
    const checked = you.locator('input[type="radio"]:checked');
    expect(await checked.evaluateAll((radios) => radios.map((radio) => radio.ariaLabel))).toEqual([
      'Name: yours, Yours',
      'Stock: theirs, 7',
    ]);
    const wire = await you.locator('.wire li').allInnerTexts();
    expect(wire).toEqual([
      'GET → 200 OK, ETag: "1"',
      'PATCH If-Match: "1" → 412 Precondition Failed',
      'GET → 200 OK, ETag: "2"',
    ]);
  });

  it('saves both changes under the new tag, once it is chosen which price it shall be', async () => {
    await clash();
    await saveAgain();
    // The browser itself asks for the choice that is missing.
    expect(await you.locator('input[name="priceCents"][type="radio"]:invalid').count()).toBe(2);
    expect((await stored()).version).toBe(2);
    await you.getByRole('radio', { name: 'Price: yours, €4.00' }).check();
    await saveAgain();
    await seen(you, 3);
    expect(await stored()).toMatchObject({ name: 'Yours', priceCents: 400, stock: 7, version: 3 });
    expect(await you.getByRole('status').innerText()).toBe('Saved. The shop has version 3 now.');
  });

  it('keeps mine and theirs, each as a whole', async () => {
    await clash();
    await you.getByRole('button', { name: 'Keep mine' }).click();
    await saveAgain();
    await seen(you, 3);
    expect(await stored()).toMatchObject({ name: 'Yours', priceCents: 400, stock: 10 });
    await save(colleague, { Name: 'Theirs' });
    await colleague.getByRole('button', { name: 'Take theirs' }).click();
    await colleague.getByRole('button', { name: 'Save again' }).click();
    await colleague.getByText('There is nothing to save').waitFor();
    expect(await colleague.getByLabel('Name').inputValue()).toBe('Yours');
    expect(await stored()).toMatchObject({ name: 'Yours', version: 3 });
  });

  it('merges by itself what does not clash', async () => {
    await save(colleague, { Stock: '7' });
    await seen(colleague, 2);
    await save(you, { Description: 'Yours' });
    await you.getByText('both changes can be kept').waitFor();
    await saveAgain();
    await seen(you, 3);
    expect(await stored()).toMatchObject({ description: 'Yours', stock: 7, version: 3 });
  });

  it('refuses again when somebody is faster once more', async () => {
    await clash();
    await shop.change(product, { stock: 99 }, 2);
    await you.getByRole('button', { name: 'Keep mine' }).click();
    await saveAgain();
    await you.getByRole('button', { name: 'Save again, with If-Match: "3"' }).waitFor();
    expect(await stored()).toMatchObject({ name: product.name, stock: 99, version: 3 });
  });

  it('lets what was chosen be edited further', async () => {
    await clash();
    await you.getByRole('button', { name: 'Take theirs' }).click();
    await you.getByRole('button', { name: 'Edit further' }).click();
    expect(await you.getByLabel('Price in euros').inputValue()).toBe('3.00');
    await save(you, { 'Price in euros': '3.50' });
    await seen(you, 3);
    expect(await stored()).toMatchObject({ name: product.name, priceCents: 350, stock: 7 });
  });

  it('takes the difference away when both have changed the same', async () => {
    await save(colleague, { Name: 'Same' });
    await seen(colleague, 2);
    await save(you, { Name: 'Same' });
    await you.getByText('Somebody else has made the same change already.').waitFor();
    await seen(you, 2);
  });

  it('works by keyboard alone', async () => {
    await clash();
    const { keyboard } = page;
    const focused = () =>
      page.locator(':focus').evaluate((element) => element.ariaLabel ?? element.textContent);
    expect(await focused()).toContain('Not saved');
    const find = async (text: string): Promise<void> => {
      for (let step = 0; step < 12 && !(await focused())?.startsWith(text); step++)
        await keyboard.press('Tab');
    };
    await find('Merge both');
    await keyboard.press('Enter');
    expect(await focused()).toBe('Price: theirs, €3.00');
    await keyboard.press('ArrowRight');
    expect(await focused()).toBe('Price: yours, €4.00');
    await find('Save again');
    await keyboard.press('Enter');
    await seen(you, 3);
    expect(await focused()).toBe('Save');
    expect(await stored()).toMatchObject({ name: 'Yours', priceCents: 400, stock: 7 });
    await keyboard.press('Escape');
    expect(await page.getByRole('dialog').count()).toBe(0);
  });
});

describeInChromium.each(PLATFORMS)('the order slip in Chromium, on %s', (platform) => {
  let shop: RunningShop;
  let browser: HeadlessBrowser;
  let page: Page;
  let product: Product;
  beforeAll(async () => {
    [shop, browser] = await Promise.all([RunningShop.on(platform), HeadlessBrowser.open()]);
  }, LIMIT_MS);
  beforeEach(async () => {
    product = await shop.newProduct({ stock: 10 });
    page = await browser.visit(`${shop.url}/?search=${product.sku}`);
    await page.getByRole('button', { name: `Add ${product.name} to the order` }).click();
    await page.getByLabel('Your name').fill('Lighthouse Café');
  }, LIMIT_MS);
  afterEach(async () => {
    await page.context().close();
    expect(browser.failures).toEqual([]);
  });
  afterAll(async () => {
    await browser.close();
    await shop.close();
  });

  const orders = async (): Promise<{ id: string; version: number; status: string }[]> =>
    shop.database.query(
      'SELECT o.id, o.version, o.status FROM orders o JOIN order_lines l ON l.order_id = o.id WHERE l.product_id = $1',
      [product.id],
    );
  const place = () => page.getByRole('button', { name: 'Place order' }).click();
  const placed = () => page.getByRole('heading', { name: 'Thank you, Lighthouse Café' }).waitFor();

  it('orders once when the answer was lost and the customer presses again', async () => {
    await page.route('**/orders', async (route) => {
      await route.fetch();
      await route.abort();
    });
    await place();
    await page.getByText('You may press again: it is ordered once.').waitFor();
    await page.unroute('**/orders');
    await place();
    await placed();
    expect(await orders()).toHaveLength(1);
    expect(await shop.stockOf(product)).toBe(9);
  });

  it('changes the order under the tag that it has seen last', async () => {
    await place();
    await placed();
    for (const quantity of [2, 3]) {
      await page.getByRole('button', { name: `One more ${product.name}` }).click();
      await page.locator('#order-lines output', { hasText: String(quantity) }).waitFor();
    }
    await page.getByRole('button', { name: 'Cancel this order' }).click();
    await page.getByRole('heading', { name: 'Order cancelled' }).waitFor();
    expect(await orders()).toMatchObject([{ version: 4, status: 'cancelled' }]);
    await page.locator('.product .stock', { hasText: '10 in stock' }).waitFor();
  });

  it.each([
    ['a line', `One more`],
    ['the order', 'Cancel this order'],
  ])('shows the order as it is now when %s is changed too late', async (_what, button) => {
    await place();
    await placed();
    const { body: order } = await shop.get(`/orders/${(await orders())[0]!.id}`);
    await shop.setLine(order, product, 5);
    await page.getByRole('button', { name: button }).click();
    const alert = page.getByRole('alert').filter({ hasText: 'changed elsewhere' });
    await alert.waitFor();
    expect(await page.locator('#order-lines output').innerText()).toBe('5');
    expect(await orders()).toMatchObject([{ version: 2, status: 'placed' }]);
    await page.getByRole('button', { name: button }).click();
    await alert.waitFor({ state: 'hidden' });
  });
});
