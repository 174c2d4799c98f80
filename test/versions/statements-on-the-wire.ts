import { workerDatabaseUrl } from '../support/database.js';
import { WireProxy } from '../support/wire-proxy.js';

const CONTROL = /^(BEGIN|START TRANSACTION|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)\b/;

/** What reaches the server, whoever sends it. */
export class StatementsOnTheWire {
  private constructor(private readonly proxy: WireProxy) {}

  static async listen(): Promise<StatementsOnTheWire> {
    return new StatementsOnTheWire(await WireProxy.to(workerDatabaseUrl()));
  }

  /** What a DataSource connects to, so that it is heard. */
  get url(): string {
    return this.proxy.url;
  }

  /** The statements of `work`, without those that begin and end transactions. */
  async of(work: () => Promise<unknown>): Promise<string[]> {
    this.proxy.forget();
    await work();
    return this.proxy.sent
      .filter(({ type }) => type === 'P' || type === 'Q')
      .map(({ text }) => text)
      .filter((text) => !CONTROL.test(text));
  }

  async roundTripsOf(work: () => Promise<unknown>): Promise<number> {
    this.proxy.forget();
    await work();
    return this.proxy.roundTrips;
  }

  stop(): Promise<void> {
    return this.proxy.stop();
  }
}
