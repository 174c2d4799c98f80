import { accessSync, constants } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

/** Debian's, because the library's own download needs a network. */
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Less than a test may take, so that it is told what was waited for. */
const TIMEOUT_MS = 15_000;

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function hasChromium(): boolean {
  try {
    accessSync(CHROMIUM, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Says in one line what is not tested, past what Jest holds back. */
export function tellThatChromiumIsMissing(spec: string): void {
  process.stderr.write(`SKIPPED ${spec}: there is no ${CHROMIUM} (Debian: apt-get install chromium)\n`);
}

/** A browser, and what went wrong in its pages. */
export class HeadlessBrowser {
  readonly failures: string[] = [];

  private constructor(private readonly browser: Browser) {}

  static async open(): Promise<HeadlessBrowser> {
    return new HeadlessBrowser(
      await chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS }),
    );
  }

  /** A page of its own, without cookies and cache of others. */
  async visit(url: string): Promise<Page> {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 860 } });
    const page = await context.newPage();
    page.setDefaultTimeout(TIMEOUT_MS);
    page.on('pageerror', (error) => this.failures.push(error.message));
    await page.goto(url);
    return page;
  }

  close(): Promise<void> {
    return this.browser.close();
  }
}
