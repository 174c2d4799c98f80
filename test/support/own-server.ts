import { startPostgres } from '../../tools/embedded-postgres/index.mjs';
import { inspectPostmaster } from '../../tools/embedded-postgres/postmaster.mjs';
import { makeScratch } from '../launcher/processes.js';
import { settle } from './gate.js';

/** A PostgreSQL server that a spec may stop, kill and start again; what it acknowledged, it keeps. */
export class OwnServer {
  readonly #directory = makeScratch('own-server');
  #running: Awaited<ReturnType<typeof startPostgres>> | undefined;

  /** Its port differs from start to start. */
  get url(): string {
    return this.#running!.url;
  }

  async start(): Promise<void> {
    this.#running = await startPostgres({
      dataDirectory: this.#directory,
      isDurable: false,
      // The computer does not crash, only the server: to survive that, COMMIT need not reach the disk, only the WAL file.
      settings: {
        synchronous_commit: 'on',
        full_page_writes: 'on',
        max_connections: 40,
        shared_buffers: '16MB',
      },
    });
  }

  /** `fast` ends the sessions in order; `immediate` drops everything, so that the next start recovers. */
  async stop(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    const { pid } = this.#running!;
    process.kill(pid, mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    while (inspectPostmaster(this.#cluster).kind === 'running') await settle();
  }

  get #cluster(): string {
    return `${this.#running!.directory}/postgres`;
  }
}
