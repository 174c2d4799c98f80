// The process of a contestant's HTTP server, and of nothing else: neither the load nor another workload takes its time.
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { NestFactory } from '@nestjs/core';

/** @typedef {import('./contestants/contestant.mjs').Target} Target */
/** @typedef {{ applicationOn(target: Target): new () => object }} ServerModule */

/** What this process tells: where it listens, why it does not, or the CPU that it has used, when it is asked. */
/** @typedef {{ origin: string } | { error: string } | { cpuMs: number }} Message */

/** @type {Record<string, () => Promise<ServerModule>>} */
const SERVERS = {
  typeorm: () => import('./contestants/http/plain-typeorm.mjs'),
  ours: () => import('./contestants/http/nest-transactional.mjs'),
};

const QUIET = { logger: /** @type {const} */ (false), abortOnError: false };

const [name = '', url = '', poolSize = '1'] = process.argv.slice(2);

// The parent is told, too, and ends this process when it is done.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
process.on('disconnect', () => process.exit());
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  tell({ cpuMs: (user + system) / 1000 });
});

try {
  tell({ origin: await serve() });
} catch (error) {
  tell({ error: error instanceof Error ? error.message : String(error) });
}

async function serve() {
  const load = SERVERS[name];
  if (load === undefined) throw new Error('it has no HTTP server');
  const contestant = await load();
  const application = contestant.applicationOn({ url, poolSize: Number(poolSize) });
  const app = await NestFactory.create(application, new FastifyAdapter(), QUIET);
  await app.listen(0, '127.0.0.1');
  return await app.getUrl();
}

/** @param {Message} message */
function tell(message) {
  process.send?.(message);
}
