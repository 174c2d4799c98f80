import type { AddressInfo } from 'node:net';
import { createShop, type ShopOptions } from './create-shop.js';

export interface StartOptions extends ShopOptions {
  /** TCP port; 0 lets the system choose one. */
  port: number;
  /** Address to listen on. @defaultValue every IPv4 address */
  host?: string;
}

export interface RunningShop {
  url: string;
  /** Finishes the requests in flight, then closes the database connections. */
  close(): Promise<void>;
}

/** Starts the shop. Signals and exit codes belong to the caller, which may have more to stop than the shop. */
export async function startShop({ port, host = '0.0.0.0', ...options }: StartOptions): Promise<RunningShop> {
  const app = await createShop(options);
  try {
    await app.listen(port, host);
  } catch (error) {
    await app.close();
    throw error;
  }
  const address = app.getHttpServer().address() as AddressInfo;
  return { url: `http://localhost:${address.port}`, close: () => app.close() };
}
