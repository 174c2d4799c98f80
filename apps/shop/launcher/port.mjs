import { createServer } from 'node:net';
import { describe } from './describe.mjs';

/**
 * Looks before anything slow is done, so that a used port is known at once.
 *
 * @param {{ port: number, host?: string }} address
 */
export async function refuseUsedPort({ port, host }) {
  const probe = createServer();
  try {
    await new Promise((resolve, reject) => {
      probe.once('error', reject).listen({ port, ...(host ? { host } : {}) }, () => resolve(undefined));
    });
  } catch (error) {
    throw new Error(describe(error, port), { cause: error });
  }
  await new Promise((resolve) => probe.close(resolve));
}
